# SPDX-License-Identifier: GPL-3.0-or-later
"""Whoever may register may not do more than that: run programs here, make the server ask others,
take names from a zone or from another view, have acknowledged what is not kept, stay after a lease
is over, or destroy much with a small mistake."""

import contextlib
import json
import os
import signal
import socket
import sqlite3
import subprocess
import threading
import time

import dns.rcode

import backends
from test_services import ZONE, answers, post

INSIDE = "127.1.0.1"
PUBLIC = """$TTL 300
@    SOA ns1 hostmaster 1 7200 900 1209600 300
     NS  ns1
ns1  A   192.0.2.53
"""

PLAIN = """server: {listen: [127.0.0.1:PORT]}
registry: {check-targets: [TARGETS]}
zones: [{zone: prod.internal, file: zone}]
"""


def plain(start, folder, **more):
    (folder / "data").mkdir(exist_ok=True)
    (folder / "data").chmod(0o777)
    return start(config=PLAIN.replace("TARGETS", "127.0.9.0/24"), files={"zone": ZONE + MORE},
                 words=["--data", folder / "data"], **more)


MORE = """db.shop  A  198.51.100.2
lab      NS ns.elsewhere.example.
"""


def register(daemon, name, instance, status=200, **fields):
    return post(daemon, "/v1/register", {"service": name, "id": instance, **fields}, status)


def test_no_program_runs_here_for_who_registers(start, folder):
    daemon = plain(start, folder)
    mark = folder / "ran"
    command = {"kind": "command", "command": f"touch {mark}", "interval": "100ms"}
    file_ = {"kind": "file", "file": "/etc/hostname"}
    register(daemon, "a.prod.internal", "x", addresses=["127.0.9.1"])
    for check in (command, file_):
        for name in ("a.prod.internal", "b.prod.internal"):  # with an instance, and without
            told = post(daemon, "/v1/service", {"service": name, "checks": [check]}, 403)
            assert "only the configuration" in told["error"]["reason"], told
        register(daemon, "a.prod.internal", "y", 403, addresses=["127.0.9.1"], checks=[check])
    assert not mark.exists()


def test_checks_go_where_they_may(start, folder):
    daemon = plain(start, folder)
    register(daemon, "a.prod.internal", "x", addresses=["127.0.9.1"], port=80)
    for target in ("169.254.169.254", "127.0.8.1", "100.100.100.200"):
        post(daemon, "/v1/service", {"service": "a.prod.internal", "checks": [
            {"kind": "tcp", "target": target}]}, 403)
    for host in ("127.0.8.1:7777/secret?", "x@127.0.8.1", "a b", "a/b", "[::1]", "#x", "a\\b"):
        told = register(daemon, "b.prod.internal", "x", 400, addresses=["127.0.9.1"], port=80,
                        checks=[{"kind": "http", "path": "/", "host": host}])
        assert told["error"]["field"] == "checks[0].host", told


def test_a_host_that_is_an_address_is_not_where_the_check_goes(start, folder):
    """The instance's own address is asked, or nobody."""
    daemon = plain(start, folder)
    asked = []
    with socket.create_server(("127.0.8.1", 0)) as listener:
        listener.settimeout(0.2)
        port = listener.getsockname()[1]
        for number, host in enumerate(("127.0.8.1", "2130708481", "0x7f000801", "127.2049")):
            register(daemon, f"n{number}.prod.internal", "x", addresses=["127.0.9.1"], port=port,
                     checks=[{"kind": "http", "path": "/", "host": host, "interval": "100ms",
                              "fall": 1}])
        backends.until(lambda: daemon.run_json("status")["registry"]["verdicts"]["critical"] == 4)
        with contextlib.suppress(TimeoutError):
            asked.append(listener.accept())
    assert not asked


def test_a_target_that_is_allowed_no_more_is_not_asked(start, folder):
    port = backends.free_tcp_port()
    backend = backends.Backend("127.0.9.9", port, backends.CLOSES)
    try:
        daemon = plain(start, folder)
        register(daemon, "a.prod.internal", "x", addresses=["127.0.9.1"], port=port, checks=[
            {"kind": "tcp", "target": "127.0.9.9", "interval": "100ms"}])
        backends.until(lambda: answers(daemon, "a.prod.internal") == {"127.0.9.1"})
        assert daemon.run_json("status")["registry"]["probes"] == 1
        rewrite(daemon, PLAIN.replace("TARGETS", "127.0.10.0/24"))
        assert daemon.run_json("status")["registry"]["probes"] == 0
        assert "no target that checks may have" in daemon.run("instances", "a.prod.internal").stdout
    finally:
        backend.close()


