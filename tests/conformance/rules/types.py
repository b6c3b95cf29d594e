# SPDX-License-Identifier: GPL-3.0-or-later
"""Every record type that libzscanner reads: the text of the zone becomes these bytes."""

import rrtypes

from rules.case import case


def rdata_is(expected, may_be_missing=False):
    """Byte for byte, except that names in rdata may be compressed or differ in case."""
    def check(reply, _):
        found = [rdata.to_digestable() for rrset in reply.answer for rdata in rrset]
        if may_be_missing and not found:
            return []
        return [] if found == [expected] else \
            [f"rdata {[one.hex() for one in found]}, expected {expected.hex()}"]
    return check


for rdtype, rfc, text, wire_hex in rrtypes.TYPES:
    owner = rrtypes.owner(rdtype)
    if rdtype == "NS":  # below the apex that is a delegation
        case("type-ns", rfc, f"{owner} NS", authority=f"{owner} 300 NS {text}")
    elif rdtype == "NSEC3":  # its owner may be treated as a name that does not exist
        case("type-nsec3", rfc + ", 7.2.8", f"{owner} NSEC3", answer=None, authority=None,
             rcode=("NOERROR", "NXDOMAIN"),
             check=rdata_is(rrtypes.digestable(rdtype, text, wire_hex), may_be_missing=True))
    else:
        case(f"type-{rdtype.lower()}", rfc, f"{owner} {rdtype}", answer=None,
             check=rdata_is(rrtypes.digestable(rdtype, text, wire_hex)))
