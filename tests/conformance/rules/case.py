# SPDX-License-Identifier: GPL-3.0-or-later
"""One rule of the table: what is sent, what must come back, and which peer is known to differ.

A case is data.  `case(id, rfc, question, ...)` adds one to TABLE; run() plays it against a server
and returns what is wrong as a list of sentences, empty when the rule holds.

    case("data-a", "RFC 1034 4.3.2 (3a)", "www.basic.test A",
         answer="www.basic.test. 300 A 192.0.2.1")

Answers are compared record by record: the order of the sets matters (a chain reads from the query
to its end), the order inside a set does not.  authority defaults to empty, additional is compared
only as "must hold these" unless told otherwise, and the OPT record must be there exactly when the
query had one.  The header is checked in every case: id and RD are copied, RA, Z and AD are clear.
"""

import struct
from dataclasses import dataclass, field

import dns.name
import dns.opcode
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype

import wire

TABLE = []
BOTH = ("udp", "tcp")
AUTHORITATIVE_RCODES = ("NOERROR", "NXDOMAIN", "YXDOMAIN")


@dataclass
class Case:
    """rfc says where the rule stands; differs tells why a peer breaks it (server → reason)."""

    id: str
    rfc: str
    question: str = ""
    via: tuple = BOTH
    send: dict = field(default_factory=dict)
    raw: bytes = None
    play: object = None
    silent: bool = False
    rcode: object = "NOERROR"
    aa: object = None
    tc: bool = False
    answer: object = ""
    authority: object = ""
    additional: object = None
    sibling: str = ""
    opt: object = None
    echo: bool = True
    largest: int = 65535
    check: object = None
    differs: dict = field(default_factory=dict)


def case(ident, rfc, question="", **rest):
    """Add one row to the table; ids are unique because failures are named by them."""
    assert all(other.id != ident for other in TABLE), f"two cases are called {ident}"
    TABLE.append(Case(ident, rfc, question, **rest))


def message_of(one):
    """The query of a case as bytes."""
    if one.raw is not None:
        return one.raw
    words = one.question.split()
    asked = wire.question(*words) if words else []
    return wire.query(asked, **one.send)


def record_key(name, ttl, rdtype, rdata):
    owner = dns.name.from_text(str(name)).to_digestable()
    return (owner, int(ttl), int(rdtype), rdata.to_digestable())


def parse_record(line):
    """'owner ttl type rdata' as a comparable record."""
    owner, ttl, rdtype, text = line.split(None, 3)
    rdtype = dns.rdatatype.RdataType.make(rdtype)
    rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, relativize=False)
    return record_key(owner, ttl, rdtype, rdata)


def expected_records(text):
    return [parse_record(line) for line in text.strip().splitlines() if line.strip()]


def actual_records(section):
    return [record_key(rrset.name, rrset.ttl, rrset.rdtype, rdata)
            for rrset in section for rdata in rrset]


def grouped(records):
    """Consecutive records of one name and type as one group; inside it order means nothing."""
    groups = []
    for name, ttl, rdtype, rdata in records:
        if not groups or groups[-1][:2] != (name, rdtype):
            groups.append((name, rdtype, []))
        groups[-1][2].append((ttl, rdata))
    return [(name, rdtype, sorted(rows)) for name, rdtype, rows in groups]


def show(section):
    return "; ".join(str(rrset) for rrset in section) or "nothing"


def compare_section(title, section, expected):
    if grouped(actual_records(section)) == grouped(expected_records(expected)):
        return []
    wanted = "; ".join(line.strip() for line in expected.strip().splitlines()) or "nothing"
    return [f"{title} is [{show(section)}], expected [{wanted}]"]


def check_header(query, reply, one, via):
    """What every reply owes, whatever the question was (RFC 1035 section 4.1.1)."""
    problems = []
    ident, flags = struct.unpack("!HH", reply[:4])
    asked_ident, asked_flags = struct.unpack("!HH", query[:4])
    if ident != asked_ident:
        problems.append(f"id {ident:#06x} for a query with {asked_ident:#06x}")
    if not flags & wire.QR:
        problems.append("QR is clear")
    if (flags ^ asked_flags) & 0x7800:
        problems.append(f"opcode {flags >> 11 & 15} for a query with {asked_flags >> 11 & 15}")
    if (flags ^ asked_flags) & wire.RD and flags & 15 != dns.rcode.FORMERR:
        problems.append("RD is not copied")
    for bit, name in ((wire.RA, "RA"), (wire.Z, "Z"), (wire.AD, "AD")):
        if flags & bit:
            problems.append(f"{name} is set")
    if bool(flags & wire.TC) != one.tc and one.tc is not None:
        problems.append(f"TC is {bool(flags & wire.TC)}")
    if len(reply) > one.largest:
        problems.append(f"{len(reply)} bytes over {via}, at most {one.largest} are allowed")
    return problems


