# SPDX-License-Identifier: GPL-3.0-or-later
"""RFC 4592: the table of its section 2.2.1, and stars in odd places."""

from rules.case import case

SOA = "wild.test. 60 SOA ns1.basic.test. hostmaster.wild.test. 1 7200 900 1209600 60"

# The list of RFC 4592 section 2.2.1, in its order.
case("wild-mx-synthesized", "RFC 4592 2.2.1", "host3.wild.test MX",
     answer="host3.wild.test. 3600 MX 10 host1.wild.test.")
case("wild-nodata-synthesized", "RFC 4592 2.2.1", "host3.wild.test A", authority=SOA)
case("wild-closest-encloser-is-far", "RFC 4592 2.2.1", "foo.bar.wild.test TXT",
     answer='foo.bar.wild.test. 3600 TXT "this is a wildcard"')
case("wild-exact-name-wins", "RFC 4592 2.2.1", "host1.wild.test MX", authority=SOA)
case("wild-star-sub-exists", "RFC 4592 2.2.1", "sub.*.wild.test MX", authority=SOA)
case("wild-ent-blocks", "RFC 4592 2.2.1", "_telnet._tcp.host1.wild.test SRV",
     rcode="NXDOMAIN", authority=SOA)
case("wild-delegation-wins", "RFC 4592 2.2.1", "host.subdel.wild.test A", aa=False, authority="""
     subdel.wild.test. 3600 NS ns.example.com.
     subdel.wild.test. 3600 NS ns.example.net.""")
case("wild-star-in-query-encloses", "RFC 4592 2.2.1", "ghost.*.wild.test MX",
     rcode="NXDOMAIN", authority=SOA)

case("wild-star-asked-literally", "RFC 4592 2.3", "*.wild.test TXT",
     answer='*.wild.test. 3600 TXT "this is a wildcard"')
case("wild-star-literal-nodata", "RFC 4592 2.3", "*.wild.test A", authority=SOA)
case("wild-sub-star-literal", "RFC 4592 2.1.1", "sub.*.wild.test TXT",
     answer='sub.*.wild.test. 3600 TXT "this is not a wildcard"')
case("wild-below-sub-star", "RFC 4592 2.1.1", "x.sub.*.wild.test TXT", rcode="NXDOMAIN",
     authority=SOA)
case("wild-ent-itself", "RFC 4592 2.2.2", "_tcp.host1.wild.test SRV", authority=SOA)
case("wild-ent-without-parent", "RFC 4592 2.2.2", "host2.wild.test MX", authority=SOA)
case("wild-owner-is-the-query-name", "RFC 4592 3.3.3", "QuErY.wild.test MX",
     answer="query.wild.test. 3600 MX 10 host1.wild.test.")
case("wild-not-for-the-apex", "RFC 4592 2.2.1", "wild.test TXT", authority=SOA)
case("wild-does-not-reach-below-a-name", "RFC 4592 3.3.1", "x.odd.wild.test TXT",
     rcode="NXDOMAIN", authority=SOA)
case("wild-any", "RFC 4592 4.7, RFC 8482 4", "foo.aliasout.odd.wild.test ANY",
     answer="foo.aliasout.odd.wild.test. 3600 CNAME www.example.net.")

# Stars in odd places.
case("wild-two-sets", "RFC 4592 3.3.3", "n.mid.odd.wild.test A", answer="""
     n.mid.odd.wild.test. 3600 A 192.0.2.12
     n.mid.odd.wild.test. 3600 A 192.0.2.13""")
case("wild-several-labels", "RFC 4592 3.3.1", "x.y.z.mid.odd.wild.test A", answer="""
     x.y.z.mid.odd.wild.test. 3600 A 192.0.2.12
     x.y.z.mid.odd.wild.test. 3600 A 192.0.2.13""")
case("wild-beside-exact", "RFC 4592 3.3.1", "exact.mid.odd.wild.test A",
     answer="exact.mid.odd.wild.test. 3600 A 192.0.2.14")
case("wild-below-exact", "RFC 4592 3.3.1", "x.exact.mid.odd.wild.test A", rcode="NXDOMAIN",
     authority=SOA)
