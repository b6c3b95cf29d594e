# SPDX-License-Identifier: GPL-3.0-or-later
"""The zones of the rule table: the files of zones/, and three too regular to write by hand."""

from pathlib import Path

import rrtypes

FOLDER = Path(__file__).resolve().parent / "zones"

HEAD = """$ORIGIN big.test.
$TTL 300
@ 3600 IN SOA ns1.basic.test. hostmaster 1 7200 900 1209600 60
@ 3600 NS ns1.basic.test.
"""

# The bytes of a reply that holds one TXT record, beside the text itself: header 12, question
# (owner + 4), record (pointer 2 + 10); the text costs one length byte for each 255 bytes of it.
TXT_OVERHEAD = 12 + 4 + 2 + 10
OPT_SIZE = 11

# owner label → size of the whole reply when it holds everything and one EDNS-free question
REPLY_SIZES = {
    "fit512": 512,
    "over512": 513,
    "fit512opt": 512 - OPT_SIZE,
    "over512opt": 513 - OPT_SIZE,
    "fit700": 700 - OPT_SIZE,
    "over700": 701 - OPT_SIZE,
    "fit1232": 1232 - OPT_SIZE,
    "over1232": 1233 - OPT_SIZE,
}

ADDRESS_COUNTS = {"a200": 200, "a4000": 4000}
TOO_MANY_ADDRESSES = 5000


def address(number):
    return f"10.0.{number // 250}.{number % 250 + 1}"


def txt_of_reply_size(label, size):
    """Texts of at most 255 bytes that bring the reply to exactly this size."""
    owner_length = len(f"{label}.big.test.") + 1
    left = size - TXT_OVERHEAD - owner_length
    parts = []
    while left > 0:
        length = min(255, left - 1)
        if left - 1 - length == 1:  # a lone length byte would be left over
            length -= 1
        parts.append('"' + "x" * length + '"')
        left -= 1 + length
    return " ".join(parts)


def big_zone():
    lines = [HEAD.rstrip("\n")]
    for label, size in REPLY_SIZES.items():
        lines.append(f"{label} TXT {txt_of_reply_size(label, size)}")
    for label, count in ADDRESS_COUNTS.items():
        lines += [f"{label} A {address(number)}" for number in range(count)]
    lines += [f"mx MX {n} host{n}" for n in range(5)]
    lines += [f"host{n} AAAA 2001:db8::{n}:{i}" for n in range(5) for i in range(20)]
    lines.append("alias CNAME a200")
    lines.append("*.wild TXT " + " ".join('"' + "y" * 250 + '"' for _ in range(6)))
    return "\n".join(lines) + "\n"


def toobig_zone():
    """A set of records that no message can hold: refusing the zone is as good as TC."""
    lines = [HEAD.replace("big.test.", "toobig.test.").rstrip("\n")]
    lines += [f"a5000 A {address(number)}" for number in range(TOO_MANY_ADDRESSES)]
    return "\n".join(lines) + "\n"


def all_zones(folder):
    """origin → file of the whole table; the generated ones are written into the folder."""
    found = {path.name[: -len("zone")]: path for path in sorted(FOLDER.glob("*.zone"))}
    written = {
        "big.test.": big_zone(),
        "toobig.test.": toobig_zone(),
        rrtypes.ORIGIN: rrtypes.zone_text(),
    }
    for origin, text in written.items():
        path = Path(folder) / f"{origin}zone"
        path.write_text(text)
        found[origin] = path
    return found


def required(zones):
    """The origins that a server must serve before the table is asked."""
    return [origin for origin in zones if origin != "toobig.test."]
