# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of rule cases against horizon: every case, over every transport it names."""

import socket

import pytest

import servers
import wire
import zones
from rules import TABLE, run

CASES = [(one, via) for one in TABLE for via in one.via]


@pytest.mark.parametrize("one,via", CASES, ids=[f"{one.id}-{via}" for one, via in CASES])
def test_rule(horizon, one, via):
    problems = run(one, horizon.address, via)
    assert horizon.alive(), f"horizon ended:\n{horizon.log_tail()}"
    assert not problems, f"{one.rfc}: {one.question}\n  " + "\n  ".join(problems)


def test_table_is_large_enough():
    """150 rules at least, each with its RFC and a name of its own."""
    assert len(TABLE) >= 150
    assert all(one.rfc.startswith("RFC ") for one in TABLE)


def test_answers_on_ipv6_too():
    """The same question over UDP and TCP on ::1, from a server of its own."""
    if not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind(("::1", 0))
        except OSError:
            pytest.skip("no ::1 here")
    origins = {"basic.test.": zones.FOLDER / "basic.test.zone"}
    with servers.start("horizon", origins, more_arguments=["--listen", "[::1]:{port}"]) as server:
        for via, transport in wire.TRANSPORTS.items():
            with transport(("::1", server.port), socket.AF_INET6) as client:
                client.send(wire.query(wire.question("www.basic.test")))
                reply = wire.read(client.receive())
                found = [str(one) for one in reply.answer]
                assert found == ["www.basic.test. 300 IN A 192.0.2.1"], via
