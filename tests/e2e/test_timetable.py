# SPDX-License-Identifier: GPL-3.0-or-later
"""The failover timetable, for real: two sites of HTTP backends, unbound and dnsmasq as caches, 200
clients; a site is killed, and what happens when is what was said."""

import collections
import contextlib
import datetime
import os
import threading
import time
import urllib.request

import backends
import caches
import daemons
import dns.message
import dns.query
import pytest

FULL = os.environ.get("HORIZON_TEST_LENGTH") == "full"
SANITIZED = bool(os.environ.get("HORIZON_SANITIZED"))
TTL = 60 if FULL else 5
RUNS = 10 if FULL else 1
NAME = "api.prod.internal"
FLIGHT_S = 0.05
SITES = {"dc1": "127.0.1.1", "dc2": "127.0.2.1"}

CONFIG = """server: {{listen: [127.0.0.1:PORT]}}
sites:
  dc1: {{checks: [{check}, target: 127.0.1.1}}]}}
  dc2: {{checks: [{check}, target: 127.0.2.1}}]}}
zones: [{{zone: prod.internal, file: zone}}]
services:
  - service: api.prod.internal
    sites: [dc1, dc2]
    ttl: {ttl}s
    instances:
      - {{id: one, addresses: [127.0.1.1], port: {port}, site: dc1}}
      - {{id: two, addresses: [127.0.2.1], port: {port}, site: dc2}}
"""
CHECK = "{{kind: http, path: /healthz, interval: 300ms, timeout: 250ms, fall: 3, port: {port}"
ZONE = "$TTL 60\n@ SOA ns hostmaster 1 7200 900 1209600 5\n  NS ns\nns A 127.0.0.1\n"


def wall(text):
    if "." not in text:
        text = text.replace("Z", ".000Z")
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()


@pytest.mark.parametrize("number", range(RUNS))
@pytest.mark.skipif(SANITIZED, reason="the bounds are of a server at its own speed")
def test_a_site_is_killed(start, folder, number):
    port = daemons.free_port()
    with contextlib.ExitStack() as stack:
        sites = {name: stack.enter_context(
            contextlib.closing(backends.Backend(address, port, backends.SPEAKS)))
            for name, address in SITES.items()}
        daemon = start(config=CONFIG.format(check=CHECK.format(port=port), port=port, ttl=TTL),
                       files={"zone": ZONE})
        backends.until(lambda: daemon.texts(NAME) == [SITES["dc1"]])
        ports = []
        for cache in (caches.unbound, caches.dnsmasq):
            program, at = cache(folder, "prod.internal", daemon.port)
            stack.enter_context(contextlib.closing(program))
            caches.wait_for(at, NAME)
            ports.append(at)
        clients = caches.Clients(NAME, ports, 200)
        clients.start()
        stack.callback(clients.stop)
        backends.until(lambda: clients.answers > 1000)
        time.sleep((number * 0.37) % 1 + 0.5)  # somewhere within a TTL
        sites["dc1"].kill()
        failed = time.time()
        backends.until(lambda: daemon.run_json("incidents")["incidents"])
        backends.until(lambda: daemon.run_json("until", "--site", "dc1")["answered"] == 0)
        incident = daemon.run_json("incidents")["incidents"][0]
        assert wall(incident["detected_at"]) - failed <= 1.0
        assert wall(incident["changed_at"]) - failed <= 1.1
        assert incident["cause"] == "site checks" and incident["services"] == 1
        over = wall(daemon.run_json("until", "--site", "dc1")["until"])
        assert over <= failed + 1.1 + TTL + 2
        backends.until(lambda: time.time() > over + 0.5, limit=TTL + 20)
        # No cache gave the old answer after that instant, and the last one not long before. Both
        # caches count whole seconds, by a clock that they read before the answer was sent.
        last = clients.last[SITES["dc1"]]
        assert over - 2 - FLIGHT_S <= last <= over, (last - failed, over - failed)
        assert wall(daemon.run_json("until", "--site", "dc1")["until"]) == over
        assert clients.last[SITES["dc2"]] > over and not clients.problems
        backends.until(lambda: "site dc1: over " in daemon.log)
        incident = daemon.run_json("incidents")["incidents"][0]
        assert wall(incident["over_at"]) == over
        assert incident["changed"] < incident["half"] < incident["over"]
        # It is what was to be expected from the configuration alone.
        (plan,) = daemon.run_json("plan")["services"]
        assert wall(incident["detected_at"]) - failed <= plan["killed"]["worst"] + 0.1
        assert over - failed <= plan["killed"]["worst"] + plan["publication"] + plan["compliant"] + 0.1
        print(f"T+0 failed, T+{wall(incident['detected_at']) - failed:.2f} detected, "
              f"T+{wall(incident['changed_at']) - failed:.2f} answers changed, "
              f"T+{last - failed:.2f} the last old answer, T+{over - failed:.2f} over")


