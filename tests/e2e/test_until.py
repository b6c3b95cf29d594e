# SPDX-License-Identifier: GPL-3.0-or-later
"""`horizon until`: who may still hold an answer. A cache of the test's own, that honours TTLs, asks
and is asked; what it holds is never gone later than what was said, nor much earlier."""

import datetime
import time

import backends
import daemons
from test_services import post

CONFIG = """server: {listen: [127.0.0.1:PORT]}
views:
  in: {internal: true, match: [127.0.0.0/16]}
  out: {match: [127.1.0.0/16]}
zones: [{zone: example.com, file: zone}]
"""
ZONE = """$TTL 300
@     SOA ns1 hostmaster 1 7200 900 1209600 3
      NS  ns1
ns1   A   192.0.2.53
www   4   A   192.0.2.1
wide  4   A   192.0.2.11
      4   A   192.0.2.12
      4   A   192.0.2.13
      4   A   192.0.2.14
      4   A   192.0.2.15
alias 20  CNAME www
"""
LATE_S = 3.2  # the end of the second it was sent in, of the one it ends in, and the transit


def start_one(start):
    return start(config=CONFIG, files={"zone": ZONE})


def wall(text):
    return datetime.datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(
        tzinfo=datetime.timezone.utc).timestamp()


def view(daemon, name, number=0):
    return daemon.run_json("until", name)["views"][number]


def records(daemon, name, number=0):
    return {item["type"]: item for item in view(daemon, name, number)["records"]}


def test_an_answer_is_held_from_its_last_sending_on(start):
    daemon = start_one(start)
    assert records(daemon, "wide.example.com")["A"]["until"] is None
    for tcp in (False, True):
        before = time.time()
        daemon.ask("wide.example.com", tcp=tcp)
        after = time.time()
        item = records(daemon, "wide.example.com")["A"]
        assert before + 4 <= wall(item["until"]) <= after + 4 + LATE_S
        assert wall(item["until"]) - wall(item["last_sent"]) == 4 + 1  # and the transit
        assert item["data"] == [f"192.0.2.{i}" for i in range(11, 16)]


def test_chains_additional_data_and_denials_count(start):
    daemon = start_one(start)
    daemon.ask("alias.example.com")
    alias, www = (records(daemon, f"{name}.example.com") for name in ("alias", "www"))
    assert 20 <= alias["CNAME"]["left"] <= 20 + LATE_S and 4 <= www["A"]["left"] <= 4 + LATE_S
    assert records(daemon, "ns1.example.com")["A"]["until"] is None
    daemon.ask("example.com", "NS")
    assert 300 <= records(daemon, "ns1.example.com")["A"]["left"] <= 300 + LATE_S
    assert view(daemon, "nowhere.example.com")["denied"]["until"] is None
    daemon.ask("nowhere.example.com")
    denied = view(daemon, "nowhere.example.com")
    assert not denied["exists"] and 3 <= denied["denied"]["left"] <= 3 + LATE_S


def test_what_was_replaced_has_a_fixed_end(start):
    daemon = start_one(start)
    daemon.ask("www.example.com")
    sent = time.time()
    daemon.write("zone", ZONE.replace("192.0.2.1", "192.0.2.9").replace("hostmaster 1", "hostmaster 2"))
    assert daemon.reload()["ok"]
    assert daemon.texts("www.example.com") == ["192.0.2.9"]

    def old():
        return [item for item in view(daemon, "www.example.com")["replaced"] if item["type"] == "A"]

    backends.until(lambda: old())  # once no worker can have the old one any more
    first = old()
    assert [item["data"] for item in first] == ["192.0.2.1"] and not first[0]["still_answered"]
    end = wall(first[0]["until"])
    assert sent + 4 - 0.1 <= end <= sent + 4 + LATE_S
    daemon.ask("www.example.com")
    assert wall(old()[0]["until"]) == end
    assert "replaced: " in daemon.run("until", "www.example.com").stdout
    backends.until(lambda: old()[0]["left"] == 0)
    assert time.time() >= end - 0.1
    assert "no cache holds it since" in daemon.run("until", "www.example.com").stdout