def test_names_below_a_service_do_not_cover_the_zone(start, folder):
    daemon = plain(start, folder)
    told = register(daemon, "shop.prod.internal", "db", 403, addresses=["127.0.9.1"])
    assert "db.shop.prod.internal. stands in the zone file" in told["error"]["reason"]
    assert answers(daemon, "db.shop.prod.internal") == {"198.51.100.2"}
    register(daemon, "shop.prod.internal", "web", addresses=["127.0.9.1"])
    post(daemon, "/v1/service", {"service": "shop.prod.internal", "tags": ["db"]}, 403)
    post(daemon, "/v1/apply", {"services": [{"service": "shop.prod.internal", "instances": [
        {"id": "db", "addresses": ["127.0.9.2"]}]}]}, 403)
    assert answers(daemon, "db.shop.prod.internal") == {"198.51.100.2"}


def view_config(first, second):
    views = {"internal": "{internal: true, match: [127.1.0.0/16]}",
             "external": "{match: [127.0.0.0/16]}"}
    return ("server: {listen: [127.0.0.1:PORT]}\nviews:\n"
            f"  {first}: {views[first]}\n  {second}: {views[second]}\n"
            "zones: [{zone: prod.internal, file: zone}]\n")


def rewrite(daemon, text):
    daemon.write("horizon.yaml", text.replace("PORT", str(daemon.port)))
    assert daemon.reload()["ok"]


def test_an_address_that_was_withdrawn_from_a_view_is_gone_there(start):
    daemon = start(config=view_config("internal", "external"), files={"zone": PUBLIC})
    register(daemon, "mv.prod.internal", "w1",
             addresses=["10.1.1.1@internal", "203.0.113.5@external"])
    assert daemon.texts("w1.mv.prod.internal", source="127.0.0.1") == ["203.0.113.5"]
    register(daemon, "mv.prod.internal", "w1", addresses=["10.1.1.1@internal"])
    assert not daemon.texts("w1.mv.prod.internal", source="127.0.0.1")
    assert not daemon.texts("mv.prod.internal", source="127.0.0.1")
    assert daemon.texts("w1.mv.prod.internal", source=INSIDE) == ["10.1.1.1"]


def test_views_in_another_order_show_the_same(start):
    daemon = start(config=view_config("internal", "external"), files={"zone": PUBLIC})
    register(daemon, "inside.prod.internal", "w1", addresses=["10.1.1.1@internal"])
    register(daemon, "gone.prod.internal", "w1", addresses=["10.1.1.2@internal"])
    post(daemon, "/v1/deregister", {"service": "gone.prod.internal"})
    for order in (("external", "internal"), ("internal", "external")):
        for name in ("inside.prod.internal", "gone.prod.internal"):
            assert daemon.ask(name).rcode() == dns.rcode.NXDOMAIN
            assert daemon.ask(name, source=INSIDE).rcode() == dns.rcode.NOERROR
        rewrite(daemon, view_config(*order))


def test_a_lease_that_ran_out_stays_so_over_a_restart(start, folder):
    daemon = plain(start, folder)
    register(daemon, "a.prod.internal", "old", addresses=["127.0.9.1"], lease="1s")
    register(daemon, "a.prod.internal", "young", addresses=["127.0.9.2"])
    backends.until(lambda: answers(daemon, "a.prod.internal") == {"127.0.9.2"})
    time.sleep(0.3)  # recorded afterwards, not before it is shown
    daemon.process.kill()
    daemon.process.wait()
    again = plain(start, folder)
    assert answers(again, "a.prod.internal") == {"127.0.9.2"}
    again.run_json("renew", "a.prod.internal", "old")
    assert answers(again, "a.prod.internal") == {"127.0.9.1", "127.0.9.2"}


def test_registering_again_is_a_heartbeat(start, folder):
    daemon = plain(start, folder)
    ends = time.monotonic() + 2.5
    while time.monotonic() < ends:
        told = register(daemon, "a.prod.internal", "x", addresses=["127.0.9.1"], lease="1s")
        assert answers(daemon, "a.prod.internal") == {"127.0.9.1"}
        time.sleep(0.2)
    assert told["changed"] == 0
    assert "its lease ran out" not in daemon.log


def test_a_removal_that_was_refused_comes_later(start, folder):
    daemon = plain(start, folder)
    post(daemon, "/v1/service", {"service": "a.prod.internal", "keep-last": True,
                                 "remove-after": "1s"})
    register(daemon, "a.prod.internal", "old", addresses=["127.0.9.1"], lease="1s")
    backends.until(lambda: daemon.run_json("status")["registry"]["verdicts"]["critical"] == 1)
    time.sleep(1.5)  # the removal of the last one is refused
    register(daemon, "a.prod.internal", "new", addresses=["127.0.9.2"])
    backends.until(lambda: daemon.run_json("status")["registry"]["instances"] == 1)
    assert answers(daemon, "a.prod.internal") == {"127.0.9.2"}


