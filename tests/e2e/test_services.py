# SPDX-License-Identifier: GPL-3.0-or-later
"""Services end to end: registered by command and over the socket, checked, found by DNS, killed, and
there again after the server itself was killed."""

import contextlib
import json
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import dns.flags
import dns.rcode
import pytest

import backends
import daemons

ZONE = """$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 300
     NS  ns1
ns1  A   127.0.0.1
db   A   127.0.0.2
"""
SANITIZED = bool(os.environ.get("HORIZON_SANITIZED"))
FULL = os.environ.get("HORIZON_TEST_LENGTH") == "full"


@pytest.fixture
def server(start, folder):
    (folder / "data").mkdir()
    (folder / "data").chmod(0o777)
    return start(zones={"prod.internal": "zone"}, files={"zone": ZONE},
                 words=["--data", folder / "data"])


@pytest.fixture
def three():
    port = backends.free_tcp_port()
    made = [backends.Backend(f"127.0.1.{i}", port) for i in (1, 2, 3)]
    yield made
    for backend in made:
        backend.close()


def post(daemon, path, body, status=200):
    """A request as another program makes it, with curl."""
    done = subprocess.run(
        ["curl", "-s", "--unix-socket", daemon.socket, "-w", "\n%{http_code}", "--data-binary", "@-",
         f"http://localhost{path}"], input=body if isinstance(body, str) else json.dumps(body),
        capture_output=True, text=True, timeout=30, check=True)
    text, code = done.stdout.rsplit("\n", 1)
    assert int(code) == status, (code, text)
    return json.loads(text)


def answers(daemon, name="web.prod.internal"):
    return set(daemon.texts(name))


def register_three(daemon, three, check="held,interval=500ms"):
    for number, backend in enumerate(three[:2], 1):
        daemon.run_json("register", "web.prod.internal", f"web-{number}", "--address",
                        backend.address, "--port", backend.port, "--check", check)
    last = three[2]
    kind, _, interval = check.partition(",interval=")
    post(daemon, "/v1/register", {
        "service": "web.prod.internal", "id": "web-3", "addresses": [last.address],
        "port": last.port, "checks": [{"kind": kind, "interval": interval}]})


def test_the_spine(server, three, folder, start):
    register_three(server, three)
    everybody = {backend.address for backend in three}
    backends.until(lambda: answers(server) == everybody)

    records = server.texts("web.prod.internal", "SRV")
    assert records == [f"0 1 {three[0].port} web-{i}.web.prod.internal." for i in (1, 2, 3)]
    reply = server.ask("web.prod.internal", "SRV")
    assert {item.address for rrset in reply.additional for item in rrset} == everybody
    assert {rrset.ttl for rrset in reply.answer + reply.additional} == {5}

    three[1].kill()
    _, took = backends.until(lambda: answers(server) == everybody - {"127.0.1.2"}, pause=0)
    assert took < (1.0 if SANITIZED else 0.2)

    server.stop(signal.SIGKILL)
    again = start(zones={"prod.internal": "zone"}, words=["--data", folder / "data"],
                  port=server.port)
    assert answers(again) == everybody - {"127.0.1.2"}  # its first answer
    shown = again.run_json("instances", "web.prod.internal")
    assert {item["id"]: item["verdict"] for item in shown["instances"]} == {
        "web-1": "passing", "web-2": "critical", "web-3": "passing"}

    three.append(backends.Backend("127.0.1.2", three[0].port))
    backends.until(lambda: answers(again) == everybody)


