# SPDX-License-Identifier: GPL-3.0-or-later
"""What the RFCs say the answer is: RFC 1034 section 4.3.2 with 4592 and 6672, step by step.

Written from the RFCs alone, kept slow and plain, so that it can be checked by reading.  A zone is
a dictionary of names; a name is dnspython's Name (it compares without case); there is no tree.

    nodes = {name: {type: (ttl, [rdata, ...])}}
    answer = resolve([Zone(origin, nodes), ...], qname, qtype)

Beyond the RFCs three choices are ours: at most CHAIN_LIMIT links are followed, a link is written
once, and a wildcard that owns NS or DNAME is ordinary data (RFC 4592 sections 4.2 and 4.4).
"""

from dataclasses import dataclass, field

import dns.name
from dns.rdatatype import A, AAAA, ANY, CNAME, DNAME, DS, NS, SOA

CHAIN_LIMIT = 16


class Zone:
    """nodes are the zone's text; exists adds the empty non-terminals (RFC 4592 section 2.2.2)."""

    def __init__(self, origin, nodes):
        self.origin = origin
        self.nodes = nodes
        self.exists = {origin}
        for name in nodes:
            while name != origin:
                self.exists.add(name)
                name = name.parent()

    def data(self, name):
        return self.nodes.get(name, {})

    def negative_soa(self):
        ttl, rdatas = self.nodes[self.origin][SOA]
        return (self.origin, min(ttl, rdatas[0].minimum), SOA, rdatas)


@dataclass
class Answer:
    """Sets are (owner, ttl, type, rdatas).  glue must come or TC; allowed is all that may come."""

    rcode: str = "NOERROR"
    aa: bool = True
    answer: list = field(default_factory=list)
    authority: list = field(default_factory=list)
    glue: set = field(default_factory=set)
    bounded: bool = False
    steps: list = field(default_factory=list)


def find_zone(zones, name, qtype):
    """Step 2: the nearest enclosing zone; DS is the parent's (RFC 4035 section 3.1.4.1)."""
    near = sorted((zone for zone in zones if name.is_subdomain(zone.origin)),
                  key=lambda zone: len(zone.origin))
    if qtype == DS and len(near) > 1 and near[-1].origin == name:
        near.pop()
    return near[-1] if near else None


def path(zone, name):
    """The names from the zone's origin down to this name."""
    return [name.split(depth)[1] for depth in range(len(zone.origin), len(name) + 1)]


def walk(zone, name, qtype):
    """Step 3: down from the origin, label by label; what ends the walk, and where."""
    for node in path(zone, name):
        data = zone.data(node)
        if NS in data and node != zone.origin and not (node == name and qtype == DS):
            return "cut", node
        if node not in zone.exists:
            star = dns.name.Name((b"*",)) + node.parent()
            return ("wildcard", star) if star in zone.exists else ("nxdomain", node)
        if DNAME in data and node != name:
            return "dname", node
    return "exact", name


def refer(result, zone, cut):
    """Step 3b: the NS set of the cut, and the addresses of its servers that lie below a cut."""
    ttl, servers = zone.data(cut)[NS]
    result.authority.append((cut, ttl, NS, servers))
    result.aa = bool(result.answer)
    for target in (server.target for server in servers):
        if target.is_subdomain(zone.origin) and walk(zone, target, A)[0] == "cut":
            for rdtype in (A, AAAA):
                ttl, rdatas = zone.data(target).get(rdtype, (0, []))
                result.glue |= {(target, ttl, rdtype, rdata) for rdata in rdatas}


def deny(result, zone, rcode):
    """RFC 2308 section 2, with the rcode of the last name of a chain (RFC 6604 section 3)."""
    result.rcode = rcode
    result.authority.append(zone.negative_soa())


def redirect(result, zone, owner, name):
    """RFC 6672 section 3.2: the DNAME, the synthesized CNAME, the new name; None when too long."""
    ttl, rdatas = zone.data(owner)[DNAME]
    record = (owner, ttl, DNAME, rdatas)
    if record not in result.answer:
        result.answer.append(record)
    try:
        target = name.relativize(owner) + rdatas[0].target
    except dns.name.NameTooLong:
        result.rcode = "YXDOMAIN"
        return None
    result.answer.append((name, ttl, CNAME, [target]))
    return target


def answer_from(result, zone, data, name, qtype):
    """Step 3a at a name, or at the wildcard in its stead; returns the target of a CNAME, if any."""
    types = list(data) if qtype == ANY else [qtype] if qtype in data else []
    sets = [(name, data[rdtype][0], rdtype, data[rdtype][1]) for rdtype in types]
    if sets:
        result.answer += [one for one in sets if one not in result.answer]
    elif CNAME in data:
        ttl, rdatas = data[CNAME]
        result.answer.append((name, ttl, CNAME, [rdatas[0].target]))
        return rdatas[0].target
    else:
        deny(result, zone, "NOERROR")
    return None


def resolve(zones, qname, qtype, limit=CHAIN_LIMIT):
    """The whole answer to one question."""
    result = Answer()
    name, seen = qname, set()
    while name is not None and name not in seen:
        zone = find_zone(zones, name, qtype)
        if zone is None:
            if not result.answer:
                result.rcode, result.aa = "REFUSED", False
            break
        seen.add(name)
        step, where = walk(zone, name, qtype)
        result.steps.append((step, name, where, zone.origin))
        data = zone.data(where)
        follows = step == "dname" or CNAME in data and qtype not in (CNAME, ANY)
        if follows and step != "cut" and len(seen) > limit:
            result.bounded = True
            break
        if step == "cut":
            refer(result, zone, where)
            break
        if step == "nxdomain":
            deny(result, zone, "NXDOMAIN")
            break
        if step == "dname":
            name = redirect(result, zone, where, name)
            if qtype == CNAME:
                break
        else:
            name = answer_from(result, zone, data, name, qtype)
    return result
