# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutated packets against the daemon: it lives, good clients notice nothing, memory stays flat.

A seeded generator takes good queries and bends, cuts, doubles and mixes them. Most go over UDP,
some over TCP, whole or with a wrong length in front. All the while another client asks a good
question again and again, and must have its answer within 100 ms.
"""

import os
import pathlib
import random
import select
import socket
import struct
import threading
import time

import dns.edns
import dns.message
import dns.rcode
import pytest
from daemons import zone_text

SEED = 20250731
PACKETS = 100_000 if os.environ.get("HORIZON_TEST_LENGTH") == "full" else 10_000
TCP_SHARE = 20  # one connection for so many packets
GOOD_LIMIT_S = 0.1
SO_TIMESTAMPNS = 35  # of Linux; the socket module has no name for it
GROWTH_LIMIT_KB = 4096
SANITIZED = os.environ.get("HORIZON_SANITIZED")

MORE = """alias CNAME www
dn DNAME example.org.
*.wild A 192.0.2.7
sub NS ns.sub
ns.sub A 192.0.2.53
txt TXT "some text"
"""
NAMES = ["www", "alias", "x.dn", "a.b.wild", "x.sub", "txt", "nothing", "ns1"]
TYPES = ["A", "AAAA", "MX", "TXT", "NS", "DS", "ANY", "SOA", "HTTPS", "AXFR", "OPT"]


def good_query(chance):
    """A well-formed query, as wire."""
    options = [(3, b""), (8, b"\0\1\x18\0\x0a\1\2"), (10, bytes(8)), (12, bytes(40))]
    chosen = [dns.edns.GenericOption(*chance.choice(options)) for _ in range(chance.randrange(3))]
    query = dns.message.make_query(
        chance.choice(NAMES) + ".example.com", chance.choice(TYPES),
        use_edns=chance.choice([False, 0, 1]), options=chosen if chance.random() < 0.5 else None,
    )
    query.id = chance.randrange(65536)
    return bytearray(query.to_wire())


def flip(chance, packet):
    packet[chance.randrange(len(packet))] ^= 1 << chance.randrange(8)


def overwrite(chance, packet):
    at = chance.randrange(len(packet))
    packet[at] = chance.choice([0, 1, 0x3F, 0x40, 0x7F, 0x80, 0xC0, 0xFF])


def cut(chance, packet):
    del packet[chance.randrange(len(packet)):]


def insert(chance, packet):
    at = chance.randrange(len(packet) + 1)
    packet[at:at] = chance.randbytes(chance.randrange(1, 20))


def remove(chance, packet):
    at = chance.randrange(len(packet))
    del packet[at:at + chance.randrange(1, 8)]


def double(chance, packet):
    at = chance.randrange(len(packet))
    packet += packet[at:]


def grow(chance, packet):
    packet += bytes([chance.choice([0, 0xFF, 0xC0])]) * chance.randrange(1, 1400)


def lie(chance, packet):
    """Counts, or the length of data, that promise something else."""
    at = chance.choice([4, 6, 8, 10, max(0, len(packet) - 2)])
    packet[at:at + 2] = struct.pack("!H", chance.choice([0, 1, 2, 255, 65535]))


def point(chance, packet):
    at = chance.randrange(len(packet))
    packet[at:at + 2] = struct.pack("!H", 0xC000 | chance.choice([0, 12, at, at + 2, 0x3FFF]))


MUTATIONS = [flip, flip, overwrite, cut, insert, remove, double, grow, lie, lie, point]


def mutated(chance):
    """One packet of up to 1,400 bytes or so; one in twenty is only noise."""
    if chance.random() < 0.05:
        return chance.randbytes(chance.randrange(0, 600))
    packet = good_query(chance)
    for _ in range(chance.randrange(1, 5)):
        if packet:
            chance.choice(MUTATIONS)(chance, packet)
    return bytes(packet)


def arrival_s(ancillary):
    """When a datagram reached its socket, by the kernel's stamp."""
    for level, kind, data in ancillary:
        if (level, kind) == (socket.SOL_SOCKET, SO_TIMESTAMPNS):
            seconds, nanoseconds = struct.unpack("@qq", data[:16])
            return seconds + nanoseconds / 1e9
    raise AssertionError("the kernel put no time on a datagram")


class GoodClient(threading.Thread):
    """Asks until told to stop; remembers the slowest answer and every failure. An answer has come
    when it is in the socket: how long this busy process then takes to look is not the server's."""

    def __init__(self, port):
        super().__init__(daemon=True)
        self.port = port
        self.ending = threading.Event()
        self.asked, self.slowest, self.failures = 0, 0.0, []

    def run(self):
        query = dns.message.make_query("www.example.com", "A")
        wire = query.to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.connect(("127.0.0.1", self.port))
            while not self.ending.is_set():
                began = time.time()
                sock.send(wire)
                if not select.select([sock], [], [], 2)[0]:
                    self.failures.append(f"no answer to question {self.asked}")
                    return
                data, ancillary, _, _ = sock.recvmsg(4096, 128)
                reply = dns.message.from_wire(data)
                self.slowest = max(self.slowest, arrival_s(ancillary) - began)
                self.asked += 1
                if [item.address for item in reply.answer[0]] != ["192.0.2.80"]:
                    self.failures.append(f"a wrong answer: {reply}")
                time.sleep(0.005)


