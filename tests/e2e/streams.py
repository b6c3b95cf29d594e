# SPDX-License-Identifier: GPL-3.0-or-later
"""Raw TCP connections to a daemon, for tests that misbehave on purpose, and many of them at once."""

import os
import resource
import socket
import struct
import time

import dns.flags
import dns.message

# Figures mean little under a sanitizer: limits of time are stretched.
SLOW = 1 if not os.environ.get("HORIZON_SANITIZED") else 10


def allow_descriptors(count):
    """Both ends of many connections do not fit the usual soft limit."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < count:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(count, hard), hard))


def query_wire(name="www.example.com", kind="A", ident=1):
    query = dns.message.make_query(name, kind)
    query.flags &= ~dns.flags.RD
    query.id = ident
    return query.to_wire()


def framed(*messages):
    return b"".join(struct.pack("!H", len(message)) + message for message in messages)


class Stream:
    """One connection."""

    def __init__(self, port, source="127.0.0.1", host="127.0.0.1", timeout=5, window=None):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        if window:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        if source and family == socket.AF_INET:
            self.socket.bind((source, 0))
        self.socket.connect((host, port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.bytes = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data)

    def receive(self):
        """One message, or None at the end of the stream."""
        while True:
            if len(self.bytes) >= 2:
                end = 2 + struct.unpack("!H", self.bytes[:2])[0]
                if len(self.bytes) >= end:
                    message, self.bytes = self.bytes[2:end], self.bytes[end:]
                    return message
            data = self.socket.recv(65536)
            if not data:
                assert not self.bytes, "ended inside a message"
                return None
            self.bytes += data

    def ask(self, ident=1, **keywords):
        """One query, and its reply checked."""
        self.send(framed(query_wire(ident=ident, **keywords)))
        reply = self.receive()
        assert reply is not None, "closed"
        answer = dns.message.from_wire(reply)
        assert answer.id == ident and answer.answer
        return answer

    def is_closed(self, timeout):
        """Does the server end it within `timeout` seconds?"""
        self.socket.settimeout(timeout)
        try:
            return self.socket.recv(1) == b""
        except TimeoutError:
            return False
        except ConnectionResetError:
            return True

    def lifetime(self, limit):
        """Seconds until the server ends it."""
        began = time.monotonic()
        assert self.is_closed(limit), f"still open after {limit} s"
        return time.monotonic() - began

    def close(self):
        self.socket.close()


def good_query_s(port, source="127.0.0.1"):
    """How long a well-behaved client takes to connect, ask and be answered."""
    began = time.monotonic()
    with Stream(port, source=source) as good:
        good.ask(ident=99)
    return time.monotonic() - began
