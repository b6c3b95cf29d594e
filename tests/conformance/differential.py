# SPDX-License-Identifier: GPL-3.0-or-later
"""The oracle against real servers: the same question to each, and what differs from the RFCs.

A server's reply is brought into the shape of the oracle's answer and compared part by part: rcode,
AA, the answer section set by set in order, the authority section, and the glue of a referral, which
must be whole.  What a peer is known to do otherwise stands in EXPLAINED; a difference that no row
explains is unexplained.  horizon has no rows: it must agree.
"""

from dataclasses import dataclass

import dns.rdatatype
from dns.rdatatype import ANY, CNAME, DNAME, DS, HINFO, NS

import servers
import wire
from generate import World
from oracle import CHAIN_LIMIT, Zone, find_zone, resolve

WORLDS_A_START = 25


@dataclass
class Reply:
    """What came back, comparable: sets are (owner, ttl, type, frozenset of rdata bytes)."""

    rcode: str
    aa: bool
    answer: list
    authority: list
    additional: set

    def show(self):
        lines = [f"    {self.rcode}{' AA' if self.aa else ''}"]
        for title, sets in (("answer", self.answer), ("authority", self.authority)):
            for owner, ttl, rdtype, rdatas in sets:
                text = " | ".join(sorted(show_rdata(rdtype, rdata) for rdata in rdatas))
                name = dns.rdatatype.to_text(rdtype)
                lines.append(f"      {title:10} {owner} {ttl} {name} {text}")
        for owner, ttl, rdtype, rdata in sorted(self.additional, key=str):
            lines.append(f"      additional {owner} {ttl} {dns.rdatatype.to_text(rdtype)}"
                         f" {show_rdata(rdtype, rdata)}")
        return "\n".join(lines)


def show_rdata(rdtype, wire_bytes):
    return dns.rdata.from_wire(dns.rdataclass.IN, rdtype, wire_bytes, 0, len(wire_bytes)).to_text()


def rdata_bytes(rdata):
    """Names stand for the rdata of CNAME in the oracle; case never matters."""
    return rdata.to_digestable()


def as_set(owner, ttl, rdtype, rdatas):
    return (owner, ttl, int(rdtype), frozenset(rdata_bytes(rdata) for rdata in rdatas))


def expected_reply(answer):
    return Reply(answer.rcode, answer.aa, [as_set(*one) for one in answer.answer],
                 [as_set(*one) for one in answer.authority],
                 {(owner, ttl, int(rdtype), rdata_bytes(rdata))
                  for owner, ttl, rdtype, rdata in answer.glue})


def sets_of(section):
    """Consecutive records of one owner and type as one set."""
    sets = []
    for rrset in section:
        if sets and sets[-1][:3] == [rrset.name, rrset.ttl, rrset.rdtype]:
            sets[-1][3].extend(rrset)
        else:
            sets.append([rrset.name, rrset.ttl, rrset.rdtype, list(rrset)])
    return [as_set(*one) for one in sets]


def reply_of(message):
    additional = {(rrset.name, rrset.ttl, int(rrset.rdtype), rdata_bytes(rdata))
                  for rrset in message.additional for rdata in rrset}
    return Reply(wire.dns.rcode.to_text(message.rcode()), bool(message.flags & wire.AA),
                 sets_of(message.answer), sets_of(message.authority), additional)


def ask(transport, address, qname, qtype):
    """One question over UDP with EDNS, over TCP when truncated."""
    query = wire.query(wire.question(qname.to_wire(), qtype), edns=wire.Edns())
    transport.send(query)
    reply = transport.receive()
    while reply[:2] != query[:2]:
        reply = transport.receive()
    if reply[2] & 2:
        reply = wire.exchange(address, query, "tcp")
    if wire.question_wire(reply) != wire.question_wire(query):
        raise wire.BadReply("the question is not echoed bit for bit")
    return reply_of(wire.read(reply))


