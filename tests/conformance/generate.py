#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small hostile zones and the questions around them, from a seed.

A world is a handful of zones that point at each other: a main zone, often a child of it that is
served too (with or without a delegation), and a neighbour.  Names come from few labels, so that
wildcards, cuts, DNAMEs, empty non-terminals and loops meet; all that a server would rightly refuse
(CNAME beside other data, data below a DNAME, no NS at the apex) is left out.

    generate.py --seed 7 --world 12      print the zones of one world
    generate.py --seed 7 --world 12 --questions
"""

import argparse
import random
import sys

import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from dns.rdatatype import A, AAAA, CNAME, DNAME, DS, MX, NS, SOA, TXT

from oracle import Zone

LABELS = ["a", "b", "c", "ns", "*", "*", "_t", "A-b"]
QUESTION_TYPES = ["A", "A", "A", "AAAA", "TXT", "NS", "CNAME", "DNAME", "DS", "SOA", "MX", "ANY",
                  "TYPE65280"]
UNKNOWN = dns.rdatatype.RdataType.make(65280)
DS_TEXT = "12345 8 2 " + "0123456789abcdef" * 4
OUTSIDE = ["www.example.net.", "a.example.org.", "."]


def name_of(text):
    return dns.name.from_text(text)


def below(labels, name):
    """Labels in front of a name, or None when that is too long."""
    try:
        return dns.name.Name(tuple(label.encode() for label in labels) + name.labels)
    except (dns.name.NameTooLong, dns.name.LabelTooLong):
        return None


class ZoneBuilder:
    """One zone under construction: records are added only where a zone may hold them."""

    def __init__(self, rng, origin):
        self.rng = rng
        self.origin = origin
        self.nodes = {}
        self.number = 0
        apex = origin.to_text()
        minimum, ttl = rng.choice([(60, 3600), (600, 30), (100, 100)])
        self.put(origin, SOA, f"ns.{apex} hostmaster.{apex} 1 3600 600 86400 {minimum}", ttl)
        self.put(origin, NS, rng.choice([f"ns.{apex}", "ns.example.net."]), 3600)

    def types(self, name):
        return self.nodes.get(name, {})

    def may_hold(self, name, rdtype):
        """The rules that every server enforces at load."""
        held = set(self.types(name))
        if CNAME in held or rdtype == CNAME and (held or name == self.origin):
            return False
        if rdtype == DNAME and (DNAME in held or NS in held and name != self.origin
                                or any(other != name and other.is_subdomain(name)
                                       for other in self.nodes)):
            return False
        if rdtype == NS and DNAME in held and name != self.origin:
            return False
        if rdtype == DS and (name == self.origin or NS not in held):
            return False
        ancestor = name
        while ancestor != self.origin:
            ancestor = ancestor.parent()
            if DNAME in self.types(ancestor):
                return False
        return True

    def put(self, name, rdtype, text, ttl=300):
        """Add one record; records of a set share the TTL of the first."""
        rdata = dns.rdata.from_text(dns.rdataclass.IN, rdtype, text, relativize=False)
        first_ttl, rdatas = self.nodes.setdefault(name, {}).setdefault(rdtype, (ttl, []))
        if rdata not in rdatas:
            rdatas.append(rdata)
        return first_ttl

    def fresh(self):
        self.number += 1
        return self.number

    def any_name(self):
        """An owner: mostly new and shallow, often below or beside one that is there already."""
        rng = self.rng
        base = rng.choice(list(self.nodes)) if rng.random() < 0.5 else self.origin
        if rng.random() < 0.1 and base != self.origin:
            return base
        labels = [rng.choice(LABELS) for _ in range(rng.choice([1, 1, 1, 2, 2, 3]))]
        if rng.random() < 0.02:
            labels = ["x" * 40] * 3 + labels
        return below(labels, base) or self.origin

    def add_random(self, targets):
        """One random record set; nothing when the name may not hold it."""
        rng = self.rng
        name = self.any_name()
        rdtype = rng.choices([A, TXT, AAAA, MX, CNAME, DNAME, NS, UNKNOWN],
                             [6, 3, 1, 1, 6, 3, 4, 1])[0]
        if not self.may_hold(name, rdtype):
            return
        n = self.fresh()
        if rdtype == A:
            for extra in range(rng.choice([1, 1, 2])):
                self.put(name, A, f"192.0.{extra}.{n % 250 + 1}")
        elif rdtype == TXT:
            self.put(name, TXT, f'"{n}"', rng.choice([300, 0, 77]))
        elif rdtype == AAAA:
            self.put(name, AAAA, f"2001:db8::{n:x}")
        elif rdtype == MX:
            self.put(name, MX, f"10 {rng.choice(targets).to_text()}")
        elif rdtype == NS:
            self.add_cut(name, targets)
        elif rdtype in (CNAME, DNAME):
            self.put(name, rdtype, rng.choice(targets).to_text(), rng.choice([300, 300, 5]))
        else:
            self.put(name, rdtype, "\\# 2 abcd")

    def add_cut(self, name, targets):
        """A delegation with glue inside it, beside it, or none; sometimes with DS."""
        rng = self.rng
        for n in range(rng.choice([1, 1, 2, 3])):
            inside = below([f"ns{n}"], name) or name
            target = rng.choice([inside, inside, name, rng.choice(targets)])
            self.put(name, NS, target.to_text())
            if target.is_subdomain(name) and rng.random() < 0.8 and self.may_hold(target, A):
                self.put(target, A, f"192.0.2.{self.fresh() % 250 + 1}")
                if rng.random() < 0.3:
                    self.put(target, AAAA, f"2001:db8:1::{self.fresh():x}")
        if rng.random() < 0.3 and self.may_hold(name, DS):
            self.put(name, DS, DS_TEXT)

    def text(self):
        """Zone text; owners are absolute, the SOA comes first."""
        lines = []
        for name in sorted(self.nodes, key=lambda name: (name != self.origin, name)):
            for rdtype, (ttl, rdatas) in self.nodes[name].items():
                start = f"{name.to_text()} {ttl} IN {dns.rdatatype.to_text(rdtype)}"
                lines += [f"{start} {rdata.to_text()}" for rdata in rdatas]
        return "\n".join(lines) + "\n"


class World:
    """Some zones that know each other, and the questions worth asking about them."""

    def __init__(self, seed, number):
        self.seed, self.number = seed, number
        self.rng = rng = random.Random(f"{seed}/{number}")
        main = name_of(f"w{number}.test.")
        origins = [main]
        if rng.random() < 0.6:
            origins.append(below([rng.choice(["a", "b", "c"])], main))
        if rng.random() < 0.2:
            origins.append(below([rng.choice(["a", "b"])], origins[-1]))
        if rng.random() < 0.5:
            origins.append(name_of(f"v{number}.test."))
        self.builders = [ZoneBuilder(rng, origin) for origin in origins]
        self.fill()
        self.zones = [Zone(builder.origin, builder.nodes) for builder in self.builders]

    def refused_by(self, kind):
        """NSD keeps one tree for all zones: a DNAME with another zone's data below is an error."""
        return kind == "nsd" and any(
            DNAME in data and any(other != name and other.is_subdomain(name)
                                  for neighbour in self.builders for other in neighbour.nodes)
            for builder in self.builders for name, data in builder.nodes.items())

    def targets(self):
        """Where aliases and servers point: mostly at each other."""
        names = [name for builder in self.builders for name in builder.nodes]
        near = [below([self.rng.choice(LABELS)], self.rng.choice(names)) for _ in range(4)]
        outside = [name_of(self.rng.choice(OUTSIDE))]
        return [name for name in names + near if name is not None] + outside

    def fill(self):
        rng = self.rng
        for builder in self.builders:
            for other in self.builders:
                child = other.origin != builder.origin and other.origin.is_subdomain(builder.origin)
                if child and rng.random() < 0.7 and builder.may_hold(other.origin, NS):
                    builder.add_cut(other.origin, self.targets())
        for _ in range(rng.randrange(8, 30)):
            rng.choice(self.builders).add_random(self.targets())
        if rng.random() < 0.15:
            self.add_long_chain(rng.choice(self.builders))

    def add_long_chain(self, builder):
        """A CNAME chain around the limit."""
        length = self.rng.choice([4, 5, 6, 15, 16, 17, 20])
        for n in range(length):
            name, target = (below([f"l{k}"], builder.origin) for k in (n, n + 1))
            if builder.may_hold(name, CNAME):
                builder.put(name, CNAME, target.to_text())

    def question_names(self):
        """Every owner, every ancestor, and names that are nearly there."""
        names = set()
        for builder in self.builders:
            for name in builder.nodes:
                names.add(name)
                names.add(below([self.rng.choice(LABELS + ["zz"])], name))
                if self.rng.random() < 0.4:
                    names.add(below([self.rng.choice(LABELS), self.rng.choice(["zz", "a"])], name))
                if name != builder.origin:
                    names.add(name.parent())
                    names.add(below([self.rng.choice(["zz", "*", "a"])], name.parent()))
        names.add(below(["q" * 60] * 3, self.builders[0].origin))
        return sorted(name for name in names if name is not None)

    def questions(self, count):
        """(name, type) pairs without repetition; the case of the names is mixed."""
        types = sorted(set(QUESTION_TYPES))
        pairs = [(name, rdtype) for name in self.question_names() for rdtype in types]
        weights = {rdtype: QUESTION_TYPES.count(rdtype) for rdtype in QUESTION_TYPES}
        pairs.sort(key=lambda pair: (-weights[pair[1]] * self.rng.random() ** 0.5, *pair))
        return [(self.mixed_case(name), rdtype) for name, rdtype in pairs[:count]]

    def mixed_case(self, name):
        if self.rng.random() < 0.7:
            return name
        flip = [bytes(byte ^ 0x20 if 65 <= byte & 0xDF <= 90 and self.rng.random() < 0.5 else byte
                      for byte in label) for label in name.labels]
        return dns.name.Name(flip)

    def text(self):
        return "\n".join(f"; {builder.origin}\n{builder.text()}" for builder in self.builders)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--world", type=int, required=True)
    parser.add_argument("--questions", action="store_true")
    options = parser.parse_args()
    world = World(options.seed, options.world)
    print(world.text())
    if options.questions:
        for name, rdtype in world.questions(10000):
            print(f"{name} {rdtype}")


if __name__ == "__main__":
    sys.exit(main())
