# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, serving and stopping."""

import fcntl
import pathlib
import re
import signal
import socket
import threading
import time

import daemons
import dns.rcode
import pytest
from daemons import zone_text


def test_flags_alone_serve_a_zone(plain):
    for tcp in (False, True):
        assert plain.texts("www.example.com", tcp=tcp) == ["192.0.2.80"]
    assert plain.ask("www.example.org").rcode() == dns.rcode.REFUSED


def test_ready_line_has_the_counts(plain):
    line = re.search(r"^horizon: ready.*$", plain.log, re.M).group()
    assert "1 zone, 1 view" in line and f"127.0.0.1:{plain.port}" in line
    assert f"pid {plain.process.pid}" in line


def test_sigterm_and_sigint_end_with_0(start):
    for number in (signal.SIGTERM, signal.SIGINT):
        daemon = start(zones={"example.com": "z"}, files={"z": zone_text()})
        assert daemon.stop(number) == 0
        assert not pathlib.Path(daemon.socket).exists(), "the control socket stays behind"


def test_broken_zone_is_reported_and_harms_nobody(start):
    daemon = start(
        zones={"good.example": "good.zone", "bad.example": "bad.zone", "none.example": "none.zone"},
        files={"good.zone": zone_text(), "bad.zone": zone_text(more="oops A 192.0.2.300\n")},
    )
    assert daemon.texts("www.good.example") == ["192.0.2.80"]
    assert daemon.ask("www.bad.example").rcode() == dns.rcode.SERVFAIL
    assert daemon.ask("www.none.example").rcode() == dns.rcode.SERVFAIL
    assert re.search(r"^horizon: error: \S*bad\.zone:6: ", daemon.log, re.M), daemon.log
    assert re.search(r"^horizon: error: .*none\.zone", daemon.log, re.M), daemon.log
    assert "3 zones (2 not loaded)" in daemon.log
    states = {zone["name"]: zone for zone in daemon.run_json("status")["zones"]}
    assert states["good.example."]["state"] == "loaded"
    assert states["bad.example."]["state"] == "unloaded"
    assert "bad.zone:6" in states["bad.example."]["problem"]


def test_all_zones_broken_still_serves(start):
    daemon = start(zones={"bad.example": "bad.zone"}, files={"bad.zone": "nonsense\n"})
    assert daemon.ask("bad.example", "SOA").rcode() == dns.rcode.SERVFAIL


def test_busy_port_is_an_error_with_the_address(start, folder):
    daemon = start(zones={"example.com": "z"}, files={"z": zone_text()})
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = other.getsockname()[1]
        done = daemons.run("serve", "--listen", f"127.0.0.1:{port}", "--zone",
                           f"example.com={folder}/z", "--control", f"{folder}/second.sock")
    assert done.returncode == 1
    assert f"127.0.0.1:{port}" in done.stderr
    assert not (folder / "second.sock").exists()
    assert daemon.texts("www.example.com") == ["192.0.2.80"]


def test_address_of_nobody_is_an_error(folder):
    (folder / "z").write_text(zone_text())
    done = daemons.run("serve", "--listen", "203.0.113.7:5300", "--zone", f"example.com={folder}/z",
                       "--control", f"{folder}/c.sock")
    assert done.returncode == 1 and "203.0.113.7" in done.stderr


def test_second_daemon_does_not_take_the_control_socket(plain, folder):
    done = daemons.run("serve", "--listen", f"127.0.0.1:{daemons.free_port()}", "--zone",
                       f"example.com={folder}/example.com.zone", "--control", plain.socket)
    assert done.returncode == 1 and "another horizon" in done.stderr
    assert plain.run_json("status")["pid"] == plain.process.pid


def test_control_socket_left_by_a_dead_daemon_is_replaced(start, folder):
    dead = start(zones={"example.com": "z"}, files={"z": zone_text()})
    dead.process.kill()
    dead.process.wait()
    assert (folder / "control.sock").is_socket()
    daemon = start(zones={"example.com": "z"})
    assert daemon.run_json("status")["pid"] == daemon.process.pid


def test_file_in_place_of_the_control_socket_is_kept(folder):
    (folder / "z").write_text(zone_text())
    (folder / "control.sock").write_text("precious")
    done = daemons.run("serve", "--listen", f"127.0.0.1:{daemons.free_port()}", "--zone",
                       f"example.com={folder}/z", "--control", f"{folder}/control.sock")
    assert done.returncode == 1
    assert (folder / "control.sock").read_text() == "precious"


