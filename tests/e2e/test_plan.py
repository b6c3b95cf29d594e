# SPDX-License-Identifier: GPL-3.0-or-later
"""`horizon plan`: how long a failover will take, offline and of a running server."""

import daemons

CONFIG = """server: {listen: [127.0.0.1:PORT]}
caches: {minimum-ttl: 30s, client-pin: 10s}
zones: [{zone: prod.internal, file: zone}]
services:
  - service: api.prod.internal
    sites: [dc1, dc2]
    BUDGET
    checks: [{kind: http, path: /}]
    instances:
      - {id: one, addresses: [127.0.1.1], port: 9, site: dc1}
      - {id: two, addresses: [127.0.2.1], port: 9, site: dc2}
  - service: held.prod.internal
    checks: [held]
    instances:
      - {id: one, addresses: [127.0.1.1], port: 9}
"""
ZONE = "$TTL 60\n@ SOA ns hostmaster 1 7200 900 1209600 5\n  NS ns\nns A 127.0.0.1\n"


def write(folder, budget=""):
    (folder / "zone").write_text(ZONE)
    path = folder / "horizon.yaml"
    path.write_text(CONFIG.replace("PORT", "53").replace("BUDGET", budget))
    return path


def test_offline(folder):
    path = write(folder)
    api, held = daemons.run_json("plan", "--config", path)["services"]
    assert api["detected"] == {"mean": 14.5, "worst": 17.0}  # what is usual: 5 s, 3 times, 2 s
    assert api["killed"]["worst"] == 15.0 and api["compliant"] == 7.0 and api["pessimistic"] == 42.0
    assert api["worst"] == 24.05 and api["expected"] == 17.05 and api["dominant"] == "interval"
    assert held["detected"] is None and held["killed"]["worst"] == 0 and held["worst"] is None
    said = daemons.run("plan", "api.*", "--config", path)
    assert said.returncode == 0 and "held" not in said.stdout
    assert "T+17.0    detected at the latest (mean 14.5 s): http every 5s, 3 times" in said.stdout
    tight = daemons.run("plan", "api.*", "--budget", "20s", "--config", path)
    assert tight.returncode == 1
    assert "budget 20.0 s: NOT MET; a check every 3650ms would meet it; no TTL would" in tight.stdout
    assert daemons.run("plan", "held.*", "--config", path).returncode == 0
    assert "never     detected" in daemons.run("plan", "held.*", "--config", path).stdout


def test_a_budget_that_cannot_be_met_fails_check(folder):
    path = write(folder, "budget: 20s")
    said = daemons.run("check", path)
    assert said.returncode == 1
    assert (f"{path}:5:5: error: api.prod.internal.: a failover takes up to 24.1 s, and the budget is "
            "20 s; a check every 3650ms would meet it; no TTL would") in said.stderr
    assert daemons.run("check", write(folder, "budget: 25s")).returncode == 0
    slow = daemons.run("check", write(folder, "ttl: 5m"))
    assert slow.returncode == 0 and "caches hold its answers for 300 s" in slow.stderr
    (folder / "zone").write_text(ZONE.replace("1209600 5", "1209600 300"))
    denies = daemons.run("check", path)
    assert denies.returncode == 0 and "is denied by caches for 60 s" not in denies.stderr
    (folder / "zone").write_text(ZONE.replace("1209600 5", "1209600 300").replace(
        "$TTL 60", "$TTL 400"))
    assert "prod.internal. has services" in daemons.run("check", path).stderr
    path.write_text(path.read_text().replace("held.prod.internal\n",
                                             "held.prod.internal\n    budget: 9s\n"))
    unseen = daemons.run("check", path)
    assert "no check sees a host that is silent; add a check" in unseen.stderr


def test_of_a_running_server(start):
    daemon = start(config=CONFIG.replace("BUDGET", "budget: 1h"), files={"zone": ZONE})
    daemon.run("register", "web.prod.internal", "a", "--address", "127.0.3.1", "--port", "80",
               "--check", "tcp,interval=1s,fall=2,timeout=500ms")
    plans = {plan["service"]: plan for plan in daemon.run_json("plan")["services"]}
    assert plans["api.prod.internal."]["budget"] == 3600 and plans["api.prod.internal."]["met"]
    assert plans["web.prod.internal."]["detected"] == {"mean": 2.0, "worst": 2.5}
    assert plans["web.prod.internal."]["publication"] < 1
    one = daemon.run_json("plan", "web.*", "--caches", "10", "--budget", "1s", status=1)["services"]
    assert [plan["service"] for plan in one] == ["web.prod.internal."]
    assert one[0]["queries"] == 2.0 and one[0]["met"] is False
    for words, text in ((("--budget", "soon"), "no budget"), (("--caches", "many"), "caches")):
        said = daemon.run("plan", *words)
        assert said.returncode != 0 and text in said.stderr
    nothing = daemon.run("plan", "nobody.*")
    assert nothing.returncode == 1 and "no such service" in nothing.stdout
