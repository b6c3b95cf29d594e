# SPDX-License-Identifier: GPL-3.0-or-later
"""Sites: they fail with all their services, are declared down, and are taken back when they may."""

import time
import xml.etree.ElementTree

import backends
import daemons
import pytest
import test_services

CONFIG = """server:
  listen: [127.0.0.1:PORT]
  data: DATA
sites:
  dc1: {match: [127.0.1.0/24]}
  dc2: {match: [127.0.2.0/24]}
zones: [{zone: prod.internal, file: zone}]
services:
  - service: web.prod.internal
    sites: [dc1, dc2]
    failback: FAILBACK
    checks: [{kind: held, interval: 200ms}]
    instances:
      - {id: a, addresses: [127.0.1.1], port: BACKEND, site: dc1}
      - {id: b, addresses: [127.0.1.2], port: BACKEND, site: dc1}
      - {id: c, addresses: [127.0.2.1], port: BACKEND, site: dc2}
  - service: alone.prod.internal
    instances:
      - {id: a, addresses: [127.0.1.1], port: BACKEND, site: dc1}
"""
ZONE = "$TTL 60\n@ SOA ns hostmaster 1 7200 900 1209600 5\n  NS ns\nns A 127.0.0.1\n"


@pytest.fixture
def port():
    return daemons.free_port()


@pytest.fixture
def backend(port):
    """backend(address): a process there; all end with the test."""
    running = []

    def begin(address):
        running.append(backends.Backend(address, port))
        return running[-1]

    yield begin
    for one in running:
        one.close()


def config(folder, port, failback="1s"):
    return (CONFIG.replace("DATA", str(folder / "data")).replace("BACKEND", str(port))
            .replace("FAILBACK", failback))


def begin(start, folder, port, failback="1s"):
    (folder / "data").mkdir(exist_ok=True)
    daemon = start(config=config(folder, port, failback), files={"zone": ZONE})
    backends.until(lambda: answers(daemon) != [])
    return daemon


def answers(daemon, name="web.prod.internal"):
    return sorted(daemon.texts(name))


DC1, DC2 = ["127.0.1.1", "127.0.1.2"], ["127.0.2.1"]


def site(daemon, name):
    return {item["site"]: item for item in daemon.run_json("sites")["sites"]}[name]


def explained(daemon):
    return daemon.run("explain", "web.prod.internal", "A", "--from", "127.0.9.9").stdout


def test_a_site_fails_and_comes_back(start, folder, port, backend):
    first = [backend(address) for address in DC1]
    backend(DC2[0])
    daemon = begin(start, folder, port)
    backends.until(lambda: answers(daemon) == DC1)
    for one in first:
        one.kill()
    backends.until(lambda: answers(daemon) == DC2)
    assert "site dc1 failed 1 service (the first: web.prod.internal.)" in daemon.log
    assert site(daemon, "dc1")["failed"] == 1
    backends.until(lambda: daemon.run_json("incidents", "1")["over_at"])
    picture = xml.etree.ElementTree.fromstring(daemon.run("incidents", "--svg").stdout)
    assert "T+" in "".join(picture.itertext()) and picture.tag.endswith("svg")
    assert "no such incident" in daemon.run("incidents", "7").stderr
    (incident,) = daemon.run_json("incidents")["incidents"]
    assert incident["site"] == "dc1" and incident["cause"] == "instances"
    assert 0 <= incident["detected"] <= incident["changed"] < 2 and incident["back_at"] is None
    assert "dc1 down" in daemon.run("services").stdout
    for address in DC1:
        backend(address)
    backends.until(lambda: site(daemon, "dc1")["waiting"] == 1)
    worked = time.monotonic()
    assert answers(daemon) == DC2
    backends.until(lambda: answers(daemon) == DC1)
    assert time.monotonic() - worked > 4  # no sooner than the TTL, whatever `failback` says
    assert "site dc1 is good again for all 1 services" in daemon.log
    said = daemon.run("incidents").stdout
    assert "site dc1: too little of its weight works; 1 service, web.prod.internal." in said
    assert [line.split()[-1] for line in said.splitlines()[1:]] == [
        "sign", "detected", "changed", "over", "answer", "back"]


