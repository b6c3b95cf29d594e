# SPDX-License-Identifier: GPL-3.0-or-later
"""1,000 zones in one process; 1,000,000 names in one zone (50,000 in the short run).

Both start, answer, say their status, and reload while they are asked. Time and memory are printed;
what they must come to is a matter of `make bench`.
"""

import os
import pathlib
import random
import re
import tempfile
import threading
import time

import dns.message
import dns.rcode
import pytest
from cases import FULL
from faults import Process
from world import Client, free_port, query

ZONES = 1000
NAMES = 1_000_000 if FULL else 50_000
OLD_S = 0.1  # twice what horizon asks for
LIMIT_S = 120
SOURCE = "127.0.2.1"
SOA = "$TTL 300\n@ SOA ns h {serial} 7200 900 1209600 60\n NS ns\nns A 192.0.2.53\n"


def rss_mb(process):
    text = pathlib.Path(f"/proc/{process.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", text).group(1)) / 1024


class Asker:
    def __init__(self, port):
        self.port, self.client, self.number = port, Client(SOURCE), 0

    def ask(self, name, kind="A"):
        self.number = (self.number + 1) % 65536
        return self.client.ask_udp(self.port, query(name, kind, self.number))

    def text(self, name, kind="A"):
        reply = self.ask(name, kind)
        assert reply.rcode() == dns.rcode.NOERROR, reply
        return reply.answer[0][0].to_text()

    def serial(self, zone):
        return self.ask(zone, "SOA").answer[0][0].serial


@pytest.fixture
def folder():
    with tempfile.TemporaryDirectory(prefix="horizon-scale-") as path:
        yield pathlib.Path(path)


def write(path, text):
    new = path.with_suffix(".new")
    new.write_text(text)
    os.replace(new, path)


def start(folder, port, zones):
    entries = "".join(f"  - {{zone: {zone}, file: {file}}}\n" for zone, file in zones)
    write(folder / "horizon.yaml", f"server: {{listen: [127.0.0.1:{port}]}}\nzones:\n{entries}")


def wait_until_old(folder):
    """A file read so soon after it was written that its time stamp proves nothing is read again."""
    newest = max(path.stat().st_ctime for path in folder.iterdir())
    while time.time() - newest < OLD_S:
        time.sleep(0.01)


def begin(folder):
    began = time.monotonic()
    process = Process(folder)
    assert process.wait_for("horizon: ready", 0, LIMIT_S), process.log
    return process, time.monotonic() - began


def reload(process):
    since, began = len(process.log), time.monotonic()
    process.hang_up()
    told = process.wait_for(r"horizon: reloaded, (\d+) ", since, LIMIT_S)
    assert told, process.log
    return int(told.group(1)), time.monotonic() - began


def test_1000_zones(folder):
    port, zones = free_port(), [(f"z{i}.test", f"z{i}.zone") for i in range(ZONES)]
    for i in range(ZONES):
        write(folder / f"z{i}.zone", SOA.format(serial=1) + f"www A 10.1.{i // 256}.{i % 256}\n")
    start(folder, port, zones)
    wait_until_old(folder)
    process, took_s = begin(folder)
    try:
        asker = Asker(port)
        for i in range(ZONES):
            assert asker.text(f"www.z{i}.test.") == f"10.1.{i // 256}.{i % 256}"
        assert asker.ask("www.z1000.test.").rcode() == dns.rcode.REFUSED
        status, told = process.ask_http("GET", "/v1/status")
        assert status == 200 and told["zone_count"]["loaded"] == ZONES
        print(f"\n{ZONES} zones: ready after {took_s:.2f} s, {rss_mb(process):.1f} MB", end="")
        write(folder / "z500.zone", SOA.format(serial=2) + "www A 10.2.0.1\n")
        read, took_s = reload(process)
        assert read == 1, "a zone whose file did not change was read again"
        assert asker.text("www.z500.test.") == "10.2.0.1" and asker.serial("z499.test.") == 1
        print(f"; reload of one {took_s:.2f} s", end="")
        write(folder / "new.zone", SOA.format(serial=1) + "www A 10.3.0.1\n")
        start(folder, port, zones[1:] + [("new.test", "new.zone")])
        read, took_s = reload(process)
        # z500 too: it was read so soon after it was written that its time stamp proves nothing.
        assert read <= 2 and asker.text("www.new.test.") == "10.3.0.1"
        assert asker.ask("www.z0.test.").rcode() == dns.rcode.REFUSED
        assert asker.text("www.z999.test.") == "10.1.3.231"
        print(f"; one added, one removed {took_s:.2f} s; {rss_mb(process):.1f} MB")
    finally:
        assert process.stop() == 0, process.log


def name_address(i, version):
    return f"10.{version}.{i >> 8 & 255}.{i & 255}"


def write_big(folder, version):
    """A zone in which every name's address tells the version; in an order that is no order."""
    order = list(range(NAMES))
    random.Random(version).shuffle(order)
    with (folder / "big.new").open("w") as file:
        file.write(SOA.format(serial=version))
        file.writelines(f"h{i} A {name_address(i, version)}\n" for i in order)
    os.replace(folder / "big.new", folder / "big.zone")


class Watch(threading.Thread):
    """Asks names all the time; each answer must be of the old or of the new version."""

    def __init__(self, port, versions):
        super().__init__(daemon=True)
        self.asker, self.versions = Asker(port), versions
        self.answered, self.slowest_s, self.wrong, self.stopping = 0, 0.0, [], False
        self.start()

    def run(self):
        draw = random.Random(7)
        while not self.stopping:
            i, began = draw.randrange(NAMES), time.monotonic()
            address = self.asker.text(f"h{i}.big.test.")
            self.slowest_s = max(self.slowest_s, time.monotonic() - began)
            self.answered += 1
            if address not in {name_address(i, version) for version in self.versions}:
                self.wrong.append(f"h{i}: {address}")

    def stop(self):
        self.stopping = True
        self.join()


def test_many_names_in_one_zone(folder):
    port = free_port()
    write_big(folder, 1)
    start(folder, port, [("big.test", "big.zone")])
    process, took_s = begin(folder)
    try:
        asker = Asker(port)
        print(f"\n{NAMES} names: ready after {took_s:.2f} s, {rss_mb(process):.1f} MB", end="")
        for i in random.Random(1).sample(range(NAMES), 2000):
            assert asker.text(f"h{i}.big.test.") == name_address(i, 1)
        assert asker.ask(f"h{NAMES}.big.test.").rcode() == dns.rcode.NXDOMAIN
        write_big(folder, 2)
        watch, asked = Watch(port, (1, 2)), []
        timer = threading.Timer(0.3, lambda: asked.append(process.ask_http("GET", "/v1/status", 60)))
        timer.start()
        read, took_s = reload(process)
        timer.join()
        watch.stop()
        assert read == 1 and watch.wrong == [] and watch.answered > 100
        assert asked[0][0] == 200, asked
        assert asker.serial("big.test.") == 2
        for i in random.Random(2).sample(range(NAMES), 2000):
            assert asker.text(f"h{i}.big.test.") == name_address(i, 2)
        status, told = process.ask_http("GET", "/v1/status")
        assert status == 200 and told["zones"][0]["names"] >= NAMES
        print(f"; reload {took_s:.2f} s with {watch.answered} answers, the slowest after "
              f"{watch.slowest_s * 1000:.1f} ms; {rss_mb(process):.1f} MB")
    finally:
        assert process.stop() == 0, process.log
