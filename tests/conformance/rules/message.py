# SPDX-License-Identifier: GPL-3.0-or-later
"""Headers, opcodes, malformed messages, the query types that are not data types."""

import struct

import dns.rdatatype

import wire
from wire import Edns, name_wire, question

from rules.case import BOTH, case

WWW = "www.basic.test. 300 A 192.0.2.1"
SOA = "basic.test. 60 SOA ns1.basic.test. hostmaster.basic.test. 2024010101 7200 900 1209600 60"
SOA_DATA = SOA.replace(" 60 SOA", " 3600 SOA")
ASKED = question("www.basic.test")
RECORD = b"\1x\0" + struct.pack("!HHIH", 1, 1, 0, 4) + b"\1\2\3\4"


# The header.
def header_case(name, rfc, **send):
    case(name, rfc, "www.basic.test A", send=send, answer=WWW)


header_case("header-id-0", "RFC 1035 4.1.1", ident=0)
header_case("header-id-65535", "RFC 1035 4.1.1", ident=0xFFFF)
header_case("header-rd-copied", "RFC 1035 4.1.1, RFC 8906 8.1.3.4", flags=wire.RD)
header_case("header-ad-ignored", "RFC 4035 3.1.6, RFC 8906 8.1.3.2", flags=wire.AD)
header_case("header-z-ignored", "RFC 1035 4.1.1, RFC 8906 8.1.3.3", flags=wire.Z)
header_case("header-aa-ignored", "RFC 1035 4.1.1", flags=wire.AA)
header_case("header-tc-ignored", "RFC 1035 4.1.1", flags=wire.TC)
header_case("header-ra-ignored", "RFC 1035 4.1.1", flags=wire.RA)
header_case("header-all-flags", "RFC 8906 8.1.3", flags=0x07F0)
case("header-rcode-ignored", "RFC 1035 4.1.1", "www.basic.test A", answer=WWW, send={"flags": 5},
     differs={"nsd": "FORMERR for a query with an RCODE"})
case("header-cd", "RFC 8906 8.1.3.1", "basic.test SOA", send={"flags": wire.CD}, answer=SOA_DATA)
case("header-cd-cleared", "RFC 4035 3.1.6 (SHOULD clear CD)", "www.basic.test A",
     send={"flags": wire.CD}, answer=WWW, differs={"named": "copies CD"},
     check=lambda reply, _: ["CD is set"] if reply.flags & wire.CD else [])
case("header-rd-copied-refused", "RFC 1035 4.1.1", "www.example.net A", rcode="REFUSED",
     send={"flags": wire.RD})
case("header-rd-copied-nxdomain", "RFC 1035 4.1.1", "missing.basic.test A", rcode="NXDOMAIN",
     send={"flags": wire.RD}, authority=SOA)

# Opcodes other than QUERY.
OPCODES = {1: "IQUERY", 2: "STATUS", 6: "DSO"}
for opcode in (1, 2, 3, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15):
    case(f"opcode-{opcode}", f"RFC 8906 8.1.4, RFC 6895 2.2 ({OPCODES.get(opcode, 'unassigned')})",
         "www.basic.test A", send={"opcode": opcode}, rcode="NOTIMP", echo=False)
case("opcode-15-header-only", "RFC 8906 8.1.4", send={"opcode": 15}, rcode="NOTIMP",
     differs={"nsd": "closes the TCP connection on a message of only a header"})
case("opcode-15-edns", "RFC 8906 8.1.4", "www.basic.test A", rcode="NOTIMP", echo=False,
     send={"opcode": 15, "edns": Edns()})
case("opcode-notify", "RFC 1996 3.2", "basic.test SOA", send={"opcode": 4, "flags": wire.AA},
     rcode="NOTIMP", echo=False,
     differs={"knot": "speaks NOTIFY: NOTAUTH", "nsd": "speaks NOTIFY: REFUSED",
              "named": "speaks NOTIFY: NOERROR"})
case("opcode-update", "RFC 2136 3.1", "basic.test SOA", send={"opcode": 5}, rcode="NOTIMP",
     echo=False, differs={"knot": "speaks UPDATE: NOTAUTH", "named": "speaks UPDATE: REFUSED"})