def test_a_restart_does_not_go_back_by_itself(start, folder, port, backend):
    first = [backend(address) for address in DC1]
    backend(DC2[0])
    daemon = begin(start, folder, port, failback="1h")
    backends.until(lambda: answers(daemon) == DC1)
    for one in first:
        one.kill()
    backends.until(lambda: answers(daemon) == DC2)
    for address in DC1:
        backend(address)
    backends.until(lambda: site(daemon, "dc1")["waiting"] == 1)
    time.sleep(0.2)  # verdicts are written beside the answers
    daemon.stop()
    daemon = begin(start, folder, port, failback="1h")
    assert answers(daemon) == DC2
    assert "its site works again" in explained(daemon)
    refused = daemon.run("failback", "nothing.*")
    assert "no such service waits" in refused.stderr
    said = daemon.run("failback", "web.*", "--site", "dc1").stdout
    assert said.startswith("1 service goes back: generation ")
    assert answers(daemon) == DC1


def test_a_site_is_declared_down_in_one_generation(start, folder, port, backend):
    for address in DC1 + DC2:
        backend(address)
    daemon = begin(start, folder, port)
    backends.until(lambda: answers(daemon) == DC1)
    before = daemon.run_json("sites")["generation"]
    daemon.run("maintain", "--site", "dc1", "--action", "down", "--reason", "fire", "--for", "1h")
    assert daemon.run_json("sites")["generation"] == before + 1
    assert answers(daemon) == DC2
    daemon.wait_for("site dc1 was taken out of 1 service (the first: web.prod.internal.)")
    assert answers(daemon, "alone.prod.internal") == ["127.0.1.1"]  # nothing elsewhere: it stays
    assert site(daemon, "dc1")["declared"]["reason"] == "fire"
    assert "declared down until" in daemon.run("sites").stdout
    assert "its whole site is down" in explained(daemon)
    daemon.run("maintain", "--site", "dc1", "--off")
    assert answers(daemon) == DC2  # it waits, as after any failover
    daemon.run("failback", "--site", "dc1")
    assert answers(daemon) == DC1
    refused = daemon.run("maintain", "--site", "", "--reason", "x")
    assert "no name of a site" in refused.stderr


def test_checks_of_a_site_are_judged(folder):
    broken = """server: {listen: [127.0.0.1:53]}
sites:
  dc1: {checks: [{kind: tcp, port: 80}]}
  dc2: {checks: [{kind: ttl}]}
  dc3: {need: 2, checks: [{kind: tcp, port: 80, target: 127.0.0.1}]}
zones: []
"""
    (folder / "broken.yaml").write_text(broken)
    said = daemons.run("check", str(folder / "broken.yaml"))
    assert said.returncode == 1
    for text in ("site dc1: check tcp has no `target`", "a site has no checks of kind ttl",
                 "2 of 1 checks cannot pass"):
        assert text in said.stderr


def test_a_site_with_checks_of_its_own(start, folder, port, backend):
    gate = backends.Backend("127.0.1.9", port)
    for address in DC1 + DC2:
        backend(address)
    text = config(folder, port).replace(
        "dc1: {match: [127.0.1.0/24]}",
        f"dc1: {{match: [127.0.1.0/24], checks: [{{kind: held, target: 127.0.1.9, port: {port}}}]}}")
    (folder / "data").mkdir()
    daemon = start(config=text, files={"zone": ZONE})
    backends.until(lambda: answers(daemon) == DC1)
    backends.until(lambda: site(daemon, "dc1")["checks"]["passing"] == 1)
    gate.close()
    backends.until(lambda: answers(daemon) == DC2)
    assert "site dc1 fails its own checks" in daemon.log
    assert "fails its own checks (0 of 1 pass)" in daemon.run("sites").stdout


