# SPDX-License-Identifier: GPL-3.0-or-later
"""10,000 queries in flight during 20 reloads: none is lost, none is answered wrong.

Before each reload horizon is stopped for a moment while 500 queries reach its sockets; it goes on
with them and the reload together. Beside that, queries flow over UDP and TCP without pause. Each
reload changes a zone, an overlay, and adds or removes a listener, which answers what had reached it.
"""

import pathlib
import signal
import tempfile

from faults import HANG_S, Process
from load import INSIDE, OUTSIDE, ZONE, Burst, Flood, Stream, Versions
from world import free_port

RELOADS, IN_FLIGHT = 20, 500
CONFIG = """
server:
  listen: [{listeners}]
  workers: 2
views:
  inside: {{internal: true, match: [127.0.1.0/24]}}
  outside: {{default: true}}
zones:
  - zone: load.test
    file: load.zone
    overlays:
      - {{view: inside, reason: test, replace: {{mail: A 10.0.0.{version}}}}}
"""


class Server:
    def __init__(self, folder):
        self.folder = folder
        self.port, self.other_port = free_port(), free_port()
        self.write(1)
        self.process = Process(folder)
        assert self.process.wait_for("horizon: ready"), self.process.log

    def has_other(self, version):
        return version % 2 == 0

    def write(self, version):
        ports = [self.port] + [self.other_port] * self.has_other(version)
        for name, text in (
                ("load.zone", ZONE.format(version=version)),
                ("horizon.yaml", CONFIG.format(
                    version=version, listeners=", ".join(f"127.0.0.1:{port}" for port in ports)))):
            new = self.folder / (name + ".new")
            new.write_text(text)
            new.replace(self.folder / name)

    def bursts(self, versions):
        """Eight senders, of both views; two of them to a listener that is about to go."""
        ports = [self.port] * 8
        if self.has_other(versions.done):
            ports[-2:] = [self.other_port] * 2
        return [Burst(versions, (INSIDE, OUTSIDE)[i % 2], port) for i, port in enumerate(ports)]

    def reload(self, versions):
        """One reload with queries in flight; what became of them."""
        bursts = self.bursts(versions)
        since = len(self.process.log)
        self.process.process.send_signal(signal.SIGSTOP)
        for i, burst in enumerate(bursts):
            burst.send(IN_FLIGHT // len(bursts) + (i < IN_FLIGHT % len(bursts)))
        versions.begun += 1
        self.write(versions.begun)
        self.process.hang_up()
        self.process.process.send_signal(signal.SIGCONT)
        for burst in bursts:
            burst.collect()
            burst.socket.close()
        told = self.process.wait_for("horizon: (reloaded|error)", since, 4 * HANG_S)
        assert told and told.group(1) == "reloaded", self.process.log
        versions.done = versions.begun
        return bursts


def test_no_query_is_lost_or_wrong_during_20_reloads():
    with tempfile.TemporaryDirectory(prefix="horizon-load-") as path:
        server, versions, tallies = Server(pathlib.Path(path)), Versions(), []
        floods = [Flood(Burst(versions, source, server.port), 16) for source in (INSIDE, OUTSIDE)]
        floods += [Flood(Stream(versions, source, server.port), 16) for source in (INSIDE, OUTSIDE)]
        try:
            for _ in range(RELOADS):
                tallies += server.reload(versions)
            in_flight = sum(tally.answered + tally.lost for tally in tallies)
            for flood in floods:
                flood.stop()
                tallies.append(flood.tally)
        finally:
            status = server.process.stop()
        total = sum(tally.answered for tally in tallies)
        met = sum(tally.met for tally in tallies)
        print(f"\n{RELOADS} reloads with {in_flight} queries in flight; {total} answered, "
              f"{met} of them sent before a reload was done and answered after it began")
        assert in_flight >= RELOADS * IN_FLIGHT and sum(tally.lost for tally in tallies) == 0
        assert [text for tally in tallies for text in tally.wrong] == []
        assert all(flood.tally.answered > 0 for flood in floods)
        assert status == 0, server.process.log
