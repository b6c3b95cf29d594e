#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark's zone and questions, the same bytes for the same size on every machine.

    bench/workload.py --size 10000 --out DIR [--views]

writes into DIR

    dc1.test.zone            N services `kind-NNNN.env.dc1.test`, 3 to 10 addresses each
    queries.set              the questions and what is right (the format: bench/query_set.h)
    names.txt                the same questions as text, for dnsperf

and with --views a second, different set of addresses for every name, as the servers want it:

    internal.zone external.zone             one zone a view
    internal.set external.set               the same questions, each view's answers
    internal.overlay                        what horizon lays over external.zone
    knot-geo.conf gdnsd-resources dyna.zone the same again for Knot's and gdnsd's geoip

Mix: 85 % an A record that exists, 10 % a name that does not (half under the wrong environment,
half a number never given), 5 % another type of a name that exists. EDNS with 1232 bytes, RD off.
"""

import argparse
import os
import random
import struct
import sys

ORIGIN = "dc1.test"
KINDS = ("api", "auth", "batch", "cache", "cart", "db", "feed", "ledger", "mail", "pay",
         "queue", "search", "stock", "store", "user", "web")
ENVIRONMENTS = ("prod", "stage", "test", "dev")
TTL_S = 60
SEED = 20261120
QUERIES_MIN, QUERIES_MAX = 131_072, 1_000_000
TYPE_A, TYPE_AAAA, TYPE_SRV = 1, 28, 33
RCODE_NOERROR, RCODE_NXDOMAIN = 0, 3
OPT_1232 = bytes.fromhex("000029" "04d0" "00000000" "0000")
HEAD = f"$ORIGIN {ORIGIN}.\n$TTL {TTL_S}\n@ SOA ns1 hostmaster 1 3600 600 86400 60\n@ NS ns1\n"
VIEWS = ("internal", "external")
LAST_OCTETS = tuple(f"{i >> 8}.{i & 255}" for i in range(65536))


def service_name(number):
    """The owner of service `number`, relative to the zone: a kind, a number, an environment."""
    kind = KINDS[number % len(KINDS)]
    environment = ENVIRONMENTS[(number * 2654435761 >> 8) % len(ENVIRONMENTS)]
    return f"{kind}-{number // len(KINDS):04d}.{environment}"


def addresses_draw(rng, count, base, bits):
    """`count` different addresses out of the 2^bits that begin at `base`."""
    drawn = {base + rng.getrandbits(bits) for _ in range(count)}
    while len(drawn) < count:
        drawn.add(base + rng.getrandbits(bits))
    return tuple(sorted(drawn))


def address_text(address):
    return f"{address >> 24}.{address >> 16 & 255}.{LAST_OCTETS[address & 65535]}"


class Services:
    """Every service with its addresses; a view other than the internal one has its own."""

    def __init__(self, size, view="internal"):
        rng = random.Random(f"{SEED} {size} {view}")
        # 10.0.0.0/8 inside; outside 198.18.0.0/15, which RFC 2544 sets aside for benchmarks
        base, bits = (0x0A000000, 24) if view == "internal" else (0xC6120000, 17)
        self.names = [service_name(i) for i in range(size)]
        self.addresses = [addresses_draw(rng, 3 + rng.getrandbits(16) % 8, base, bits)
                          for _ in range(size)]


def questions_draw(size):
    """The questions as (name, type, service number or -1 where the name does not exist)."""
    rng = random.Random(f"{SEED} {size} questions")
    count = min(max(QUERIES_MIN, size), QUERIES_MAX)
    unknown_base = size // len(KINDS) + 1
    for _ in range(count):
        draw, number = rng.random(), rng.randrange(size)
        if draw < 0.85:
            yield service_name(number), TYPE_A, number
        elif draw < 0.90:
            label, environment = service_name(number).split(".")
            wrong = ENVIRONMENTS[(ENVIRONMENTS.index(environment) + 1) % len(ENVIRONMENTS)]
            yield f"{label}.{wrong}", TYPE_A, -1
        elif draw < 0.95:
            kind, environment = KINDS[number % len(KINDS)], rng.choice(ENVIRONMENTS)
            yield f"{kind}-{unknown_base + number}.{environment}", TYPE_A, -1
        else:
            yield service_name(number), rng.choice((TYPE_AAAA, TYPE_SRV)), number


def question_wire(name, kind):
    labels = f"{name}.{ORIGIN}".split(".")
    owner = b"".join(bytes((len(label),)) + label.encode() for label in labels) + b"\0"
    return struct.pack("!HHHHHH", 0, 0, 1, 0, 0, 1) + owner + struct.pack("!HH", kind, 1) + OPT_1232


def zone_write(path, services, head=HEAD + "ns1 A 198.18.0.1\n"):
    with open(path, "w", encoding="ascii") as out:
        out.write(head)
        for name, addresses in zip(services.names, services.addresses):
            out.write("".join([f"{name} A {address_text(a)}\n" for a in addresses]))


def set_write(path, services, questions):
    with open(path, "wb") as out:
        out.write(b"HZQSET1\n" + struct.pack("<II", len(questions), 0))
        for name, kind, number in questions:
            rcode = RCODE_NXDOMAIN if number < 0 else RCODE_NOERROR
            right = services.addresses[number] if kind == TYPE_A and number >= 0 else ()
            wire = question_wire(name, kind)
            out.write(struct.pack("<HBBHHI", len(wire), rcode, 0, len(right), 0,
                                  sum(right) & 0xFFFFFFFF))
            out.write(wire)


def names_write(path, questions):
    words = {TYPE_A: "A", TYPE_AAAA: "AAAA", TYPE_SRV: "SRV"}
    with open(path, "w", encoding="ascii") as out:
        for name, kind, _ in questions:
            out.write(f"{name}.{ORIGIN}. {words[kind]}\n")


def knot_geo_write(path, networks, views):
    """mod-geoip's file: under each name, for each network the addresses."""
    with open(path, "w", encoding="ascii") as out:
        for number, name in enumerate(views["internal"].names):
            out.write(f"{name}.{ORIGIN}:\n")
            for view in VIEWS:
                listed = ", ".join(address_text(a) for a in views[view].addresses[number])
                out.write(f"  - net: {networks[view]}\n    A: [ {listed} ]\n")


