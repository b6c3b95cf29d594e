# SPDX-License-Identifier: GPL-3.0-or-later
"""UDP: who is answered from which address, over both families, and what is not answered at all."""

import os
import socket
import time

import daemons
import dns.edns
import dns.message
import pytest
from daemons import zone_text
from streams import query_wire

# A reply goes to a connected socket only if it comes from the address that was asked.
VIEWS = """
server:
  listen: [LISTEN]
  workers: 2
views:
  near: {internal: true, match: [127.0.1.0/24]}
  six: {internal: true, match: ["::1/128"]}
  far: {default: true}
zones:
  - zone: example.com
    file: example.com.zone
    overlays:
      - {view: near, reason: "test", replace: {www: A 192.0.2.10}}
      - {view: six, reason: "test", replace: {www: A 192.0.2.60}}
"""
NEAR, SIX, FAR = "192.0.2.10", "192.0.2.60", "192.0.2.80"


@pytest.fixture
def serve(start):
    def begin(*listen):
        text = ", ".join(f'"{address}"' for address in listen)
        return start(VIEWS.replace("LISTEN", text), files={"example.com.zone": zone_text()})
    return begin


def asker(host, port, source=None, kind=socket.SOCK_DGRAM):
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    client = socket.socket(family, kind)
    client.settimeout(3)
    if source:
        client.bind((source, 0))
    client.connect((host, port))
    return client