def test_a_record_that_comes_back_and_names_that_go(start):
    daemon = start_one(start)
    daemon.ask("www.example.com")
    for serial, address in ((2, "192.0.2.9"), (3, "192.0.2.1")):
        daemon.write("zone", ZONE.replace("192.0.2.1", address).replace(
            "hostmaster 1", f"hostmaster {serial}"))
        assert daemon.reload()["ok"]
    backends.until(lambda: view(daemon, "www.example.com")["replaced"])
    assert [item["still_answered"] for item in view(daemon, "www.example.com")["replaced"]
            if item["type"] == "A"] == [True]
    daemon.ask("www.example.com")
    daemon.write("zone", ZONE.replace("www ", "new ").replace("CNAME www", "CNAME new").replace(
        "hostmaster 1", "hostmaster 4"))
    assert daemon.reload()["ok"]
    backends.until(lambda: not view(daemon, "www.example.com")["exists"])
    backends.until(lambda: [item for item in view(daemon, "www.example.com")["replaced"]
                            if item["type"] == "A" and not item["still_answered"]])


def test_an_instance_that_died_in_one_view(start):
    daemon = start_one(start)
    for number in (1, 2):
        post(daemon, "/v1/register", {"service": "web.example.com", "id": f"i{number}", "addresses": [
            f"10.0.0.{number}@in", f"203.0.113.{number}@out"]})
    daemon.ask("web.example.com")
    assert records(daemon, "web.example.com", 0)["A"]["left"] > 4
    assert records(daemon, "web.example.com", 1)["A"]["until"] is None
    post(daemon, "/v1/deregister", {"service": "web.example.com", "id": "i1"})
    backends.until(lambda: view(daemon, "web.example.com")["replaced"])
    told = {item["data"]: item["still_answered"] for item in view(daemon, "web.example.com")["replaced"]}
    assert told == {"10.0.0.1": False, "10.0.0.2": True}
    assert not view(daemon, "web.example.com", 1)["replaced"]


def test_who_asks_wrongly_is_told(start):
    daemon = start_one(start)
    assert daemons.run("until", "a..b", "--server", daemon.socket).returncode == 2
    assert "that is no name" in daemons.run("until", "a..b", "--server", daemon.socket).stderr
    assert daemons.run("until", "--server", daemon.socket).returncode == 2
    assert "no zone here holds the name" in daemon.run("until", "elsewhere.net").stdout


SITES = """server: {listen: [127.0.0.1:PORT]}
sites: {here: {match: [127.0.0.0/16]}}
zones: [{zone: example.com, file: zone}]
services:
  - service: web.example.com
    locality: prefer
    ttl: 30s
    instances: [{id: a, addresses: 192.0.2.7, port: 80, site: here}]
"""


def test_what_one_site_is_told_counts(start):
    """Records and denials alike: the clients of a site have an answer of their own."""
    daemon = start(config=SITES, files={"zone": ZONE})
    daemon.ask("web.example.com", "A")
    assert records(daemon, "web.example.com")["A"]["left"] >= 30
    assert view(daemon, "web.example.com")["denied"]["until"] is None
    daemon.ask("web.example.com", "AAAA")
    assert view(daemon, "web.example.com")["denied"]["left"] > 0


def test_a_name_that_a_wildcard_answers_says_so(start):
    daemon = start(config=CONFIG, files={"zone": ZONE + "*  60  A  192.0.2.77\n"})
    daemon.ask("any.example.com")
    assert "wildcard" in view(daemon, "any.example.com")["bound"]
    assert records(daemon, "*.example.com")["A"]["left"] >= 60


def test_a_change_returns_when_it_is_over(start):
    daemon = start_one(start)
    daemon.ask("www.example.com")
    sent = time.time()
    daemon.write("zone", ZONE.replace("192.0.2.1", "192.0.2.9").replace("hostmaster 1", "hostmaster 2"))
    said = daemon.run("reload", "--wait", "horizon")
    assert said.returncode == 0 and "no cache that honours TTLs holds" in said.stdout
    assert "(horizon wait " in said.stdout
    assert sent + 4 <= time.time() <= sent + 4 + LATE_S + 3
    began = time.time()
    post(daemon, "/v1/register", {"service": "web.example.com", "id": "a", "addresses": ["10.0.0.1@in"]})
    assert daemon.run("deregister", "web.example.com", "a", "--wait", "horizon").returncode == 0
    assert time.time() - began < 3  # nobody was told it
    generation = daemon.run_json("status")["generation"]
    assert daemon.run_json("wait", str(generation))["over"] is True
    for words, text in ((("wait", "99999"), "there is no such generation"),
                        (("wait", "x"), "there is no such generation"),
                        (("reload", "--wait", "ever"), "--wait is for served, or horizon")):
        refused = daemon.run(*words)
        assert refused.returncode != 0 and text in refused.stderr
