# SPDX-License-Identifier: GPL-3.0-or-later
"""Delegations: referrals, glue (RFC 9471), DS at the parent, children that are served here too."""

from wire import Edns

from rules.case import case

SOA = "deleg.test. 60 SOA ns1.basic.test. hostmaster.deleg.test. 1 7200 900 1209600 60"
SERVED = "served.deleg.test. 40 SOA ns.served.deleg.test. hostmaster.served.deleg.test." \
         " 9 7200 900 1209600 40"
ORPHAN = "child.orphan.test. 42 SOA ns.child.orphan.test. hostmaster.child.orphan.test." \
         " 9 7200 900 1209600 42"
IN_NS = """
     in.deleg.test. 300 NS ns1.in.deleg.test.
     in.deleg.test. 300 NS ns2.in.deleg.test."""
IN_GLUE = """
     ns1.in.deleg.test. 300 A 192.0.2.1
     ns1.in.deleg.test. 300 AAAA 2001:db8::1
     ns2.in.deleg.test. 300 A 192.0.2.2"""
MANY_NS = "\n".join(f"many.deleg.test. 300 NS ns{n}.many.deleg.test." for n in range(1, 21))
MANY_GLUE = "\n".join(
    f"ns{n}.many.deleg.test. 300 A 192.0.2.{n}\nns{n}.many.deleg.test. 300 AAAA 2001:db8::{n}"
    for n in range(1, 21)
)

case("referral-below", "RFC 1034 4.3.2 (3b)", "www.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-at-the-cut", "RFC 1034 4.3.2 (3b)", "in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-ns-at-the-cut", "RFC 1034 4.3.2 (3b)", "in.deleg.test NS",
     authority=IN_NS, additional=IN_GLUE)
case("referral-any-at-the-cut", "RFC 1034 4.3.2 (3b)", "in.deleg.test ANY",
     authority=IN_NS, additional=IN_GLUE)
case("referral-soa-at-the-cut", "RFC 1034 4.3.2 (3b)", "in.deleg.test SOA",
     authority=IN_NS, additional=IN_GLUE)
case("referral-for-glue-name", "RFC 1034 4.2.1 (glue is not authoritative)", "ns1.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-occluded-data", "RFC 1034 4.2.1", "deep.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-occluded-cname", "RFC 1034 4.2.1", "occluded.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-occluded-wildcard", "RFC 4592 4.2, RFC 1034 4.3.2 (3b)", "x.y.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-occluded-star-literal", "RFC 1034 4.3.2 (3b)", "*.in.deleg.test A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-mixed-case", "RFC 4343 3", "WwW.In.DeLeG.tEsT A",
     authority=IN_NS, additional=IN_GLUE)
case("referral-with-edns", "RFC 6891 7", "www.in.deleg.test A", send={"edns": Edns()},
     authority=IN_NS, additional=IN_GLUE)
case("referral-ds-below-the-cut", "RFC 4035 3.1.4.1", "www.in.deleg.test DS",
     authority=IN_NS, additional=IN_GLUE)
case("referral-unknown-type", "RFC 3597 3", "www.in.deleg.test TYPE65280",
     authority=IN_NS, additional=IN_GLUE)
case("referral-servers-outside", "RFC 1034 4.3.2 (3b)", "www.out.deleg.test A", authority="""
     out.deleg.test. 300 NS ns1.example.net.
     out.deleg.test. 300 NS ns2.example.net.""")
case("referral-sibling-glue", "RFC 9471 3.2", "www.sibling.deleg.test A", authority="""
     sibling.deleg.test. 300 NS ns1.in.deleg.test.
     sibling.deleg.test. 300 NS ns.other.deleg.test.""", sibling="""
     ns1.in.deleg.test. 300 A 192.0.2.1
     ns1.in.deleg.test. 300 AAAA 2001:db8::1
     ns.other.deleg.test. 300 A 192.0.2.3""")
case("referral-server-is-the-cut", "RFC 9471 3.1", "www.selfns.deleg.test A",
     authority="selfns.deleg.test. 300 NS selfns.deleg.test.",
     additional="selfns.deleg.test. 300 A 192.0.2.5")
case("referral-server-in-the-parent", "RFC 1034 4.3.2 (3b)", "www.auth.deleg.test A",
     authority="auth.deleg.test. 300 NS host.deleg.test.")
case("referral-glue-missing", "RFC 9471 2.1", "www.noglue.deleg.test A",
     authority="noglue.deleg.test. 300 NS ns.noglue.deleg.test.")
case("referral-below-ent", "RFC 1034 4.3.2 (3b)", "x.a.b.ent.deleg.test A",
     authority="a.b.ent.deleg.test. 300 NS ns.example.net.")
