# SPDX-License-Identifier: GPL-3.0-or-later
"""TCP clients that are slow, stuck, many or odd: each meets its limit, and nobody else notices
(RFC 7766, RFC 9210)."""

import concurrent.futures
import socket
import time

import dns.message
import pytest
from daemons import zone_text
from streams import SLOW, Stream, allow_descriptors, framed, good_query_s, query_wire

CONFIG = """
server:
  listen: ["127.0.0.1:PORT"]
  tcp: {TCP}
zones:
  - {zone: example.com, file: example.com.zone}
"""
LARGE = 'large TXT ' + " ".join(f'"{number:0250}"' for number in range(200)) + "\n"
GOOD_LIMIT_S = 0.1 * SLOW
SLOWLORIS = 600


def attackers(count):
    """That many addresses of the loopback network."""
    return [f"127.2.{number // 250}.{number % 250 + 1}" for number in range(count)]


@pytest.fixture
def serve(start):
    def begin(tcp="idle: 10s"):
        return start(CONFIG.replace("TCP", tcp), files={"example.com.zone": zone_text(more=LARGE)})
    return begin


def counter(daemon, name):
    return daemon.run_json("status")["counters"][name]


def wait_until(check, limit=5 * SLOW):
    end = time.monotonic() + limit
    while not check():
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)


def silent(port):
    with Stream(port) as client:
        return client.lifetime(20)


def dripping(port):
    """Begins at once and sends a byte each half second: only the whole message counts."""
    with Stream(port) as client:
        began = time.monotonic()
        for byte in framed(query_wire()):
            client.send(bytes([byte]))
            if client.is_closed(0.5):
                break
        return time.monotonic() - began


def half_a_message(port):
    """A good query first; the time of the second runs from its own first byte."""
    with Stream(port) as client:
        client.ask()
        time.sleep(1)
        client.send(framed(query_wire())[:9])
        return client.lifetime(20)


def idle(port):
    with Stream(port) as client:
        client.ask()
        return client.lifetime(20)


def idle_renewed(port):
    """Each query gives the connection its whole idle time again."""
    with Stream(port) as client:
        client.ask()
        assert not client.is_closed(4)
        client.socket.settimeout(5)
        client.ask()
        return client.lifetime(20)


def test_every_wait_ends_at_its_limit(serve):
    """All at once: first byte 2 s, whole message 5 s, idle 10 s."""
    daemon = serve()
    expected = [(silent, 2), (dripping, 5), (half_a_message, 5), (idle, 10), (idle_renewed, 10)]
    with concurrent.futures.ThreadPoolExecutor(len(expected)) as pool:
        running = [(pool.submit(play, daemon.port), play, limit) for play, limit in expected]
        for future, play, limit in running:
            took = future.result()
            assert limit - 0.1 <= took <= limit + 0.6 * SLOW, f"{play.__name__}: {took:.2f} s"
    assert counter(daemon, "tcp_slow") == 3
    assert counter(daemon, "tcp_idle") == 2


def test_limits_come_from_the_configuration(serve):
    daemon = serve("first-byte: 300ms, message: 600ms, idle: 900ms")
    for begin, limit in [(b"", 0.3), (framed(query_wire())[:9], 0.6)]:
        with Stream(daemon.port) as client:
            client.send(begin)
            took = client.lifetime(10)
        assert limit - 0.1 <= took <= limit + 0.5 * SLOW, f"{took:.2f} s"
    assert 0.8 <= idle(daemon.port) <= 0.9 + 0.5 * SLOW


def test_slowloris_from_one_address(serve):
    allow_descriptors(4 * SLOWLORIS)
    daemon = serve()
    slow = [Stream(daemon.port, source="127.2.0.1") for _ in range(SLOWLORIS)]
    assert max(good_query_s(daemon.port) for _ in range(10)) < GOOD_LIMIT_S
    assert max(good_query_s(daemon.port, "127.2.0.2") for _ in range(10)) < GOOD_LIMIT_S
    assert counter(daemon, "tcp_refused") > 0
    for stream in slow:
        stream.close()


@pytest.mark.parametrize("connections", [1000, 300])
def test_slowloris_from_many_addresses(serve, connections):
    """With 300 places the attack takes them all: who never asked gives way to who comes."""
    allow_descriptors(4 * SLOWLORIS)
    daemon = serve(f"connections: {connections}")
    slow = []
    for source in attackers(SLOWLORIS):
        stream = Stream(daemon.port, source=source)
        stream.send(b"\0")
        slow.append(stream)
    wait_until(lambda: counter(daemon, "tcp_accepted") >= SLOWLORIS)  # the attack is complete
    steady = Stream(daemon.port, source="127.0.0.77")
    steady.ask()
    assert max(good_query_s(daemon.port) for _ in range(10)) < GOOD_LIMIT_S
    if connections == 300:
        wait_until(lambda: counter(daemon, "tcp_evicted") >= 250)
    else:
        assert counter(daemon, "tcp_evicted") == 0
    for source in attackers(SLOWLORIS):  # and the next wave does not throw out who works
        slow.append(Stream(daemon.port, source=source.replace("127.2.", "127.3.")))
    steady.ask(ident=2)
    assert good_query_s(daemon.port) < GOOD_LIMIT_S
    assert daemon.run_json("status")["tcp_open"] <= connections
    for stream in [*slow, steady]:
        stream.close()


