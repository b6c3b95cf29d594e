# SPDX-License-Identifier: GPL-3.0-or-later
"""Drains: a planned move that waits until no cache that honours TTLs leads anybody there."""

import datetime
import signal
import threading
import time

import backends
import daemons
import pytest
import test_services

CONFIG = """server:
  listen: [127.0.0.1:PORT]
  data: DATA
caches: {minimum-ttl: 2s, client-pin: 1s}
zones: [{zone: prod.internal, file: zone}]
services:
  - service: web.prod.internal
    sites: [dc1, dc2, dc3]
    ttl: 4s
    failback: 1s
    srv: [_http._tcp]
    instances:
      - {id: a, addresses: [127.0.1.1], port: 80, site: dc1}
      - {id: b, addresses: [127.0.2.1], port: 80, site: dc2}
      - {id: c, addresses: [127.0.3.1], port: 80, site: dc3}
  - service: alone.prod.internal
    instances:
      - {id: a, addresses: [127.0.9.1], port: 80, site: lonely}
"""
ZONE = "$TTL 60\n@ SOA ns hostmaster 1 7200 900 1209600 5\n  NS ns\nns A 127.0.0.1\n"
NAME = "web.prod.internal"
WAY_S = 0.9


@pytest.fixture
def daemon(start, folder):
    (folder / "data").mkdir()
    return start(config=CONFIG.replace("DATA", str(folder / "data")), files={"zone": ZONE})


class Cache(threading.Thread):
    """A cache that honours TTLs, asked all the time; it keeps when it gave which address last."""

    def __init__(self, daemon):
        super().__init__(daemon=True)
        self.server, self.over, self.last = daemon, threading.Event(), {}

    def run(self):
        held, until = [], 0
        while not self.over.is_set():
            now = time.time()
            if now >= until:
                reply = self.server.ask(NAME)
                held = [item.to_text() for item in reply.answer[0]]
                # Where this process is not run for a while, that is not the way of the reply.
                until = min(time.time(), now + WAY_S) + reply.answer[0].ttl
                now = min(time.time(), until - 0.001)
            for address in held:
                self.last[address] = now
            time.sleep(0.005)

    def stop(self):
        self.over.set()
        self.join()