OVER = """server:
  listen: [127.0.0.1:PORT]
views:
  in: {internal: true, match: [127.0.0.0/24]}
  out: {default: true}
zones:
  - zone: example.com
    file: zone
    overlays: [{view: in, reason: inside, add: {api: TXT inside}}]
leak-guard: {exceptions: [{name: api.example.com, views: out, prefix: 127.0.0.0/8, reason: a test}]}
SERVICES"""
OVER_SERVICE = """services:
  - service: api.example.com
    over-zone: true
    sites: [dc1, dc2]
    failback: 1s
    ttl: 7s
    checks: [{kind: held, interval: 200ms}]
    instances:
      - {id: one, addresses: [127.0.1.1], port: BACKEND, site: dc1}
      - {id: two, addresses: [127.0.2.1], port: BACKEND, site: dc2}
"""
OVER_ZONE = """$TTL 300
@     SOA ns hostmaster 1 7200 900 1209600 300
      NS  ns
ns    A   192.0.2.53
api   A   127.0.1.1
      A   127.0.2.1
      AAAA 2001:db8::1
      MX  10 mail
      TXT "of the file"
mail  A   192.0.2.25
www   CNAME api
"""


def test_a_plain_name_of_a_zone_fails_over(start, port, backend):
    first = backend("127.0.1.1")
    backend("127.0.2.1")
    services = OVER_SERVICE.replace("BACKEND", str(port))
    daemon = start(config=OVER.replace("SERVICES", services), files={"zone": OVER_ZONE})
    name = "api.example.com"
    backends.until(lambda: daemon.texts(name) == ["127.0.1.1"])
    assert daemon.ask(name).answer[0].ttl == 7

    def rest():
        return {kind: sorted(daemon.texts(name, kind)) for kind in ("AAAA", "MX", "TXT", "SRV")}

    whole = {"AAAA": ["2001:db8::1"], "MX": ["10 mail.example.com."],
             "TXT": ['"inside"', '"of the file"'], "SRV": []}
    assert rest() == whole
    assert daemon.texts(name, "TXT", source="127.0.9.9") == ['"of the file"']
    assert daemon.texts(name, source="127.0.9.9") == ["127.0.1.1"]
    first.kill()
    backends.until(lambda: daemon.texts(name) == ["127.0.2.1"])
    assert daemon.texts("www.example.com")[-1] == "127.0.2.1"
    assert rest() == whole and "one.api" not in str(daemon.ask("one.api.example.com").answer)
    daemon.write("zone", OVER_ZONE.replace("of the file", "of a newer file").replace(
        "hostmaster 1", "hostmaster 2"))
    assert daemon.reload()["ok"]
    assert rest()["TXT"] == ['"inside"', '"of a newer file"']
    assert daemon.texts(name) == ["127.0.2.1"]
    daemon.write("horizon.yaml", OVER.replace("PORT", str(daemon.port)).replace("SERVICES", ""))
    assert daemon.reload()["ok"]
    backends.until(lambda: sorted(daemon.texts(name)) == ["127.0.1.1", "127.0.2.1"])
    assert daemon.ask(name).answer[0].ttl == 300
    said = daemon.run("register", name, "x", "--address", "127.0.1.1")
    assert "stands in the zone file" in said.stderr


def test_what_cannot_stand_over_a_zone_is_refused(start, port):
    services = OVER_SERVICE.replace("BACKEND", str(port)).replace("api.example", "www.example")
    daemon = start(config=OVER.replace("SERVICES", services), files={"zone": OVER_ZONE})
    daemon.wait_for("horizon: ready")
    assert daemon.ask("www.example.com").answer[0].to_text().endswith("CNAME api.example.com.")
    refused = test_services.post(daemon, "/v1/service", {"service": "api.example.com",
                                                         "over-zone": True}, status=403)
    assert "only who owns the zone file" in refused["error"]["reason"]
    refused = test_services.post(daemon, "/v1/service", {
        "service": "api.example.com", "over-zone": True, "https": True}, status=400)
    assert refused["error"]["field"] == "over-zone"
