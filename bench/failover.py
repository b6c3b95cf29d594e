#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a killed process to the changed answer: horizon beside gdnsd and PowerDNS, in one run.

    bench/failover.py [--runs N] [--json FILE]

Each server answers one name with two backends of its own. The process of one is killed (SIGKILL);
the time runs to the first answer without its address, asked for every millisecond. Then it is
started again, and the next round waits until it is back. Every server has its fastest sensible
settings: gdnsd's shortest interval is 2 s, PowerDNS looks once a second.
"""

import argparse
import json
import os
import random
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

import peers
import process

ORIGIN, NAME = "dc1.test", "web"
LIMIT_S = 20
CHANCE = random.Random(20261127)
HEAD = """$TTL 5
@ SOA ns1 hostmaster 1 3600 600 86400 5
@ NS ns1
ns1 A 198.18.0.1
"""
BACKEND = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(100)
print("up", flush=True)
kept = []
while True:
    kept.append(listener.accept())
    del kept[:-50]
"""


class Contender:
    """One server with its two backends; subclasses write its configuration."""

    label = program = ""

    def __init__(self, folder, number):
        self.folder, self.port = os.path.join(folder, str(number)), process.port_find()
        os.makedirs(self.folder)
        self.addresses = [f"127.0.{80 + number}.{i}" for i in (1, 2)]
        self.backend_port = free_tcp_port()
        self.backends = [self.backend(i) for i in (0, 1)]
        self.server, self.seconds = None, []

    def backend(self, which):
        child = subprocess.Popen(
            [sys.executable, "-c", BACKEND, self.addresses[which], str(self.backend_port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        assert child.stdout.readline() == b"up\n"
        return child

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="ascii") as out:
            out.write(text)
        return path

    def start(self):
        self.server = process.Process(self.command(), os.path.join(self.folder, "log"),
                                      set(os.sched_getaffinity(0)))

    def answer(self):
        """The addresses of the answer, or None."""
        owner = b"".join(bytes((len(label),)) + label.encode()
                         for label in f"{NAME}.{ORIGIN}".split(".")) + b"\0"
        query = struct.pack("!HHHHHH", 7, 0, 1, 0, 0, 0) + owner + struct.pack("!HH", 1, 1)
        with socket.socket(type=socket.SOCK_DGRAM) as probe:
            probe.settimeout(0.5)
            try:
                probe.connect(("127.0.0.1", self.port))
                probe.send(query)
                reply = probe.recv(4096)
            except OSError:
                return None
        return {address for address in self.addresses if socket.inet_aton(address) in reply}

    def both(self):
        return self.answer() == set(self.addresses)

    def run(self):
        """One kill; seconds until the answer has changed."""
        wait(self.both, f"{self.label} never answered both")
        time.sleep(CHANCE.uniform(0, 2))  # not in step with anybody's beat
        began = time.monotonic()
        self.backends[1].kill()
        while self.answer() != {self.addresses[0]}:
            if time.monotonic() - began > LIMIT_S:
                raise SystemExit(f"failover: {self.label} did not change its answer")
            time.sleep(0.001)
        self.seconds.append(time.monotonic() - began)
        self.backends[1].wait()
        self.backends[1].stdout.close()
        self.backends[1] = self.backend(1)

    def end(self):
        if self.server:
            self.server.end()
        for child in self.backends:
            child.kill()
            child.wait()
            child.stdout.close()


class Horizon(Contender):
    check = ""

    def command(self):
        instances = "".join(f"      - {{id: i{i}, addresses: {address}, port: {self.backend_port}}}\n"
                            for i, address in enumerate(self.addresses))
        # Kills come faster here than a flapping instance deserves: no penalty.
        text = f"""server: {{listen: ["127.0.0.1:{self.port}"], control: {self.folder}/control.sock}}
zones: [{{zone: {ORIGIN}, file: {self.write("zone", HEAD)}}}]
services:
  - service: {NAME}.{ORIGIN}
    flap-half-life: 0s
    checks: [{self.check}]
    instances:
{instances}"""
        return [peers.Horizon().path, "serve", "--config", self.write("horizon.yaml", text)]


class HorizonHeld(Horizon):
    label, check = "horizon, held connection", "{kind: held}"


class HorizonProbe(Horizon):
    label = "horizon, tcp 200 ms, fall 2"
    check = "{kind: tcp, interval: 200ms, timeout: 100ms, rise: 1, fall: 2}"


class Gdnsd(Contender):
    label, program = "gdnsd, tcp_connect 2 s (its shortest), thresholds 1", "gdnsd"

    def command(self):
        for folder in ("run", "state", "etc/zones"):
            os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
        addresses = ", ".join(f"i{i} => {address}" for i, address in enumerate(self.addresses))
        self.write("etc/config", f"""options => {{ listen => [ 127.0.0.1:{self.port} ],
  run_dir => {self.folder}/run, state_dir => {self.folder}/state, tcp_threads => 1 }}
service_types => {{ look => {{ plugin => tcp_connect, port => {self.backend_port}, interval => 2,
  timeout => 1, up_thresh => 1, ok_thresh => 1, down_thresh => 1 }} }}
plugins => {{ multifo => {{ r => {{ service_types => look, up_thresh => 0.1, {addresses} }} }} }}
""")
        self.write(f"etc/zones/{ORIGIN}", HEAD + f"{NAME} 5 DYNA multifo!r\n")
        return [peers.Gdnsd().path, "-c", os.path.join(self.folder, "etc"), "start"]


class PowerDns(Contender):
    label, program = "PowerDNS, ifportup, once a second", "pdns_server"

    def command(self):
        listed = ", ".join(f"'{address}'" for address in self.addresses)
        zone = self.write("zone", HEAD + f'{NAME} 5 IN LUA A "ifportup({self.backend_port}, '
                          f"{{ {listed} }}, {{ selector='all', timeout=1 }})\"\n")
        zones = self.write("zones.conf", f'zone "{ORIGIN}" {{ type master; file "{zone}"; }};\n')
        self.write("pdns.conf", f"""launch=bind
bind-config={zones}
local-address=127.0.0.1
local-port={self.port}
enable-lua-records=yes
lua-health-checks-interval=1
cache-ttl=0
query-cache-ttl=0
negquery-cache-ttl=0
socket-dir={self.folder}
daemon=no
guardian=no
disable-syslog=yes
loglevel=0
""")
        return [peers.PowerDns().path, f"--config-dir={self.folder}"]


CONTENDERS = (HorizonHeld, HorizonProbe, Gdnsd, PowerDns)


def free_tcp_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait(ready, problem):
    deadline = time.monotonic() + LIMIT_S
    while not ready():
        if time.monotonic() > deadline:
            raise SystemExit(f"failover: {problem}")
        time.sleep(0.01)


def measure(runs, folder):
    found, result = [], {"runs": runs, "servers": [], "missing": []}
    try:
        for number, kind in enumerate(CONTENDERS):
            if kind.program and not shutil.which(kind.program, path=peers.SYSTEM_PATH):
                result["missing"].append(kind.label)
                continue
            found.append(kind(folder, number))
            found[-1].start()
        for number in range(runs):
            for contender in found:
                contender.run()
                if sys.stderr.isatty():
                    print(f"\r{number + 1} of {runs}: {contender.label}\033[K", end="",
                          file=sys.stderr, flush=True)
        for contender in found:
            result["servers"].append({"name": contender.label, "seconds": contender.seconds,
                                      "median_s": statistics.median(contender.seconds)})
    finally:
        for contender in found:
            contender.end()
    return result


def text(result):
    lines = [f"process killed, until the answer changes: median of {result['runs']} runs, ms"]
    for server in result["servers"]:
        low, high = min(server["seconds"]) * 1e3, max(server["seconds"]) * 1e3
        lines.append(f"  {server['name']:52}{server['median_s'] * 1e3:9.1f}  [{low:.1f}-{high:.1f}]")
    return "\n".join(lines + [f"  {name}: not installed" for name in result["missing"]])


def main():
    parser = argparse.ArgumentParser(description="Measure from a kill to the changed answer.")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--json", help="write the figures here, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="horizon-failover-") as folder:
        result = measure(options.runs, folder)
    print(text(result))
    if options.json:
        with open(options.json, "w", encoding="ascii") as out:
            json.dump(result, out, indent=1)


if __name__ == "__main__":
    main()