case("wild-ent-below-star-owner", "RFC 4592 2.2.2", "b.mid.odd.wild.test A", authority=SOA)
case("wild-ent-blocks-below", "RFC 4592 3.3.1", "x.b.mid.odd.wild.test A", rcode="NXDOMAIN",
     authority=SOA)
case("wild-empty-star-is-nodata", "RFC 4592 2.2.2, 3.3.3", "foo.starent.odd.wild.test A",
     authority=SOA)
case("wild-empty-star-deeper", "RFC 4592 2.2.2, 3.3.3", "x.foo.starent.odd.wild.test A",
     authority=SOA)
case("wild-empty-star-literal", "RFC 4592 2.2.2", "*.starent.odd.wild.test A", authority=SOA)
case("wild-below-empty-star", "RFC 4592 3.3.1", "y.*.starent.odd.wild.test A", rcode="NXDOMAIN",
     authority=SOA)
case("wild-below-empty-star-exact", "RFC 4592 2.1.1", "x.*.starent.odd.wild.test A",
     answer="x.*.starent.odd.wild.test. 3600 A 192.0.2.16")
case("wild-double-star-source", "RFC 4592 2.1.1", "foo.*.double.odd.wild.test A",
     answer="foo.*.double.odd.wild.test. 3600 A 192.0.2.17")
case("wild-double-star-does-not-match-two", "RFC 4592 2.1.1", "a.b.double.odd.wild.test A",
     authority=SOA)
case("wild-star-inside-label", "RFC 4592 2.1.1", "xlabel.notwild.odd.wild.test A",
     rcode="NXDOMAIN", authority=SOA)
case("wild-star-inside-label-literal", "RFC 4592 2.1.1", "*label.notwild.odd.wild.test A",
     answer="*label.notwild.odd.wild.test. 3600 A 192.0.2.18")
case("wild-star-at-label-end", "RFC 4592 2.1.1", "mailx.notwild.odd.wild.test A",
     rcode="NXDOMAIN", authority=SOA)
case("wild-other-type", "RFC 4592 3.3.3", "x.nodata.odd.wild.test A", authority=SOA)
case("wild-unknown-type", "RFC 3597 4", "x.unknown.odd.wild.test TYPE65280",
     answer="x.unknown.odd.wild.test. 3600 TYPE65280 \\# 2 abcd")

# CNAME at a wildcard.
case("wild-cname-followed", "RFC 4592 4.3 (RFC 1034 3a)", "x.alias.odd.wild.test A", answer="""
     x.alias.odd.wild.test. 3600 CNAME target.odd.wild.test.
     target.odd.wild.test. 3600 A 192.0.2.11""")
case("wild-cname-asked-for", "RFC 1034 3.6.2", "x.alias.odd.wild.test CNAME",
     answer="x.alias.odd.wild.test. 3600 CNAME target.odd.wild.test.")
case("wild-cname-out", "RFC 1034 3.6.2", "x.aliasout.odd.wild.test A",
     answer="x.aliasout.odd.wild.test. 3600 CNAME www.example.net.")
case("wild-cname-to-nxdomain", "RFC 6604 3", "x.aliasnx.odd.wild.test A", rcode="NXDOMAIN",
     answer="x.aliasnx.odd.wild.test. 3600 CNAME missing.odd.wild.test.", authority=SOA)
case("wild-cname-loop", "RFC 1034 3.6.2 (each link once)", "y.selfalias.odd.wild.test A", answer="""
     y.selfalias.odd.wild.test. 3600 CNAME x.selfalias.odd.wild.test.
     x.selfalias.odd.wild.test. 3600 CNAME x.selfalias.odd.wild.test.""",
     differs={"named": "SERVFAIL for a loop"})
case("wild-cname-self", "RFC 1034 3.6.2 (each link once)", "x.selfalias.odd.wild.test A",
     answer="x.selfalias.odd.wild.test. 3600 CNAME x.selfalias.odd.wild.test.",
     differs={"named": "SERVFAIL for a loop", "knot": "repeats the synthesized link",
              "nsd": "repeats the synthesized link"})