def answer(host, port, source=None, tcp=False):
    """The address that www has for this client."""
    with asker(host, port, source, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        wire = query_wire(ident=321)
        client.send(len(wire).to_bytes(2, "big") + wire if tcp else wire)
        reply = client.recv(4096)
        if tcp:
            while len(reply) < 2 or len(reply) < 2 + int.from_bytes(reply[:2], "big"):
                reply += client.recv(4096)
            reply = reply[2:]
    message = dns.message.from_wire(reply)
    assert message.id == 321
    return message.answer[0][0].to_text()


@pytest.mark.parametrize("tcp", [False, True])
def test_two_source_addresses_two_answers(serve, tcp):
    daemon = serve("127.0.0.1:PORT")
    for _ in range(10):
        assert answer("127.0.0.1", daemon.port, "127.0.1.7", tcp) == NEAR
        assert answer("127.0.0.1", daemon.port, "127.0.2.7", tcp) == FAR


@pytest.mark.parametrize("tcp", [False, True])
def test_ipv6_beside_ipv4(serve, tcp):
    daemon = serve("127.0.0.1:PORT", "[::1]:PORT")
    for _ in range(10):
        assert answer("::1", daemon.port, tcp=tcp) == SIX
        assert answer("127.0.0.1", daemon.port, "127.0.1.7", tcp) == NEAR


@pytest.mark.parametrize("tcp", [False, True])
def test_ipv4_wildcard_replies_from_the_address_asked(serve, tcp):
    daemon = serve("0.0.0.0:PORT")
    for host in "127.0.0.1", "127.0.0.5", "127.9.9.9":
        assert answer(host, daemon.port, "127.0.1.7", tcp) == NEAR
        assert answer(host, daemon.port, "127.0.2.7", tcp) == FAR


@pytest.mark.parametrize("tcp", [False, True])
def test_ipv6_wildcard_takes_ipv4_clients_for_what_they_are(serve, tcp):
    """Without an IPv4 wildcard on the port, the IPv6 one serves both; mapped peers are unmapped."""
    daemon = serve("[::]:PORT")
    assert answer("::1", daemon.port, tcp=tcp) == SIX
    for host in "127.0.0.1", "127.0.0.5":
        assert answer(host, daemon.port, "127.0.1.7", tcp) == NEAR
        assert answer(host, daemon.port, "127.0.2.7", tcp) == FAR


@pytest.mark.parametrize("tcp", [False, True])
def test_both_wildcards_on_one_port(serve, tcp):
    daemon = serve("[::]:PORT", "0.0.0.0:PORT")
    assert answer("::1", daemon.port, tcp=tcp) == SIX
    assert answer("127.0.0.5", daemon.port, "127.0.1.7", tcp) == NEAR


def test_what_is_no_query_is_not_answered(serve):
    daemon = serve("127.0.0.1:PORT")
    response = bytearray(query_wire())
    response[2] |= 0x80
    with asker("127.0.0.1", daemon.port) as client:
        for wrong in b"", b"\0", b"\0" * 11, bytes(response):
            client.send(wrong)
        client.settimeout(0.3)
        with pytest.raises(TimeoutError):
            client.recv(4096)
        client.settimeout(3)
        client.send(query_wire(ident=9))
        assert client.recv(4096)[:2] == b"\0\x09"
    assert daemon.run_json("status")["counters"]["dropped"] == 4


def test_largest_datagram_harms_nobody(serve):
    daemon = serve("127.0.0.1:PORT")
    with asker("127.0.0.1", daemon.port) as client:
        for size in 4096, 4097, 9000, 65507:
            client.send((query_wire(ident=size & 0xffff) + bytes(65507))[:size])
        client.send(query_wire(ident=5))
        end = time.monotonic() + 3
        while client.recv(4096)[:2] != b"\0\5":
            assert time.monotonic() < end


@pytest.mark.parametrize("size", [28, 512, 1232, 4000])
def test_queries_with_padding_are_read_whole(serve, size):
    """What we would accept as a reply size we accept as a query."""
    daemon = serve("127.0.0.1:PORT")
    query = dns.message.make_query("www.example.com", "A", use_edns=0, payload=4096)
    padding = dns.edns.GenericOption(12, bytes(size - 28)) if size > 28 else None
    query.use_edns(0, payload=4096, options=[padding] if padding else [])
    with asker("127.0.0.1", daemon.port, "127.0.1.7") as client:
        client.send(query.to_wire())
        reply = dns.message.from_wire(client.recv(4096))
    assert reply.id == query.id and reply.answer[0][0].to_text() == NEAR


def test_a_burst_is_answered_whole(serve):
    """More than a batch at once, each with its own id; nothing lost while it fits the buffers."""
    daemon = serve("127.0.0.1:PORT")
    with asker("127.0.0.1", daemon.port) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        for burst in range(20):
            left = set(range(burst * 100, burst * 100 + 100))
            for ident in left:
                client.send(query_wire(ident=ident))
            while left:
                left.remove(int.from_bytes(client.recv(4096)[:2], "big"))


def test_case_of_the_question_comes_back(serve):
    daemon = serve("127.0.0.1:PORT")
    wire = query_wire().replace(b"\3www\7example", b"\3wWw\7eXaMpLe")
    with asker("127.0.0.1", daemon.port) as client:
        client.send(wire)
        assert b"\3wWw\7eXaMpLe\3com\0" in client.recv(4096)


def test_killed_and_started_again_at_once(start):
    """The address is free the moment a daemon is dead, TCP connections in TIME-WAIT or not."""
    text = VIEWS.replace("LISTEN", '"127.0.0.1:PORT"')
    files = {"example.com.zone": zone_text()}
    daemon = start(text, files=files)
    answer("127.0.0.1", daemon.port, tcp=True)
    daemon.process.kill()
    daemon.process.wait()
    os.unlink(daemon.socket)
    again = start(text, files=files, port=daemon.port)
    assert answer("127.0.0.1", again.port, "127.0.1.7", tcp=True) == NEAR
    assert answer("127.0.0.1", again.port, "127.0.1.7") == NEAR


def test_second_daemon_on_the_same_address_is_refused(serve, folder):
    """SO_REUSEPORT would let it in, to take half of the queries."""
    daemon = serve("127.0.0.1:PORT")
    (folder / "other.zone").write_text(zone_text())
    done = daemons.run("serve", "--listen", f"127.0.0.1:{daemon.port}",
                       "--zone", f"example.com={folder}/other.zone",
                       "--control", str(folder / "other.sock"))
    assert done.returncode == 1
    assert f"cannot listen on 127.0.0.1:{daemon.port} (UDP)" in done.stderr
    assert f"ss -lunp 'sport = :{daemon.port}'" in done.stderr