def test_a_small_mistake_destroys_nothing(start, folder):
    daemon = plain(start, folder)
    register(daemon, "a.prod.internal", "x", addresses=["127.0.9.1"])
    register(daemon, "a.prod.internal", "y", addresses=["127.0.9.2"])
    post(daemon, "/v1/service", {"service": "t.prod.internal", "checks": [{"kind": "ttl"}]})
    register(daemon, "t.prod.internal", "x", addresses=["127.0.9.3"])
    before = daemon.run_json("services")
    for path, body, field in (
            ("deregister", {"service": "a.prod.internal", "instance": "x"}, "instance"),
            ("deregister", {"service": "a.prod.internal", "id": 7}, "id"),
            ("deregister", {"service": "a.prod.internal", "dry_run": "true"}, "dry_run"),
            ("override", {"name": "a.prod.internal", "instnace": "x", "action": "down"},
             "instnace"),
            ("override", {"name": "a.prod.internal", "instance": 7, "action": "down"}, "instance"),
            ("override", {"name": "a.prod.internal", "action": "down", "expires_at": 9 * 10**18},
             "expires_at"),
            ("override", {"name": "a.prod.internal", "end": "yes"}, "end"),
            ("apply", {"services": [], "prune": "no"}, "prune"),
            ("apply", {"services": [], "dry-run": True}, "dry-run"),
            ("restore", {"revision": 1, "dry_run": 1}, "dry_run"),
            ("renew", {"service": "t.prod.internal", "id": "x", "status": 2}, "status"),
            ("renew", {"service": "t.prod.internal", "id": "x", "state": "critical"}, "state"),
            ("register", {"service": "b.prod.internal", "id": "x", "addresses": ["127.0.9.1"],
                          "dry_run": "yes"}, "dry_run")):
        told = post(daemon, f"/v1/{path}", body, 400)
        assert told["error"]["field"] == field, told
    assert daemon.run_json("services")["services"] == before["services"]
    assert not daemon.run_json("maintain").get("overrides")
    assert answers(daemon, "t.prod.internal") == set()


