# SPDX-License-Identifier: GPL-3.0-or-later
"""The same name, asked from two places, gets two answers, and explain says why."""

import dns.rcode
import pytest
from daemons import zone_text

CONFIG = """
server:
  listen: ["127.0.0.1:PORT"]
views:
  internal:
    internal: true
    match: [127.0.1.0/24]
  external:
    match: [127.0.2.0/24]
zones:
  - zone: example.com
    file: example.com.zone
    subtrees:
      - {name: corp.example.com, only: [internal]}
    overlays:
      - view: internal
        reason: no hairpin
        replace:
          www: 60 A 10.0.1.50
        add:
          db: A 10.0.1.60
        remove: [ns1]
  - zone: lab.example
    file: lab.zone
    only: [internal]
"""
INSIDE, OUTSIDE, ELSEWHERE = "127.0.1.1", "127.0.2.1", "127.0.3.1"


@pytest.fixture
def split(start):
    return start(CONFIG, files={
        "example.com.zone": zone_text(more="wiki.corp A 192.0.2.5\n"), "lab.zone": zone_text(),
    })


def test_replaced_name_differs_by_client(split):
    for tcp in (False, True):
        assert split.texts("www.example.com", source=INSIDE, tcp=tcp) == ["10.0.1.50"]
        assert split.texts("www.example.com", source=OUTSIDE, tcp=tcp) == ["192.0.2.80"]


def test_added_name_exists_only_there(split):
    assert split.texts("db.example.com", source=INSIDE) == ["10.0.1.60"]
    assert split.ask("db.example.com", source=OUTSIDE).rcode() == dns.rcode.NXDOMAIN


def test_removed_name_is_gone_only_there(split):
    assert split.ask("ns1.example.com", source=INSIDE).rcode() == dns.rcode.NXDOMAIN
    assert split.texts("ns1.example.com", source=OUTSIDE) == ["192.0.2.1"]


def test_subtree_does_not_exist_elsewhere(split):
    assert split.texts("wiki.corp.example.com", source=INSIDE) == ["192.0.2.5"]
    assert split.ask("wiki.corp.example.com", source=OUTSIDE).rcode() == dns.rcode.NXDOMAIN


def test_zone_of_another_view_is_refused(split):
    assert split.texts("www.lab.example", source=INSIDE) == ["192.0.2.80"]
    assert split.ask("www.lab.example", source=OUTSIDE).rcode() == dns.rcode.REFUSED


def test_client_of_no_view_is_refused(split):
    assert split.ask("www.example.com", source=ELSEWHERE).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize("source, view, data", [
    (INSIDE, "internal", "10.0.1.50"), (OUTSIDE, "external", "192.0.2.80"),
])
def test_explain_agrees_with_the_answer(split, folder, source, view, data):
    from daemons import run_json

    online = split.run_json("explain", "www.example.com", "A", "--from", source)
    offline = run_json("explain", "www.example.com", "A", "--from", source, "--config",
                       folder / "horizon.yaml")
    for told in (online, offline):
        assert told["view"]["name"] == view
        assert told["view"]["place"].startswith(str(folder / "horizon.yaml") + ":")
        assert [record["data"] for record in told["reply"]["answer"]] == [data]
        assert told["zone"]["name"] == "example.com."
        assert [step["step"] for step in told["steps"]][:2] == ["view", "zone"]
    assert online["steps"] == offline["steps"]


def test_explain_names_the_guard(split):
    told = split.run_json("explain", "www.example.com", "A", "--from", INSIDE)
    assert any(guard["guard"] == "leak" and "10.0.1.50" in guard["detail"]
               for guard in told["guards"])


def test_explain_for_a_client_of_no_view(split):
    told = split.run_json("explain", "www.example.com", "--from", ELSEWHERE)
    assert told["view"] is None and told["reply"]["rcode"] == "REFUSED"
    text = split.run("explain", "www.example.com", "--from", ELSEWHERE).stdout
    assert "none: no view has this client" in text


def test_private_address_outside_is_refused_at_start(start):
    daemon = start(CONFIG.replace("60 A 10.0.1.50", "60 A 192.0.2.50"), files={
        "example.com.zone": zone_text(more="leak A 10.1.2.3\n"), "lab.zone": zone_text(),
    })
    assert daemon.ask("www.example.com", source=OUTSIDE).rcode() == dns.rcode.SERVFAIL
    assert "leak.example.com." in daemon.log and "10.1.2.3" in daemon.log


def test_counters_count_by_view(split):
    for _ in range(3):
        split.ask("www.example.com", source=INSIDE)
    split.ask("www.example.com", source=OUTSIDE)
    split.ask("nothing.example.com", source=OUTSIDE)
    split.ask("www.example.com", source=ELSEWHERE)
    status = split.run_json("status")
    views = {view["name"]: view["counters"] for view in status["views"]}
    assert views["internal"]["positive"] == 3
    assert views["external"]["positive"] == 1 and views["external"]["nxdomain"] == 1
    assert status["no_view"]["refused"] == 1
    assert status["counters"]["queries_udp"] == 6