def any_differs(want, got):
    """RFC 8482 for the end of a chain: some of its whole sets, at least one, or a HINFO instead."""
    chain = max((n for n, one in enumerate(want, 1) if one[2] == CNAME), default=0)
    end = got[chain:]
    if got[:chain] != want[:chain] or bool(want[chain:]) != bool(end):
        return True
    return [one[2] for one in end] != [HINFO] and any(one not in want[chain:] for one in end)


def minimal_dname(want, got):
    """RFC 8482 for a name below a DNAME: the DNAME and its CNAME are enough."""
    return (got.rcode == "NOERROR" and not got.authority and got.answer == want.answer[:2]
            and [one[2] for one in got.answer] == [DNAME, CNAME])


def once(answer):
    """A DNAME that was asked for and redirected before may stand at the end once more."""
    repeats = answer and answer[-1][2] == DNAME and answer[-1] in answer[:-1]
    return answer[:-1] if repeats else answer


def differences(qtype, want, got):
    """The parts in which a reply is not what the oracle says."""
    if qtype == "ANY" and minimal_dname(want, got):
        return []
    answer_differs = any_differs if qtype == "ANY" else lambda one, other: one != other
    return [part for part, differs in (
        ("rcode", want.rcode != got.rcode),
        ("aa", want.aa != got.aa),
        ("answer", answer_differs(want.answer, once(got.answer))),
        ("authority", sorted(want.authority, key=str) != sorted(got.authority, key=str)),
        ("glue", bool(want.additional - got.additional)),
    ) if differs]


@dataclass
class Difference:
    """One question that one server answered otherwise."""

    kind: str
    world: World
    qname: object
    qtype: str
    parts: list
    oracle: object
    want: Reply
    got: Reply

    @property
    def rdtype(self):
        return dns.rdatatype.RdataType.make(self.qtype)

    def show(self):
        return "\n".join([
            f"{self.kind} differs in {', '.join(self.parts)} on {self.qname} {self.qtype}"
            f"   (generate.py --seed {self.world.seed} --world {self.world.number})",
            "  steps: " + " → ".join(f"{step} {where}" for step, _, where, _ in self.oracle.steps),
            "  expected:", self.want.show(), f"  {self.kind}:",
            self.got.show() if self.got else "    nothing usable",
            "  zones:", "    " + self.world.text().replace("\n", "\n    "),
        ])


def stays_in_zone(one, limit=CHAIN_LIMIT):
    """As the oracle would answer if it knew no zone but the first."""
    first = find_zone(one.world.zones, one.qname, one.rdtype)
    return same(one, resolve([first] if first else [], one.qname, one.rdtype, limit))


def shares_names(one):
    """As the oracle would answer if a name in one zone made it exist in all."""
    everything = set().union(*(zone.exists for zone in one.world.zones))
    mixed = []
    for zone in one.world.zones:
        copy = Zone(zone.origin, zone.nodes)
        copy.exists |= {name for name in everything if name.is_subdomain(zone.origin)}
        mixed.append(copy)
    return same(one, resolve(mixed, one.qname, one.rdtype))


def same(one, answer):
    return not differences(one.qtype, expected_reply(answer), one.got)


def wildcard_cut(one):
    """The reply refers to a star as if it were a cut."""
    return any(rdtype == NS and owner.labels[0] == b"*"
               for owner, _, rdtype, _ in one.got.authority)


def dname_at_star(one):
    """A DNAME whose owner begins with a star is written with the query name as its owner."""
    stars = {where for step, _, where, _ in one.oracle.steps
             if step == "dname" and where.labels[0] == b"*"}
    return any(rdtype == DNAME and owner not in stars
               and any(owner.is_subdomain(star) for star in stars)
               for owner, _, rdtype, _ in one.got.answer)


def dname_once(one):
    """The chain ends where a DNAME would be used for the second time."""
    used = [where for step, _, where, _ in one.oracle.steps if step == "dname"]
    return len(used) > len(set(used)) and one.want.answer[:len(one.got.answer)] == one.got.answer


