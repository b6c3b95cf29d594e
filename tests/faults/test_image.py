# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call that has to do with the image on disk fails in turn.

At a start the image is there to be used: horizon answers, from it or from the zone files. At a stop
a changed one is to be written: what the next start finds is the state before or the state after,
whole, and the stop ends well whatever became of it.
"""

import shutil

import cases
import pytest
from faults import Process
from test_start import ended, fail, look
from world import FILES, Seen, Wrong

SAMPLES = {"memory": 16, "map": 8, "file": 8, "path": 4}
STOP_SAMPLES = {"memory": 8, "map": 4, "file": 4, "write": 8, "path": 4}


def data_words(world):
    return "--data", str(world.folder / "data")


def image_prepare(world):
    """An image of version 1 in the world's folder, made once without faults."""
    kept, data = world.folder / "kept.image", world.folder / "data"
    world.write(1)
    if not kept.exists():
        data.mkdir(exist_ok=True)
        data.chmod(0o777)
        process = Process(world.folder, words=data_words(world))
        assert process.wait_for("horizon: ready"), process.log
        assert process.stop() == 0, process.log
        kept.write_bytes((data / "zones.image").read_bytes())
    shutil.copy(kept, data / "zones.image")
    (data / "zones.image").chmod(0o666)


def run_start(world, page, kind, number, persisting):
    image_prepare(world)
    page.arm(kind, number, persisting, at_main=True)
    process = Process(world.folder, page, data_words(world))
    try:
        if not process.wait_for("horizon: ready"):
            return ended(process)
        page.disarm()
        imaged = "served from the image" in process.log
        if imaged and not process.wait_for("horizon: reloaded"):  # what was missing comes with it
            fail(f"the zone files were not read:\n{process.log}")
        word = look(world, process) + (", from the image" if imaged else "")
        status = process.stop()
        if status != 0:
            fail(f"stopped with {status}:\n{process.log}", status)
        return word
    finally:
        process.kill()


def run_stop(world, page, kind, number, persisting):
    image_prepare(world)
    process = Process(world.folder, page, data_words(world))
    try:
        if not process.wait_for("horizon: reloaded"):
            fail(f"not started:\n{process.log}")
        world.write(2, config_version=1)
        since = len(process.log)
        process.hang_up()
        if not process.wait_for("horizon: reloaded", since):
            fail(f"not reloaded:\n{process.log}")
        page.arm(kind, number, persisting)
        status = process.stop()
        page.disarm()
        if status != 0:
            fail(f"stopped with {status}:\n{process.log}", status)
    finally:
        process.kill()
    return left_behind(world)


def left_behind(world):
    """What the image alone gives: all of one version."""
    for name in FILES:
        (world.folder / name).unlink()
    process = Process(world.folder, words=data_words(world))
    try:
        if not process.wait_for("horizon: ready"):
            fail(f"no start from the image:\n{process.log}")
        seen = world.seen()
    except Wrong as error:
        fail(f"{error}\n{process.log}")
    finally:
        process.stop()
    if seen not in (Seen(1, 1, 1), Seen(1, 2, 2)):
        fail(f"the image serves {seen}:\n{process.log}")
    return "the state after" if seen.one == 2 else "the state before"


@pytest.mark.parametrize("kind", SAMPLES)
def test_each_call_fails_at_a_start_from_the_image(runner, kind):
    words = runner.every(run_start, kind, SAMPLES[kind])
    assert any(word.endswith("from the image") for word in words), words


@pytest.mark.parametrize("kind", STOP_SAMPLES)
def test_each_call_fails_while_the_image_is_written(runner, kind):
    words = runner.every(run_stop, kind, STOP_SAMPLES[kind])
    assert words["the state before"], words  # it did fail, and not by luck alone
