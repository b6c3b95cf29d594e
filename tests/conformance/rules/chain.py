# SPDX-License-Identifier: GPL-3.0-or-later
"""CNAME and DNAME: chains in order, across our zones, out of them, in circles; whose rcode."""

from wire import Edns

from rules.case import case

CHAIN = "chain.test. 60 SOA ns1.basic.test. hostmaster.chain.test. 1 7200 900 1209600 60"
OTHER = "other.test. 40 SOA ns2.other.test. hostmaster.other.test. 7 7200 900 1209600 40"
DNAME = "dname.test. 60 SOA ns1.basic.test. hostmaster.dname.test. 1 7200 900 1209600 60"
APEX = "apexdname.test. 60 SOA ns1.basic.test. hostmaster.apexdname.test. 1 7200 900 1209600 60"

IN_ZONE = {
    "knot": "follows a chain only inside the zone where it began",
    "named": "follows a chain only inside the zone where it began",
}
SHORT = {"knot": "stops after five links"}
LOOP = {"named": "SERVFAIL for a loop"}
L63 = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijk"


def links(first, last):
    """The CNAMEs long<first> → … of the zone, the last one pointing at long<last + 1>."""
    return "\n".join(f"long{n:02d}.chain.test. 300 CNAME long{n + 1:02d}.chain.test."
                     for n in range(first, last + 1))


case("cname-followed", "RFC 1034 4.3.2 (3a)", "one.chain.test A", answer="""
     one.chain.test. 300 CNAME end.chain.test.
     end.chain.test. 300 A 192.0.2.1""")
case("cname-chain-in-order", "RFC 1034 4.3.2 (3a)", "three.chain.test AAAA", answer="""
     three.chain.test. 300 CNAME two.chain.test.
     two.chain.test. 60 CNAME one.chain.test.
     one.chain.test. 300 CNAME end.chain.test.
     end.chain.test. 300 AAAA 2001:db8::1""")
case("cname-asked-for", "RFC 1034 3.6.2", "one.chain.test CNAME",
     answer="one.chain.test. 300 CNAME end.chain.test.")
case("cname-any", "RFC 1034 3.6.2", "one.chain.test ANY",
     answer="one.chain.test. 300 CNAME end.chain.test.")
case("cname-eight-links", "RFC 1034 3.6.2", "c01.chain.test A", differs=SHORT, answer="\n".join(
     f"c{n:02d}.chain.test. 300 CNAME c{n + 1:02d}.chain.test." for n in range(1, 8)) + """
     c08.chain.test. 300 CNAME end.chain.test.
     end.chain.test. 300 A 192.0.2.1""")
case("cname-sixteen-links", "RFC 1034 3.6.2 (at most 16 links)", "long25.chain.test A",
     answer=links(25, 40) + "\nlong41.chain.test. 300 A 192.0.2.41",
     differs={**SHORT, "named": "SERVFAIL after thirteen links"})
case("cname-seventeenth-not-followed", "RFC 1034 3.6.2 (at most 16 links)", "long24.chain.test A",
     answer=links(24, 39),
     differs={**SHORT, "named": "SERVFAIL after thirteen links",
              "nsd": "follows more than 16 links"})
case("cname-to-nxdomain", "RFC 6604 3", "tonowhere.chain.test A", rcode="NXDOMAIN",
     answer="tonowhere.chain.test. 300 CNAME missing.chain.test.", authority=CHAIN)
case("cname-to-nodata", "RFC 2308 2.2", "tonodata.chain.test A",
     answer="tonodata.chain.test. 300 CNAME txtonly.chain.test.", authority=CHAIN)
case("cname-to-ent", "RFC 8020 2", "toent.chain.test A",
     answer="toent.chain.test. 300 CNAME ent.chain.test.", authority=CHAIN)
case("cname-out-of-our-zones", "RFC 1034 4.3.2 (3a)", "outside.chain.test A",
     answer="outside.chain.test. 300 CNAME www.example.net.")
case("cname-out-after-two", "RFC 1034 4.3.2 (3a)", "outside2.chain.test A", answer="""
     outside2.chain.test. 300 CNAME outside.chain.test.
     outside.chain.test. 300 CNAME www.example.net.""")