# Never a reply to a reply, nor to what has no header.
case("response-dropped", "RFC 8906 3, RFC 1035 7.3", "www.basic.test A", send={"flags": wire.QR},
     silent=True)
case("response-with-opcode-dropped", "RFC 1035 7.3", "www.basic.test A", silent=True,
     send={"flags": wire.QR, "opcode": 15})
case("response-malformed-dropped", "RFC 1035 7.3", silent=True,
     raw=struct.pack("!6H", 0x1111, 0x8000, 5, 5, 5, 5))
case("response-with-edns-dropped", "RFC 1035 7.3", "www.basic.test A", silent=True,
     send={"flags": wire.QR | wire.AA, "edns": Edns()})
for length in (0, 1, 2, 11):
    case(f"short-{length}-bytes-dropped", "RFC 1035 4.1.1 (shorter than a header)", silent=True,
         raw=struct.pack("!6H", 0x1112, 0, 1, 0, 0, 0)[:length], via=BOTH if length else ("udp",))

# Malformed: FORMERR, with the id, and nothing else.
DROPS = {"knot": "drops what it cannot parse as one question"}


def malformed(ident, rfc, message, differs=None):
    case(ident, rfc, raw=message, rcode="FORMERR", differs=DROPS if differs is None else differs)


def raw_query(body, count=1, ident=0x2222):
    return struct.pack("!6H", ident, 0, count, 0, 0, 0) + body


OK = {}
NSD_TCP = "closes the TCP connection on a message of only a header"
malformed("qdcount-2-same", "RFC 9619 4", wire.query([ASKED, ASKED]))
malformed("qdcount-2-different", "RFC 9619 4",
          wire.query([ASKED, question("v6.basic.test", "AAAA")]))
malformed("qdcount-2-second-compressed", "RFC 9619 4", wire.query([ASKED, b"\xc0\x0c\0\x1c\0\1"]))
malformed("qdcount-0", "RFC 9619 4", wire.query([]), {"nsd": NSD_TCP})
malformed("qdcount-65535", "RFC 9619 4", raw_query(ASKED, 65535))
malformed("question-missing", "RFC 1035 4.1.2", raw_query(b""), {**DROPS, "nsd": NSD_TCP})
malformed("question-class-missing", "RFC 1035 4.1.2", raw_query(ASKED[:-2]))
malformed("question-type-cut", "RFC 1035 4.1.2", raw_query(ASKED[:-3]))
malformed("question-name-cut", "RFC 1035 4.1.2", raw_query(ASKED[:8]))
malformed("question-name-without-end", "RFC 1035 4.1.2", raw_query(ASKED[:16]))
malformed("name-pointer-to-itself", "RFC 1035 4.1.4", raw_query(b"\xc0\x0c\0\1\0\1"))
malformed("name-pointer-forward", "RFC 1035 4.1.4", raw_query(b"\xc0\x20\0\1\0\1"))
malformed("name-pointer-into-header", "RFC 1035 4.1.4", raw_query(b"\3www\xc0\0\0\1\0\1"))
malformed("name-pointer-to-own-label", "RFC 1035 4.1.4", raw_query(b"\3www\xc0\x0c\0\1\0\1"))
malformed("name-pointer-cut", "RFC 1035 4.1.4", raw_query(b"\3www\xc0"))
malformed("name-label-64", "RFC 1035 2.3.4",
          raw_query(b"\x40" + b"a" * 64 + name_wire("basic.test.") + b"\0\1\0\1"))
malformed("name-label-type-10", "RFC 1035 4.1.4, RFC 6891 5", raw_query(b"\x80\0\0\1\0\1"))
malformed("name-label-type-01", "RFC 6891 5", raw_query(b"\x41\x08\0\0\1\0\1"))
malformed("name-256", "RFC 1035 2.3.4",
          raw_query((b"\x3f" + b"a" * 63) * 3 + b"\x33" + b"b" * 51 + name_wire("basic.test.")
                    + b"\0\1\0\1"))
