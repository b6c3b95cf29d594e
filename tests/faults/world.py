# SPDX-License-Identifier: GPL-3.0-or-later
"""The configuration under test in two versions, and what its clients see of them.

Version 2 differs from version 1 in everything that a reload can change: a zone file, a file it
includes, an overlay file, an overlay in the configuration, a view, a listener. Each answer carries
the version of what it came from, so that a mixture shows.
"""

import collections
import os
import pathlib
import socket
import struct
import sys
import time

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from ports import free_port  # noqa: E402

# The versions that clients find: of each zone (0: not served) and of the configuration, which is
# told by an overlay of zone one and so is 0 when that is not served.
Seen = collections.namedtuple("Seen", "config one two")

INSIDE, OUTSIDE, LATER = "127.0.1.1", "127.0.2.1", "127.0.3.1"

CONFIG = """
server:
  listen: [{listeners}]
  workers: 2{user}
reload: {{hold-removed-percent: 100}}
views:
  inside: {{internal: true, match: [127.0.1.0/24]}}{views}
  outside: {{default: true}}
zones:
  - zone: one.test
    file: one.zone
    overlays:
      - view: inside
        reason: "inside"
        replace: {{www: "A 10.0.0.{version}"}}
        file: one.overlay{overlays}
  - {{zone: two.test, file: two.zone}}
  - {{zone: broken.test, file: broken.zone}}
"""

SOA = """$TTL 300
@ SOA ns h {version} 7200 900 1209600 60
  NS  ns
ns A  192.0.2.53
"""
FILES = {
    "one.zone": SOA + "www A 192.0.2.{version}\nfile A 192.0.2.99\n",
    "one.overlay": "file A 10.1.0.{version}\n",
    "two.zone": SOA + "www A 192.0.3.{version}\n$INCLUDE two.part\n",
    "two.part": "part A 192.0.4.{version}\n",
    "broken.zone": SOA + "www A 192.0.2.256\n",
}


def query(name, kind, number):
    message = dns.message.make_query(name, kind, use_edns=0)
    message.flags = 0
    message.id = number
    return message.to_wire()


# What is asked: view's client, name, type, which part of Seen it tells, the answer's text.
QUESTIONS = (
    (INSIDE, "one.test.", "SOA", "one", None),
    (INSIDE, "www.one.test.", "A", "config", "10.0.0."),
    (INSIDE, "file.one.test.", "A", "one", "10.1.0."),
    (INSIDE, "www.two.test.", "A", "two", "192.0.3."),
    (INSIDE, "broken.test.", "SOA", "broken", None),
    (OUTSIDE, "one.test.", "SOA", "one", None),
    (OUTSIDE, "www.one.test.", "A", "one", "192.0.2."),
    (OUTSIDE, "two.test.", "SOA", "two", None),
    (OUTSIDE, "part.two.test.", "A", "two", "192.0.4."),
    (OUTSIDE, "www.broken.test.", "A", "broken", None),
    (LATER, "www.one.test.", "A", "later", None),
)


class Wrong(AssertionError):
    """An answer that no version gives, or none where there must be one."""


class Client:
    """One source address: asks over UDP again when an answer is late, and over TCP."""

    def __init__(self, source):
        self.source = source
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind((source, 0))

    def ask_udp(self, port, wire, limit_s=4.0):
        self.udp.setblocking(False)
        while True:
            try:
                self.udp.recv(65535)
            except (BlockingIOError, ConnectionError):
                break
        end, pause_s = time.monotonic() + limit_s, min(0.3, limit_s)
        while time.monotonic() < end:
            self.udp.settimeout(pause_s)
            try:
                self.udp.sendto(wire, ("127.0.0.1", port))
                reply = self.udp.recv(65535)
            except (TimeoutError, ConnectionError):
                continue
            if reply[:2] == wire[:2]:
                return dns.message.from_wire(reply)
        raise Wrong(f"no answer over UDP from {self.source} on port {port}")

    def ask_tcp(self, port, wire):
        try:
            with socket.create_connection(("127.0.0.1", port), 4, (self.source, 0)) as stream:
                stream.sendall(struct.pack("!H", len(wire)) + wire)
                data = b""
                while len(data) < 2 or len(data) < 2 + struct.unpack("!H", data[:2])[0]:
                    more = stream.recv(65535)
                    if not more:
                        raise Wrong(f"the connection from {self.source} was closed")
                    data += more
                return dns.message.from_wire(data[2:])
        except OSError as error:
            raise Wrong(f"no answer over TCP from {self.source}: {error}") from error

    def close(self):
        self.udp.close()


