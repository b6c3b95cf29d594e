# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP as a stream (RFC 7766, RFC 9210): reuse, pipelining, segments cut anywhere, no harm done."""

import socket
import struct
import time

import wire
from wire import Edns, Tcp, framed, question

from rules.case import case

NAMES = ["www.basic.test", "v6.basic.test", "missing.basic.test", "one.chain.test",
         "www.in.deleg.test", "www.example.net", "foo.wild.test", "a200.big.test"]


def queries(count, first_ident=1):
    return {first_ident + n: wire.query(question(NAMES[n % len(NAMES)]), ident=first_ident + n)
            for n in range(count)}


def receive_all(connection, asked):
    """Every query answered exactly once, in any order, each with its own question."""
    left = dict(asked)
    while left:
        reply = connection.receive()
        ident = struct.unpack("!H", reply[:2])[0]
        if ident not in left:
            return [f"a reply with id {ident}, which was not asked or is answered already"]
        if wire.question_wire(reply) != wire.question_wire(left.pop(ident)):
            return [f"reply {ident} carries another question"]
        wire.read(reply)
    return []


def stream_case(ident, rfc, **rest):
    """Register the function below as a case that plays on a TCP connection of its own."""
    def register(function):
        def play(address):
            with Tcp(address) as connection:
                return function(connection, address)
        case(ident, rfc, play=play, via=("tcp",), **rest)
        return function
    return register


@stream_case("stream-one-query", "RFC 7766 5")
def one_query(connection, _):
    asked = queries(1)
    connection.send(asked[1])
    return receive_all(connection, asked)


@stream_case("stream-reused", "RFC 7766 6.2.1 (connection reuse)")
def reused(connection, _):
    problems = []
    for ident, query in queries(20).items():
        connection.send(query)
        problems += receive_all(connection, {ident: query})
    return problems


@stream_case("stream-pipelined", "RFC 7766 6.2.1.1, 7 (any order)")
def pipelined(connection, _):
    asked = queries(50)
    for query in asked.values():
        connection.send(query)
    return receive_all(connection, asked)


@stream_case("stream-many-in-one-segment", "RFC 7766 6.2.1.1, 8")
def one_segment(connection, _):
    asked = queries(40)
    connection.send_bytes(b"".join(framed(query) for query in asked.values()))
    return receive_all(connection, asked)


@stream_case("stream-thousand-pipelined", "RFC 7766 6.2.1.1")
def thousand(connection, _):
    asked = {n: wire.query(question("www.basic.test"), ident=n) for n in range(1, 1001)}
    connection.send_bytes(b"".join(framed(query) for query in asked.values()))
    return receive_all(connection, asked)


@stream_case("stream-length-split", "RFC 7766 8 (the length arrives in two segments)")
def length_split(connection, _):
    asked = queries(1)
    data = framed(asked[1])
    connection.send_bytes(data[:1])
    time.sleep(0.02)
    connection.send_bytes(data[1:])
    return receive_all(connection, asked)


@stream_case("stream-length-alone", "RFC 7766 8 (the length in a segment of its own)")
def length_alone(connection, _):
    asked = queries(1)
    data = framed(asked[1])
    connection.send_bytes(data[:2])
    time.sleep(0.02)
    connection.send_bytes(data[2:])
    return receive_all(connection, asked)


@stream_case("stream-byte-by-byte", "RFC 7766 8")
def byte_by_byte(connection, _):
    asked = queries(2)
    for byte in b"".join(framed(query) for query in asked.values()):
        connection.send_bytes(bytes([byte]))
        time.sleep(0.001)
    return receive_all(connection, asked)


@stream_case("stream-message-and-a-half", "RFC 7766 8")
def message_and_a_half(connection, _):
    asked = queries(3)
    data = b"".join(framed(query) for query in asked.values())
    cut = len(framed(asked[1])) + 7
    connection.send_bytes(data[:cut])
    time.sleep(0.02)
    connection.send_bytes(data[cut:])
    return receive_all(connection, asked)