malformed("name-of-65000-bytes", "RFC 1035 2.3.4",
          raw_query((b"\x3f" + b"a" * 63) * 1000 + b"\0\0\1\0\1"))
malformed("count-answer-without-record", "RFC 1035 4.1.1",
          wire.query(ASKED, counts=(1, 1, 0, 0)), OK)
malformed("count-authority-without-record", "RFC 1035 4.1.1",
          wire.query(ASKED, counts=(1, 0, 1, 0)), OK)
malformed("count-additional-without-record", "RFC 1035 4.1.1",
          wire.query(ASKED, counts=(1, 0, 0, 1)), OK)
malformed("count-additional-65535", "RFC 1035 4.1.1",
          wire.query(ASKED, counts=(1, 0, 0, 65535)), OK)
malformed("record-cut-short", "RFC 1035 4.1.3",
          wire.query(ASKED, extra=RECORD[:-2], counts=(1, 0, 0, 1)), OK)
malformed("record-header-cut-short", "RFC 1035 4.1.3",
          wire.query(ASKED, extra=RECORD[:8], counts=(1, 0, 0, 1)), OK)
malformed("record-owner-pointer-loop", "RFC 1035 4.1.4",
          wire.query(ASKED, extra=b"\xc0\x20" + RECORD[3:], counts=(1, 0, 0, 1)), OK)

# Odd, but not malformed: the question is clear.
case("trailing-bytes", "RFC 1035 4.1 (answered or FORMERR: the RFC gives them no meaning)",
     "www.basic.test A", send={"trailing": b"\0\1\2"}, rcode=("NOERROR", "FORMERR"), answer=WWW)
case("record-in-answer-of-query", "RFC 1035 4.1 (ignored or FORMERR)", "www.basic.test A",
     send={"extra": RECORD, "counts": (1, 1, 0, 0)}, rcode=("NOERROR", "FORMERR"), answer=WWW)
case("record-in-authority-of-query", "RFC 1035 4.1 (ignored or FORMERR)", "www.basic.test A",
     send={"extra": RECORD, "counts": (1, 0, 1, 0)}, rcode=("NOERROR", "FORMERR"), answer=WWW)
case("record-in-additional-of-query", "RFC 1035 4.1 (ignored or FORMERR)", "www.basic.test A",
     send={"extra": RECORD, "counts": (1, 0, 0, 1)}, rcode=("NOERROR", "FORMERR"), answer=WWW)
case("record-before-opt", "RFC 6891 6.1.1 (OPT anywhere in additional)", "www.basic.test A",
     send={"extra": RECORD, "edns": Edns()}, rcode=("NOERROR", "FORMERR"), answer=WWW)

# Query types that are no data types.
TRANSFER = {"knot": "NOTIMP over UDP, NOTAUTH over TCP", "nsd": "NOTIMP over UDP"}
case("axfr", "RFC 5936 2.2.1, 4.2 (no transfer allowed)", "basic.test AXFR", aa=False,
     rcode=("REFUSED", "NOTIMP"), differs={"knot": TRANSFER["knot"]})
case("axfr-not-apex", "RFC 5936 2.2.1", "www.basic.test AXFR", aa=False,
     rcode=("REFUSED", "NOTIMP", "NOTAUTH"))
case("axfr-other-zone", "RFC 5936 2.2.1", "example.net AXFR", aa=False,
     rcode=("REFUSED", "NOTAUTH", "NOTIMP"))
IXFR_SOA = name_wire("basic.test.") + struct.pack("!HHIH", 6, 1, 0, 22) + b"\0\0" \
    + struct.pack("!5I", 1, 2, 3, 4, 5)
case("ixfr", "RFC 1995 2, RFC 5936 5 (no transfer allowed)", "basic.test IXFR", aa=False,
     send={"extra": IXFR_SOA, "counts": (1, 0, 1, 0)}, rcode=("REFUSED", "NOTIMP"),
     differs={"knot": "NOTAUTH for a transfer that is not allowed"})
case("ixfr-without-soa", "RFC 1995 3", "basic.test IXFR", aa=False,
     rcode=("REFUSED", "NOTIMP", "FORMERR"),
     differs={"knot": "NOTAUTH for a transfer that is not allowed"})