def wall(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()


def drains(daemon):
    return daemon.run_json("drains")["drains"]


def steps(drain):
    return list(drain["entered"])


def test_a_drain_waits_for_the_last_cache(daemon):
    cache = Cache(daemon)
    cache.start()
    backends.until(lambda: cache.last)
    report = daemon.run_json("drain", "--site", "dc1", "--reason", "new switches", "--ttl", "1s")
    ended = time.time()
    time.sleep(0.2)
    cache.stop()
    assert steps(report) == ["lower", "wait-old", "move", "wait-new", "verify", "done"]
    assert report["step"] == "done" and report["services"] == 1
    assert daemon.texts(NAME) == ["127.0.2.1"]
    assert daemon.ask(NAME).answer[0].ttl == 4  # as before
    assert cache.last["127.0.1.1"] < wall(report["compliant"]) <= ended + 1  # shown whole
    assert cache.last["127.0.1.1"] > wall(report["compliant"]) - 4
    # minimum-ttl and client-pin: a second more than the TTL was, and one for the pin
    assert wall(report["pessimistic"]) - wall(report["compliant"]) in (1, 2)
    sites = {item["site"]: item for item in daemon.run_json("sites")["sites"]}
    assert sites["dc1"]["declared"]["action"] == "drain" and "declared" not in sites["dc2"]
    until = daemon.run_json("until", "--site", "dc1")
    assert until["answered"] == 0 and until["left"] == 0
    daemon.run("undrain", "--site", "dc1")
    backends.until(lambda: daemon.texts(NAME) == ["127.0.1.1"])


def test_an_instance_is_drained_and_the_text_says_so(daemon):
    daemon.ask(NAME)
    said = daemon.run("drain", NAME, "a", "--reason", "disk", "--ttl", "4s")
    assert said.returncode == 0
    assert "no cache that honours TTLs leads there since" in said.stdout
    assert "open connections were not counted" in said.stdout
    assert steps(drains(daemon)[0]) == ["lower", "move", "wait-new", "verify", "done"]
    assert "127.0.1.1" not in daemon.texts(NAME)
    assert "web.prod.internal." in daemon.run("drains").stdout


def test_a_cached_srv_leads_there_longer(daemon):
    """Who holds the SRV may ask for its target at the last moment, and is answered."""
    daemon.ask("_http._tcp." + NAME, "SRV")
    asked = time.time()
    until = daemon.run_json("until", NAME, "a")
    assert 8 <= until["left"] + (time.time() - asked) <= 8 + 3.2
    assert until["ttl"] == 8 and until["answered"] == 2
    plain = daemon.run("until", NAME, "b").stdout
    assert "nobody was led there since the start" in plain


def test_a_dry_run_says_when(daemon):
    said = daemon.run("drain", "--site", "dc1", "--reason", "x", "--ttl", "1s", "--dry-run")
    assert [line.split()[0] for line in said.stdout.splitlines()[1:]] == [
        "T+0", "T+6", "T+9", "T+11"]
    assert drains(daemon) == [] and daemon.texts(NAME) == ["127.0.1.1"]
    assert daemon.ask(NAME).answer[0].ttl == 4


def test_what_cannot_be_is_refused(daemon):
    for words, text in (
            (("--site", "lonely", "--reason", "x"), "would have nothing that works"),
            (("--site", "nowhere", "--reason", "x"), "nothing is registered there"),
            (("--site", "dc1"), "a drain needs a reason"),
            (("--site", "dc1", "--reason", "x", "--to", "dc3"), "nothing that works at dc3"),
            (("--site", "dc1", "--reason", "x", "--ttl", "0s"), "no TTL"),
            (("web.prod.internal", "zz", "--reason", "x"), "nothing is registered there"),
            (("--reason", "x"), "needs --site SITE, or SERVICE ID"),
            (("web.prod.internal", "--reason", "x"), "needs --site SITE, or SERVICE ID")):
        said = daemon.run("drain", *words)
        assert said.returncode != 0 and text in said.stderr, (words, said.stderr)
    assert drains(daemon) == [] and daemon.texts(NAME) == ["127.0.1.1"]
    assert "nothing is drained there" in daemon.run("undrain", "--site", "dc1").stderr


def test_drains_that_contradict_and_one_that_is_given_up(start, folder):
    (folder / "data").mkdir()
    slow = CONFIG.replace("ttl: 4s", "ttl: 60s").replace("DATA", str(folder / "data"))
    daemon = start(config=slow, files={"zone": ZONE})
    daemon.ask(NAME)
    daemon.run("drain", "--site", "dc1", "--reason", "x", "--ttl", "1s", "--detach")
    again = daemon.run("drain", "--site", "dc1", "--reason", "y")
    assert "it is being drained already (drain 1)" in again.stderr
    daemon.run("drain", "--site", "dc3", "--reason", "x", "--ttl", "1s", "--detach")
    last = daemon.run("drain", "--site", "dc2", "--reason", "x")
    assert "nothing that works" in last.stderr  # not all of them
    # Nobody was led to dc3: that drain is soon done, and the other one waits on, with its TTL.
    backends.until(lambda: drains(daemon)[0]["step"] == "done")
    assert daemon.ask(NAME).answer[0].ttl == 1
    for site in ("dc1", "dc3"):
        daemon.run("undrain", "--site", site)
    assert [drain["step"] for drain in drains(daemon)] == ["done", "aborted"]
    assert daemon.texts(NAME) == ["127.0.1.1"] and daemon.ask(NAME).answer[0].ttl == 60


@pytest.mark.parametrize("at", ["wait-old", "wait-new"])
def test_a_drain_goes_on_after_a_kill(daemon, start, folder, at):
    daemon.ask(NAME)
    daemon.run("drain", "--site", "dc1", "--reason", "x", "--ttl", "1s", "--detach")
    backends.until(lambda: daemon.ask(NAME) and drains(daemon)[0]["step"] == at)
    before = drains(daemon)[0]
    time.sleep(0.2)  # steps are recorded beside the answers
    daemon.process.send_signal(signal.SIGKILL)
    daemon.process.wait()
    daemon = start(config=CONFIG.replace("DATA", str(folder / "data")), files={"zone": ZONE})
    after = drains(daemon)[0]
    assert after["step"] == at and wall(after["until"]) >= wall(before["until"])
    assert daemon.ask(NAME).answer[0].ttl == 1
    backends.until(lambda: drains(daemon)[0]["step"] == "done", limit=30)
    assert daemon.texts(NAME) == ["127.0.2.1"] and daemon.ask(NAME).answer[0].ttl == 4
    assert time.time() >= wall(before["until"])


def test_an_emergency_moves_at_once_and_says_what_it_did_not_wait_for(daemon):
    said = daemon.run("failover", NAME, "--to", "dc3", "--reason", "dc1 is under water")
    assert "not waited for: the TTL of 4 s was not lowered before" in said.stdout
    assert daemon.texts(NAME) == ["127.0.3.1"]
    assert len(daemon.run_json("maintain")["overrides"]) == 2
    daemon.run("failover", NAME, "--off")
    backends.until(lambda: daemon.texts(NAME) == ["127.0.1.1"])
    for words, text in (((NAME, "--to", "dc9", "--reason", "x"), "nothing of the service works at dc9"),
                        ((NAME, "--to", "dc3"), "needs a reason"),
                        ((NAME,), "failover needs --to SITE"),
                        (("nobody.prod.internal", "--to", "dc3", "--reason", "x"),
                         "no such service is registered")):
        said = daemon.run("failover", *words)
        assert said.returncode != 0 and text in said.stderr, (words, said.stderr)
    assert daemon.texts(NAME) == ["127.0.1.1"]


def test_a_drain_waits_for_the_gate(start, folder):
    (folder / "data").mkdir()
    connected = folder / "connected"
    connected.write_text("3")
    gate = f'''sites:
  dc1:
    gate:
      - kind: command
        interval: 200ms
        command: "test -e {connected} && echo 3 are connected && exit 1; exit 0"
'''
    daemon = start(config=CONFIG.replace("DATA", str(folder / "data")) + gate, files={"zone": ZONE})
    daemon.run("drain", "--site", "dc1", "--reason", "x", "--ttl", "4s", "--detach")
    backends.until(lambda: "3 are connected" in (drains(daemon)[0]["problem"] or ""))
    drain = drains(daemon)[0]
    assert drain["step"] == "gate" and drain["compliant"] and not drain["safe_to_power_off"]
    assert daemon.texts(NAME) == ["127.0.2.1"]
    connected.unlink()
    backends.until(lambda: drains(daemon)[0]["step"] == "done")
    assert drains(daemon)[0]["safe_to_power_off"] is True
    said = daemon.run("drain", "--site", "dc2", "--reason", "x", "--ttl", "4s").stdout
    assert "open connections were not counted" in said  # dc2 has no gate
    daemon.run("undrain", "--site", "dc1")
    text = daemon.run("drain", "--site", "dc1", "--reason", "again", "--ttl", "4s")
    assert text.returncode == 0 and "safe to power off" in text.stdout


def test_a_gate_is_judged(folder):
    (folder / "zone").write_text(ZONE)
    broken = CONFIG.replace("PORT", "53").replace("DATA", str(folder)) + '''sites:
  dc1: {gate: [{kind: http, port: 80}]}
  dc2: {gate: [{kind: file, file: /x}, {kind: file, file: /y, name: y}]}
'''
    (folder / "broken.yaml").write_text(broken)
    said = daemons.run("check", folder / "broken.yaml")
    assert said.returncode == 1
    assert "site dc1: check http has no `target`" in said.stderr
    assert "site dc2: there is one gate, not 2" in said.stderr


def test_foolish_requests_change_nothing(daemon):
    for body, field in (({"site": "dc1", "reason": 7}, "reason"), ({"site": ["dc1"]}, "site"),
                        ({"site": "dc1", "reason": "x", "colour": "red"}, "colour"),
                        ({"site": "dc1", "reason": "x", "for": "-1s"}, "for"),
                        ({"service": NAME, "reason": "x"}, "site"),
                        ({"site": "x" * 100, "reason": "x"}, "site")):
        refused = test_services.post(daemon, "/v1/drain", body, status=400)
        assert refused["error"]["field"] == field, refused
    assert drains(daemon) == []
