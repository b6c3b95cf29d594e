# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients at once, over UDP and TCP, from many addresses: everybody gets their own answer."""

import concurrent.futures
import random
import socket
import time

import dns.message
import pytest
from daemons import zone_text
from streams import Stream, allow_descriptors, framed, query_wire

NAMES = 200
CONFIG = """
server:
  listen: ["127.0.0.1:PORT", "[::1]:PORT"]
  workers: 2
zones:
  - {zone: example.com, file: example.com.zone}
"""


@pytest.fixture
def daemon(start):
    more = "".join(f"n{number} A 192.0.2.{number}\n" for number in range(NAMES))
    return start(CONFIG, files={"example.com.zone": zone_text(more=more)})


def check(reply, ident, number):
    message = dns.message.from_wire(reply)
    assert message.id == ident
    assert [item.to_text() for item in message.answer[0]] == [f"192.0.2.{number}"]


def short_connections(port, source, count):
    for ident in range(count):
        number = random.randrange(NAMES)
        with Stream(port, source=source) as client:
            client.send(framed(query_wire(f"n{number}.example.com", ident=ident)))
            check(client.receive(), ident, number)
    return count


def long_connection(port, source, count):
    with Stream(port, source=source) as client:
        for ident in range(count):
            number = random.randrange(NAMES)
            client.send(framed(query_wire(f"n{number}.example.com", ident=ident)))
            check(client.receive(), ident, number)
    return count


def datagrams(port, source, count):
    host = "::1" if ":" in source else "127.0.0.1"
    family = socket.AF_INET6 if ":" in source else socket.AF_INET
    for ident in range(count):
        number = random.randrange(NAMES)
        with socket.socket(family, socket.SOCK_DGRAM) as client:
            client.settimeout(5)
            client.bind((source, 0))
            client.connect((host, port))
            client.send(query_wire(f"n{number}.example.com", ident=ident))
            check(client.recv(4096), ident, number)
    return count


def test_thousand_short_connections(daemon):
    with concurrent.futures.ThreadPoolExecutor(10) as pool:
        running = [pool.submit(short_connections, daemon.port, f"127.0.5.{n}", 100)
                   for n in range(1, 11)]
        assert sum(future.result() for future in running) == 1000
    end = time.monotonic() + 5
    while daemon.run_json("status")["tcp_open"]:
        assert time.monotonic() < end, "connections stay open"
        time.sleep(0.02)
    counters = daemon.run_json("status")["counters"]
    assert counters["tcp_accepted"] == counters["queries_tcp"] == 1000
    assert counters["tcp_refused"] == counters["tcp_evicted"] == 0


def test_hundred_open_connections_share(daemon):
    """All stay open, all are asked in turn, from one client and from many."""
    allow_descriptors(1024)
    streams = [Stream(daemon.port, source=f"127.0.6.{n % 25 + 1}") for n in range(100)]
    for round_number in range(5):
        for stream in streams:
            stream.send(framed(query_wire("n7.example.com", ident=round_number)))
        for stream in streams:
            check(stream.receive(), round_number, 7)
    assert daemon.run_json("status")["tcp_open"] == 100
    for stream in streams:
        stream.close()


def test_both_transports_from_many_addresses(daemon):
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        running = [pool.submit(datagrams, daemon.port, f"127.0.7.{n}", 50) for n in range(1, 31)]
        running += [pool.submit(datagrams, daemon.port, "::1", 50) for _ in range(5)]
        running += [pool.submit(long_connection, daemon.port, f"127.0.8.{n}", 100)
                    for n in range(1, 11)]
        running += [pool.submit(short_connections, daemon.port, f"127.0.9.{n}", 20)
                    for n in range(1, 11)]
        total = sum(future.result() for future in running)
    counters = daemon.run_json("status")["counters"]
    assert counters["queries_udp"] == 35 * 50
    assert counters["queries_tcp"] == 10 * 100 + 10 * 20
    assert counters["positive"] == total
    assert counters["dropped"] == counters["send_failed"] == 0