META = "RFC 6895 3.1 (no data type: denied, or not answered)"
for name in ("MAILA", "MAILB", "TSIG", "TKEY", "TYPE0", "TYPE128"):
    case(f"qtype-{name.lower()}", META, f"www.basic.test {name}",
         rcode=("NOERROR", "FORMERR", "NOTIMP", "REFUSED"), authority=SOA)
case("qtype-rrsig", "RFC 4035 3.1.1", "www.basic.test RRSIG", authority=SOA)
case("qtype-nsec", "RFC 4035 3.1.1", "missing.basic.test NSEC", rcode="NXDOMAIN", authority=SOA)
case("qtype-65535", "RFC 3597 3", "www.basic.test TYPE65535", authority=SOA)

# ANY, minimal or whole (RFC 8482).
ANY_SETS = {
    "basic.test.": {"SOA", "NS", "A", "MX", "TXT"},
    "www.basic.test.": {"A", "TXT"},
    "old.dname.test.": {"DNAME", "A", "TXT"},
}


def type_of(rrset):
    return dns.rdatatype.to_text(rrset.rdtype)


def any_sets(name, minimal):
    """Whole sets of that name, at least one (RFC 8482 4.1), or the HINFO of section 4.2."""
    def check(reply, _):
        found = {(rrset.name.to_text().lower(), type_of(rrset)) for rrset in reply.answer}
        types = {rdtype for _, rdtype in found}
        if {owner for owner, _ in found} != {name}:
            return [f"ANY is answered with {sorted(found)}"]
        if not (types <= ANY_SETS[name] or types == {"HINFO"}):
            return [f"ANY is answered with types that are not there: {sorted(types)}"]
        if minimal and len(types) > 1:
            return [f"ANY is answered with {len(types)} sets, minimal is one"]
        return []
    return check


WHOLE = {"named": "answers ANY with every set unless minimal-any is on"}
case("any-apex-minimal", "RFC 8482 4.1", "basic.test ANY", answer=None,
     check=any_sets("basic.test.", True), differs=WHOLE)
case("any-two-sets-minimal", "RFC 8482 4.1", "www.basic.test ANY", answer=None,
     check=any_sets("www.basic.test.", True), differs=WHOLE)
case("any-with-dname", "RFC 8482 4.1, RFC 6672 3.2", "old.dname.test ANY", answer=None,
     check=any_sets("old.dname.test.", False))
case("any-whole-set", "RFC 8482 4.1, RFC 2181 5", "three.basic.test ANY", answer="""
     three.basic.test. 300 A 192.0.2.31
     three.basic.test. 300 A 192.0.2.32
     three.basic.test. 300 A 192.0.2.33""")
case("any-nxdomain", "RFC 8482 4.4", "missing.basic.test ANY", rcode="NXDOMAIN", authority=SOA)
case("any-below-dname", "RFC 6672 3.2", "www.old.dname.test ANY", answer=None,
     check=lambda reply, _: [] if [type_of(rrset) for rrset in reply.answer][:2]
     == ["DNAME", "CNAME"] else ["the answer does not begin with DNAME and CNAME"])

# TSIG of a key we do not have: said so, ignored, or refused, never silence.
TSIG_DATA = name_wire("hmac-sha256.") + b"\0\0\x5f\0\0\0" \
    + struct.pack("!HH", 300, 32) + b"a" * 32 + struct.pack("!HHH", 0x3333, 0, 0)
TSIG = name_wire("key.") + struct.pack("!HHIH", 250, 255, 0, len(TSIG_DATA)) + TSIG_DATA
case("tsig-unknown-key", "RFC 8945 5.2.1", "www.basic.test A", play=lambda address: [
     problem for via in BOTH for problem in tsig_reply(address, via)], via=("both",))


def tsig_reply(address, via):
    query = wire.query(ASKED, ident=0x3333, extra=TSIG, counts=(1, 0, 0, 1))
    reply = wire.exchange(address, query, via)
    rcode = reply[3] & 15
    return [] if reply[:2] == query[:2] and rcode in (0, 1, 5, 9) else [f"{via}: rcode {rcode}"]
