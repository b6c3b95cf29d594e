# SPDX-License-Identifier: GPL-3.0-or-later
"""EDNS(0): RFC 6891, and the EDNS tests of RFC 8906 section 8.2."""

from wire import Edns

from rules.case import case

WWW = "www.basic.test. 300 A 192.0.2.1"
SOA = "basic.test. 3600 SOA ns1.basic.test. hostmaster.basic.test. 2024010101 7200 900 1209600 60"
NSID, ECS, EXPIRE, COOKIE, KEEPALIVE, PADDING, CHAIN = 3, 8, 9, 10, 11, 12, 13


def options(*codes):
    """The reply's OPT holds exactly these option codes."""
    def check(reply, _):
        found = sorted(int(option.otype) for option in reply.options)
        return [] if found == sorted(codes) else [f"options {found}, expected {sorted(codes)}"]
    return check


def flags(wanted):
    """The flag word of the reply's OPT: DO is copied, what is unknown is clear."""
    def check(reply, _):
        found = reply.ednsflags & 0xFFFF
        return [] if found == wanted else [f"EDNS flags {found:#06x}, expected {wanted:#06x}"]
    return check


def edns_case(ident, rfc, edns, question="www.basic.test A", answer=WWW, **rest):
    case(ident, rfc, question, send={"edns": edns}, answer=answer, **rest)


edns_case("edns-answered", "RFC 6891 6.1.1", Edns(), check=options())
edns_case("edns-soa", "RFC 8906 8.2.1", Edns(size=4096), "basic.test SOA", SOA)
case("edns-not-asked", "RFC 6891 7", "www.basic.test A", answer=WWW, opt=False)
edns_case("edns-do-copied", "RFC 3225 3, RFC 8906 8.2.8", Edns(flags=0x8000), check=flags(0x8000))
edns_case("edns-do-clear", "RFC 3225 3", Edns(), check=flags(0))
edns_case("edns-unknown-flags-ignored", "RFC 8906 8.2.4, RFC 6891 6.1.4", Edns(flags=0x0040),
          "basic.test SOA", SOA, check=flags(0))
edns_case("edns-all-flags", "RFC 6891 6.1.4", Edns(flags=0xFFFF), check=flags(0x8000))
edns_case("edns-unknown-option-ignored", "RFC 8906 8.2.3, RFC 6891 6.1.2",
          Edns(options=[(100, b"")]), "basic.test SOA", SOA, check=options())
edns_case("edns-unknown-option-with-data", "RFC 6891 6.1.2", Edns(options=[(65001, b"abc")]),
          check=options())
edns_case("edns-two-unknown-options", "RFC 6891 6.1.2",
          Edns(options=[(65001, b"a"), (65001, b""), (65002, b"\0" * 50)]), check=options())
edns_case("edns-hundred-options", "RFC 6891 6.1.2",
          Edns(options=[(65001 + n, b"") for n in range(100)]), check=options())
edns_case("edns-rcode-in-query-ignored", "RFC 6891 6.1.3", Edns(rcode=1))
edns_case("edns-nsid-off", "RFC 5001 2.1 (off unless set)", Edns(options=[(NSID, b"")]),
          check=options(), differs={"knot": "sends its host name unless told not to"})
edns_case("edns-client-subnet-not-echoed", "RFC 7871 7.2.1 (not a listed resolver)",
          Edns(options=[(ECS, bytes.fromhex("00011800c00002"))]), check=options(),
          differs={"named": "echoes the subnet with scope 0"})
edns_case("edns-several-known-options", "RFC 8906 8.2.10",
          Edns(options=[(NSID, b""), (COOKIE, b"12345678"), (EXPIRE, b""),
                        (ECS, bytes.fromhex("00010000"))]), "basic.test SOA", SOA)
edns_case("edns-padding-request", "RFC 7830 4 (only over an encrypted transport)",
          Edns(options=[(PADDING, b"\0" * 16)]), check=options())
