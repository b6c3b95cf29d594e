# SPDX-License-Identifier: GPL-3.0-or-later
"""The failover timetable, for real: two sites of HTTP backends, unbound and dnsmasq as caches, 200
clients; a site is killed, and what happens when is what was said."""

import contextlib
import datetime
import os
import time

import backends
import caches
import daemons
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
