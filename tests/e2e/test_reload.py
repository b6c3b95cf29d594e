# SPDX-License-Identifier: GPL-3.0-or-later
"""Reload: what changed is served, what is broken or suspicious is not, and no query is lost."""

import pathlib
import signal
import socket
import threading
import time

import daemons
import dns.exception
import dns.message
import dns.rcode
import pytest
from daemons import zone_text

CONFIG = """
server:
  listen: ["127.0.0.1:PORT"]
zones:
  - {zone: example.com, file: example.com.zone}
"""


@pytest.fixture
def configured(start):
    return start(CONFIG, files={"example.com.zone": zone_text()})


def test_changed_zone_file_is_served(configured):
    configured.write("example.com.zone", zone_text(serial=2, www="192.0.2.81"))
    told = configured.reload()
    assert told["ok"] and told["read"] == 1
    assert configured.texts("www.example.com") == ["192.0.2.81"]
    assert configured.run_json("status")["zones"][0]["serial"] == 2


def test_unchanged_files_are_not_read_again(configured):
    configured.reload()
    time.sleep(0.1)
    before = configured.reload()
    told = configured.reload()
    assert told["read"] == 0 and told["generation"] == before["generation"]


def test_sighup_reloads(configured):
    configured.write("example.com.zone", zone_text(serial=2, www="192.0.2.81"))
    configured.process.send_signal(signal.SIGHUP)
    configured.wait_for("horizon: reloaded")
    assert configured.texts("www.example.com") == ["192.0.2.81"]


def test_flags_alone_reload_too(plain):
    plain.write("example.com.zone", zone_text(serial=2, www="192.0.2.81"))
    assert plain.reload()["ok"]
    assert plain.texts("www.example.com") == ["192.0.2.81"]


def test_broken_zone_keeps_the_old_version(configured):
    configured.write("example.com.zone", zone_text(serial=2, more="broken A 1.2.3\n"))
    told = configured.reload(status=1)
    assert not told["ok"]
    assert any("example.com.zone" in finding["file"] and finding["line"] == 6
               for finding in told["findings"])
    assert configured.texts("www.example.com") == ["192.0.2.80"]
    zone = configured.run_json("status")["zones"][0]
    assert (zone["state"], zone["serial"]) == ("stale", 1)
    configured.write("example.com.zone", zone_text(serial=3))
    assert configured.reload()["ok"]
    assert configured.run_json("status")["zones"][0]["state"] == "loaded"


def test_vanished_zone_file_keeps_the_old_version(configured, folder):
    (folder / "example.com.zone").unlink()
    assert not configured.reload(status=1)["ok"]
    assert configured.texts("www.example.com") == ["192.0.2.80"]


def test_changed_include_is_noticed(start):
    daemon = start(CONFIG, files={"example.com.zone": zone_text(more="$INCLUDE more.part\n"),
                                  "more.part": "sub A 192.0.2.7\n"})
    assert daemon.texts("sub.example.com") == ["192.0.2.7"]
    daemon.write("more.part", "sub A 192.0.2.8\n")
    assert daemon.reload()["read"] == 1
    assert daemon.texts("sub.example.com") == ["192.0.2.8"]


def test_configuration_with_errors_is_refused_whole(configured, folder):
    configured.write("horizon.yaml", (folder / "horizon.yaml").read_text() + "nonsense: true\n")
    told = configured.reload(status=1)
    assert told["result"] == "refused" and told["findings"]
    assert configured.texts("www.example.com") == ["192.0.2.80"]


def test_zone_comes_and_goes(configured, folder):
    first = (folder / "horizon.yaml").read_text()
    (folder / "new.zone").write_text(zone_text(www="192.0.2.99"))
    configured.write("horizon.yaml", first + "  - {zone: new.example, file: new.zone}\n")
    told = configured.reload()
    assert told["ok"] and any("new.example" in change for change in told["changes"])
    assert configured.texts("www.new.example") == ["192.0.2.99"]
    assert configured.texts("www.example.com") == ["192.0.2.80"]
    configured.write("horizon.yaml", first)
    assert configured.reload()["ok"]
    assert configured.ask("www.new.example").rcode() == dns.rcode.REFUSED


def test_new_view_takes_its_clients(configured, folder):
    text = (folder / "horizon.yaml").read_text()
    configured.write("horizon.yaml", text.replace(
        "zones:\n  - {zone: example.com, file: example.com.zone}",
        """views:
  inside: {internal: true, match: [127.0.1.0/24]}
  rest: {default: true}
zones:
  - zone: example.com
    file: example.com.zone
    overlays:
      - {view: inside, reason: test, replace: {www: A 10.0.0.1}}"""))
    assert configured.reload()["ok"]
    assert configured.texts("www.example.com", source="127.0.1.1") == ["10.0.0.1"]
    assert configured.texts("www.example.com", source="127.0.2.1") == ["192.0.2.80"]