def test_control_socket_is_not_for_others(plain):
    assert pathlib.Path(plain.socket).stat().st_mode & 0o007 == 0


def test_too_long_control_path_is_refused(folder):
    (folder / "z").write_text(zone_text())
    done = daemons.run("serve", "--listen", f"127.0.0.1:{daemons.free_port()}", "--zone",
                       f"example.com={folder}/z", "--control", "/tmp/" + "x" * 120)
    assert done.returncode == 1 and "too long" in done.stderr


def test_socket_activation_takes_what_is_handed_over(start, folder):
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        port = daemons.free_port()
        udp.bind(("127.0.0.1", port))
        tcp.bind(("127.0.0.1", port))
        tcp.listen()
        (folder / "z").write_text(zone_text())
        daemon = activated(folder, port, [udp, tcp])
        try:
            assert daemon.texts("www.example.com") == ["192.0.2.80"]
            assert daemon.texts("www.example.com", tcp=True) == ["192.0.2.80"]
        finally:
            assert daemon.stop() == 0
    finally:
        udp.close()
        tcp.close()


def test_socket_that_no_listener_wants_is_told_with_both_addresses(folder):
    port, other = daemons.free_port(), daemons.free_port()
    (folder / "z").write_text(zone_text())
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind(("127.0.0.1", other))
        daemon = activated(folder, port, [udp])
        assert daemon.texts("www.example.com") == ["192.0.2.80"]
        assert daemon.stop() == 0
    line = re.search(r"^horizon: warning: .*handed over.*$", daemon.log, re.M).group()
    assert f"UDP socket at 127.0.0.1:{other}" in line and f"127.0.0.1:{port};" in line


def activated(folder, port, sockets):
    """A daemon that finds the sockets as descriptors 3 and up, as a service manager passes them."""
    script = folder / "activate"
    # Descriptors above those that the script will use, so that no move overwrites another.
    copies = [fcntl.fcntl(s.fileno(), fcntl.F_DUPFD, 20) for s in sockets]
    moves = " ".join(f"{3 + i}<&{fd}" for i, fd in enumerate(copies))
    script.write_text(
        f"#!/bin/bash\nexport LISTEN_FDS={len(sockets)} LISTEN_PID=$$\n"
        f'exec {daemons.BINARY} "$@" {moves}\n'
    )
    script.chmod(0o755)
    kept, daemons.BINARY = daemons.BINARY, str(script)
    try:
        return daemons.Daemon(
            folder, ["--listen", f"127.0.0.1:{port}", "--zone", f"example.com={folder}/z"], port,
            pass_fds=copies,
        )
    finally:
        daemons.BINARY = kept


def test_service_manager_is_told(start, folder):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(folder / "notify"))
        manager.settimeout(10)
        daemon = start(zones={"example.com": "z"}, files={"z": zone_text()},
                       environment={"NOTIFY_SOCKET": str(folder / "notify"),
                                    "WATCHDOG_USEC": "200000"})
        heard = ""
        for expected in ("READY=1", "WATCHDOG=1"):
            while expected not in heard:
                heard += manager.recv(4096).decode() + "\n"
        daemon.process.send_signal(signal.SIGHUP)
        while heard.count("READY=1") < 2:
            heard += manager.recv(4096).decode() + "\n"
        assert "RELOADING=1" in heard and "MONOTONIC_USEC=" in heard
        assert heard.count("STATUS=1 zone, 1 view") == 2, heard
        assert daemon.stop() == 0
        while "STOPPING=1" not in heard:
            heard += manager.recv(4096).decode() + "\n"


def test_stop_while_zones_are_being_read(folder):
    big_zone(folder)
    daemon = daemons.Daemon(folder, ["--listen", f"127.0.0.1:{daemons.free_port()}", "--zone",
                                     f"example.com={folder}/z"], 0, wait=False)
    wait_until_caught(daemon, signal.SIGTERM)
    assert daemon.stop() == 0


@pytest.mark.parametrize("number", [1, 100])
def test_many_zones(start, number):
    daemon = start(
        zones={f"z{i}.example": f"{i}.zone" for i in range(number)},
        files={f"{i}.zone": zone_text(serial=i + 1, www=f"192.0.2.{i}") for i in range(number)},
    )
    for i in range(number):
        assert daemon.texts(f"www.z{i}.example") == [f"192.0.2.{i}"]