def topmost_for_ds(one):
    """DS at the apex of a zone is looked up in the topmost zone above it, not in the nearest."""
    for _, name, _, _ in one.oracle.steps:
        above = sorted((zone for zone in one.world.zones if name.is_subdomain(zone.origin)),
                       key=lambda zone: len(zone.origin))
        top = expected_reply(resolve(above[:1], name, DS))
        if one.qtype == "DS" and len(above) > 2 and one.got.authority == top.authority:
            return True
    return False


def link_twice(one):
    """In a loop a synthesized CNAME, or the DNAME itself when asked for, comes a second time."""
    return any(link[2] in (CNAME, DNAME) and link in one.got.answer[:n]
               for n, link in enumerate(one.got.answer))


def longer_chain(one):
    """Where our limit ends a chain, the peer goes on."""
    return one.oracle.bounded and one.got.answer[:len(one.want.answer)] == one.want.answer


# Who differs where, why, and how such a reply is recognized.
EXPLAINED = [
    ("knot", "follows a chain only inside the zone where it began", stays_in_zone),
    ("knot", "stops after five links, inside the zone", lambda one: stays_in_zone(one, 5)),
    ("knot", "a wildcard that owns NS is a delegation (RFC 4592 4.2 leaves it open)", wildcard_cut),
    ("knot", "writes the query name as the owner of a DNAME at a star", dname_at_star),
    ("knot", "repeats synthesized links in a loop", link_twice),
    ("nsd", "asks the topmost of nested zones for DS", topmost_for_ds),
    ("nsd", "follows more than 16 links", longer_chain),
    ("nsd", "a name in one zone is an empty non-terminal in all", shares_names),
    ("nsd", "repeats synthesized links in a loop", link_twice),
    ("nsd", "uses each DNAME once in an answer", dname_once),
]


def explain(difference):
    """Why a peer differs here, or None."""
    for kind, why, recognized in EXPLAINED:
        if kind == difference.kind and difference.got is not None and recognized(difference):
            return why
    return None


def worlds_on_disk(seed, first, count, folder):
    """Worlds and their zone files (origin → path) for one start of the servers."""
    worlds = [World(seed, number) for number in range(first, first + count)]
    paths = {}
    for world in worlds:
        for builder in world.builders:
            path = folder / f"{builder.origin.to_text().replace('*', '_')}zone"
            path.write_text(builder.text())
            paths[builder.origin.to_text()] = path
    return worlds, paths


def records_of(world):
    """Every record of every zone of a world, as the additional section may hold them."""
    return {(name, ttl, int(rdtype), rdata_bytes(rdata))
            for zone in world.zones for name, data in zone.nodes.items()
            for rdtype, (ttl, rdatas) in data.items() for rdata in rdatas}


def compare_server(kind, questions, paths):
    """All differences of one server over these questions; the server must stay alive."""
    found = []
    refused = {world for world, *_ in questions if world.refused_by(kind)}
    paths = {origin: path for origin, path in paths.items()
             if not any(origin == builder.origin.to_text()
                        for world in refused for builder in world.builders)}
    with servers.start(kind, paths) as server, wire.Udp(server.address) as transport:
        for world, qname, qtype, oracle, want in questions:
            if world in refused:
                continue
            try:
                got = ask(transport, server.address, qname, qtype)
                parts = differences(qtype, want, got)
            except (wire.NoReply, wire.BadReply) as reason:
                got, parts = None, [str(reason)]
            if got is not None and kind == "horizon" and got.additional - records_of(world):
                parts.append("additional (a record that is in no zone)")
            if parts:
                found.append(Difference(kind, world, qname, qtype, parts, oracle, want, got))
        if not server.alive():
            raise servers.ServerError(f"{kind} ended:\n{server.log_tail()}")
    return found


def batch(seed, first, worlds_count, per_world, folder):
    """The questions of one start, with what the oracle says of each."""
    worlds, paths = worlds_on_disk(seed, first, worlds_count, folder)
    questions = []
    for world in worlds:
        for qname, qtype in world.questions(per_world):
            oracle = resolve(world.zones, qname, dns.rdatatype.RdataType.make(qtype))
            questions.append((world, qname, qtype, oracle, expected_reply(oracle)))
    return questions, paths