def goes_silent(daemon, limit_s=5):
    """Whether the daemon's port stops answering, once what was under way is done."""
    end = time.monotonic() + limit_s
    while time.monotonic() < end:
        try:
            daemon.ask("www.example.com", timeout=0.5)
        except (OSError, dns.exception.Timeout):
            return True
    return False


def test_listener_comes_and_goes(configured, folder):
    text, port = (folder / "horizon.yaml").read_text(), daemons.free_port()
    first = configured.port
    configured.write("horizon.yaml", text.replace(
        f'["127.0.0.1:{first}"]', f'["127.0.0.1:{first}", "127.0.0.1:{port}"]'))
    assert configured.reload()["ok"]
    for configured.port in (first, port):
        assert configured.texts("www.example.com") == ["192.0.2.80"]
        assert configured.texts("www.example.com", tcp=True) == ["192.0.2.80"]
    configured.write("horizon.yaml", text.replace(f"127.0.0.1:{first}", f"127.0.0.1:{port}"))
    assert configured.reload()["ok"]
    assert configured.texts("www.example.com") == ["192.0.2.80"]
    configured.port = first
    assert goes_silent(configured), "the old address is still answered"


def test_busy_new_listener_changes_nothing(configured, folder):
    text = (folder / "horizon.yaml").read_text()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        configured.write("horizon.yaml", text.replace(
            f'["127.0.0.1:{configured.port}"]',
            f'["127.0.0.1:{configured.port}", "127.0.0.1:{port}"]'))
        told = configured.reload(status=1)
    assert told["result"] == "refused"
    assert any(str(port) in finding["text"] for finding in told["findings"])
    assert configured.texts("www.example.com") == ["192.0.2.80"]
    assert len(configured.run_json("status")["listeners"]) == 1


def test_suspicious_reload_is_held_until_accepted(start):
    names = "".join(f"h{i} A 192.0.2.{i}\n" for i in range(40))
    daemon = start(CONFIG, files={"example.com.zone": zone_text(more=names)})
    daemon.write("example.com.zone", zone_text(serial=2))
    told = daemon.reload(status=1)
    assert [(zone["name"], zone["held_serial"]) for zone in told["held"]] == [("example.com.", 2)]
    assert daemon.texts("h7.example.com") == ["192.0.2.7"]
    text = daemon.run("reload").stdout
    assert "horizon reload --accept example.com.@2" in text
    wrong = daemon.run_json("reload", "--accept", "example.com@3", status=1)
    assert (wrong["ok"], wrong["result"]) == (False, "refused")
    wrong = daemon.run("reload", "--accept", "example.com@3").stdout
    assert "nothing is held as example.com@3" in wrong and "\naccepted" not in wrong
    assert daemon.run_json("status")["zones"][0]["state"] == "held"
    assert "horizon reload --accept example.com.@2" in daemon.run("status").stdout
    done = daemon.run_json("reload", "--accept", "example.com@2")
    assert done["ok"] and done["held"] == []
    assert daemon.ask("h7.example.com").rcode() == dns.rcode.NXDOMAIN
    assert daemon.run_json("status")["zones"][0]["serial"] == 2


def test_newer_version_that_passes_ends_the_hold(start):
    names = "".join(f"h{i} A 192.0.2.{i}\n" for i in range(40))
    daemon = start(CONFIG, files={"example.com.zone": zone_text(more=names)})
    daemon.write("example.com.zone", zone_text(serial=2))
    daemon.reload(status=1)
    daemon.write("example.com.zone", zone_text(serial=3, more=names))
    assert daemon.reload()["held"] == []
    assert daemon.run_json("status")["zones"][0]["state"] == "loaded"