def rcode_of(message, reply):
    if message is not None:
        return dns.rcode.to_text(message.rcode())
    return dns.rcode.to_text(struct.unpack("!H", reply[2:4])[0] & 15)


def wants_authority_bit(one, rcode):
    """AA goes with authoritative answers; a referral, told by its NS records, has none."""
    if one.aa is not None:
        return one.aa
    referral = one.answer == "" and isinstance(one.authority, str) and " NS " in one.authority
    return rcode in AUTHORITATIVE_RCODES and not referral


def check_opt(one, query_has_opt, message, rcode):
    wanted = one.opt
    if wanted is None and rcode != "FORMERR":
        wanted = query_has_opt
    if wanted is not None and wanted != (message.edns >= 0):
        return [f"OPT is {'missing' if wanted else 'present'}"]
    problems = []
    if message.edns > 0:
        problems.append(f"EDNS version {message.edns}")
    if message.edns >= 0 and message.payload < 512:
        problems.append(f"EDNS payload size {message.payload}")
    return problems


def check_additional(one, message):
    if one.additional is None and not one.sibling:
        return []
    held = set(actual_records(message.additional))
    wanted = (one.additional or "") + "\n" + one.sibling
    lines = [line.strip() for line in wanted.splitlines() if line.strip()]
    missing = [line for line in lines if parse_record(line) not in held]
    if missing:
        return [f"additional is [{show(message.additional)}], it lacks [{'; '.join(missing)}]"]
    if one.additional == "" and message.additional and not one.sibling:
        return [f"additional is [{show(message.additional)}], expected nothing"]
    return []


def check_reply(one, query, reply, via):
    """All that is wrong with this reply."""
    problems = check_header(query, reply, one, via)
    opcode = struct.unpack("!H", query[2:4])[0] >> 11 & 15
    message = None
    if opcode == 0:
        try:
            message = wire.read(reply)
        except wire.BadReply as reason:
            return problems + [str(reason)]
    rcode = rcode_of(message, reply)
    rcodes = (one.rcode,) if isinstance(one.rcode, str) else one.rcode
    if rcode not in rcodes:
        problems.append(f"rcode {rcode}, expected {' or '.join(rcodes)}")
    if message is None:
        return problems
    aa = bool(message.flags & wire.AA)
    if rcode in rcodes and aa != wants_authority_bit(one, rcode):
        problems.append(f"AA is {aa}")
    if one.echo and rcode != "FORMERR":
        if wire.question_wire(reply) != wire.question_wire(query):
            problems.append("the question is not echoed bit for bit")
    for title, section, expected in (
        ("answer", message.answer, one.answer),
        ("authority", message.authority, one.authority),
    ):
        if expected is not None:
            problems += compare_section(title, section, expected if rcode == rcodes[0] else "")
    problems += check_additional(one, message)
    problems += check_opt(one, "edns" in one.send, message, rcode)
    if one.check is not None:
        problems += one.check(message, reply)
    return problems


def run_silent(address, query, via):
    """No reply to this message; what is asked after it over the same socket is answered."""
    probe = wire.query(wire.question("www.basic.test"), ident=0x7A7A)
    try:
        with wire.TRANSPORTS[via](address) as transport:
            transport.send(query)
            if via == "tcp":
                try:
                    reply = transport.receive(wire.SILENCE_S)
                except wire.NoReply:
                    return []
                return [f"answered: {reply.hex()}"]
            transport.send(probe)
            reply = transport.receive()
            if reply[:2] != probe[:2]:
                return [f"answered: {reply.hex()}"]
            try:
                return [f"answered: {transport.receive(wire.SILENCE_S / 3).hex()}"]
            except wire.NoReply:
                return []
    except wire.NoReply as reason:
        return [f"the good query after it: {reason}"]


def run(one, address, via):
    """Play one case over one transport; the problems found, none when the rule holds."""
    try:
        if one.play is not None:
            return one.play(address)
        query = message_of(one)
        if one.silent:
            return run_silent(address, query, via)
        return check_reply(one, query, wire.exchange(address, query, via), via)
    except (wire.NoReply, wire.BadReply, OSError) as reason:
        return [str(reason)]