def memory_kb(daemon):
    text = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
    return int(text.split("VmRSS:")[1].split()[0])


def check_reply(packet, reply):
    """What holds for a reply to anything."""
    assert len(reply) >= 12, "a reply without a header"
    assert reply[:2] == packet[:2], "the reply to something else"
    assert reply[2] & 0x80 and not packet[2] & 0x80, "an answer to an answer"
    read(reply)


def read(reply):
    """Raises when a reply does not read, bytes behind it included. dnspython knows few opcodes."""
    if reply[2] & 0x78:
        assert len(reply) == 12 and reply[3] & 15 == dns.rcode.NOTIMP
    else:
        dns.message.from_wire(reply)


def drain(sock, sent, counts):
    """Replies that are there."""
    while True:
        try:
            reply = sock.recv(65535)
        except BlockingIOError:
            return
        packet = sent.get(reply[:2])
        assert packet is not None, "a reply to nothing that was asked"
        check_reply(packet, reply)
        counts[reply[3] & 15] = counts.get(reply[3] & 15, 0) + 1


def throw_udp(daemon, packets, counts):
    """Sends with numbers of their own, so that a reply is known to belong; never far ahead."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", daemon.port))
        sock.setblocking(False)
        sent = {}
        for number, packet in enumerate(packets):
            if len(packet) >= 2:
                packet = struct.pack("!H", number & 0xFFFF) + packet[2:]
            sent[packet[:2]] = packet
            sock.send(packet)
            if number % 16 == 15:
                drain(sock, sent, counts)
                assert daemon.alive(), daemon.log
        time.sleep(0.2)
        drain(sock, sent, counts)


def throw_tcp(daemon, chance, packets):
    """Several packets down one connection, the last with a wrong length; whatever comes back."""
    with socket.create_connection(("127.0.0.1", daemon.port), timeout=5) as sock:
        stream = b"".join(struct.pack("!H", len(packet)) + packet for packet in packets[:-1])
        wrong = chance.choice([0, 1, 11, 12, len(packets[-1]) + 1, 65535])
        stream += struct.pack("!H", wrong) + packets[-1]
        try:
            sock.sendall(stream)
            sock.shutdown(socket.SHUT_WR)
            received = b""
            while data := sock.recv(65535):
                received += data
        except (ConnectionResetError, BrokenPipeError):
            return  # cut off: its right
    while received:
        length = struct.unpack("!H", received[:2])[0]
        assert len(received) >= 2 + length, "a reply is cut"
        read(received[2:2 + length])
        received = received[2 + length:]


@pytest.fixture
def target(start):
    return start(zones={"example.com": "com", "example.org": "org"},
                 files={"com": zone_text(more=MORE), "org": zone_text()})


def test_generator_is_repeatable():
    first, second = random.Random(SEED), random.Random(SEED)
    assert [mutated(first) for _ in range(500)] == [mutated(second) for _ in range(500)]


def test_mutated_packets(target):
    chance = random.Random(SEED)
    counts = {}
    throw_udp(target, [mutated(chance) for _ in range(2000)], counts)  # so that all is warm
    before = memory_kb(target)
    good = GoodClient(target.port)
    good.start()
    for _ in range(PACKETS // 1000):
        packets = [mutated(chance) for _ in range(1000)]
        many = len(packets) // TCP_SHARE
        throw_udp(target, packets[many:], counts)
        for at in range(0, many, 5):
            throw_tcp(target, chance, packets[at:at + 5])
    good.ending.set()
    good.join()
    assert target.alive(), target.log
    assert not good.failures, good.failures
    assert good.asked > 100
    # Both sides of the mutations were met: queries that survived them, and such that did not.
    assert counts.get(dns.rcode.FORMERR, 0) > PACKETS // 10, counts
    assert counts.get(dns.rcode.NOERROR, 0) > PACKETS // 100, counts
    assert counts.get(dns.rcode.NOTIMP, 0) > 0, counts
    assert good.slowest > 0
    if not SANITIZED:
        assert good.slowest < GOOD_LIMIT_S, f"a good query waited {good.slowest * 1000:.0f} ms"
        assert memory_kb(target) - before < GROWTH_LIMIT_KB, (before, memory_kb(target))
    assert target.texts("www.example.com", tcp=True) == ["192.0.2.80"]


def test_empty_datagrams_and_giants(target):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", target.port))
        for size in (0, 1, 11, 12, 511, 512, 513, 4095, 4096, 4097, 9000, 65507):
            sock.send(bytes(size))
        query = dns.message.make_query("www.example.com", "A").to_wire()
        sock.send(query + bytes(65507 - len(query)))
    assert target.texts("www.example.com") == ["192.0.2.80"]


def test_no_ping_pong(target):
    """A reply thrown back is not answered: two servers cannot be set on each other."""
    query = dns.message.make_query("www.example.com", "A").to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(("127.0.0.1", target.port))
        for packet in (query, query[:-1], query[:2] + b"\x28" + query[3:]):
            sock.send(packet)
            reply = sock.recv(4096)
            sock.send(reply)
            assert not select.select([sock], [], [], 0.2)[0], "an answer to an answer"
