# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call that a reload makes fails in turn: what is served is the old state or the new one.

Refused, everything stays: configuration, zones, listeners. Reloaded, the configuration is new in
every view, and so is each zone, but for one that could not be read: that stays whole as it was, and
is told. The next reload, without a fault, brings what is missing, and one more leads back.
"""

import re
import time

import cases
import pytest
from faults import Process
from test_start import fail
from world import Seen, Wrong

OLD, NEW = Seen(1, 1, 1), Seen(2, 2, 2)
NEW_ZONES = Seen(1, 2, 2)
SETTLE_S = 2
SAMPLES = {"memory": 16, "socket": 10, "file": 8, "write": 4, "map": 6}
GROWTH = 60_000  # names: several pieces of memory for the tree
OUTCOME = r"horizon: (reloaded|error: reload refused|error: no memory for a reload)"


def by_signal(process):
    """Reloads; what the log said of it."""
    since = len(process.log)
    process.hang_up()
    found = process.wait_for(OUTCOME, since)
    if not found:
        fail(f"the reload neither succeeds nor fails:\n{process.log}", process.process.poll())
    return found.group(1) == "reloaded"


def by_socket(process):
    """Reloads; what the log said of it, or that it was never begun."""
    since = len(process.log)
    status, told = process.ask_http("POST", "/v1/reload")
    process.read(0.02)
    if not process.alive():
        fail(f"ended:\n{process.log}", process.process.poll())
    found = re.search(OUTCOME, process.log[since:])
    if not found and "horizon: reloading" in process.log[since:]:
        found = process.wait_for(OUTCOME, since)
        if not found:
            fail(f"the reload neither succeeds nor fails:\n{process.log}")
    done = bool(found) and found.group(1) == "reloaded"
    if status == 200 and (told["result"] == "reloaded") != done:
        fail(f"told {told}, but the log says:\n{process.log}")
    return done


def zone_is_excused(process, since, zone):
    """Whether it was told that the zone is not the one that the files hold."""
    return re.search(rf"error: .*{zone}\.(zone|overlay|part|test)", process.log[since:])


def check(world, process, since, done, new):
    """Whether what is served fits what was said; waits a little for what is tried again."""
    end = time.monotonic() + SETTLE_S
    while True:
        try:
            seen = world.seen()
            complaint = complain(process, since, done, seen, new)
            other = world.listens_on_other()
            if not complaint and other != (done and new == NEW):
                complaint = f"the new listener is {'there' if other else 'missing'}"
        except Wrong as error:
            complaint = str(error)
        if not complaint:
            return seen
        if time.monotonic() > end or not process.alive():
            fail(f"{complaint}\n{process.log}", process.process.poll())
        time.sleep(0.05)


def complain(process, since, done, seen, new):
    """What is wrong with what is seen, or None."""
    if not done:
        return None if seen == OLD else f"refused, but serves {seen}"
    if seen.config != new.config:
        return f"reloaded, but serves {seen}"
    for zone, version in (("one", seen.one), ("two", seen.two)):
        if version != 2 and not (version == 1 and zone_is_excused(process, since, zone)):
            return f"reloaded without a word, but serves {seen}"
    return None


def reload_well(world, process, expected):
    """A reload without a fault."""
    since = len(process.log)
    if not by_signal(process):
        fail(f"a reload without a fault is refused:\n{process.log}")
    end = time.monotonic() + SETTLE_S
    while ((seen := world.seen()) != expected or
           expected == NEW and not world.listens_on_other()):
        if time.monotonic() > end:
            fail(f"a reload without a fault leads to {seen}:\n{process.log[since:]}")
        time.sleep(0.02)


def reload_with_fault(world, page, process, fault, ask, new):
    since = len(process.log)
    world.write(2, new.config)
    page.arm(*fault)
    done = ask(process)
    page.disarm()
    seen = check(world, process, since, done, new)
    reload_well(world, process, new)
    world.write(1)
    reload_well(world, process, OLD)
    status, told = process.ask_http("GET", "/v1/status")
    if status != 200 or {zone["serial"] for zone in told["zones"]} != {1, None}:
        fail(f"status is {told}\n{process.log}")
    status = process.stop()
    if status != 0:
        fail(f"stopped with {status}:\n{process.log}", status)
    return "stayed old" if not done else "became new" if seen == new else "new but for a zone"


def run_reload(ask, new):
    def run(world, page, *fault):
        world.write(1)
        page.disarm()
        process = Process(world.folder, page)
        try:
            if not process.wait_for("horizon: ready"):
                fail(f"never ready:\n{process.log}")
            return reload_with_fault(world, page, process, fault, ask, new)
        except Wrong as error:
            return fail(f"{error}\n{process.log}", process.process.poll())
        finally:
            process.kill()

    return run


@pytest.mark.parametrize("kind", ("memory", "socket", "file"))
def test_each_call_fails_at_a_reload(runner, kind):
    runner.every(run_reload(by_signal, NEW), kind, SAMPLES[kind])


def test_each_piece_of_the_tree_fails_at_a_reload_that_grows(runner):
    growth = "".join(f"p{i} A 192.0.2.1\n" for i in range(GROWTH))
    for _, world, _ in runner.all:
        world.growth = growth
    try:
        words = runner.every(run_reload(by_signal, NEW), "map", SAMPLES["map"])
    finally:
        for _, world, _ in runner.all:
            world.growth = ""
    assert words["became new"] < sum(words.values()), "no memory for the tree, and nobody minded"


@pytest.mark.parametrize("kind", ("memory", "socket", "file", "write"))
def test_each_call_fails_at_a_reload_that_was_asked_over_the_socket(runner, kind):
    runner.every(run_reload(by_socket, NEW), kind, SAMPLES[kind] // 2)


@pytest.mark.parametrize("kind", ("memory", "file"))
def test_each_call_fails_at_a_reload_of_zones_alone(runner, kind):
    runner.every(run_reload(by_signal, NEW_ZONES), kind, SAMPLES[kind] // 2)
