# SPDX-License-Identifier: GPL-3.0-or-later
"""Plain data: matches, NODATA, NXDOMAIN, empty non-terminals, names, TTLs, classes, zone text."""

from wire import Edns, name_wire, question

from rules.case import case

SOA = "basic.test. 60 SOA ns1.basic.test. hostmaster.basic.test. 2024010101 7200 900 1209600 60"
SOA_DATA = SOA.replace(" 60 SOA", " 3600 SOA")
L63 = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"
LONGEST = f"{L63}.{L63}.{L63}.{L63[:50]}.basic.test."

case("data-a", "RFC 1034 4.3.2 (3a)", "www.basic.test A", answer="www.basic.test. 300 A 192.0.2.1")
case("data-aaaa", "RFC 3596 2.1", "v6.basic.test AAAA",
     answer="v6.basic.test. 300 AAAA 2001:db8::6")
case("data-whole-set", "RFC 2181 5", "three.basic.test A", answer="""
     three.basic.test. 300 A 192.0.2.31
     three.basic.test. 300 A 192.0.2.32
     three.basic.test. 300 A 192.0.2.33""")
case("data-mx", "RFC 1035 3.3.9", "basic.test MX", answer="basic.test. 300 MX 10 mail.basic.test.")
case("data-srv", "RFC 2782", "_sip._tcp.basic.test SRV", answer="""
     _sip._tcp.basic.test. 300 SRV 10 60 5060 www.basic.test.
     _sip._tcp.basic.test. 300 SRV 20 0 5061 mail.basic.test.""")
case("data-txt-strings", "RFC 1035 3.3.14", "txt.basic.test TXT",
     answer='txt.basic.test. 300 TXT "one" "two" "" "four with spaces"')
case("data-ptr", "RFC 1035 3.5", "1.2.0.192.in-addr.arpa PTR",
     answer="1.2.0.192.in-addr.arpa. 300 PTR www.basic.test.")
case("data-ptr-set", "RFC 2181 10.2", "2.2.0.192.in-addr.arpa PTR", answer="""
     2.2.0.192.in-addr.arpa. 300 PTR one.basic.test.
     2.2.0.192.in-addr.arpa. 300 PTR two.basic.test.""")
case("apex-soa", "RFC 1035 3.3.13", "basic.test SOA", answer=SOA_DATA)
case("apex-ns", "RFC 1034 4.2.1", "basic.test NS", answer="""
     basic.test. 3600 NS ns1.basic.test.
     basic.test. 3600 NS ns2.other.test.""")
case("apex-a", "RFC 1034 4.3.2 (3a)", "basic.test A", answer="basic.test. 300 A 192.0.2.80")
case("duplicates-dropped", "RFC 2181 5", "twice.basic.test A",
     answer="twice.basic.test. 300 A 192.0.2.2")
case("unequal-ttls", "RFC 2181 5.2 (lowest used)", "unequal.basic.test A", answer="""
     unequal.basic.test. 120 A 192.0.2.61
     unequal.basic.test. 120 A 192.0.2.62""",
     differs={"nsd": "leaves the TTLs unequal", "named": "takes the TTL read first"})
case("ttl-zero", "RFC 1035 3.2.1", "zero.basic.test A", answer="zero.basic.test. 0 A 192.0.2.9")
case("ttl-largest", "RFC 2181 8", "longest.basic.test A",
     answer="longest.basic.test. 2147483647 A 192.0.2.10")
case("unknown-type-data", "RFC 3597 5", "unknown.basic.test TYPE65280",
     answer="unknown.basic.test. 300 TYPE65280 \\# 4 01020304")
case("unknown-type-empty-rdata", "RFC 3597 5", "unknown.basic.test TYPE65281",
     answer="unknown.basic.test. 300 TYPE65281 \\# 0")
case("known-type-in-generic-form", "RFC 3597 5", "generic.basic.test A",
     answer="generic.basic.test. 300 A 192.0.2.99")
case("unknown-type-nodata", "RFC 8906 3.1.2", "www.basic.test TYPE65280", authority=SOA)
case("unknown-type-nxdomain", "RFC 8906 3.1.2", "missing.basic.test TYPE1000",
     rcode="NXDOMAIN", authority=SOA)
case("unknown-type-with-edns", "RFC 8906 8.1.2", "basic.test TYPE1000",
     send={"edns": Edns()}, authority=SOA)