case("cname-self", "RFC 1034 3.6.2 (each link once)", "self.chain.test A", differs=LOOP,
     answer="self.chain.test. 300 CNAME self.chain.test.")
case("cname-loop", "RFC 1034 3.6.2 (each link once)", "loop1.chain.test A", differs=LOOP, answer="""
     loop1.chain.test. 300 CNAME loop2.chain.test.
     loop2.chain.test. 300 CNAME loop3.chain.test.
     loop3.chain.test. 300 CNAME loop1.chain.test.""")
case("cname-into-loop", "RFC 1034 3.6.2 (each link once)", "intoloop.chain.test A", differs=LOOP,
     answer="""
     intoloop.chain.test. 300 CNAME loop1.chain.test.
     loop1.chain.test. 300 CNAME loop2.chain.test.
     loop2.chain.test. 300 CNAME loop3.chain.test.
     loop3.chain.test. 300 CNAME loop1.chain.test.""")
case("cname-mixed-case-query", "RFC 4343 4.1", "ONE.Chain.Test A", answer="""
     one.chain.test. 300 CNAME end.chain.test.
     end.chain.test. 300 A 192.0.2.1""")
case("cname-unknown-type", "RFC 3597 3", "one.chain.test TYPE65280",
     answer="one.chain.test. 300 CNAME end.chain.test.", authority=CHAIN)

# Across zones that we serve.
case("cross-data", "RFC 1034 4.3.2 (2)", "across.chain.test A", differs=IN_ZONE, answer="""
     across.chain.test. 300 CNAME end.other.test.
     end.other.test. 200 A 192.0.2.200""")
case("cross-and-back", "RFC 1034 4.3.2 (2)", "across2.chain.test A", differs=IN_ZONE, answer="""
     across2.chain.test. 300 CNAME back.other.test.
     back.other.test. 200 CNAME end.chain.test.
     end.chain.test. 300 A 192.0.2.1""")
case("cross-nxdomain-soa-of-last-zone", "RFC 6604 3, RFC 2308 2.1", "crossnx.chain.test A",
     rcode="NXDOMAIN", differs=IN_ZONE,
     answer="crossnx.chain.test. 300 CNAME missing.other.test.", authority=OTHER)
case("cross-nodata-soa-of-last-zone", "RFC 2308 2.2", "crossnodata.chain.test A", differs=IN_ZONE,
     answer="crossnodata.chain.test. 300 CNAME txtonly.other.test.", authority=OTHER)
case("cross-loop", "RFC 1034 3.6.2 (each link once)", "crossloop.chain.test A", differs=IN_ZONE,
     answer="""
     crossloop.chain.test. 300 CNAME crossloop.other.test.
     crossloop.other.test. 200 CNAME crossloop.chain.test.""")
case("cross-to-wildcard", "RFC 4592 3.3.3", "crosswild.chain.test A", differs=IN_ZONE, answer="""
     crosswild.chain.test. 300 CNAME any.wild.other.test.
     any.wild.other.test. 200 A 192.0.2.201""")
case("cross-from-child-to-parent", "RFC 1034 4.3.2 (2)", "up.served.deleg.test A", differs=IN_ZONE,
     answer="""
     up.served.deleg.test. 200 CNAME host.deleg.test.
     host.deleg.test. 300 A 192.0.2.4""")
case("cross-reverse-alias", "RFC 2317 4", "5.2.0.192.in-addr.arpa PTR", answer="""
     5.2.0.192.in-addr.arpa. 300 CNAME 5.here.2.0.192.in-addr.arpa.
     5.here.2.0.192.in-addr.arpa. 300 PTR five.basic.test.""")

# Chains that end at a delegation: AA belongs to the first owner name.
case("cname-below-delegation", "RFC 1034 4.3.2 (3b), RFC 2181 10.1.1", "todeleg.chain.test A",
     aa=True, answer="todeleg.chain.test. 300 CNAME www.sub.chain.test.",
     authority="sub.chain.test. 300 NS ns.sub.chain.test.",
     additional="ns.sub.chain.test. 300 A 192.0.2.3")
case("cname-to-the-cut", "RFC 1034 4.3.2 (3b)", "todelegcut.chain.test A", aa=True,
     answer="todelegcut.chain.test. 300 CNAME sub.chain.test.",
     authority="sub.chain.test. 300 NS ns.sub.chain.test.",
     additional="ns.sub.chain.test. 300 A 192.0.2.3")