edns_case("edns-expire-on-plain-query", "RFC 7314 4", Edns(options=[(EXPIRE, b"")]),
          check=options(), differs={"knot": "answers EXPIRE to any query"})
edns_case("edns-chain-query", "RFC 7901 5.4", Edns(options=[(CHAIN, b"\0")]), check=options())
edns_case("edns-keepalive-over-udp-ignored", "RFC 7828 3.2.1", Edns(options=[(KEEPALIVE, b"")]),
          via=("udp",), check=options())
edns_case("edns-cookie", "RFC 7873 5.2 (a server without cookies ignores the option)",
          Edns(options=[(COOKIE, b"12345678")]))
edns_case("edns-before-other-record", "RFC 6891 6.1.1 (anywhere in additional)", Edns(),
          "www.basic.test AAAA", "",
          authority="basic.test. 60 SOA ns1.basic.test. hostmaster.basic.test."
                    " 2024010101 7200 900 1209600 60")


def badvers(ident, rfc, edns, question="www.basic.test A", **rest):
    def empty_version_zero(reply, _):
        return [] if reply.edns == 0 else [f"EDNS version {reply.edns} in the reply"]
    case(ident, rfc, question, send={"edns": edns}, rcode="BADVERS", aa=False, opt=True,
         check=empty_version_zero, **rest)


badvers("edns-version-1", "RFC 6891 6.1.3, RFC 8906 8.2.2", Edns(version=1), "basic.test SOA")
badvers("edns-version-255", "RFC 6891 6.1.3", Edns(version=255))
badvers("edns-version-1-flags", "RFC 8906 8.2.5", Edns(version=1, flags=0x0040), "basic.test SOA")
badvers("edns-version-1-option", "RFC 8906 8.2.6", Edns(version=1, options=[(100, b"")]),
        "basic.test SOA")
badvers("edns-version-1-do", "RFC 8906 8.2.9", Edns(version=1, flags=0x8000))
badvers("edns-version-1-nxdomain", "RFC 6891 6.1.3", Edns(version=1), "missing.basic.test A")
badvers("edns-version-1-refused-zone", "RFC 6891 6.1.3", Edns(version=1), "www.example.net A")

# Payload size.
edns_case("edns-size-0-is-512", "RFC 6891 6.2.3", Edns(size=0), via=("udp",), largest=512)
edns_case("edns-size-65535", "RFC 6891 6.2.5", Edns(size=65535), via=("udp",))


# Malformed: FORMERR with no data, never silence.
def formerr(ident, rfc, edns, **rest):
    case(ident, rfc, "www.basic.test A", send={"edns": edns, **rest.pop("send", {})},
         rcode="FORMERR", **rest)


formerr("edns-two-opts", "RFC 6891 6.1.1", [Edns(), Edns()])
formerr("edns-three-opts", "RFC 6891 6.1.1", [Edns(), Edns(), Edns()])
formerr("edns-owner-not-root", "RFC 6891 6.1.2", Edns(owner=b"\1a\0"),
        differs={"knot": "ignores the owner of OPT"})
formerr("edns-option-cut-short", "RFC 6891 6.1.2", Edns(rdata=b"\0\x64\0\5ab"))
formerr("edns-option-header-cut-short", "RFC 6891 6.1.2", Edns(rdata=b"\0\x64\0"))
formerr("edns-rdlength-beyond-message", "RFC 6891 6.1.2", Edns(rdlength=10))
formerr("edns-opt-in-answer", "RFC 6891 6.1.1", Edns(), send={"counts": (1, 1, 0, 0)})
formerr("edns-opt-in-authority", "RFC 6891 6.1.1", Edns(), send={"counts": (1, 0, 1, 0)})
case("edns-without-question", "RFC 9619 4, RFC 6891 7", send={"edns": Edns()},
     rcode="FORMERR", differs={"nsd": "NOERROR to an EDNS query without a question"})
case("edns-opt-type-as-question", "RFC 6895 3.1 (OPT is not a query type)", "www.basic.test OPT",
     rcode=("FORMERR", "NOERROR", "NOTIMP", "REFUSED"), authority=None)