case("ent-above-a-cut", "RFC 4592 2.2.2", "b.ent.deleg.test A", authority=SOA)
case("cut-beside-wildcard", "RFC 4592 3.3.1", "www.cut.wild.deleg.test A",
     authority="cut.wild.deleg.test. 300 NS ns.cut.wild.deleg.test.",
     additional="ns.cut.wild.deleg.test. 300 A 192.0.2.11")
case("wildcard-beside-cut", "RFC 4592 3.3.1", "x.wild.deleg.test A",
     answer="x.wild.deleg.test. 300 A 192.0.2.10")


def all_or_truncated(reply, wire_bytes):
    """RFC 9471 3.1: all glue of in-domain servers, or TC."""
    held = sum(len(rrset) for rrset in reply.additional)
    if reply.flags & 0x0200 or held == 40:
        return []
    return [f"{held} of 40 addresses and TC is clear ({len(wire_bytes)} bytes)"]


def ns_of(reply, name):
    return sum(rrset.rdtype == 2 and rrset.name.to_text() == name for rrset in reply.authority)


case("glue-too-large-for-512", "RFC 9471 3.1", "www.many.deleg.test A", via=("udp",), tc=None,
     aa=False, authority=None, largest=512, check=all_or_truncated,
     differs={"nsd": "leaves glue out without TC", "named": "leaves glue out without TC"})
case("glue-too-large-for-1232", "RFC 9471 3.1", "www.many.deleg.test A", via=("udp",), tc=None,
     aa=False, authority=None, largest=1232, send={"edns": Edns(size=1232)}, check=all_or_truncated,
     differs={"nsd": "leaves glue out without TC", "named": "leaves glue out without TC"})
case("glue-all-over-tcp", "RFC 9471 3.1", "www.many.deleg.test A", via=("tcp",),
     authority=MANY_NS, additional=MANY_GLUE)
case("sibling-glue-may-be-left-out", "RFC 9471 3.2", "www.manysib.deleg.test A", via=("udp",),
     tc=None, aa=False, authority=None, largest=512,
     check=lambda reply, _: [] if ns_of(reply, "manysib.deleg.test.") == 13
     or reply.flags & 0x0200 else ["neither all 13 NS records nor TC"])

# DS lives at the parent.
DS = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
case("ds-at-the-parent", "RFC 4035 3.1.4.1", "signed.deleg.test DS",
     answer=f"signed.deleg.test. 300 DS 12345 8 2 {DS}")
case("ds-missing-at-the-parent", "RFC 4035 3.1.4.1", "in.deleg.test DS", authority=SOA)
case("ds-of-a-served-child", "RFC 4035 3.1.4.1", "served.deleg.test DS",
     answer="served.deleg.test. 300 DS 54321 8 2"
            " fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210")
case("ds-missing-of-a-served-child", "RFC 4035 3.1.4.1", "nods.deleg.test DS", authority=SOA)
case("ds-parent-not-served", "RFC 4035 3.1.4.1", "child.orphan.test DS", authority=ORPHAN)
case("ds-mixed-case", "RFC 4343 3", "SERVED.deleg.test DS",
     answer="served.deleg.test. 300 DS 54321 8 2"
            " fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210")
case("referral-signed-child", "RFC 1034 4.3.2 (3b)", "www.signed.deleg.test A",
     authority="signed.deleg.test. 300 NS ns.signed.deleg.test.",
     additional="ns.signed.deleg.test. 300 A 192.0.2.6")

# A child that we serve: its own data, never the parent's.
case("served-child-data", "RFC 1034 4.3.2 (2)", "www.served.deleg.test A",
     answer="www.served.deleg.test. 200 A 192.0.2.71")
case("served-child-apex-ns", "RFC 2181 6.1", "served.deleg.test NS",
     answer="served.deleg.test. 1800 NS ns.served.deleg.test.")
case("served-child-apex-soa", "RFC 2181 6.1", "served.deleg.test SOA",
     answer=SERVED.replace(" 40 SOA", " 1800 SOA"))
case("served-child-beats-glue", "RFC 2181 6.1", "ns.served.deleg.test A",
     answer="ns.served.deleg.test. 200 A 192.0.2.70")
case("served-child-nxdomain", "RFC 2308 2.1", "missing.served.deleg.test A", rcode="NXDOMAIN",
     authority=SERVED)
case("served-child-apex-nodata", "RFC 2308 2.2", "served.deleg.test A", authority=SERVED)
case("served-child-ds-below-apex", "RFC 4035 3.1.4.1", "www.served.deleg.test DS", authority=SERVED)
