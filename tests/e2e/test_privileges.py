# SPDX-License-Identifier: GPL-3.0-or-later
"""Root only for what needs it: sockets are bound first, then nothing of root is left."""

import grp
import os
import pathlib
import pwd
import subprocess

import daemons
import pytest
from daemons import zone_text

USER = "nobody"
CONFIG = """
server:
  listen: ["127.0.0.1:PORT", "127.83.0.1:53"]
  user: nobody
zones:
  - {zone: example.com, file: example.com.zone}
"""
FILES = {"example.com.zone": zone_text()}
BIND = 1 << 10  # CAP_NET_BIND_SERVICE

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give root up")


def thread_states(pid):
    """/proc/PID/status of every thread, as dictionaries."""
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        lines = (task / "status").read_text().splitlines()
        yield dict(line.split(":\t", 1) for line in lines if ":\t" in line)


@needs_root
def test_nothing_of_root_is_left_in_any_thread(start):
    daemon = start(CONFIG, files=FILES)
    uid, gid = pwd.getpwnam(USER).pw_uid, pwd.getpwnam(USER).pw_gid
    states = list(thread_states(daemon.process.pid))
    assert len(states) > 1
    for state in states:
        assert state["Uid"].split() == [str(uid)] * 4
        assert state["Gid"].split() == [str(gid)] * 4
        assert "0" not in state["Groups"].split()
        for kind in ("CapEff", "CapPrm", "CapInh", "CapAmb"):
            assert int(state[kind], 16) == 0, (kind, state[kind])
    main = next(state for state in states if state["Pid"] == str(daemon.process.pid))
    assert main["NoNewPrivs"] == "1"


@needs_root
def test_privileged_port_is_served_and_files_are_read_again(start):
    daemon = start(CONFIG, files=FILES)
    daemon.write("example.com.zone", zone_text(serial=2, www="192.0.2.81"))
    assert daemon.reload()["ok"]
    daemon.port = 53
    for tcp in (False, True):
        assert daemon.texts("www.example.com", host="127.83.0.1", tcp=tcp) == ["192.0.2.81"]


@needs_root
def test_group_can_be_chosen(start):
    group = "daemon"
    daemon = start(CONFIG.replace("user: nobody", f"user: nobody\n  group: {group}"), files=FILES)
    for state in thread_states(daemon.process.pid):
        assert state["Gid"].split() == [str(grp.getgrnam(group).gr_gid)] * 4


@needs_root
def test_control_socket_belongs_to_the_user(start):
    daemon = start(CONFIG, files=FILES)
    about = pathlib.Path(daemon.socket).stat()
    assert about.st_uid == pwd.getpwnam(USER).pw_uid
    assert about.st_mode & 0o777 == 0o660


def more_listeners(daemon, folder):
    text = (folder / "horizon.yaml").read_text()
    daemon.write("horizon.yaml", text.replace('"127.83.0.1:53"',
                                              '"127.83.0.1:53", "127.83.0.2:53"'))


@needs_root
def test_new_privileged_port_is_refused_with_the_mend(start, folder):
    daemon = start(CONFIG, files=FILES)
    more_listeners(daemon, folder)
    told = daemon.reload(status=1)
    assert told["result"] == "refused"
    finding = next(item for item in told["findings"] if "127.83.0.2:53" in item["text"])
    assert "keep-bind-capability" in finding["mend"] or "restart" in finding["mend"]
    assert daemon.texts("www.example.com") == ["192.0.2.80"]


@needs_root
def test_new_privileged_port_with_the_capability_kept(start, folder):
    config = CONFIG.replace("user: nobody", "user: nobody\n  keep-bind-capability: true")
    daemon = start(config, files=FILES)
    main = next(state for state in thread_states(daemon.process.pid)
                if state["Pid"] == str(daemon.process.pid))
    assert int(main["CapEff"], 16) == BIND and int(main["CapPrm"], 16) == BIND
    more_listeners(daemon, folder)
    assert daemon.reload()["ok"]
    daemon.port = 53
    assert daemon.texts("www.example.com", host="127.83.0.2") == ["192.0.2.80"]


@needs_root
def test_unknown_user_is_an_error_and_nothing_is_served(folder):
    (folder / "example.com.zone").write_text(zone_text())
    (folder / "h.yaml").write_text(
        CONFIG.replace("PORT", str(daemons.free_port())).replace("nobody", "no-such-user"))
    done = daemons.run("serve", "--config", folder / "h.yaml", "--control", folder / "c.sock")
    assert done.returncode == 1 and "no-such-user" in done.stderr
    assert "horizon: ready" not in done.stderr


@needs_root
def test_only_root_can_become_another(folder):
    (folder / "example.com.zone").write_text(zone_text())
    (folder / "h.yaml").write_text(
        CONFIG.replace("PORT", str(daemons.free_port())).replace(", \"127.83.0.1:53\"", "")
        .replace("user: nobody", "user: daemon"))
    done = subprocess.run([daemons.BINARY, "serve", "--config", str(folder / "h.yaml")],
                          capture_output=True, text=True, user=USER, timeout=30, check=False)
    assert done.returncode == 1 and "only root" in done.stderr


def test_ordinary_user_serves_a_high_port(start, folder):
    user = None
    if os.geteuid() == 0:
        user = USER
        os.chown(folder, pwd.getpwnam(USER).pw_uid, -1)
    daemon = start(zones={"example.com": "example.com.zone"}, files=FILES, user=user)
    assert daemon.texts("www.example.com") == ["192.0.2.80"]
    for state in thread_states(daemon.process.pid):
        assert int(state["CapEff"], 16) == 0
    assert daemon.stop() == 0
    assert not pathlib.Path(daemon.socket).exists()