def test_http_sees_a_process_that_hangs(server):
    port = backends.free_tcp_port()
    made = [backends.Backend(f"127.0.1.{i}", port, backends.SPEAKS) for i in (1, 2)]
    try:
        for i in (1, 2):
            server.run_json("register", "api.prod.internal", f"a{i}", "--address", f"127.0.1.{i}",
                            "--port", port, "--check",
                            "http:/healthz,interval=100ms,timeout=100ms,fall=2,expect=well")
        backends.until(lambda: answers(server, "api.prod.internal") == {"127.0.1.1", "127.0.1.2"})
        made[0].send(signal.SIGSTOP)
        _, took = backends.until(
            lambda: answers(server, "api.prod.internal") == {"127.0.1.2"}, pause=0.001)
        assert took < (3.0 if SANITIZED else 1.0)
        made[0].send(signal.SIGCONT)
        backends.until(lambda: answers(server, "api.prod.internal") == {"127.0.1.1", "127.0.1.2"})
        # A path that is not good.
        server.run_json("register", "bad.prod.internal", "a", "--address", "127.0.1.1", "--port",
                        port, "--check", "http:/other,interval=100ms")
        shown, _ = backends.until(lambda: [
            check["detail"] for item in
            server.run_json("instances", "bad.prod.internal")["instances"]
            for check in item["health"] if check["verdict"] == "critical"])
        assert shown == ["HTTP status 500"]
        assert answers(server, "bad.prod.internal") == set()
    finally:
        for backend in made:
            backend.close()


def test_tcp_with_an_expectation_sees_a_process_that_hangs(server):
    """Its kernel goes on accepting connections: only what it says tells that it lives."""
    port = backends.free_tcp_port()
    made = [backends.Backend(f"127.0.1.{i}", port, backends.GREETS) for i in (1, 2)]
    try:
        for i in (1, 2):
            server.run_json("register", "mail.prod.internal", f"m{i}", "--address", f"127.0.1.{i}",
                            "--port", port, "--check",
                            "tcp,interval=100ms,timeout=100ms,fall=2,expect=ready")
        backends.until(lambda: answers(server, "mail.prod.internal") == {"127.0.1.1", "127.0.1.2"})
        made[0].send(signal.SIGSTOP)
        _, took = backends.until(
            lambda: answers(server, "mail.prod.internal") == {"127.0.1.2"}, pause=0.001)
        assert took < (3.0 if SANITIZED else 1.0)
        made[0].send(signal.SIGCONT)
        backends.until(lambda: answers(server, "mail.prod.internal") == {"127.0.1.1", "127.0.1.2"})
    finally:
        for backend in made:
            backend.close()


def test_a_server_out_of_descriptors_condemns_nobody(server, three):
    """Checks that cannot be made here say nothing of the backends."""
    for number, kind in enumerate(("tcp", "held"), 1):
        for backend in three:
            server.run_json("register", f"web-{number}.prod.internal", f"at-{backend.address[-1]}",
                            "--address", backend.address, "--port", backend.port, "--check",
                            f"{kind},interval=100ms,timeout=100ms")
    everybody = {backend.address for backend in three}
    for number in (1, 2):
        backends.until(lambda: answers(server, f"web-{number}.prod.internal") == everybody)

    pid = server.process.pid
    limit = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (8, limit[1]))  # those open stay open
    try:
        backends.until(lambda: "checks could not be made: no file descriptor left here"
                       in server.log)
        ends = time.monotonic() + 1  # ten intervals: three failures would have been enough
        while time.monotonic() < ends:
            assert answers(server, "web-1.prod.internal") == everybody
            assert answers(server, "web-2.prod.internal") == everybody
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, limit)
    assert server.run_json("status")["registry"]["checks_not_made"] > 3
    three[0].kill()
    left = {backend.address for backend in three[1:]}
    for number in (1, 2):
        backends.until(lambda: answers(server, f"web-{number}.prod.internal") == left)