def gdnsd_resources_write(path, views):
    """The inside of gdnsd's plugins => geoip => resources, one resource a name."""
    with open(path, "w", encoding="ascii") as out:
        for number in range(len(views["internal"].names)):
            centres = " ".join(
                f"{view} => [ {', '.join(address_text(a) for a in views[view].addresses[number])} ]"
                for view in VIEWS)
            out.write(f"r{number} => {{ map => views, service_types => up, "
                      f"dcmap => {{ {centres} }} }}\n")


def dyna_zone_write(path, services):
    with open(path, "w", encoding="ascii") as out:
        out.write(HEAD + "ns1 A 198.18.0.1\n")
        for number, name in enumerate(services.names):
            out.write(f"{name} {TTL_S} DYNA geoip!r{number}\n")


def static_write(folder, size):
    services, questions = Services(size), list(questions_draw(size))
    zone_write(os.path.join(folder, f"{ORIGIN}.zone"), services)
    set_write(os.path.join(folder, "queries.set"), services, questions)
    names_write(os.path.join(folder, "names.txt"), questions)


def views_write(folder, size, networks):
    """`networks` maps each view to the client prefix that gets it."""
    views, questions = {view: Services(size, view) for view in VIEWS}, list(questions_draw(size))
    for view in VIEWS:
        zone_write(os.path.join(folder, f"{view}.zone"), views[view])
        set_write(os.path.join(folder, f"{view}.set"), views[view], questions)
    zone_write(os.path.join(folder, "internal.overlay"), views["internal"],
               f"$ORIGIN {ORIGIN}.\n$TTL {TTL_S}\n")
    knot_geo_write(os.path.join(folder, "knot-geo.conf"), networks, views)
    gdnsd_resources_write(os.path.join(folder, "gdnsd-resources"), views)
    dyna_zone_write(os.path.join(folder, "dyna.zone"), views["internal"])


def services_write(folder, size, weighted=False):
    """The static workload's questions, answered from services that are health-checked elsewhere:
    instances of horizon, resources of gdnsd's multifo. Weighted: horizon draws the order of every
    answer by weight, while multifo, which knows no weights, goes on telling them all."""
    policy = "    policy: weighted\n    answers: 10\n" if weighted else ""
    services = Services(size)
    # Services have SRV records, resources of multifo have none.
    questions = [(name, TYPE_AAAA if kind == TYPE_SRV else kind, number)
                 for name, kind, number in questions_draw(size)]
    set_write(os.path.join(folder, "queries.set"), services, questions)
    names_write(os.path.join(folder, "names.txt"), questions)
    zone_write(os.path.join(folder, "head.zone"), Services(0))
    with open(os.path.join(folder, "services.yaml"), "w", encoding="ascii") as out:
        out.write("services:\n")
        for number, name in enumerate(services.names):
            out.write(f"  - service: {name}.{ORIGIN}\n    ttl: {TTL_S}s\n{policy}    instances:\n")
            for place, address in enumerate(services.addresses[number]):
                out.write(f"      - {{id: i{place}, addresses: {address_text(address)}, port: 80"
                          f"{f', weight: {1 + place}' if weighted else ''}}}\n")
    with open(os.path.join(folder, "gdnsd-resources"), "w", encoding="ascii") as out:
        for number in range(size):
            listed = ", ".join(f"i{place} => {address_text(address)}" for place, address
                               in enumerate(services.addresses[number]))
            out.write(f"r{number} => {{ service_types => up, {listed} }}\n")
    with open(os.path.join(folder, "dyna.zone"), "w", encoding="ascii") as out:
        out.write(HEAD + "ns1 A 198.18.0.1\n")
        for number, name in enumerate(services.names):
            out.write(f"{name} {TTL_S} DYNA multifo!r{number}\n")


def main():
    parser = argparse.ArgumentParser(description="Write the benchmark's zone and questions.")
    parser.add_argument("--size", type=int, default=10_000, help="services (10000)")
    parser.add_argument("--out", required=True, help="folder to write into")
    parser.add_argument("--views", action="store_true", help="two views instead of one")
    arguments = parser.parse_args()
    if not 1 <= arguments.size <= 10_000_000:
        sys.exit("workload: --size is 1 to 10000000")
    os.makedirs(arguments.out, exist_ok=True)
    if arguments.views:
        views_write(arguments.out, arguments.size,
                    {"internal": "127.1.0.0/16", "external": "127.2.0.0/16"})
    else:
        static_write(arguments.out, arguments.size)


if __name__ == "__main__":
    main()
