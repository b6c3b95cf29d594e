# SPDX-License-Identifier: GPL-3.0-or-later
"""The image on disk: what was served goes on over a restart, and nothing that today's rules forbid."""

import os
import pathlib
import signal
import time

import dns.rcode
import pytest
from daemons import zone_text

LIMIT_S = 20 if not os.environ.get("HORIZON_SANITIZED") else 120

CONFIG = """
server:
  listen: ["127.0.0.1:PORT"]
  data: data
  image-interval: 1s
views:
  inside: {internal: true, match: [127.0.1.0/24]}
  outside: {default: true}
EXCEPTIONSzones:
  - zone: example.com
    file: example.com.zone
    overlays:
      - view: inside
        reason: "inside"
        replace: {www: "A 10.0.0.80"}
        file: inside.overlay
  - {zone: example.org, file: example.org.zone}
"""
EXCEPTIONS = """leak-guard:
  exceptions:
    - {name: vpn.example.com, views: [outside], prefix: 10.9.0.0/16, reason: "tunnel"}
"""
VPN = "vpn A 10.9.0.1\nfiled A 192.0.2.90\n"
FILES = {"example.com.zone": zone_text(more=VPN), "inside.overlay": "filed A 10.0.0.90\n",
         "example.org.zone": zone_text(www="192.0.2.81")}


def wait_until(condition, limit=LIMIT_S):
    end = time.monotonic() + limit
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.02)


def image_of(daemon):
    return daemon.run_json("status")["image"]


def config(exceptions=EXCEPTIONS):
    return CONFIG.replace("EXCEPTIONS", exceptions)


@pytest.fixture
def imaged(start, folder):
    """A daemon that ran once and left its image; its configuration, and the folder's files."""
    (folder / "data").mkdir()
    daemon = start(config(), files=FILES)
    assert daemon.stop() == 0, daemon.log  # writes it
    names = {path.name for path in (folder / "data").iterdir()}
    assert {name for name in names if not name.startswith("registry.db")} == {"zones.image"}
    return daemon


def all_is_there(daemon):
    assert daemon.texts("www.example.com") == ["192.0.2.80"]
    assert daemon.texts("www.example.com", source="127.0.1.1") == ["10.0.0.80"]
    assert daemon.texts("filed.example.com", source="127.0.1.1") == ["10.0.0.90"]
    assert daemon.texts("filed.example.com") == ["192.0.2.90"]
    assert daemon.texts("vpn.example.com") == ["10.9.0.1"]
    assert daemon.texts("www.example.org") == ["192.0.2.81"]


def zone_states(daemon):
    return {zone["name"]: zone["state"] for zone in daemon.run_json("status")["zones"]}


def test_answers_go_on_with_every_zone_file_gone(imaged, start, folder):
    for name in FILES:
        (folder / name).unlink()
    daemon = start(config())
    all_is_there(daemon)
    assert "served from the image of" in daemon.log
    daemon.wait_for("horizon: reloaded")
    all_is_there(daemon)
    assert set(zone_states(daemon).values()) == {"stale"}
    assert image_of(daemon)["restored"] == 2
    for name, text in FILES.items():
        daemon.write(name, text)
    assert daemon.reload()["ok"]
    assert set(zone_states(daemon).values()) == {"loaded"}


def test_newer_text_is_read_behind_the_answers(imaged, start, folder):
    daemon = start(config(), files={**FILES, "example.org.zone": zone_text(2, www="192.0.2.99")})
    daemon.wait_for("horizon: reloaded")
    assert daemon.texts("www.example.org") == ["192.0.2.99"]
    assert set(zone_states(daemon).values()) == {"loaded"}
    first = image_of(daemon)["written_at"]
    wait_until(lambda: image_of(daemon)["written_at"] != first)
    daemon.stop(signal.SIGKILL)
    (folder / "example.org.zone").unlink()
    again = start(config())
    assert again.texts("www.example.org") == ["192.0.2.99"]


def test_a_stop_writes_what_changed_last(imaged, start, folder):
    daemon = start(config().replace("image-interval: 1s", "image-interval: 1h"), files=FILES)
    daemon.wait_for("horizon: reloaded")
    wait_until(lambda: image_of(daemon)["written_at"])
    for last in range(10, 13):
        daemon.write("example.org.zone", zone_text(last, www=f"192.0.2.{last}"))
        assert daemon.reload()["ok"]
    assert daemon.stop() == 0
    (folder / "example.org.zone").unlink()
    assert start(config()).texts("www.example.org") == ["192.0.2.12"]