def test_many_at_once_share_reloads(configured):
    told = []
    threads = [threading.Thread(target=lambda: told.append(configured.reload())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(told) == 8 and all(result["ok"] for result in told)


class Flood(threading.Thread):
    """Asks without pause; remembers what was lost and what was wrong."""

    def __init__(self, port, good, window=64):
        super().__init__(daemon=True)
        self.port, self.good, self.window = port, good, window
        self.sent = self.lost = 0
        self.wrong = []
        self.stopping = False

    def run(self):
        queries = {}
        for number in range(self.window):
            query = dns.message.make_query("www.example.com", "A")
            query.id = number
            queries[number] = query.to_wire()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.connect(("127.0.0.1", self.port))
            udp.settimeout(2)
            while not self.stopping:
                for wire in queries.values():
                    udp.send(wire)
                self.sent += self.window
                missing = set(queries)
                while missing:
                    try:
                        reply = udp.recv(65535)
                    except TimeoutError:
                        self.lost += len(missing)
                        break
                    missing.discard(int.from_bytes(reply[:2], "big"))
                    if reply[-4:] not in self.good and reply[-15:-11] not in self.good:
                        self.wrong.append(reply)


def test_no_query_is_lost_or_wrong_during_20_reloads(start):
    daemon = start(CONFIG, files={"example.com.zone": zone_text()})
    good = {socket.inet_aton(f"192.0.2.{80 + i}") for i in range(21)}
    floods = [Flood(daemon.port, good) for _ in range(2)]
    for flood in floods:
        flood.start()
    for i in range(1, 21):
        daemon.write("example.com.zone", zone_text(serial=i + 1, www=f"192.0.2.{80 + i}"))
        assert daemon.reload()["ok"]
        assert daemon.texts("www.example.com") == [f"192.0.2.{80 + i}"]
    while sum(flood.sent for flood in floods) < 10000:
        time.sleep(0.05)
    for flood in floods:
        flood.stopping = True
        flood.join()
    assert sum(flood.lost for flood in floods) == 0
    assert not any(flood.wrong for flood in floods)
    assert pathlib.Path(daemon.socket).exists()


def test_nothing_held_nothing_accepted(configured):
    told = configured.run_json("reload", "--accept", "big.test@9", status=1)
    assert (told["ok"], told["result"]) == (False, "refused")
    text = configured.run("reload", "--accept", "big.test@9").stdout
    assert "refused: generation" in text and "accepted" not in text


def test_some_of_what_was_named_is_held(start):
    names = "".join(f"h{i} A 192.0.2.{i}\n" for i in range(40))
    daemon = start(CONFIG, files={"example.com.zone": zone_text(more=names)})
    daemon.write("example.com.zone", zone_text(serial=2))
    daemon.reload(status=1)
    told = daemon.run_json("reload", "--accept", "big.test@9", "--accept", "example.com@2", status=1)
    assert (told["ok"], told["result"]) == (False, "partly accepted")
    assert daemon.run_json("status")["zones"][0]["serial"] == 2


def test_held_version_is_accepted_although_a_broken_file_followed(start):
    names = "".join(f"h{i} A 192.0.2.{i}\n" for i in range(40))
    daemon = start(CONFIG, files={"example.com.zone": zone_text(more=names)})
    daemon.write("example.com.zone", zone_text(serial=2))
    daemon.reload(status=1)
    daemon.write("example.com.zone", zone_text(serial=3, more="broken A 1.2.3\n"))
    told = daemon.reload(status=1)
    assert [zone["held_serial"] for zone in told["held"]] == [2]
    zone = daemon.run_json("status")["zones"][0]
    assert (zone["serial"], zone["held_serial"]) == (1, 2)
    daemon.run_json("reload", "--accept", "example.com@2")
    zone = daemon.run_json("status")["zones"][0]
    assert (zone["state"], zone["serial"], zone["held_serial"]) == ("stale", 2, None)
    assert "broken" in zone["problem"] or "1.2.3" in zone["problem"] or ":" in zone["problem"]
    assert daemon.ask("h7.example.com").rcode() == dns.rcode.NXDOMAIN


@pytest.mark.parametrize("in_its_place", [None, "a dead socket", "a file"])
def test_sighup_brings_a_lost_control_socket_back(configured, in_its_place):
    path = pathlib.Path(configured.socket)
    path.unlink()
    if in_its_place == "a file":
        path.write_text("somebody's")
    elif in_its_place:
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(path))
    assert configured.run("status").returncode == 1
    configured.process.send_signal(signal.SIGHUP)
    configured.wait_for("horizon: reloaded")
    if in_its_place == "a file":
        assert "there is a file of that name" in configured.log
        assert f"its control socket {path} is gone" in configured.log
        assert configured.stop() == 0 and path.read_text() == "somebody's"
        return
    assert f"the control socket {path} was gone; made anew" in configured.log
    assert configured.run_json("status")["pid"] == configured.process.pid
    assert path.stat().st_mode & 0o777 == 0o660
    configured.process.send_signal(signal.SIGHUP)
    configured.wait_for("horizon: reloaded", count=2)
    assert configured.log.count("made anew") == 1
    assert configured.stop() == 0 and not path.exists()