def wait_until_caught(daemon, number):
    """Until the process has a handler for the signal: before that, it simply ends it."""
    status = pathlib.Path(f"/proc/{daemon.process.pid}/status")
    while True:
        caught = int(re.search(r"^SigCgt:\s*(\w+)", status.read_text(), re.M).group(1), 16)
        if caught >> (number - 1) & 1:
            return
        time.sleep(0.005)


def big_zone(folder, names=300000):
    lines = "".join(f"h{i} A 192.0.2.{i % 250}\n" for i in range(names))
    (folder / "z").write_text(zone_text(more=lines))


def test_sighup_while_zones_are_being_read(folder):
    big_zone(folder)
    port = daemons.free_port()
    daemon = daemons.Daemon(folder, ["--listen", f"127.0.0.1:{port}", "--zone",
                                     f"example.com={folder}/z"], port, wait=False)
    wait_until_caught(daemon, signal.SIGHUP)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("horizon: reloaded")
    assert daemon.texts("www.example.com") == ["192.0.2.80"]
    assert daemon.stop() == 0


def test_stop_during_a_reload(start, folder):
    big_zone(folder)
    daemon = start(zones={"example.com": "z"})
    big_zone(folder, 300001)
    daemon.process.send_signal(signal.SIGHUP)
    daemon.wait_for("horizon: reloading")
    assert daemon.stop() == 0


def test_stop_answers_those_who_wait_for_a_reload(start, folder):
    big_zone(folder)
    daemon = start(zones={"example.com": "z"})
    big_zone(folder, 300001)
    waiting = []
    thread = threading.Thread(target=lambda: waiting.append(daemon.run("reload")))
    thread.start()
    daemon.wait_for("horizon: reloading")
    assert daemon.stop() == 0
    thread.join(30)
    assert not thread.is_alive() and waiting[0].returncode in (0, 1)


def test_bytes_that_are_no_text_do_not_hide_a_zone(start, folder):
    name = b"caf\xe9.zone".decode(errors="surrogateescape")
    (folder / name).write_text(zone_text(more="oops A 192.0.2.300\n"))
    daemon = start(zones={"example.com": name}, files={})
    zones = daemon.run_json("status")["zones"]
    assert [(zone["name"], zone["state"]) for zone in zones] == [("example.com.", "unloaded")]
    assert zones[0]["file"].endswith("caf\ufffd.zone")
    assert "caf\ufffd.zone:6" in zones[0]["problem"]
    told = daemon.reload(status=1)
    assert any("caf\ufffd.zone" in finding["file"] for finding in told["findings"]), told
    told = daemons.run_json("check", "--zone", f"example.com={folder / name}", status=1)
    assert told["errors"] == len(told["findings"]) == 1


def test_a_long_problem_is_cut_between_characters(start, folder):
    long = "/".join(["\u00e9" * 100] * 6)
    for shift in ("", "x"):
        here = folder / (shift + "d") / long
        here.mkdir(parents=True)
        (here / "z").write_text(zone_text(more="oops A 192.0.2.300\n"))
        daemon = start(zones={"example.com": here / "z"})
        problem = daemon.run_json("status")["zones"][0]["problem"]
        assert len(problem.encode()) <= 1023 and "\ufffd" not in problem
        assert daemon.stop() == 0


def long_zone(line):
    """Long enough to be parsed in pieces, with one line more somewhere in it."""
    hosts = [f"h{number} A 192.0.{number >> 8 & 255}.{number & 255}\n" for number in range(200_000)]
    return zone_text(more="".join(hosts[:150_000]) + line + "".join(hosts[150_000:]))


@pytest.mark.parametrize("line, told, answer", [
    ("", None, ["192.0.255.255"]),
    ("x 3000000000 A 192.0.2.7\n", "TTL 3000000000 counts as 0", ["192.0.255.255"]),
    ("x A 192.0.2\n", "192.0.2", []),
    ("x.example.org. A 192.0.2.1\n", "is outside the zone", []),
], ids=["good", "warning", "error", "outside"])
def test_a_long_zone_is_read_in_pieces_and_judged_as_one(start, line, told, answer):
    daemon = start(zones={"example.com": "z"}, files={"z": long_zone(line)})
    assert daemon.texts("h65535.example.com") == answer
    if told:
        assert re.search(rf"/z:150006: .*{re.escape(told)}", daemon.log), daemon.log
        assert daemon.log.count("150006") == 1
    zone = daemon.run_json("status")["zones"][0]
    assert zone["state"] == ("loaded" if answer else "unloaded")
    if answer:
        assert zone["names"] == 200_003 + bool(line)