# Negative answers.
case("nodata", "RFC 2308 2.2", "www.basic.test AAAA", authority=SOA)
case("nodata-apex", "RFC 2308 2.2", "basic.test AAAA", authority=SOA)
case("nodata-cname-type", "RFC 2308 2.2", "www.basic.test CNAME", authority=SOA)
case("nodata-ns-type", "RFC 2308 2.2", "www.basic.test NS", authority=SOA)
case("nodata-soa-type", "RFC 2308 3", "www.basic.test SOA", authority=SOA)
case("nodata-ds-at-plain-name", "RFC 4035 3.1.4.1", "www.basic.test DS", authority=SOA)
case("nxdomain", "RFC 2308 2.1", "missing.basic.test A", rcode="NXDOMAIN", authority=SOA)
case("nxdomain-deep", "RFC 2308 2.1", "x.y.z.missing.basic.test A", rcode="NXDOMAIN", authority=SOA)
case("nxdomain-below-data", "RFC 8020 2", "below.www.basic.test A", rcode="NXDOMAIN", authority=SOA)
case("nxdomain-any-type", "RFC 8020 2", "missing.basic.test TXT", rcode="NXDOMAIN", authority=SOA)
case("negative-ttl-minimum", "RFC 2308 5", "missing.neg-minimum.test A", rcode="NXDOMAIN",
     authority="neg-minimum.test. 45 SOA ns1.basic.test. hostmaster.neg-minimum.test."
               " 1 7200 900 1209600 45")
case("negative-ttl-of-soa", "RFC 2308 5", "missing.neg-ttl.test A", rcode="NXDOMAIN",
     authority="neg-ttl.test. 30 SOA ns1.basic.test. hostmaster.neg-ttl.test."
               " 1 7200 900 1209600 900")
case("nodata-ttl-minimum", "RFC 2308 5", "www.neg-minimum.test AAAA",
     authority="neg-minimum.test. 45 SOA ns1.basic.test. hostmaster.neg-minimum.test."
               " 1 7200 900 1209600 45")
case("soa-asked-for-keeps-its-ttl", "RFC 2308 5", "neg-minimum.test SOA",
     answer="neg-minimum.test. 3600 SOA ns1.basic.test. hostmaster.neg-minimum.test."
            " 1 7200 900 1209600 45")
case("negative-with-edns", "RFC 2308 2.1", "missing.basic.test A", rcode="NXDOMAIN",
     send={"edns": Edns()}, authority=SOA)

# Empty non-terminals exist.
case("ent", "RFC 8020 2, RFC 4592 2.2.2", "ent.basic.test A", authority=SOA)
case("ent-inner", "RFC 8020 2, RFC 4592 2.2.2", "b.c.ent.basic.test TXT", authority=SOA)
case("ent-owner-below", "RFC 1034 4.3.2 (3a)", "a.b.c.ent.basic.test A",
     answer="a.b.c.ent.basic.test. 300 A 192.0.2.77")
case("ent-sibling-missing", "RFC 8020 2", "z.c.ent.basic.test A", rcode="NXDOMAIN", authority=SOA)
case("ent-service-label", "RFC 8020 2", "_tcp.basic.test SRV", authority=SOA)
case("ent-deep", "RFC 8020 2", "m.n.o.p.q.r.s.t.u.v.w.x.y.z.basic.test A", authority=SOA)
case("ent-any", "RFC 8020 2", "ent.basic.test ANY", authority=SOA)

# Names.
case("name-case-of-query-echoed", "RFC 1034 3.1, RFC 4343 4.1", "wWw.BaSiC.tEsT A",
     answer="www.basic.test. 300 A 192.0.2.1")
case("name-case-of-zone-ignored", "RFC 4343 3", "mixedcase.basic.test A",
     answer="mixedcase.basic.test. 300 A 192.0.2.44")
case("name-case-negative", "RFC 4343 4.1", "MiSsInG.BASIC.test A", rcode="NXDOMAIN", authority=SOA)
case("name-nul-byte", "RFC 2181 11", "nul\\000byte.basic.test A",
     answer="nul\\000byte.basic.test. 300 A 192.0.2.100")
case("name-dot-in-label", "RFC 1035 5.1", "dot\\.in\\.label.basic.test A",
     answer="dot\\.in\\.label.basic.test. 300 A 192.0.2.101")
case("name-dot-in-label-is-one-label", "RFC 1035 5.1", "dot.in.label.basic.test A",
     rcode="NXDOMAIN", authority=SOA)
case("name-space", "RFC 2181 11", "space\\032in.basic.test A",
     answer="space\\032in.basic.test. 300 A 192.0.2.102")
case("name-high-byte", "RFC 2181 11", "high\\255byte.basic.test A",
     answer="high\\255byte.basic.test. 300 A 192.0.2.103")
case("name-case-folds-ascii-only", "RFC 4343 3", "high\\223byte.basic.test A",
     rcode="NXDOMAIN", authority=SOA)