class Visitors(threading.Thread):
    """Clients that look the name up at a cache, go on with the address for a while, and make a
    request each time; a request that fails is a person who was not served."""

    PIN_S = 0.5

    def __init__(self, ports, port):
        super().__init__(daemon=True)
        self.ports, self.port, self.over = ports, port, threading.Event()
        self.served, self.failed, self.last = collections.Counter(), [], {}

    def run(self):
        pinned = {}
        while not self.over.is_set():
            for at in self.ports:
                address, until = pinned.get(at, (None, 0))
                if time.monotonic() >= until:
                    query = dns.message.make_query(NAME, "A")
                    reply = dns.query.udp(query, "127.0.0.1", port=at, timeout=5)
                    address = reply.answer[0][0].to_text()
                    pinned[at] = address, time.monotonic() + self.PIN_S
                try:
                    with urllib.request.urlopen(f"http://{address}:{self.port}/healthz",
                                                timeout=5) as answer:
                        assert answer.read() == b"all is well"
                    self.served[address] += 1
                    self.last[address] = time.time()
                except OSError as problem:
                    self.failed.append((time.time(), address, problem))
            time.sleep(0.01)

    def stop(self):
        self.over.set()
        self.join()


def test_a_drain_loses_no_request(start, folder):
    """Two sites under load through two caches; one is drained, and powered off when nobody who does
    what `caches` says can be led there any more."""
    port = daemons.free_port()
    with contextlib.ExitStack() as stack:
        sites = {name: stack.enter_context(
            contextlib.closing(backends.Backend(address, port, backends.SPEAKS)))
            for name, address in SITES.items()}
        text = CONFIG.format(check=CHECK.format(port=port), port=port, ttl=TTL)
        text += "caches: {minimum-ttl: 0s, client-pin: 1s}\n"
        daemon = start(config=text, files={"zone": ZONE})
        backends.until(lambda: daemon.texts(NAME) == [SITES["dc1"]])
        ports = []
        for cache in (caches.unbound, caches.dnsmasq):
            program, at = cache(folder, "prod.internal", daemon.port)
            stack.enter_context(contextlib.closing(program))
            caches.wait_for(at, NAME)
            ports.append(at)
        visitors = Visitors(ports, port)
        visitors.start()
        stack.callback(visitors.stop)
        backends.until(lambda: visitors.served[SITES["dc1"]] > 20)
        report = daemon.run_json("drain", "--site", "dc1", "--reason", "new switches", "--ttl", "2s",
                                 timeout=TTL + 60)
        assert report["step"] == "done"
        backends.until(lambda: time.time() > wall(report["pessimistic"]))
        sites["dc1"].kill()
        served = visitors.served[SITES["dc2"]]
        backends.until(lambda: visitors.served[SITES["dc2"]] > served + 50)
        assert visitors.failed == []
        # Nobody was led there after the instant that was said for caches, and what clients pin.
        assert visitors.last[SITES["dc1"]] <= wall(report["compliant"]) + visitors.PIN_S
        daemon.run("undrain", "--site", "dc1")
        time.sleep(1)
        assert daemon.texts(NAME) == [SITES["dc2"]]  # it is off
        assert visitors.failed == []
