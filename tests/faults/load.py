# SPDX-License-Identifier: GPL-3.0-or-later
"""Queries whose answers tell the version they come from, and floods of them over UDP and TCP.

    www MX V mail        answer: the zone's version
    mail A ....V         additional, of the same reply: the zone's version outside; inside, from an
                         overlay, the configuration's

A reply is right when both are the same version, it is one that may be served between the sending of
the query and the receiving of the reply, and the address is one for that view.
"""

import socket
import struct
import threading
import time

import dns.message
import dns.rdatatype

INSIDE, OUTSIDE = "127.0.1.1", "127.0.2.1"
PREFIX = {INSIDE: "10.0.0.", OUTSIDE: "192.0.2."}
QUESTION = dns.message.make_query("www.load.test.", "MX", use_edns=0, payload=1232)
QUESTION.flags = 0
LOST_AFTER_S = 5

ZONE = """$TTL 300
@    SOA ns h {version} 7200 900 1209600 60
     NS  ns
ns   A   192.0.2.253
www  MX  {version} mail
mail A   192.0.2.{version}
"""


def wire(number):
    QUESTION.id = number
    return QUESTION.to_wire()


class Versions:
    """Which version is served for certain, and up to which one may be: two plain numbers."""

    def __init__(self):
        self.done = self.begun = 1


class Tally:
    """What became of the queries of one sender."""

    def __init__(self, versions, source):
        self.versions, self.source = versions, source
        self.answered = self.lost = self.met = 0  # met: were in flight when a reload was under way
        self.wrong = []

    def judge(self, data, oldest):
        """`oldest`: the version that was served for certain when the query was sent."""
        newest = self.versions.begun
        reply = dns.message.from_wire(data)
        self.answered += 1
        self.met += oldest < newest
        told = [item.preference for rrset in reply.answer for item in rrset]
        addresses = [item.to_text() for rrset in reply.additional for item in rrset]
        if len(told) != 1 or addresses != [f"{PREFIX[self.source]}{told[0]}"]:
            self.wrong.append(f"{self.source}: {told} {addresses}")
        elif not oldest <= told[0] <= newest:
            self.wrong.append(f"{self.source}: version {told[0]} of {oldest} to {newest}")


class Burst(Tally):
    """Some queries at once over UDP, whose replies are collected later."""

    def __init__(self, versions, source, port):
        super().__init__(versions, source)
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((source, 0))
        self.socket.settimeout(LOST_AFTER_S)
        self.sent = {}

    def send(self, count):
        oldest = self.versions.done
        for number in range(count):
            self.sent[number] = oldest
            self.socket.sendto(wire(number), ("127.0.0.1", self.port))

    def collect(self):
        while self.sent:
            try:
                data = self.socket.recv(65535)
            except TimeoutError:
                self.lost += len(self.sent)
                self.sent.clear()
                return
            number = struct.unpack("!H", data[:2])[0]
            if number in self.sent:
                self.judge(data, self.sent.pop(number))
            else:
                self.wrong.append(f"{self.source}: a reply nobody waits for")


class Flood(threading.Thread):
    """Sends bursts without pause until it is stopped."""

    def __init__(self, burst, window):
        super().__init__(daemon=True)
        self.tally, self.window, self.stopping = burst, window, False
        self.start()

    def run(self):
        while not self.stopping:
            self.tally.send(self.window)
            self.tally.collect()
            time.sleep(0.01)

    def stop(self):
        self.stopping = True
        self.join()
        self.tally.socket.close()


class Stream(Tally):
    """Pipelined queries over one TCP connection that lives through everything."""

    def __init__(self, versions, source, port):
        super().__init__(versions, source)
        self.socket = socket.create_connection(("127.0.0.1", port), LOST_AFTER_S, (source, 0))
        self.sent, self.data = {}, b""

    def send(self, count):
        oldest = self.versions.done
        self.sent = dict.fromkeys(range(count), oldest)
        self.socket.sendall(b"".join(
            struct.pack("!H", len(message)) + message for message in map(wire, range(count))))

    def collect(self):
        while self.sent:
            while len(self.data) < 2 or len(self.data) < 2 + struct.unpack("!H", self.data[:2])[0]:
                try:
                    more = self.socket.recv(65535)
                except (TimeoutError, ConnectionError):
                    more = b""
                if not more:
                    self.lost += len(self.sent)
                    self.sent.clear()
                    return
                self.data += more
            size = 2 + struct.unpack("!H", self.data[:2])[0]
            data, self.data = self.data[2:size], self.data[size:]
            self.judge(data, self.sent.pop(struct.unpack("!H", data[:2])[0]))
