# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries as bytes, and the two transports.

Queries are written here by hand, not by a library, because half of the cases need what no library
writes: two questions, an OPT with a name, a label that points at itself.  Replies are read by
dnspython, which refuses what is malformed.
"""

import random
import socket
import struct
import time
from dataclasses import dataclass, field

import dns.exception
import dns.message
import dns.name
import dns.rdataclass
import dns.rdatatype

REPLY_LIMIT_S = 3.0
SILENCE_S = 0.15

QR, AA, TC, RD, RA, Z, AD, CD = 0x8000, 0x0400, 0x0200, 0x0100, 0x0080, 0x0040, 0x0020, 0x0010


class NoReply(Exception):
    """Nothing came back within the limit."""


class Closed(NoReply):
    """The server ended the connection instead."""


class BadReply(Exception):
    """Something came back that is not a well-formed DNS message for this query."""


@dataclass
class Edns:
    """The OPT record of a query (RFC 6891 section 6.1.2); every field can be made wrong."""

    size: int = 1232
    version: int = 0
    flags: int = 0
    rcode: int = 0
    options: list = field(default_factory=list)
    owner: bytes = b"\0"
    rdata: bytes = None
    rdlength: int = None

    def to_wire(self):
        rdata = self.rdata
        if rdata is None:
            rdata = b"".join(struct.pack("!HH", code, len(data)) + data
                             for code, data in self.options)
        length = len(rdata) if self.rdlength is None else self.rdlength
        fixed = struct.pack("!HHBBHH", 41, self.size, self.rcode, self.version, self.flags, length)
        return self.owner + fixed + rdata


def name_wire(text):
    return dns.name.from_text(text).to_wire()


def type_number(text):
    return int(dns.rdatatype.RdataType.make(text))


def class_number(text):
    return int(dns.rdataclass.RdataClass.make(text))


def question(name, rdtype="A", rdclass="IN"):
    """One question as bytes; the case of the name is kept."""
    wire = name if isinstance(name, bytes) else name_wire(name)
    return wire + struct.pack("!HH", type_number(rdtype), class_number(rdclass))


def query(questions, ident=None, flags=0, opcode=0, edns=(), extra=b"", trailing=b"", counts=None):
    """A message of these questions, records already in bytes (extra) and any number of OPTs."""
    if isinstance(questions, bytes):
        questions = [questions]
    if isinstance(edns, Edns):
        edns = [edns]
    if counts is None:
        counts = (len(questions), 0, 0, len(edns) + (1 if extra else 0))
    if ident is None:
        ident = random.randrange(65536)
    header = struct.pack("!6H", ident, flags | (opcode << 11), *counts)
    return header + b"".join(questions) + extra + b"".join(o.to_wire() for o in edns) + trailing


def framed(message):
    """A message as it travels over TCP (RFC 1035 section 4.2.2)."""
    return struct.pack("!H", len(message)) + message


class Udp:
    """One UDP socket: queries and replies of one client port."""

    def __init__(self, address, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.connect(address)

    def send(self, message):
        self.socket.send(message)

    def receive(self, limit_s=None):
        limit_s = REPLY_LIMIT_S if limit_s is None else limit_s
        self.socket.settimeout(limit_s)
        try:
            return self.socket.recv(65535)
        except (socket.timeout, BlockingIOError) as reason:
            raise NoReply(f"no reply over UDP in {limit_s} s") from reason
        except OSError as reason:
            raise NoReply(f"UDP: {reason}") from reason

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tcp:
    """One TCP connection; receive() returns one message without its length."""

    def __init__(self, address, family=socket.AF_INET):
        self.socket = socket.socket(family, socket.SOCK_STREAM)
        self.socket.settimeout(REPLY_LIMIT_S)
        self.socket.connect(address)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def send(self, message):
        self.send_bytes(framed(message))

    def send_bytes(self, data):
        try:
            self.socket.sendall(data)
        except OSError as reason:
            raise Closed(f"TCP: {reason}") from reason

    def receive(self, limit_s=None):
        limit_s = REPLY_LIMIT_S if limit_s is None else limit_s
        (length,) = struct.unpack("!H", self._exactly(2, limit_s))
        return self._exactly(length, limit_s)

    def _exactly(self, count, limit_s):
        limit = time.monotonic() + limit_s
        data = b""
        while len(data) < count:
            self.socket.settimeout(max(0.001, limit - time.monotonic()))
            try:
                part = self.socket.recv(count - len(data))
            except socket.timeout as reason:
                raise NoReply(f"no reply over TCP in {limit_s} s") from reason
            except OSError as reason:
                raise Closed(f"TCP: {reason}") from reason
            if not part:
                raise Closed("the server closed the connection")
            data += part
        return data

    def closed_by_peer(self, limit_s):
        """True when the server ends the connection within the limit without sending anything."""
        self.socket.settimeout(limit_s)
        try:
            return self.socket.recv(1) == b""
        except socket.timeout:
            return False
        except OSError:
            return True

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


TRANSPORTS = {"udp": Udp, "tcp": Tcp}


def exchange(address, message, via="udp"):
    with TRANSPORTS[via](address) as transport:
        transport.send(message)
        return transport.receive()


def read(wire):
    """The reply as dnspython reads it, one record an RRset, so that order and repetition show."""
    try:
        return dns.message.from_wire(wire, one_rr_per_rrset=True)
    except (dns.exception.DNSException, ValueError, struct.error, IndexError) as reason:
        what = f"{type(reason).__name__}: {reason}"
        raise BadReply(f"malformed reply ({what}): {wire.hex()}") from reason


def question_wire(message):
    """The question section of a well-formed message with at most one question, bit for bit."""
    if struct.unpack("!H", message[4:6])[0] == 0:
        return b""
    at = 12
    while message[at] != 0:
        at += 1 + message[at]
    return message[12 : at + 5]