def test_more_targets_than_places_for_probes(server):
    """All are looked at soon, each in its turn, and nobody is condemned for having to wait."""
    port = backends.free_tcp_port()
    backend = backends.Backend("0.0.0.0", port, backends.CLOSES)
    count = 20000 if FULL and not SANITIZED else 3000
    try:
        post(server, "/v1/apply", {"services": [
            {"service": f"s{service}.prod.internal", "checks": [{"kind": "tcp", "interval": "30s"}],
             "instances": [{"id": f"i{k}", "addresses": [f"127.{10 + service // 250}."
                                                         f"{service % 250}.{k + 1}"],
                            "port": port} for k in range(100)]} for service in range(count // 100)]})
        backends.until(lambda: server.run_json("status")["registry"]["verdicts"]["passing"] == count,
                       limit=20, pause=0.1)
    finally:
        backend.close()
    assert "critical (was" not in server.log


PACED = """server: {listen: [127.0.0.1:PORT]}
registry: {check-rate: 50}
zones: [{zone: prod.internal, file: zone}]
"""


def test_one_address_is_not_probed_more_often_than_allowed(start):
    """Forty services, each to be asked every 100 ms, are 400 probes a second; 50 are allowed."""
    accepted = []

    def accept():
        with contextlib.suppress(OSError):
            while True:
                listener.accept()[0].close()
                accepted.append(time.monotonic())

    daemon = start(config=PACED, files={"zone": ZONE})
    with socket.create_server(("127.0.7.1", 0), backlog=200) as listener:
        threading.Thread(target=accept, daemon=True).start()
        post(daemon, "/v1/apply", {"services": [
            {"service": f"s{i}.prod.internal", "instances": [
                {"id": "one", "addresses": ["127.0.7.1"], "port": listener.getsockname()[1],
                 "checks": [{"kind": "tcp", "interval": f"{100 + i}ms", "timeout": "50ms"}]}]}
            for i in range(40)]})
        status = lambda: daemon.run_json("status")["registry"]
        backends.until(lambda: status()["verdicts"]["passing"] == 40)
        backends.until(lambda: status()["probes_delayed"] > 100)
        backends.until(lambda: accepted[-1] - accepted[0] > 4)
        later = [at for at in accepted if at > accepted[0] + 2]
        rate = len(later) / (later[-1] - later[0])
        assert 40 < rate < 55, rate
        assert status()["verdicts"]["passing"] == 40
        listener.shutdown(socket.SHUT_RDWR)
    assert "probes waited" in daemon.run("status").stdout


def test_a_heartbeat_and_its_silence(server):
    server.run_json("register", "job.prod.internal", "j1", "--address", "127.0.1.1", "--check",
                    "ttl:1s")
    assert answers(server, "job.prod.internal") == set()
    server.run_json("renew", "job.prod.internal", "j1", "--status", "passing")
    assert answers(server, "job.prod.internal") == {"127.0.1.1"}
    server.run_json("register", "job.prod.internal", "j2", "--address", "127.0.1.2")
    _, took = backends.until(lambda: answers(server, "job.prod.internal") == {"127.0.1.2"})
    assert took < 5
    server.run_json("renew", "job.prod.internal", "j1", "--status", "warning", "--note", "slow")
    assert answers(server, "job.prod.internal") == {"127.0.1.1", "127.0.1.2"}


def test_a_set_too_large_for_udp(server):
    plan = {"instances": [
        {"service": "big.prod.internal", "id": f"i{i}", "addresses": [f"127.0.{i // 250}.{i % 250 + 1}"],
         "port": 80} for i in range(180)]}
    assert post(server, "/v1/apply", plan)["changed"] == 181
    over_tcp = server.texts("big.prod.internal", "SRV", tcp=True)
    assert len(over_tcp) == 180
    first = None
    for _ in range(5):
        reply = server.ask("big.prod.internal", "SRV", use_edns=0, payload=1232)
        assert reply.flags & dns.flags.TC
        given = sorted(item.to_text() for rrset in reply.answer for item in rrset)
        assert 20 < len(given) < 180
        assert set(given) < set(over_tcp)
        assert first is None or first == given
        first = given
    other = server.ask("big.prod.internal", "SRV", use_edns=0, payload=1232, source="127.0.0.9")
    assert sorted(item.to_text() for rrset in other.answer for item in rrset) != first


def test_refusals_change_nothing(server):
    before = server.run_json("services")
    for words, said in (
        (("register", "web.prod.internal", "a"), "from 1 to 64 addresses"),
        (("register", "db.prod.internal", "a", "--address", "127.0.1.1"), "stands in the zone"),
        (("register", "web.elsewhere", "a", "--address", "127.0.1.1"), "no zone here"),
        (("register", "web.prod.internal", "a", "--address", "10.0.0.300"), "no address"),
        (("register", "web.prod.internal", "a", "--address", "127.0.1.1", "--port", "70000"),
         "out of range"),
        (("register", "web.prod.internal", "a", "--address", "127.0.1.1", "--check", "htp:/x"),
         "no kind of check"),
        (("register", "web.prod.internal", "a", "--address", "127.0.1.1", "--check", "command:x"),
         "runs here"),
        (("register", "web.prod.internal", "a", "--address", "127.0.1.1", "--expect", "3"),
         "does not exist"),
        (("register", "web.prod.internal", "a", "--address", "127.0.1.1@outside"), "no view"),
        (("deregister", "web.prod.internal", "a"), "has no instance"),
        (("maintain", "web.prod.internal"), "needs a reason"),
    ):
        done = server.run(*words)
        assert done.returncode in (1, 2), words  # refused, or no sense in it
        assert said in done.stderr, (words, done.stderr)
    for body, field in (
        ('{"service": "web.prod.internal", "id": "a", "addresses": ["127.0.1.1"], "wieght": 1}',
         "wieght"),
        ('{"service": "web.prod.internal", "id": "a", "addresses": ["127.0.1.1"], "weight": -1}',
         "weight"),
        ('{"service": "web.prod.internal", "id": "a", "addresses": ["127.0.1.1"], "weight": 1e3}',
         "weight"),
        ('{"service": "web.prod.internal", "id": "a", "addresses": ["127.0.1.1"], "id": "b"}',
         "body"),
        ('{"service": "web.prod.internal", "id": "a\\u0000b", "addresses": ["127.0.1.1"]}', "body"),
        ('{"service": "web.prod.internal", "addresses": ["127.0.1.1"]}', "id"),
        ('{"service": 5, "id": "a", "addresses": ["127.0.1.1"]}', "service"),
        ('{"service": "web.prod.internal", "id": "a", "addresses": "127.0.1.1"}', "addresses"),
        ('[]', "body"),
        ('{"service": "web.prod.internal", "id": "\\u00e4", "addresses": ["127.0.1.1"], '
         '"lease": "99999999h"}', "lease"),
        ('{"service": "web.prod.internal", "id": "%s", "addresses": ["127.0.1.1"]}' % ("x" * 200),
         "id"),
    ):
        assert post(server, "/v1/register", body, 400)["error"]["field"] == field, body
    assert server.run_json("services") == before


def test_a_plan_is_whole(server, folder):
    (folder / "plan.yaml").write_text("""services:
  - service: one.prod.internal
    policy: weighted
    instances:
      - {id: a, addresses: [127.0.1.1], weight: 3}
      - {id: b, addresses: [127.0.1.2]}
  - service: two.prod.internal
instances:
  - {service: two.prod.internal, id: a, addresses: [127.0.1.3]}
""")
    tried = server.run_json("apply", folder / "plan.yaml", "--dry-run")
    assert tried["changed"] == 5 and tried["dry_run"]
    assert answers(server, "one.prod.internal") == set()
    done = server.run_json("apply", folder / "plan.yaml")
    assert done["revision"] == 1
    assert answers(server, "two.prod.internal") == {"127.0.1.3"}
    assert server.run_json("apply", folder / "plan.yaml")["changed"] == 0
    # One bad object: nothing of it.
    text = (folder / "plan.yaml").read_text()
    (folder / "bad.yaml").write_text(text.replace("127.0.1.3", "127.0.1.4") + "  - {id: x}\n")
    refused = server.run("apply", folder / "bad.yaml")
    assert refused.returncode == 2
    assert "instances[1].service: the name of the service is missing" in refused.stderr
    assert answers(server, "two.prod.internal") == {"127.0.1.3"}
    # Older than the registry.
    stale = server.run("apply", folder / "plan.yaml", "--expect", "0")
    assert stale.returncode == 1 and "older" in stale.stderr
    (folder / "less.yaml").write_text("services: [{service: one.prod.internal, ttl: 9s}]\n")
    pruned = server.run_json("apply", folder / "less.yaml", "--prune", "--expect", "1")
    assert {(item["service"], item["id"]) for item in pruned["objects"]
            if item["action"] == "removed"} == {
        ("one.prod.internal.", "a"), ("one.prod.internal.", "b"), ("two.prod.internal.", "a"),
        ("two.prod.internal.", None)}
    assert answers(server, "two.prod.internal") == set()
    history = server.run_json("history")["history"]
    assert [event["name"] for event in history if event["after"] is None] == ["two.prod.internal."]
    server.run_json("restore", "1")
    shown = {item["service"]: item for item in server.run_json("services")["services"]}
    assert shown["one.prod.internal"].get("policy") == "weighted"
    assert "two.prod.internal" in shown


def test_weighted_answers_follow_the_weights(server):
    post(server, "/v1/service", {"service": "w.prod.internal", "policy": "weighted"})
    for name, weight in (("a", 80), ("b", 20)):
        server.run_json("register", "w.prod.internal", name, "--address",
                        f"127.0.1.{1 if name == 'a' else 2}", "--weight", weight)
    seen = [server.texts("w.prod.internal") for _ in range(500)]
    assert all(len(one) == 1 for one in seen)
    assert 340 < sum(one == ["127.0.1.1"] for one in seen) < 460


def test_every_acknowledged_write_is_there_after_a_kill(server, folder, start):
    """kill -9 at random moments under write load; what was acknowledged is there, and answered."""
    rounds = 200 if FULL else 4
    daemon, acknowledged, written = server, {}, []
    for number in range(rounds):
        stop = threading.Event()

        def write(lane, number=number, daemon=daemon, stop=stop):
            count = 0
            while not stop.is_set():
                name = f"s{count % 20}.prod.internal"
                address = f"127.{number % 200}.{lane}.{count % 200 + 1}"
                body = json.dumps({"service": name, "id": f"lane{lane}", "addresses": [address]})
                done = subprocess.run(
                    ["curl", "-s", "-m", "5", "--unix-socket", daemon.socket, "-d", body,
                     "http://localhost/v1/register"], capture_output=True, text=True, check=False)
                if done.returncode == 0 and '"ok":true' in done.stdout:
                    acknowledged[name, lane] = {address}
                    written.append(name)
                elif (name, lane) in acknowledged:  # it may be there, or not
                    acknowledged[name, lane] = acknowledged[name, lane] | {address}
                else:
                    acknowledged[name, lane] = {address, None}
                count += 1

        lanes = [threading.Thread(target=write, args=(lane,)) for lane in range(3)]
        for lane in lanes:
            lane.start()
        wanted = len(written) + 12 + 5 * (number % 5)
        backends.until(lambda wanted=wanted: len(written) >= wanted)
        daemon.process.send_signal(signal.SIGKILL)
        daemon.process.wait()
        stop.set()
        for lane in lanes:
            lane.join()
        began = time.monotonic()
        daemon = start(zones={"prod.internal": "zone"}, words=["--data", folder / "data"],
                       port=server.port)
        assert SANITIZED or time.monotonic() - began < 1.5
        for name in {name for name, _ in acknowledged}:
            there = answers(daemon, name)
            for (service, _), wanted in acknowledged.items():
                assert service != name or there & wanted or None in wanted, (name, there, wanted)
    assert len(acknowledged) > 20


def test_the_store_can_be_read_by_anyone(server, folder):
    server.run_json("register", "web.prod.internal", "a", "--address", "127.0.1.1")
    rows = sqlite3.connect(folder / "data" / "registry.db").execute(
        "SELECT name, id, owner, body FROM object WHERE kind = 1").fetchall()
    assert [row[:3] for row in rows] == [("web.prod.internal.", "a", f"unix:{os.getuid()}")]
    assert json.loads(rows[0][3])["addresses"] == ["127.0.1.1"]


def test_a_damaged_registry_is_no_empty_one(server, folder, start):
    server.run_json("register", "web.prod.internal", "a", "--address", "127.0.1.1")
    assert server.stop() == 0  # the image is written at a stop
    (folder / "data" / "registry.db").write_bytes(b"x" * 8192)
    again = start(zones={"prod.internal": "zone"}, words=["--data", folder / "data"],
                  port=server.port)
    assert "registry.db: the registry cannot be opened" in again.log
    assert again.texts("db.prod.internal") == ["127.0.0.2"]
    # What was registered is answered as it was last, also after the zones were read again.
    assert answers(again) == {"127.0.1.1"}
    again.wait_for("reloaded")
    again.write("zone", ZONE.replace("127.0.0.2", "127.0.0.3").replace(" 1 7200", " 2 7200"))
    assert again.reload()["ok"]
    assert again.texts("db.prod.internal") == ["127.0.0.3"]
    assert answers(again) == {"127.0.1.1"}
    refused = again.run("register", "web.prod.internal", "a", "--address", "127.0.1.1")
    assert refused.returncode == 1
    assert "could not be opened at the start" in refused.stderr
    assert (folder / "data" / "registry.db").read_bytes() == b"x" * 8192


def test_without_a_data_folder_it_says_so(start):
    daemon = start(zones={"prod.internal": "zone"}, files={"zone": ZONE})
    done = daemon.run("register", "web.prod.internal", "a", "--address", "127.0.1.1")
    assert done.returncode == 0 and "no data folder" in done.stdout
    assert answers(daemon) == {"127.0.1.1"}
    assert daemons.run("services", "--server", daemon.socket).stdout.startswith("web.prod.internal")


CONFIG = """server: {listen: [127.0.0.1:PORT], data: data}
views:
  in: {internal: true, match: [127.0.0.0/8]}
  out: {default: true}
zones:
  - {zone: prod.internal, file: zone, only: [in], registry: true}
services:
  - service: web.prod.internal
    ttl: 3s
    checks:
      - {kind: command, command: "test $HORIZON_ADDRESS != 127.0.1.2 || exit 2", interval: 200ms, fall: 1}
    instances:
      - {id: a, addresses: 127.0.1.1, port: 80}
      - {id: b, addresses: [127.0.1.2], port: 80}
"""


def test_services_of_the_configuration(start, folder):
    (folder / "data").mkdir()
    daemon = start(config=CONFIG, files={"zone": ZONE})
    backends.until(lambda: answers(daemon) == {"127.0.1.1"})
    reply = daemon.ask("web.prod.internal")
    assert reply.answer[0].ttl == 3
    # A zone for names that are registered: negatives are short, also of names never seen.
    assert daemon.ask("never.prod.internal").authority[0].ttl == 5
    assert daemon.ask("db.prod.internal", "AAAA").authority[0].ttl == 5
    taken = daemon.run("register", "web.prod.internal", "a", "--address", "127.0.1.9")
    assert taken.returncode == 1 and "belongs to config" in taken.stderr
    # Others may register instances of the same service.
    daemon.run_json("register", "web.prod.internal", "c", "--address", "127.0.1.3", "--check",
                    "ttl:1h")
    daemon.run_json("renew", "web.prod.internal", "c")
    # The command check is the service's: it holds for the new instance, too.
    backends.until(lambda: answers(daemon) == {"127.0.1.1", "127.0.1.3"})
    # A reload is one plan: what is gone goes, what stays keeps its health.
    text = CONFIG.replace("PORT", str(daemon.port))
    daemon.write("horizon.yaml", text.replace("      - {id: a, addresses: 127.0.1.1, port: 80}\n", ""))
    assert daemon.reload()["ok"]
    assert answers(daemon) == {"127.0.1.3"}
    assert "a.web" not in daemon.run("instances", "web.prod.internal").stdout
    daemon.write("horizon.yaml", text)
    assert daemon.reload()["ok"]
    backends.until(lambda: answers(daemon) == {"127.0.1.1", "127.0.1.3"})
    # A claim on what another one has is told with both places.
    daemon.run_json("register", "mine.prod.internal", "x", "--address", "127.0.1.7")
    daemon.write("horizon.yaml", text + "  - service: mine.prod.internal\n")
    assert daemon.reload()["ok"]
    daemon.wait_for("the service belongs to unix:")
    assert "horizon.yaml:15:5: the service belongs" in daemon.log
    assert answers(daemon, "mine.prod.internal") == {"127.0.1.7"}


def test_what_is_wrong_with_a_service_is_told_with_its_place(folder):
    (folder / "zone").write_text(ZONE)
    (folder / "bad.yaml").write_text("""server: {listen: [127.0.0.1:5300]}
zones:
  - {zone: prod.internal, file: zone}
services:
  - service: web.elsewhere
  - service: a.prod.internal
    policy: best
    checks: [{kind: htp}, {interval: 1s}]
    instances:
      - {id: x, addresses: [10.0.0.300]}
      - {addresses: [10.0.0.1@nowhere]}
""")
    done = daemons.run("check", folder / "bad.yaml")
    assert done.returncode == 1
    for place, text in (("5:5", "no zone here holds web.elsewhere."), ("7:13", "is no policy"),
                        ("8:21", "no kind of check"), ("8:27", "the check has no kind"),
                        ("10:29", "is no address"), ("11:9", "id is missing"),
                        ("11:22", "no view 'nowhere'")):
        assert any(f"bad.yaml:{place}: error" in line and text in line
                   for line in (done.stdout + done.stderr).splitlines()), (place, done.stdout)


API = """server: {listen: [127.0.0.1:PORT]}
api:
  listen: 127.0.0.1:APIPORT
  tokens:
    - {name: deploy, token: 0123456789abcdef}
    - {name: other, token: fedcba9876543210}
zones: [{zone: prod.internal, file: zone}]
"""


def test_the_api_over_tcp(start):
    api = backends.free_tcp_port()
    daemon = start(config=API.replace("APIPORT", str(api)), files={"zone": ZONE})

    def ask(path, *words, body=None):
        done = subprocess.run(
            ["curl", "-s", "-w", "\n%{http_code}", *words, *(["-d", json.dumps(body)] if body else []),
             f"http://127.0.0.1:{api}{path}"], capture_output=True, text=True, timeout=30, check=True)
        text, code = done.stdout.rsplit("\n", 1)
        return int(code), json.loads(text)

    wish = {"service": "web.prod.internal", "id": "a", "addresses": ["127.0.1.1"]}
    assert ask("/v1/register", body=wish)[0] == 401
    assert ask("/v1/register", "-H", "Authorization: Bearer 0123456789abcdeF", body=wish)[0] == 401
    assert ask("/v1/register", "-H", "Authorization: Bearer ", body=wish)[0] == 401
    assert ask("/v1/reload", "-X", "POST")[0] == 401
    assert answers(daemon) == set()
    code, said = ask("/v1/register", "-H", "Authorization: Bearer 0123456789abcdef", body=wish)
    assert (code, said["ok"]) == (200, True)
    assert answers(daemon) == {"127.0.1.1"}
    code, said = ask("/v1/deregister", "-H", "Authorization: Bearer fedcba9876543210",
                     body={"service": "web.prod.internal", "id": "a"})
    assert (code, said["error"]["field"]) == (403, "owner")
    assert daemon.run("deregister", "web.prod.internal", "a").returncode == 1  # unix:... neither
    code, said = ask("/v1/instances?service=web.prod.internal")  # reading is free
    assert (code, said["instances"][0]["owner"]) == (200, "api:deploy")
    # Not for pages of other sites.
    assert ask("/v1/services", "-H", "Host: rebound.example")[0] == 403
    assert ask("/v1/services", "-H", "Origin: http://elsewhere.example")[0] == 403
    assert ask("/v1/services", "-H", "Host: localhost:1")[0] == 200


def test_the_api_listens_on_loopback_only(folder):
    (folder / "zone").write_text(ZONE)
    (folder / "c.yaml").write_text(API.replace("PORT", "5300").replace("API5300", "8053").replace(
        "127.0.0.1:8053", "0.0.0.0:8053"))
    done = daemons.run("check", folder / "c.yaml")
    assert done.returncode == 1
    assert "can be reached from elsewhere" in done.stdout + done.stderr


CLOSES = """
import os, socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(200)
print("up", flush=True)
count = 0
while True:
    taken = listener.accept()[0]
    count += 1
    open(sys.argv[3] + ".new", "w").write(str(count))
    os.replace(sys.argv[3] + ".new", sys.argv[3])
    time.sleep(0.005)
    taken.close()
"""


def test_held_steps_aside_for_a_peer_that_closes_idle_connections(server, folder):
    port = backends.free_tcp_port()
    (folder / "count").write_text("0")
    program = CLOSES.replace("sys.argv[3]", repr(str(folder / "count")))
    backend = backends.Backend("127.0.1.1", port, program)
    try:
        server.run_json("register", "web.prod.internal", "a", "--address", "127.0.1.1", "--port", port,
                        "--check", "held,interval=500ms")
        backends.until(lambda: answers(server) == {"127.0.1.1"})
        backends.until(lambda: int((folder / "count").read_text()) > 6)
        time.sleep(0.5)
        before = int((folder / "count").read_text())
        time.sleep(2)
        assert int((folder / "count").read_text()) - before <= 6  # at its beat, no more
        instance = server.run_json("instances", "web.prod.internal")["instances"][0]
        assert instance["verdict"] == "passing"
        assert answers(server) == {"127.0.1.1"}
    finally:
        backend.close()


def test_https_records(server):
    post(server, "/v1/service", {"service": "web.prod.internal", "https": True, "svcb": True})
    for name, addresses, port in (("a", ["127.0.1.1", "2001:db8::1"], 8443),
                                  ("b", ["127.0.1.2"], 8443), ("c", ["127.0.1.3"], 443)):
        post(server, "/v1/register", {"service": "web.prod.internal", "id": name, "port": port,
                                      "addresses": addresses})
    assert server.texts("web.prod.internal", "HTTPS") == [
        '1 . ipv4hint="127.0.1.3"',
        '1 . port="8443" ipv4hint="127.0.1.1,127.0.1.2" ipv6hint="2001:db8::1"']
    assert server.texts("web.prod.internal", "SVCB") == [
        '1 . port="443" ipv4hint="127.0.1.3"',
        '1 . port="8443" ipv4hint="127.0.1.1,127.0.1.2" ipv6hint="2001:db8::1"']


def test_registered_addresses_have_ptr(start, folder):
    reverse = ZONE.replace("db   A   127.0.0.2", "9.1 PTR fixed.prod.internal.").replace(
        "ns1  A   127.0.0.1\n", "").replace("SOA ns1 ", "SOA ns1.prod.internal. ").replace(
        "NS  ns1", "NS  ns1.prod.internal.")
    daemon = start(zones={"prod.internal": "zone", "0.127.in-addr.arpa": "reverse"},
                   files={"zone": ZONE, "reverse": reverse})
    for name, address in (("a", "127.0.1.1"), ("b", "127.0.1.1"), ("c", "127.0.1.9")):
        daemon.run_json("register", "web.prod.internal", name, "--address", address)
    assert daemon.texts("1.1.0.127.in-addr.arpa", "PTR") == [
        "a.web.prod.internal.", "b.web.prod.internal."]
    assert daemon.texts("9.1.0.127.in-addr.arpa", "PTR") == ["fixed.prod.internal."]
    daemon.run_json("deregister", "web.prod.internal", "a")
    assert daemon.texts("1.1.0.127.in-addr.arpa", "PTR") == ["b.web.prod.internal."]


def test_a_subtree_for_names_that_are_registered(start):
    config = """server: {listen: [127.0.0.1:PORT]}
zones: [{zone: prod.internal, file: zone, registry-below: [svc, more.prod.internal]}]
"""
    daemon = start(config=config, files={"zone": ZONE})
    for name, ttl in (("x.svc", 5), ("svc", 5), ("a.b.more", 5), ("xsvc", 300), ("never", 300)):
        reply = daemon.ask(f"{name}.prod.internal")
        assert (reply.rcode(), reply.authority[0].ttl) == (dns.rcode.NXDOMAIN, ttl), name
