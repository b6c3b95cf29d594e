# SPDX-License-Identifier: GPL-3.0-or-later
"""Each call that answering makes fails in turn: that costs one reply or one connection, no more.

A client that asks again over UDP is answered; one over TCP is answered or sees its connection end;
the next ones find everything in order. The same process stands up to all of it.
"""

import pytest
from faults import Process
from world import Seen, Wrong

WHOLE = Seen(1, 1, 1)
MOST = 400


def ask_all(world):
    """Both transports while calls fail; whether TCP came through."""
    assert world.seen() == WHOLE
    try:
        return world.seen(tcp=True) == WHOLE
    except Wrong:
        return False


@pytest.mark.parametrize("kind", ("memory", "socket", "write"))
def test_each_call_fails_while_answering(runner, kind):
    _, world, page = runner.all[0]
    world.write(1)
    page.disarm()
    process = Process(world.folder, page)
    lost = number = 0
    try:
        assert process.wait_for("horizon: ready"), process.log
        reached = True
        while reached and number < MOST:
            number += 1
            page.arm(kind, number, False)
            lost += not ask_all(world)
            reached = page.failed > 0
            page.disarm()
            assert world.seen() == WHOLE and world.seen(tcp=True) == WHOLE, page.trace
        status, told = process.ask_http("GET", "/v1/status")
        assert status == 200 and told["tcp_open"] == 0, told
        assert process.stop() == 0, process.log
    finally:
        process.kill()
    print(f"\n{kind}: {number - 1} calls failed one by one, {lost} rounds lost a connection")
    assert number < MOST
