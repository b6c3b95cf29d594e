# SPDX-License-Identifier: GPL-3.0-or-later
"""Real caches in front of a horizon, and clients that ask them all the time."""

import os
import selectors
import shutil
import socket
import subprocess
import threading
import time

import backends
import daemons
import dns.message
import dns.rdatatype

PATH = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"

UNBOUND = """server:
  interface: 127.0.0.1@{port}
  port: {port}
  do-daemonize: no
  use-syslog: no
  logfile: "{folder}/unbound.out"
  chroot: ""
  username: ""
  directory: "{folder}"
  pidfile: "{folder}/unbound.pid"
  do-not-query-localhost: no
  access-control: 127.0.0.0/8 allow
  module-config: "iterator"
  cache-min-ttl: 0
  prefetch: no
  serve-expired: no
  num-threads: 1
  so-rcvbuf: 0
stub-zone:
  name: "{zone}"
  stub-addr: 127.0.0.1@{server}
  stub-no-cache: no
"""


class Program:
    """A process in the foreground, ended by its process id."""

    def __init__(self, words, folder, name):
        self.log = folder / f"{name}.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=out, stderr=out)

    def close(self):
        if self.process.poll() is None:
            self.process.terminate()
            self.process.wait(10)


def unbound(folder, zone, server):
    """Returns the program and its port."""
    port = daemons.free_port()
    (folder / "unbound.conf").write_text(
        UNBOUND.format(folder=folder, zone=zone, server=server, port=port))
    return Program([shutil.which("unbound", path=PATH), "-d", "-c", folder / "unbound.conf"],
                   folder, "unbound"), port


def dnsmasq(folder, zone, server):
    port = daemons.free_port()
    return Program([shutil.which("dnsmasq", path=PATH), "--keep-in-foreground", "--no-hosts",
                    "--no-resolv", "--bind-interfaces", "--listen-address=127.0.0.1",
                    f"--port={port}", f"--server=/{zone}/127.0.0.1#{server}", "--conf-file=/dev/null",
                    f"--pid-file={folder}/dnsmasq.pid", "--user=root"], folder, "dnsmasq"), port


class Clients(threading.Thread):
    """Many clients, each with a socket of its own; each asks its cache again a moment after it was
    answered. Keeps when each address was given last, and by which port first."""

    PAUSE_S = 0.1

    def __init__(self, name, ports, count):
        super().__init__(daemon=True)
        self.query = dns.message.make_query(name, dns.rdatatype.A)
        self.query.flags |= 0x0100
        self.over = threading.Event()
        self.last, self.answers, self.problems = {}, 0, []
        self.selector = selectors.DefaultSelector()
        self.clients = []
        for number in range(count):
            one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            one.connect(("127.0.0.1", ports[number % len(ports)]))
            one.setblocking(False)
            self.selector.register(one, selectors.EVENT_READ, number)
            self.clients.append([one, number * self.PAUSE_S / count])

    def run(self):
        wire, began = self.query.to_wire(), time.monotonic()
        for client in self.clients:
            client[1] += began
        while not self.over.is_set():
            now = time.monotonic()
            for client in self.clients:
                if client[1] <= now:
                    try:
                        client[0].send(wire)
                    except OSError as problem:
                        self.problems.append(problem)
                    client[1] = now + 1  # asked again when nothing comes
            for key, _ in self.selector.select(0.005):
                try:
                    reply = dns.message.from_wire(key.fileobj.recv(4096))
                except OSError:
                    continue
                given = time.time()
                self.clients[key.data][1] = time.monotonic() + self.PAUSE_S
                self.answers += 1
                for item in reply.answer:
                    for record in item:
                        self.last[record.to_text()] = given

    def stop(self):
        self.over.set()
        self.join()
        for client in self.clients:
            client[0].close()


def wait_for(port, name):
    """Until a cache answers."""
    query = dns.message.make_query(name, dns.rdatatype.A)

    def ready():
        import dns.exception
        import dns.query
        try:
            return dns.query.udp(query, "127.0.0.1", port=port, timeout=0.3).answer
        except (dns.exception.Timeout, OSError):
            return False
    return backends.until(ready)
