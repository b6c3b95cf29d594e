# SPDX-License-Identifier: GPL-3.0-or-later
"""One record of every type that libzscanner reads, with the bytes it must become.

The bytes are dnspython's own reading of the same text; where dnspython does not know the type they
stand here, written out from the RFC that defines it.
"""

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

ORIGIN = "types.test."

# (type, section that defines it, rdata as text, rdata as hex where dnspython cannot read the text)
TYPES = [
    ("A", "RFC 1035 3.4.1", "192.0.2.1", None),
    ("NS", "RFC 1035 3.3.11", "ns1.basic.test.", None),
    ("CNAME", "RFC 1035 3.3.1", "www.example.net.", None),
    ("PTR", "RFC 1035 3.3.12", "www.example.net.", None),
    ("HINFO", "RFC 1035 3.3.2", '"PDP-11/70" "UNIX"', None),
    ("MINFO", "RFC 1035 3.3.7", "r.example.net. e.example.org.",
     "0172076578616d706c65036e657400" "0165076578616d706c65036f726700"),
    ("MX", "RFC 1035 3.3.9", "10 mail.example.net.", None),
    ("TXT", "RFC 1035 3.3.14", '"a \\"quoted\\" text" "" "\\000\\255"', None),
    ("RP", "RFC 1183 2.2", "mbox.example.net. txt.example.net.", None),
    ("AFSDB", "RFC 1183 1", "1 afs.example.net.", None),
    ("RT", "RFC 1183 3.3", "10 relay.example.net.", None),
    ("KEY", "RFC 2535 3.1", "256 3 8 AQIDBA==", "01000308" "01020304"),
    ("AAAA", "RFC 3596 2.1", "2001:db8::ff00:42:8329", None),
    ("LOC", "RFC 1876 2", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m", None),
    ("SRV", "RFC 2782", "0 5 5060 sip.example.net.", None),
    ("NAPTR", "RFC 3403 4.1", '100 50 "s" "http+I2L+I2C+I2R" "" _http._tcp.example.net.', None),
    ("KX", "RFC 2230 3.1", "10 kx.example.net.", None),
    ("CERT", "RFC 4398 2", "PKIX 12345 RSASHA256 AQIDBAUGBwg=", None),
    ("DNAME", "RFC 6672 2.1", "target.example.net.", None),
    ("APL", "RFC 3123 4", "1:192.168.32.0/21 !1:192.168.38.0/28 2:ff00:0:0:0:0:0:0:0/8", None),
    ("DS", "RFC 4034 5", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", None),
    ("SSHFP", "RFC 4255 3", "2 1 123456789abcdef67890123456789abcdef67890", None),
    ("IPSECKEY", "RFC 4025 2",
     "10 1 2 192.0.2.38 AQNRU3mG7TVTO2BkR47usntb102uFJtugbo6BSGvgqt4AQ==", None),
    ("RRSIG", "RFC 4034 3",
     "A 8 3 300 20300101000000 20200101000000 12345 types.test. AQIDBAUGBwg=", None),
    ("NSEC", "RFC 4034 4", "host.types.test. A MX RRSIG NSEC TYPE1234", None),
    ("DNSKEY", "RFC 4034 2", "256 3 8 AwEAAcWIp2hvyGVwHPRJc3RsZXN0a2V5", None),
    ("DHCID", "RFC 4701 3", "AAIBY2/AuCccgoJbsaxcQc9TUapptP69lOjxfNuVAA2kjEA=", None),
    ("NSEC3", "RFC 5155 3", "1 1 12 aabbccdd 2t7b4g4vsa5smi47k61mv5bv1a22bojr MX DNSKEY NS", None),
    ("NSEC3PARAM", "RFC 5155 4", "1 0 12 aabbccdd", None),
    ("TLSA", "RFC 6698 2", "3 1 1 " + "0123456789abcdef" * 4, None),
    ("SMIMEA", "RFC 8162 2", "3 1 1 " + "fedcba9876543210" * 4, None),
    ("CDS", "RFC 7344 3.1", "60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118", None),
    ("CDNSKEY", "RFC 7344 3.2", "257 3 8 AwEAAcWIp2hvyGVwHPRJc3RsZXN0a2V5", None),
    ("OPENPGPKEY", "RFC 7929 2", "AQIDBAUGBwgJCgsMDQ4PEA==", None),
    ("CSYNC", "RFC 7477 2", "66 3 A NS AAAA", None),
    ("ZONEMD", "RFC 8976 2", "2018031500 1 1 " + "0a1b2c3d4e5f" * 8, None),
    ("SVCB", "RFC 9460 2", '16 svc.example.net. alpn="h2,h3" port=8443 ipv4hint=192.0.2.1', None),
    ("HTTPS", "RFC 9460 9", "1 . alpn=h3 ipv6hint=2001:db8::1", None),
    ("SPF", "RFC 7208 3.1", '"v=spf1 -all"', None),
    ("NID", "RFC 6742 2.1", "10 0014:4fff:ff20:ee64", None),
    ("L32", "RFC 6742 2.2", "10 10.1.2.0", None),
    ("L64", "RFC 6742 2.3", "10 2001:0DB8:1140:1000", None),
    ("LP", "RFC 6742 2.4", "10 l64-subnet1.example.net.", None),
    ("EUI48", "RFC 7043 3", "00-00-5e-00-53-2a", None),
    ("EUI64", "RFC 7043 4", "00-00-5e-ef-10-00-00-2a", None),
    ("URI", "RFC 7553 4", '10 1 "ftp://ftp1.example.net/public"', None),
    ("CAA", "RFC 8659 4.1", '0 issue "ca.example.net; account=230123"', None),
    ("TYPE65280", "RFC 3597 5", "\\# 5 0102030405", "0102030405"),
    ("TYPE10", "RFC 3597 5", "\\# 3 0a0b0c", "0a0b0c"),
    ("TYPE62000", "RFC 3597 5", "\\# 0", ""),
]


def owner(rdtype):
    """NSEC3 belongs at a hashed name; every other type stands at a name that says what it is."""
    if rdtype == "NSEC3":
        return "0p9mhaveqvm6t7vbl5lop2u3t2rp3tom." + ORIGIN
    return f"t-{rdtype.lower()}.{ORIGIN}"


def expected_rdata(rdtype, text, wire_hex):
    """The rdata of this text, from the table or from dnspython, uncompressed."""
    if wire_hex is not None:
        return bytes.fromhex(wire_hex)
    return dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), text,
                               relativize=False).to_wire()


def digestable(rdtype, text, wire_hex):
    """The same with the names in it in lower case, as far as dnspython knows the type."""
    wire = expected_rdata(rdtype, text, wire_hex)
    number = dns.rdatatype.RdataType.make(rdtype)
    return dns.rdata.from_wire(dns.rdataclass.IN, number, wire, 0, len(wire)).to_digestable()


def zone_text():
    lines = [
        f"$ORIGIN {ORIGIN}",
        "$TTL 300",
        "@ 3600 IN SOA ns1.basic.test. hostmaster 1 7200 900 1209600 60",
        "@ 3600 NS ns1.basic.test.",
    ]
    lines += [f"{owner(rdtype)} {rdtype} {text}" for rdtype, _, text, _ in TYPES]
    return "\n".join(lines) + "\n"