class World:
    """One folder with configuration and zones, and the clients that look at what is served."""

    def __init__(self, folder, user=None):
        self.folder, self.user = folder, user
        self.port, self.other_port = free_port(), free_port()
        self.clients = {source: Client(source) for source in (INSIDE, OUTSIDE, LATER)}
        folder.chmod(0o777 if user else 0o755)
        self.number = 0
        self.growth = ""  # what version 2 of zone two has besides

    def close(self):
        for client in self.clients.values():
            client.close()

    def config_text(self, version):
        later = version == 2
        listeners = [f"127.0.0.1:{self.port}"] + [f"127.0.0.1:{self.other_port}"] * later
        overlay = """
      - {view: later, reason: "later", replace: {www: "A 10.3.0.2"}}"""
        return CONFIG.format(
            listeners=", ".join(f'"{text}"' for text in listeners), version=version,
            user=f"\n  user: {self.user}" if self.user else "",
            views="\n  later: {internal: true, match: [127.0.3.0/24]}" if later else "",
            overlays=overlay if later else "")

    def write(self, version, config_version=None):
        """All files of a version, each replaced at once."""
        texts = {name: text.format(version=version) for name, text in FILES.items()}
        texts["two.zone"] += self.growth if version == 2 else ""
        texts["horizon.yaml"] = self.config_text(config_version or version)
        for name, text in texts.items():
            new = self.folder / (name + ".new")
            new.write_text(text)
            os.replace(new, self.folder / name)

    def seen(self, tcp=False):
        """What every view is served: one Seen; Wrong when it is no single one."""
        told = collections.defaultdict(set)
        for source, name, kind, part, prefix in QUESTIONS:
            self.number = (self.number + 1) % 65536
            wire, client = query(name, kind, self.number), self.clients[source]
            reply = client.ask_tcp(self.port, wire) if tcp else client.ask_udp(self.port, wire)
            told[part].add(self.version_in(reply, name, part, prefix))
        if told.pop("broken") != {0}:
            raise Wrong("a broken zone is answered from")
        later = told.pop("later")
        mixed = {part: versions for part, versions in told.items() if len(versions) != 1}
        if mixed:
            raise Wrong(f"half a state: {mixed}")
        seen = Seen(**{part: versions.pop() for part, versions in told.items()})
        by_later_view = {"10.3.0.2": 2, 0: 0}.get(later.pop(), 1)
        if by_later_view != seen.config:
            raise Wrong(f"half a state: {seen}, but views of version {by_later_view}")
        return seen

    @staticmethod
    def version_in(reply, name, part, prefix):
        """The version that an answer carries; 0 for SERVFAIL."""
        if reply.rcode() == dns.rcode.SERVFAIL and not reply.answer:
            return 0
        if reply.rcode() != dns.rcode.NOERROR or len(reply.answer) != 1 or len(reply.answer[0]) != 1:
            raise Wrong(f"{name}: {reply}")
        item = reply.answer[0][0]
        if item.rdtype == dns.rdatatype.SOA:
            return item.serial
        address = item.to_text()
        if part == "later":
            return address
        if not address.startswith(prefix):
            raise Wrong(f"{name}: {address} in the wrong view")
        return int(address.removeprefix(prefix))

    def listens_on_other(self):
        """Whether the listener of version 2 is there: one that goes ends UDP before TCP."""
        try:
            socket.create_connection(("127.0.0.1", self.other_port), 4).close()
            self.clients[OUTSIDE].ask_udp(self.other_port, query("two.test.", "SOA", 7), 0.5)
        except (ConnectionRefusedError, Wrong):
            return False
        return True