case("cname-to-the-cut-ds", "RFC 4035 3.1.4.1", "todelegcut.chain.test DS",
     answer="todelegcut.chain.test. 300 CNAME sub.chain.test.", authority=CHAIN)
case("cname-classless-reverse", "RFC 2317 4", "130.2.0.192.in-addr.arpa PTR", aa=True,
     answer="130.2.0.192.in-addr.arpa. 300 CNAME 130.128/26.2.0.192.in-addr.arpa.",
     authority="128/26.2.0.192.in-addr.arpa. 300 NS ns1.example.net.")

# DNAME.
case("dname-redirects", "RFC 6672 3.2", "www.old.dname.test A", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     www.old.dname.test. 120 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-deeper", "RFC 6672 2.2", "a.b.old.dname.test A", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     a.b.old.dname.test. 120 CNAME a.b.new.dname.test.
     a.b.new.dname.test. 300 A 192.0.2.3""")
case("dname-synthesized-ttl-zero", "RFC 6672 3.1", "www.zero.dname.test A", answer="""
     zero.dname.test. 0 DNAME new.dname.test.
     www.zero.dname.test. 0 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-owner-keeps-its-data", "RFC 6672 2.3", "old.dname.test A",
     answer="old.dname.test. 300 A 192.0.2.1")
case("dname-owner-other-data", "RFC 6672 2.3", "old.dname.test TXT",
     answer='old.dname.test. 300 TXT "data at the owner of a DNAME"')
case("dname-owner-nodata", "RFC 6672 2.2", "old.dname.test MX", authority=DNAME)
case("dname-asked-for", "RFC 6672 3.2", "old.dname.test DNAME",
     answer="old.dname.test. 120 DNAME new.dname.test.")
case("dname-cname-asked-for-below", "RFC 6672 3.2", "www.old.dname.test CNAME", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     www.old.dname.test. 120 CNAME www.new.dname.test.""")
case("dname-cname-asked-for-at-owner", "RFC 6672 2.3", "old.dname.test CNAME", authority=DNAME)
case("dname-type-asked-for-below", "RFC 6672 3.2", "www.old.dname.test DNAME",
     authority=DNAME, answer="""
     old.dname.test. 120 DNAME new.dname.test.
     www.old.dname.test. 120 CNAME www.new.dname.test.""")
case("dname-to-wildcard", "RFC 6672 3.2, RFC 4592 3.3.3", "any.old.dname.test TXT", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     any.old.dname.test. 120 CNAME any.new.dname.test.
     any.new.dname.test. 300 TXT "wildcard under the target\"""")
