# SPDX-License-Identifier: GPL-3.0-or-later
"""Zones that must not be served: each kind of mistake costs its own zone, never a neighbour.

A configured zone that could not be loaded answers SERVFAIL with EDE 14 (not ready) or 24 (invalid
data, RFC 8914) and keeps its cut: the parent does not answer in its place.
"""

import pytest

import dns.edns

import servers
import wire

HEAD = "$TTL 300\n@ 3600 SOA ns hostmaster 1 7200 900 1209600 60\n"
APEX = HEAD + "@ NS ns.example.net.\n"

BROKEN = {
    "syntax": APEX + "www A 192.0.2.300\n",
    "unknown-directive": APEX + "$NONSENSE 1\n",
    "no-soa": "$TTL 300\n@ NS ns.example.net.\nwww A 192.0.2.1\n",
    "two-soas": APEX + "@ 3600 SOA ns hostmaster 2 7200 900 1209600 60\n",
    "no-ns": HEAD + "www A 192.0.2.1\n",
    "cname-beside-data": APEX + "www CNAME other\nwww A 192.0.2.1\n",
    "cname-beside-data-reversed": APEX + "www A 192.0.2.1\nwww CNAME other\n",
    "cname-at-apex": APEX + "@ CNAME www.example.net.\n",
    "two-cnames": APEX + "www CNAME one\nwww CNAME two\n",
    "below-dname": APEX + "old DNAME new\nwww.old A 192.0.2.1\n",
    "two-dnames": APEX + "old DNAME one\nold DNAME two\n",
    "include-outside": APEX + "$INCLUDE ../outside.part\n",
    "include-missing": APEX + "$INCLUDE missing.part\n",
    "out-of-zone": APEX + "www.example.net. A 192.0.2.1\n",
    "empty": "",
    "missing-file": None,
}
# A record outside the zone may be left out instead; then the rest of the zone is served.
MAY_BE_SERVED = {"out-of-zone"}


@pytest.fixture(scope="module")
def broken_server(tmp_path_factory):
    """One horizon with a sound parent, a sound neighbour and every broken zone below the parent."""
    folder = tmp_path_factory.mktemp("broken") / "zones"
    folder.mkdir()
    (folder.parent / "outside.part").write_text("leaked A 192.0.2.66\n")
    parent = APEX + "www A 192.0.2.1\n*.wild A 192.0.2.2\n"
    parent += "".join(f"{kind} NS ns.{kind}\nns.{kind} A 192.0.2.9\n" for kind in BROKEN)
    zones = {"parent.test.": folder / "parent.zone"}
    zones["parent.test."].write_text(parent)
    for kind, text in BROKEN.items():
        path = folder / f"{kind}.zone"
        if text is not None:
            path.write_text(text)
        zones[f"{kind}.parent.test."] = path
    zones["neighbour.test."] = folder / "neighbour.zone"
    zones["neighbour.test."].write_text(APEX + "www A 192.0.2.7\n")
    with servers.start("horizon", zones, ["parent.test.", "neighbour.test."]) as server:
        yield server


def asked(server, name, rdtype="A", via="udp"):
    query = wire.query(wire.question(name, rdtype), edns=wire.Edns())
    return wire.read(wire.exchange(server.address, query, via))


@pytest.mark.parametrize("via", ["udp", "tcp"])
@pytest.mark.parametrize("kind", BROKEN)
def test_broken_zone_is_servfail_and_keeps_its_cut(broken_server, kind, via):
    for name in (f"{kind}.parent.test.", f"www.{kind}.parent.test.", f"ns.{kind}.parent.test."):
        reply = asked(broken_server, name, via=via)
        if kind in MAY_BE_SERVED and reply.rcode() != 2:
            assert reply.rcode() in (0, 3)
            continue
        assert reply.rcode() == 2, f"{name}: {reply}"
        assert not reply.answer and not reply.authority and not reply.flags & wire.AA
        codes = [option.code for option in reply.options if isinstance(option, dns.edns.EDEOption)]
        assert codes, f"{name}: SERVFAIL without an extended error"


@pytest.mark.parametrize("name,address", [("www.parent.test.", "192.0.2.1"),
                                          ("x.wild.parent.test.", "192.0.2.2"),
                                          ("www.neighbour.test.", "192.0.2.7")])
def test_sound_zones_are_served_beside_broken_ones(broken_server, name, address):
    reply = asked(broken_server, name)
    assert [rdata.to_text() for rrset in reply.answer for rdata in rrset] == [address]


def test_ds_of_a_broken_child_is_still_the_parents(broken_server):
    reply = asked(broken_server, "no-soa.parent.test.", "DS")
    assert reply.rcode() == 0 and [rrset.rdtype for rrset in reply.authority] == [6]


def test_each_broken_zone_is_reported_by_file(broken_server):
    log = broken_server.log_path.read_text()
    unreported = [kind for kind in BROKEN
                  if f"{kind}.zone" not in log and kind not in MAY_BE_SERVED]
    assert not unreported, f"not named on standard error: {unreported}\n{log}"