def test_a_damaged_registry_leaves_the_zones_answered(start, folder):
    daemon = plain(start, folder)
    for service in range(20):
        post(daemon, "/v1/apply", {"services": [
            {"service": f"s{service}.prod.internal", "instances": [
                {"id": f"i{k}", "addresses": ["127.0.9.1"], "meta": {"text": "x" * 150}}
                for k in range(50)]}]})
    assert daemon.stop() == 0
    path = folder / "data" / "registry.db"
    size = path.stat().st_size
    with open(path, "r+b") as file:
        for page in range(8, size // 4096 - 2, 3):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    again = plain(start, folder)
    assert answers(again, "db.shop.prod.internal") == {"198.51.100.2"}
    assert "registry.db cannot be read" in again.log or "damaged" in again.log
    told = register(again, "a.prod.internal", "x", 503, addresses=["127.0.9.1"])
    assert "could not be opened" in told["error"]["reason"]


def test_no_change_is_acknowledged_before_what_it_rests_on(start, folder):
    """Two registrations of the same at once: neither is told that it is so already while the other
    is not yet durable. The store is locked, so that the one that stages it fails."""
    daemon = plain(start, folder)
    register(daemon, "warm.prod.internal", "x", addresses=["127.0.9.1"])
    lock = sqlite3.connect(folder / "data" / "registry.db", isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    told = []

    def ask(name):
        done = subprocess.run(
            ["curl", "-s", "--unix-socket", daemon.socket, "-w", "\n%{http_code}", "--data-binary",
             json.dumps({"service": name, "id": "x", "addresses": ["127.0.9.1"]}),
             "http://localhost/v1/register"], capture_output=True, text=True, timeout=60,
            check=True)
        told.append((name, int(done.stdout.rsplit("\n", 1)[1])))

    first = threading.Thread(target=ask, args=("one.prod.internal",))
    first.start()  # under way, and waits for the lock
    backends.until(lambda: daemon.run_json("status")["registry"]["waiting"] == 0)
    time.sleep(0.2)
    others = [threading.Thread(target=ask, args=("two.prod.internal",)) for _ in range(4)]
    for other in others:
        other.start()
    backends.until(lambda: daemon.run_json("status")["registry"]["waiting"] == 4)
    for thread in (first, *others):
        thread.join()
    lock.execute("ROLLBACK")
    lock.close()
    assert {status for name, status in told if name == "two.prod.internal"} == {503}, told
    assert answers(daemon, "two.prod.internal") == set()


def test_who_is_not_probed_starts_no_storm(start, folder):
    """Leases of five instances in two sites run out; twelve that are probed are well."""
    port = backends.free_tcp_port()
    backend = backends.Backend("0.0.0.0", port, backends.CLOSES)
    try:
        daemon = plain(start, folder)
        post(daemon, "/v1/apply", {"services": [{"service": "good.prod.internal", "instances": [
            {"id": f"g{i}", "addresses": [f"127.0.9.{i + 1}"], "port": port, "site": "one",
             "checks": [{"kind": "tcp", "interval": "200ms"}]} for i in range(12)]}]})
        backends.until(lambda: daemon.run_json("status")["registry"]["verdicts"]["passing"] == 12)
        for i in range(5):
            register(daemon, "bob.prod.internal", f"b{i}", addresses=[f"127.0.9.{i + 50}"],
                     lease="1s", site=("one", "two")[i % 2])
        backends.until(lambda: daemon.run_json("status")["registry"]["verdicts"]["critical"] == 5)
        assert daemon.run_json("status")["registry"]["storm_brake"]["state"] == "off"
    finally:
        backend.close()


def test_another_address_is_looked_at_before_it_is_answered(start, folder):
    port = backends.free_tcp_port()
    backend = backends.Backend("127.0.9.1", port, backends.CLOSES)
    try:
        daemon = plain(start, folder)
        check = [{"kind": "tcp", "interval": "5s"}]
        for instance in ("x", "y"):
            register(daemon, "a.prod.internal", instance, addresses=["127.0.9.1"], port=port,
                     checks=check)
        backends.until(lambda: answers(daemon, "a.prod.internal") == {"127.0.9.1"})
        register(daemon, "a.prod.internal", "y", addresses=["127.0.9.77"], port=port, checks=check)
        assert answers(daemon, "a.prod.internal") == {"127.0.9.1"}
    finally:
        backend.close()


def test_history_says_who_and_why_for_each(start, folder):
    daemon = plain(start, folder)
    threads = [threading.Thread(target=post, args=(daemon, "/v1/service", {
        "service": f"s{i}.prod.internal", "why": f"reason {i}"})) for i in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    post(daemon, "/v1/deregister", {"service": "s3.prod.internal", "why": "enough"})
    events = daemon.run_json("history")["history"]
    made = {event["name"]: event["why"] for event in events if event["why"] != "enough"}
    assert made == {f"s{i}.prod.internal.": f"reason {i}" for i in range(30)}
    gone = [event for event in events if event["why"] == "enough"]
    assert [event["owner"] for event in gone] == [f"unix:{os.getuid()}"]


def test_many_names_that_went_hold_nobody_up(start, folder):
    daemon = plain(start, folder)
    took = []
    for turn in range(3):
        began = time.monotonic()
        post(daemon, "/v1/apply", {"prune": True, "services": [
            {"service": f"t{turn}-{i}.prod.internal"} for i in range(5000)]})
        took.append(time.monotonic() - began)
    assert took[2] < 10 * took[0] + 1, took
    os.kill(daemon.process.pid, signal.SIGTERM)
    assert daemon.process.wait(timeout=10) == 0


def test_one_writer_does_not_empty_the_registry(start, folder):
    """A tenth may go within the window, ten at least; the rest waits for a person."""
    (folder / "data").mkdir()
    daemon = start(zones={"prod.internal": "zone"}, words=["--data", folder / "data"],
                   files={"zone": ZONE})
    many = [{"service": f"s{i}.prod.internal",
             "instances": [{"id": "a", "addresses": [f"10.1.1.{i + 1}"]}]} for i in range(40)]
    assert post(daemon, "/v1/apply", {"services": many})["ok"]
    refused = post(daemon, "/v1/apply", {"services": many[:20], "prune": True}, status=403)
    assert "blast radius: 20 of the 40 instances of unix:" in refused["error"]["reason"]
    assert "horizon accept" in refused["error"]["mend"]
    assert post(daemon, "/v1/apply", {"services": many[:30], "prune": True})["changed"] > 0
    refused = post(daemon, "/v1/deregister", {"service": "s0.prod.internal"}, status=403)
    assert "11 of the 40" in refused["error"]["reason"]
    assert daemon.texts("s0.prod.internal") == ["10.1.1.1"]
    # As many as came may go: a deployment that replaces what it has is nothing to stop.
    for i in range(30):
        post(daemon, "/v1/register", {"service": f"s{i}.prod.internal", "id": "b",
                                      "addresses": [f"10.1.2.{i + 1}"]})
        post(daemon, "/v1/deregister", {"service": f"s{i}.prod.internal", "id": "a"})
    owner = refused["error"]["reason"].split("instances of ")[1].split(" ")[0]
    assert daemon.run("accept", owner).returncode == 0
    assert post(daemon, "/v1/apply", {"services": [], "prune": True})["changed"] > 0
    assert "accepts what the blast radius held" in daemon.log
    assert "accept needs an owner" in daemon.run("accept").stderr