def test_a_client_has_its_share(serve):
    daemon = serve("per-client: 5, connections: 50, reserve: 10")
    held = [Stream(daemon.port) for _ in range(5)]
    for stream in held:
        stream.ask()
    with Stream(daemon.port) as one_more:
        assert one_more.is_closed(2 * SLOW)
    assert good_query_s(daemon.port, "127.0.0.9") < GOOD_LIMIT_S
    held.pop().close()
    wait_until(lambda: daemon.run_json("status")["tcp_open"] == 4)
    good_query_s(daemon.port)
    for stream in held:
        stream.ask()
        stream.close()


def resident_bytes(daemon):
    with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * 4096


def test_clients_that_never_read_are_cut(serve):
    daemon = serve("write: 1s")
    before = resident_bytes(daemon)
    query = framed(query_wire("large.example.com", "TXT"))
    stuck = [Stream(daemon.port, source=f"127.4.0.{n + 1}", window=4096) for n in range(20)]
    for stream in stuck:
        stream.socket.setblocking(False)
        try:
            for _ in range(200):
                stream.send(query * 20)
        except (BlockingIOError, ConnectionError):
            pass
    assert good_query_s(daemon.port) < GOOD_LIMIT_S
    grown = resident_bytes(daemon) - before
    assert SLOW > 1 or grown < 20 * 300_000 + 4_000_000, f"{grown} bytes for 20 stuck clients"
    wait_until(lambda: counter(daemon, "tcp_stuck") == 20)
    assert daemon.run_json("status")["tcp_open"] == 0
    for stream in stuck:
        stream.close()


def test_slow_reader_gets_everything_in_order(serve):
    """Replies wait for the client, queries wait behind them, none is lost."""
    daemon = serve()
    count = 60
    with Stream(daemon.port, window=8192, timeout=10) as client:
        client.send(framed(*(query_wire("large.example.com", "TXT", n) for n in range(count))))
        for ident in range(count):
            if ident % 10 == 0:
                time.sleep(0.05)
            reply = client.receive()
            assert int.from_bytes(reply[:2], "big") == ident and len(reply) > 50_000


def test_half_closed_client_gets_its_replies(serve):
    daemon = serve()
    with Stream(daemon.port) as client:
        client.send(framed(*(query_wire(ident=n) for n in range(1, 4))))
        client.socket.shutdown(socket.SHUT_WR)
        assert [client.receive()[1] for _ in range(3)] == [1, 2, 3]
        assert client.receive() is None
    with Stream(daemon.port, window=4096) as client:  # also when they do not fit at once
        client.send(framed(*(query_wire("large.example.com", "TXT", n) for n in range(10))))
        client.socket.shutdown(socket.SHUT_WR)
        time.sleep(0.2)
        for ident in range(10):
            assert int.from_bytes(client.receive()[:2], "big") == ident
        assert client.receive() is None


def test_hundred_queries_in_one_segment(serve):
    daemon = serve()
    with Stream(daemon.port) as client:
        client.send(framed(*(query_wire(ident=n) for n in range(1, 101))))
        for ident in range(1, 101):
            reply = dns.message.from_wire(client.receive())
            assert reply.id == ident and reply.answer[0][0].to_text() == "192.0.2.80"
    assert counter(daemon, "queries_tcp") == 100
    assert counter(daemon, "tcp_accepted") == 1


def test_split_at_every_byte(serve):
    daemon = serve()
    both = framed(query_wire(ident=1), query_wire(ident=2))
    for cut in range(1, len(both)):
        with Stream(daemon.port) as client:
            client.send(both[:cut])
            time.sleep(0.002)
            client.send(both[cut:])
            assert client.receive()[:2] == b"\0\1"
            assert client.receive()[:2] == b"\0\2"


def test_byte_by_byte(serve):
    daemon = serve()
    with Stream(daemon.port) as client:
        for byte in framed(query_wire(ident=7)):
            client.send(bytes([byte]))
            time.sleep(0.001)
        assert client.receive()[:2] == b"\0\7"


@pytest.mark.parametrize("length", [0, 1, 11])
def test_message_too_short_ends_the_connection(serve, length):
    daemon = serve()
    with Stream(daemon.port) as client:
        client.send(framed(query_wire(ident=5)) + framed(b"\0" * length))
        assert client.receive()[:2] == b"\0\5"
        assert client.is_closed(2 * SLOW)
    assert good_query_s(daemon.port) < GOOD_LIMIT_S


def test_reset_in_the_middle_harms_nobody(serve):
    daemon = serve()
    for _ in range(50):
        client = Stream(daemon.port)
        client.send(framed(query_wire("large.example.com", "TXT")) * 3)
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.close()
    assert good_query_s(daemon.port) < GOOD_LIMIT_S
    wait_until(lambda: daemon.run_json("status")["tcp_open"] == 0)


def test_stop_answers_what_was_received(serve):
    daemon = serve()
    idle_one, half = Stream(daemon.port), Stream(daemon.port)
    idle_one.ask()
    half.send(framed(query_wire(ident=3))[:10])
    time.sleep(0.1)
    began = time.monotonic()
    daemon.process.terminate()
    time.sleep(0.2)
    half.send(framed(query_wire(ident=3))[10:])
    assert half.receive()[:2] == b"\0\3"
    assert half.receive() is None
    assert idle_one.receive() is None
    assert daemon.process.wait(10) == 0
    assert time.monotonic() - began < 2.5 * SLOW
    idle_one.close()
    half.close()