case("name-label-63", "RFC 1035 2.3.4", f"{L63}.basic.test A",
     answer=f"{L63}.basic.test. 300 A 192.0.2.63")
case("name-255", "RFC 1035 2.3.4", f"{LONGEST} A", answer=f"{LONGEST} 300 A 192.0.2.255")
case("name-255-missing", "RFC 1035 2.3.4", f"z{LONGEST[1:]} A", rcode="NXDOMAIN", authority=SOA)
case("name-127-labels", "RFC 1035 2.3.4", "a." * 121 + "basic.test A", rcode="NXDOMAIN",
     authority=SOA)
case("name-26-labels", "RFC 1034 3.1",
     "a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.basic.test A",
     answer="a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r.s.t.u.v.w.x.y.z.basic.test. 300 A 192.0.2.126")
case("name-suffix-is-not-the-zone", "RFC 1034 3.1", "xbasic.test A", rcode="REFUSED")

# Zone text.
case("text-default-ttl", "RFC 2308 4", "after.basic.test A",
     answer="after.basic.test. 300 A 192.0.2.92")
case("text-explicit-ttl", "RFC 1035 5.1", "www.basic.test TXT",
     answer='www.basic.test. 60 TXT "short lived"')
case("text-origin-relative", "RFC 1035 5.1", "relative.sub.basic.test A",
     answer="relative.sub.basic.test. 300 A 192.0.2.90")
case("text-origin-restored", "RFC 1035 5.1", "chaos.basic.test A",
     answer="chaos.basic.test. 300 A 192.0.2.5")
case("text-owner-inherited", "RFC 1035 5.1", "ns1.basic.test AAAA",
     answer="ns1.basic.test. 300 AAAA 2001:db8::53")
case("text-include", "RFC 1035 5.1", "included.basic.test A",
     answer="included.basic.test. 300 A 192.0.2.91")

# What we do not serve, and other classes.
case("refused-other-zone", "RFC 8906 3.1.5", "www.example.net A", rcode="REFUSED")
case("refused-parent", "RFC 1034 4.3.2 (2)", "test A", rcode="REFUSED")
case("refused-root", "RFC 1034 4.3.2 (2)", ". NS", rcode="REFUSED")
case("refused-with-edns", "RFC 6891 7", "www.example.net A", rcode="REFUSED",
     send={"edns": Edns()})
case("refused-keeps-case", "RFC 1034 3.1", "wWw.ExAmPlE.nEt A", rcode="REFUSED")
case("class-ch-zone-name", "RFC 1034 4.3.2 (2)", "www.basic.test A CH", rcode="REFUSED")
case("class-hs", "RFC 1034 4.3.2 (2)", "www.basic.test A HS", rcode="REFUSED", echo=False)
case("class-none", "RFC 6895 3.2", rcode=("REFUSED", "FORMERR", "NOTIMP"), echo=False,
     raw=b"\x77\x01\0\0\0\1\0\0\0\0\0\0" + question("www.basic.test")[:-2] + b"\0\xfe")
case("class-unknown", "RFC 6895 3.2", rcode=("REFUSED", "NOTIMP"), echo=False,
     raw=b"\x77\x02\0\0\0\1\0\0\0\0\0\0" + question("www.basic.test")[:-2] + b"\x12\x34")
case("class-zero", "RFC 6895 3.2", rcode=("REFUSED", "FORMERR", "NOTIMP"), echo=False,
     raw=b"\x77\x03\0\0\0\1\0\0\0\0\0\0" + question("www.basic.test")[:-2] + b"\0\0")
case("class-any", "RFC 1035 3.2.5, RFC 8906 4", "www.basic.test A ANY",
     rcode=("REFUSED", "NOTIMP", "FORMERR"),
     differs={"knot": "answers class ANY as IN", "nsd": "answers class ANY as IN, without AA"})
CHAOS = {
    "knot": "answers CHAOS with its version and host name unless told not to",
    "named": "keeps a CHAOS zone of its own and answers NODATA from it",
}
case("chaos-version-bind", "RFC 8906 3.1.5", "version.bind TXT CH", rcode="REFUSED", differs=CHAOS)
case("chaos-version-server", "RFC 8906 3.1.5", "version.server TXT CH", rcode="REFUSED",
     differs={"knot": CHAOS["knot"]})
case("chaos-id-server", "RFC 4892 3", "id.server TXT CH", rcode="REFUSED", differs=CHAOS)
case("chaos-hostname-bind", "RFC 4892 3", "hostname.bind TXT CH", rcode="REFUSED", differs=CHAOS)

assert len(name_wire(LONGEST)) == 255