case("dname-then-cname", "RFC 6672 3.2", "alias.old.dname.test A", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     alias.old.dname.test. 120 CNAME alias.new.dname.test.
     alias.new.dname.test. 300 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("cname-then-dname", "RFC 6672 3.2", "viacname.dname.test A", answer="""
     viacname.dname.test. 300 CNAME www.old.dname.test.
     old.dname.test. 120 DNAME new.dname.test.
     www.old.dname.test. 120 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-two-in-a-row", "RFC 6672 3.2", "www.first.dname.test A", answer="""
     first.dname.test. 300 DNAME second.dname.test.
     www.first.dname.test. 300 CNAME www.second.dname.test.
     second.dname.test. 300 DNAME new.dname.test.
     www.second.dname.test. 300 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-to-nxdomain", "RFC 6604 3", "x.gone.dname.test A", rcode="NXDOMAIN", authority=DNAME,
     answer="""
     gone.dname.test. 300 DNAME nothing.dname.test.
     x.gone.dname.test. 300 CNAME x.nothing.dname.test.""")
case("dname-out-of-our-zones", "RFC 6672 3.2", "www.away.dname.test A", answer="""
     away.dname.test. 300 DNAME example.net.
     www.away.dname.test. 300 CNAME www.example.net.""")
case("dname-to-the-root", "RFC 6672 2.1", "x.toroot.dname.test A", answer="""
     toroot.dname.test. 300 DNAME .
     x.toroot.dname.test. 300 CNAME x.""")
case("dname-across-our-zones", "RFC 6672 3.2", "end.cross.dname.test A", differs=IN_ZONE, answer="""
     cross.dname.test. 300 DNAME other.test.
     end.cross.dname.test. 300 CNAME end.other.test.
     end.other.test. 200 A 192.0.2.200""")
case("dname-across-nxdomain", "RFC 6604 3", "none.cross.dname.test A", differs=IN_ZONE,
     rcode="NXDOMAIN", authority=OTHER, answer="""
     cross.dname.test. 300 DNAME other.test.
     none.cross.dname.test. 300 CNAME none.other.test.""")
case("dname-yxdomain", "RFC 6672 2.2, 3.2", f"{L63}.long.dname.test A", rcode="YXDOMAIN",
     answer=f"long.dname.test. 300 DNAME {L63}.{L63}.{L63}.long2.dname.test.",
     differs={"knot": "NXDOMAIN and an SOA instead of YXDOMAIN"})
case("dname-longest-that-fits", "RFC 6672 2.2", f"{L63[:44]}.long.dname.test A", rcode="NXDOMAIN",
     send={"edns": Edns()}, authority=DNAME, answer=f"""
     long.dname.test. 300 DNAME {L63}.{L63}.{L63}.long2.dname.test.
     {L63[:44]}.long.dname.test. 300 CNAME {L63[:44]}.{L63}.{L63}.{L63}.long2.dname.test.""")
case("dname-one-byte-too-long", "RFC 6672 2.2", f"{L63[:45]}.long.dname.test A", rcode="YXDOMAIN",
     answer=f"long.dname.test. 300 DNAME {L63}.{L63}.{L63}.long2.dname.test.",
     differs={"knot": "NXDOMAIN and an SOA instead of YXDOMAIN"})
case("dname-loop", "RFC 6672 3.2 (each link once)", "x.loopa.dname.test A", answer="""
     loopa.dname.test. 300 DNAME loopb.dname.test.
     x.loopa.dname.test. 300 CNAME x.loopb.dname.test.
     loopb.dname.test. 300 DNAME loopa.dname.test.
     x.loopb.dname.test. 300 CNAME x.loopa.dname.test.""",
     differs={**LOOP, "knot": "repeats the synthesized links until its limit"})
case("dname-case-of-query-kept", "RFC 6672 3.2, RFC 4343 4.1", "WWW.old.dname.test A", answer="""
     old.dname.test. 120 DNAME new.dname.test.
     www.old.dname.test. 120 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-apex-redirects", "RFC 6672 2.3", "www.apexdname.test A", differs=IN_ZONE, answer="""
     apexdname.test. 300 DNAME new.dname.test.
     www.apexdname.test. 300 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-apex-keeps-its-data", "RFC 6672 2.3", "apexdname.test MX",
     answer="apexdname.test. 300 MX 10 mail.basic.test.")
case("dname-apex-nodata", "RFC 6672 2.3", "apexdname.test A", authority=APEX)
case("dname-apex-itself", "RFC 6672 2.3", "apexdname.test DNAME",
     answer="apexdname.test. 300 DNAME new.dname.test.")
case("dname-chain-of-zones", "RFC 6672 3.2", "www.toapex.dname.test A", differs=IN_ZONE, answer="""
     toapex.dname.test. 300 DNAME apexdname.test.
     www.toapex.dname.test. 300 CNAME www.apexdname.test.
     apexdname.test. 300 DNAME new.dname.test.
     www.apexdname.test. 300 CNAME www.new.dname.test.
     www.new.dname.test. 300 A 192.0.2.2""")
case("dname-other-names-untouched", "RFC 6672 2.2", "oldx.dname.test A", rcode="NXDOMAIN",
     authority=DNAME)


def grows(reply, _):
    """A DNAME whose target lies below itself: bounded, whatever the bound is."""
    count = sum(rrset.rdtype == 5 for rrset in reply.answer)
    return [] if 1 <= count <= 16 else [f"{count} CNAMEs in the answer, expected 1 to 16"]


case("dname-growing-target-is-bounded", "RFC 6672 2.2", "x.grow.dname.test A", tc=None,
     rcode=("NOERROR", "YXDOMAIN"), answer=None, authority=None, check=grows,
     differs=LOOP)