def test_an_image_is_no_way_around_the_leak_guard(imaged, start, folder):
    for name in FILES:
        (folder / name).unlink()
    daemon = start(config(exceptions=""))
    assert daemon.ask("vpn.example.com").rcode() == dns.rcode.SERVFAIL
    assert daemon.ask("www.example.com").rcode() == dns.rcode.SERVFAIL
    assert daemon.texts("www.example.org") == ["192.0.2.81"]
    assert "leak guard: view outside would hand out the private address 10.9.0.1" in daemon.log


def test_an_emptied_file_is_held_over_a_restart(start, folder):
    (folder / "data").mkdir()
    hosts = "".join(f"h{i} A 192.0.2.{i % 200}\n" for i in range(100))
    files = {**FILES, "example.org.zone": zone_text(more=hosts)}
    daemon = start(config(), files=files)
    daemon.stop()
    again = start(config(), files={**files, "example.org.zone": zone_text(2)})
    again.wait_for("horizon: reloaded")
    assert again.texts("h7.example.org") == ["192.0.2.7"]
    assert zone_states(again)["example.org."] == "held"


@pytest.mark.parametrize("harm, why", [
    (lambda path: path.write_bytes(b""), "cannot be read"),
    (lambda path: path.write_bytes(path.read_bytes()[:-1]), "cut off"),
    (lambda path: path.write_bytes(path.read_bytes()[:5000] + b"X" + path.read_bytes()[5001:]),
     "damaged"),
    (lambda path: path.write_text("@ SOA ns h 1 2 3 4 5\n" * 1000), "no image"),
], ids=["empty", "cut", "damaged", "text"])
def test_a_damaged_image_is_not_used_at_all(imaged, start, folder, harm, why):
    path = folder / "data" / "zones.image"
    harm(path)
    daemon = start(config())
    assert f"the image zones.image is not used: it {why}" in daemon.log or why in daemon.log
    assert "served from the image" not in daemon.log
    all_is_there(daemon)
    wait_until(lambda: image_of(daemon)["written_at"])  # and a good one takes its place
    daemon.stop()
    assert "served from the image" in start(config()).log


def test_a_killed_writer_leaves_the_image_before(imaged, start, folder):
    (folder / "data" / "zones.image.new").write_bytes(b"half")
    daemon = start(config())
    assert "served from the image" in daemon.log
    all_is_there(daemon)


def test_a_missing_folder_is_told_and_serves_all_the_same(start, folder):
    daemon = start(config(), files=FILES)
    assert "no image of the zones is kept here: there is no such folder" in daemon.log
    all_is_there(daemon)
    assert image_of(daemon)["error"]
    assert "none yet" in daemon.run("status").stdout


def test_two_servers_do_not_share_a_folder(imaged, start, folder, tmp_path):
    first = start(config())
    place = folder / "second"
    place.mkdir()
    (place / "data").symlink_to(folder / "data")
    second = start(config(), files=FILES, place=place)
    assert "another server writes there" in second.log
    all_is_there(second)
    all_is_there(first)
    before = image_of(second)["written_at"]
    first.stop()
    second.write("example.org.zone", zone_text(7, www="192.0.2.81"))
    second.reload()
    wait_until(lambda: image_of(second)["written_at"] != before)  # now the folder is free
    assert image_of(second)["error"] is None


def test_status_says_where_and_how_old(imaged, start):
    daemon = start(config())
    text = daemon.run("status").stdout
    image = image_of(daemon)
    assert image["written_at"] in text and str(pathlib.Path(image["folder"]).name) == "data"
    assert image["bytes"] > 4096 and image["error"] is None


def test_flags_alone_keep_an_image_too(start, folder):
    (folder / "data").mkdir()
    flags = {"zones": {"example.com": "example.com.zone"},
             "words": ["--data", str(folder / "data")]}
    daemon = start(files={"example.com.zone": zone_text()}, **flags)
    daemon.stop()
    (folder / "example.com.zone").unlink()
    again = start(**flags)
    assert again.texts("www.example.com") == ["192.0.2.80"]