@stream_case("stream-large-replies-pipelined", "RFC 7766 6.2.1.1, RFC 1035 4.2.2")
def large_replies(connection, _):
    asked = {n: wire.query(question("a4000.big.test"), ident=n) for n in range(1, 6)}
    connection.send_bytes(b"".join(framed(query) for query in asked.values()))
    return receive_all(connection, asked)


@stream_case("stream-half-closed", "RFC 7766 6.2.3, RFC 1035 4.2.2 (the answer still comes)")
def half_closed(connection, _):
    asked = queries(3)
    connection.send_bytes(b"".join(framed(query) for query in asked.values()))
    connection.socket.shutdown(socket.SHUT_WR)
    return receive_all(connection, asked)


@stream_case("stream-bad-query-between-good", "RFC 9210 4.2, RFC 9619 4",
             differs={"nsd": "closes the connection on a message of only a header"})
def bad_between_good(connection, _):
    asked = queries(1)
    bad = wire.query([], ident=0x7777)
    asked[2] = wire.query(question("www.basic.test"), ident=2)
    connection.send_bytes(framed(asked[1]) + framed(bad) + framed(asked[2]))
    rcodes = {}
    for _ in range(3):
        reply = connection.receive()
        rcodes[struct.unpack("!H", reply[:2])[0]] = reply[3] & 15
    return [] if rcodes == {1: 0, 2: 0, 0x7777: 1} else [f"rcodes by id {rcodes}"]


@stream_case("stream-empty-message", "RFC 7766 8 (length zero: closed or skipped, not stuck)")
def empty_message(connection, address):
    connection.send_bytes(b"\0\0")
    asked = queries(1)
    if not connection.closed_by_peer(wire.SILENCE_S):
        try:
            connection.send(asked[1])
            return receive_all(connection, asked)
        except wire.Closed:
            pass
    with Tcp(address) as other:
        other.send(asked[1])
        return receive_all(other, asked)


@stream_case("stream-largest-length", "RFC 7766 8 (others are answered meanwhile)")
def largest_length(connection, address):
    connection.send_bytes(b"\xff\xff" + b"\0" * 100)
    with Tcp(address) as other:
        asked = queries(3)
        for query in asked.values():
            other.send(query)
        return receive_all(other, asked)


@stream_case("stream-many-connections", "RFC 7766 6.2.2, RFC 9210 4.4")
def many_connections(connection, address):
    others = [Tcp(address) for _ in range(20)]
    try:
        asked = queries(20)
        for other, query in zip(others, asked.values()):
            other.send(query)
        problems = []
        for other, (ident, query) in zip(others, asked.items()):
            problems += receive_all(other, {ident: query})
        connection.send(asked[1])
        return problems + receive_all(connection, {1: asked[1]})
    finally:
        for other in others:
            other.close()


@stream_case("stream-stays-open-while-idle", "RFC 7766 6.2.3, RFC 9210 4.3")
def stays_open(connection, _):
    asked = queries(2)
    connection.send(asked[1])
    problems = receive_all(connection, {1: asked[1]})
    time.sleep(0.5)
    connection.send(asked[2])
    return problems + receive_all(connection, {2: asked[2]})


@stream_case("stream-same-answer-as-udp", "RFC 7766 5, RFC 9210 3")
def same_as_udp(connection, address):
    problems = []
    for name in NAMES[:-1]:
        query = wire.query(question(name), ident=5, edns=Edns())
        connection.send(query)
        over_tcp = wire.read(connection.receive())
        over_udp = wire.read(wire.exchange(address, query))
        for section in ("answer", "authority"):
            sets = [sorted(str(one) for one in getattr(reply, section))
                    for reply in (over_tcp, over_udp)]
            if sets[0] != sets[1]:
                problems.append(f"{name}: {section}: {sets[0]} over TCP, {sets[1]} over UDP")
        if over_tcp.rcode() != over_udp.rcode():
            problems.append(f"{name}: rcode differs")
    return problems


@stream_case("stream-client-gone-before-reply", "RFC 9210 4.2")
def client_gone(connection, address):
    connection.send_bytes(b"".join(framed(query) for query in queries(8).values()))
    connection.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
    with Tcp(address) as other:
        asked = queries(2)
        for query in asked.values():
            other.send(query)
        return receive_all(other, asked)
