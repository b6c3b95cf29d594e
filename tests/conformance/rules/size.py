# SPDX-License-Identifier: GPL-3.0-or-later
"""Sizes: 512, what the client advertises, what we send at most, TC and then TCP, 64 KiB."""

from wire import Edns
from zones import address, txt_of_reply_size, REPLY_SIZES

from rules.case import case

UDP, TCP = ("udp",), ("tcp",)
SOA = "big.test. 60 SOA ns1.basic.test. hostmaster.big.test. 1 7200 900 1209600 60"


def txt(label):
    return f"{label}.big.test. 300 TXT {txt_of_reply_size(label, REPLY_SIZES[label])}"


def exactly(size):
    return lambda _, wire_bytes: [] if len(wire_bytes) == size else \
        [f"the reply has {len(wire_bytes)} bytes, expected {size}"]


def addresses(label, count):
    return "\n".join(f"{label}.big.test. 300 A {address(n)}" for n in range(count))


def fits(ident, rfc, label, size, **rest):
    case(ident, rfc, f"{label}.big.test TXT", via=UDP, answer=txt(label), check=exactly(size),
         **rest)


def truncated(ident, rfc, question, largest, **rest):
    """TC, within the limit; what stays in the sections is not data to rely on (RFC 2181 9)."""
    case(ident, rfc, question, via=UDP, tc=True, answer=None, authority=None, largest=largest,
         **rest)


fits("size-512-fits", "RFC 1035 4.2.1", "fit512", 512)
truncated("size-513-truncated", "RFC 1035 4.2.1", "over512.big.test TXT", 512)
fits("size-512-with-opt-fits", "RFC 6891 6.2.3", "fit512opt", 512, send={"edns": Edns(size=512)})
truncated("size-513-with-opt-truncated", "RFC 6891 6.2.3", "over512opt.big.test TXT", 512,
          send={"edns": Edns(size=512)})
fits("size-0-means-512", "RFC 6891 6.2.3", "fit512opt", 512, send={"edns": Edns(size=0)})
fits("size-511-means-512", "RFC 6891 6.2.3", "fit512opt", 512, send={"edns": Edns(size=511)})
truncated("size-100-means-512", "RFC 6891 6.2.3", "over512opt.big.test TXT", 512,
          send={"edns": Edns(size=100)})
fits("size-700-fits", "RFC 6891 6.2.3", "fit700", 700, send={"edns": Edns(size=700)})
truncated("size-701-truncated", "RFC 6891 6.2.3", "over700.big.test TXT", 700,
          send={"edns": Edns(size=700)})
fits("size-1232-fits", "RFC 6891 6.2.5, RFC 9715 3.1", "fit1232", 1232,
     send={"edns": Edns(size=1232)})
truncated("size-1233-truncated", "RFC 6891 6.2.5", "over1232.big.test TXT", 1232,
          send={"edns": Edns(size=1232)})
truncated("size-4096-still-1232", "RFC 9715 3.1 (R3: at most our own maximum)",
          "over1232.big.test TXT", 1232, send={"edns": Edns(size=4096)})
truncated("size-65535-still-1232", "RFC 9715 3.1", "a200.big.test A", 1232,
          send={"edns": Edns(size=65535)})
truncated("size-truncated-keeps-opt", "RFC 6891 7, RFC 8906 8.2.7", "a200.big.test A", 1232,
          send={"edns": Edns(size=1232)}, opt=True)
truncated("size-truncated-edns-do", "RFC 3225 3", "a200.big.test A", 512,
          send={"edns": Edns(size=512, flags=0x8000)},
          check=lambda reply, _: [] if reply.ednsflags & 0x8000 else ["DO is not copied"])
truncated("size-set-truncated-plain", "RFC 2181 9", "a200.big.test A", 512)
truncated("size-chain-truncated", "RFC 2181 9", "alias.big.test A", 512)
truncated("size-wildcard-truncated", "RFC 2181 9", "x.wild.big.test TXT", 512)
truncated("size-huge-set-truncated", "RFC 2181 9", "a4000.big.test A", 512)
case("size-negative-never-truncated", "RFC 2181 9", "missing.big.test A", via=UDP,
     rcode="NXDOMAIN", send={"edns": Edns(size=512)}, authority=SOA)
case("size-additional-left-out-without-tc", "RFC 2181 9", "mx.big.test MX", via=UDP, largest=512,
     answer="\n".join(f"mx.big.test. 300 MX {n} host{n}.big.test." for n in range(5)))

# Over TCP everything comes.
case("tcp-after-tc", "RFC 7766 5", "a200.big.test A", via=TCP, answer=addresses("a200", 200))
case("tcp-ignores-advertised-size", "RFC 6891 6.2.3 (UDP only)", "a200.big.test A", via=TCP,
     send={"edns": Edns(size=512)}, answer=addresses("a200", 200))
case("tcp-text-over-512", "RFC 7766 5", "over512.big.test TXT", via=TCP, answer=txt("over512"))
case("tcp-text-over-1232", "RFC 7766 5", "over1232.big.test TXT", via=TCP, answer=txt("over1232"))
case("tcp-chain-whole", "RFC 7766 5", "alias.big.test A", via=TCP,
     answer="alias.big.test. 300 CNAME a200.big.test.\n" + addresses("a200", 200))
case("tcp-64-kilobytes", "RFC 1035 4.2.2", "a4000.big.test A", via=TCP,
     answer=addresses("a4000", 4000))
case("tcp-larger-than-a-message", "RFC 1035 4.2.2 (TC, or the zone is refused)",
     "a5000.toobig.test A", via=TCP, tc=None, rcode=("NOERROR", "SERVFAIL"),
     answer=None, authority=None)
