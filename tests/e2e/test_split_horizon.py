# SPDX-License-Identifier: GPL-3.0-or-later
"""The same name, asked from two places, gets two answers, and explain says why."""

import dns.rcode
import pytest
from daemons import run_json, zone_text

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


def test_view_diff_lists_what_differs_and_why(split, folder):
    for told in (split.run_json("view", "diff"),
                 run_json("view", "diff", "--config", folder / "horizon.yaml")):
        assert (told["a"], told["b"], told["undeclared"]) == ("internal", "external", 0)
        found = {(item["name"], item["type"]): item for item in told["differences"]}
        www = found["www.example.com.", "A"]
        assert [record["data"] for record in www["a"]] == ["10.0.1.50"]
        assert [record["data"] for record in www["b"]] == ["192.0.2.80"]
        assert www["reason"] == "no hairpin" and "horizon.yaml:" in www["place"]
        assert found["db.example.com.", None]["b"] == []
        assert found["lab.example.", None]["kind"] == "zone"
        assert told["count"] == len(told["differences"]) == len(found)


def test_view_diff_of_one_name(split):
    text = split.run("view", "diff", "www.example.com").stdout
    assert "10.0.1.50" in text and "192.0.2.80" in text and "no hairpin" in text
    assert "internal and external: 1 difference, 0 not declared" in text
    turned = split.run_json("view", "diff", "www.example.com", "--a", "external", "--b", "internal")
    assert turned["differences"][0]["a"][0]["data"] == "192.0.2.80"


def test_view_diff_without_a_reason_says_no(start):
    daemon = start(CONFIG.replace("        reason: no hairpin\n", ""), files={
        "example.com.zone": zone_text(more="wiki.corp A 192.0.2.5\n"), "lab.zone": zone_text(),
    })
    told = daemon.run_json("view", "diff", status=1)
    assert told["undeclared"] == 3
    assert "not declared" in daemon.run("view", "diff").stdout


def test_view_diff_refuses_nonsense(split):
    assert split.run_json("view", "diff", "--a", "nobody", status=2)["error"]["field"] == "a"
    assert split.run_json("view", "diff", "a..b", status=2)["error"]["field"] == "name"
