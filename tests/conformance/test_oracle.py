# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle of RFC 1034 section 4.3.2, and what differs from it on generated hostile zones.

horizon must agree with the oracle on every question.  The peers may differ only where a row of
differential.EXPLAINED says why; in the full run an unexplained difference of theirs fails as well,
because it would mean that the oracle, or a row, is wrong.

HORIZON_TEST_SEED draws other zones than the usual ones.
"""

import os

import dns.name
import dns.rdatatype
import dns.zone
import pytest

import servers
from differential import WORLDS_A_START, batch, compare_server, explain
from oracle import Zone, resolve

SEED = int(os.environ.get("HORIZON_TEST_SEED", "1034"))
PAIRS_A_WORLD = 80
STARTS = {"short": 1, "full": 12}
SHOWN = 5


def starts():
    return STARTS["full" if os.environ.get("HORIZON_TEST_LENGTH") == "full" else "short"]


@pytest.mark.parametrize("start", range(starts()))
def test_horizon_agrees_with_the_oracle(start, tmp_path):
    questions, paths = batch(SEED, start * WORLDS_A_START, WORLDS_A_START, PAIRS_A_WORLD, tmp_path)
    assert len(questions) >= 1500
    found = compare_server("horizon", questions, paths)
    assert not found, f"{len(found)} of {len(questions)} differ\n\n" + \
        "\n\n".join(one.show() for one in found[:SHOWN])


@pytest.mark.parametrize("kind", ["knot", "nsd"])
@pytest.mark.parametrize("start", range(starts()))
def test_every_difference_of_a_peer_is_explained(kind, start, tmp_path, full):
    if not servers.binary(kind):
        pytest.skip(f"{kind} is not installed here")
    questions, paths = batch(SEED, start * WORLDS_A_START, WORLDS_A_START, PAIRS_A_WORLD, tmp_path)
    found = compare_server(kind, questions, paths)
    reasons = {}
    for one in found:
        reasons.setdefault(explain(one), []).append(one)
    for why, differing in sorted(reasons.items(), key=str):
        print(f"{kind}: {len(differing)} of {len(questions)}: {why}")
    unexplained = reasons.get(None, [])
    text = "\n\n".join(one.show() for one in unexplained[:SHOWN])
    if full:
        assert not unexplained, f"{len(unexplained)} unexplained\n\n{text}"
    elif unexplained:
        print(text)


# The oracle itself, on what the RFCs print.

RFC_4592 = """
@ 3600 SOA ns.example.com. hostmaster 1 7200 900 1209600 60
@ NS ns.example.com.
@ NS ns.example.net.
* TXT "this is a wildcard"
* MX 10 host1.example.
sub.* TXT "this is not a wildcard"
host1 A 192.0.2.1
_ssh._tcp.host1 SRV 0 0 22 host1
_ssh._tcp.host2 SRV 0 0 22 host1
subdel NS ns.example.com.
subdel NS ns.example.net.
"""

RFC_6672 = """
@ 3600 SOA ns.example.com. hostmaster 1 7200 900 1209600 60
@ NS ns.example.com.
x A 192.0.2.9
y DNAME x.example.
shared.x A 192.0.2.10
longer DNAME a-much-longer-name-than-the-owner.x.example.
loop DNAME loop2.example.
loop2 DNAME loop.example.
"""


def parsed(text, origin="example."):
    zone = dns.zone.from_text("$TTL 3600\n" + text, origin=origin, relativize=False)
    nodes = {}
    for name, ttl, rdata in zone.iterate_rdatas():
        held = nodes.setdefault(name, {}).setdefault(rdata.rdtype, (ttl, []))
        held[1].append(rdata)
    return Zone(dns.name.from_text(origin), nodes)


def asked(zones, name, rdtype):
    return resolve(zones, dns.name.from_text(name), dns.rdatatype.from_text(rdtype))


@pytest.mark.parametrize("name,rdtype,rcode,answered", [
    ("host3.example.", "MX", "NOERROR", True),
    ("host3.example.", "A", "NOERROR", False),
    ("foo.bar.example.", "TXT", "NOERROR", True),
    ("host1.example.", "MX", "NOERROR", False),
    ("sub.*.example.", "MX", "NOERROR", False),
    ("_telnet._tcp.host1.example.", "SRV", "NXDOMAIN", False),
    ("host.subdel.example.", "A", "NOERROR", False),
    ("ghost.*.example.", "MX", "NXDOMAIN", False),
])
def test_oracle_on_the_list_of_rfc_4592(name, rdtype, rcode, answered):
    answer = asked([parsed(RFC_4592)], name, rdtype)
    assert (answer.rcode, bool(answer.answer)) == (rcode, answered)
    assert answer.aa == (name != "host.subdel.example.")


def test_oracle_redirects():
    zone = parsed(RFC_6672)
    answer = asked([zone], "shared.y.example.", "A")
    assert [one[2] for one in answer.answer] == [dns.rdatatype.DNAME, dns.rdatatype.CNAME,
                                                 dns.rdatatype.A]
    answer = asked([zone], "a.loop.example.", "A")
    assert len(answer.answer) == 4 and answer.rcode == "NOERROR"
    long_labels = ".".join(["a" * 63] * 3 + ["b" * 30])
    assert asked([zone], f"{long_labels}.y.example.", "A").rcode == "NXDOMAIN"
    answer = asked([zone], f"{long_labels}.longer.example.", "A")
    assert answer.rcode == "YXDOMAIN" and len(answer.answer) == 1 and not answer.authority


def test_oracle_refuses_what_it_has_no_zone_for():
    answer = asked([parsed(RFC_6672)], "www.other.", "A")
    assert (answer.rcode, answer.aa, answer.authority) == ("REFUSED", False, [])


def test_a_wrong_answer_is_noticed(tmp_path):
    """The alarm itself: a peer's answers judged against an oracle of other data must differ."""
    kind = next(iter(servers.installed_peers()), "horizon")
    questions, paths = batch(SEED, 0, 1, 20, tmp_path)
    wrong = [(world, name, rdtype, oracle, type(want)("SERVFAIL", not want.aa, [], [], set()))
             for world, name, rdtype, oracle, want in questions]
    assert len(compare_server(kind, wrong, paths)) == len(questions)
