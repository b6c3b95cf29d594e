# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call that a start makes fails in turn: horizon says what is wrong and ends, or serves.

A zone that could not be read is told, answered with SERVFAIL, and read at the next reload.
"""

import re

import cases
import pytest
from faults import Process
from world import Seen, Wrong

WHOLE = Seen(1, 1, 1)
SAMPLES = {"memory": 30, "map": 4, "socket": 14, "file": 12, "thread": 8, "privilege": 8, "path": 4}


def fail(text, status=None):
    error = AssertionError(text)
    error.status = status
    raise error


def ended(process):
    """It did not get ready: it must have ended by itself, with a reason."""
    status = process.status()
    if status is None:
        fail(f"neither ready nor ended:\n{process.log}")
    if status < 0:
        fail(f"ended by signal {-status}:\n{process.log}", status)
    if status not in (1, 2):
        fail(f"exit status {status}:\n{process.log}")
    if not re.search(r"error: .{8}", process.log):
        fail(f"ended with status {status} without a reason:\n{process.log}")
    return "ended with a reason"


def missing(process, seen):
    """Zones that are not served must be told by name of file, and come with the next reload."""
    for zone, version in (("one", seen.one), ("two", seen.two)):
        if version == 0 and not re.search(rf"error: .*{zone}\.(zone|test|overlay|part)", process.log):
            fail(f"zone {zone} is not served, and nobody was told:\n{process.log}")
    since = len(process.log)
    process.hang_up()
    if not process.wait_for("horizon: reloaded", since):
        fail(f"no reload afterwards:\n{process.log}", process.process.poll())


def look(world, process):
    try:
        seen = world.seen()
        if seen != WHOLE:
            missing(process, seen)
        for tcp in (False, True):
            again = world.seen(tcp)
            if again != WHOLE:
                fail(f"serves {again}:\n{process.log}")
    except Wrong as error:
        fail(f"{error}\n{process.log}", process.process.poll())
    return "served" if seen == WHOLE else "served without a zone, mended by a reload"


def run_start(world, page, kind, number, persisting):
    world.write(1)
    page.arm(kind, number, persisting, at_main=True)
    process = Process(world.folder, page)
    try:
        if not process.wait_for("horizon: ready"):
            return ended(process)
        page.disarm()
        word = look(world, process)
        status = process.stop()
        if status != 0:
            fail(f"stopped with {status}:\n{process.log}", status)
        return word
    finally:
        process.kill()


@pytest.mark.parametrize("kind", SAMPLES)
def test_each_call_fails_at_start(runner, kind):
    words = runner.every(run_start, kind, SAMPLES[kind])
    assert any(word.startswith("served") for word in words) or "ended with a reason" in words
