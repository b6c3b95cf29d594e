# SPDX-License-Identifier: GPL-3.0-or-later
"""The servers that the conformance tests talk to, each a real daemon on a loopback port of its own.

horizon is the one under test; Knot DNS, NSD and BIND (the peers) answer the same questions from the
same zone files, so that a rule that only we read our way is seen at once.  Every server runs in the
foreground, as our child, in a temporary folder of its own, and is stopped by its own process id.

    zones = {"example.test.": Path("example.test.zone")}
    with start("knot", zones) as server:
        ask(server.address, ...)

A server counts as up when it answers, not after a pause.
"""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.append(str(Path(__file__).resolve().parents[1]))
from ports import free_port  # noqa: E402

HOST = "127.0.0.1"
START_LIMIT_S = 30.0
STOP_LIMIT_S = 10.0

PEER_BINARIES = {"knot": "knotd", "nsd": "nsd", "named": "named"}


class ServerError(Exception):
    """A server did not start, or died under a test; the message carries the end of its log."""


def horizon_binary():
    """The horizon under test: HORIZON_BIN, or the usual build folder beside the sources."""
    named = os.environ.get("HORIZON_BIN")
    if named:
        return named
    return str(Path(__file__).resolve().parents[2] / "build" / "horizon")


def binary(kind):
    """Where the daemon of this kind is, or None when it is not installed."""
    if kind == "horizon":
        found = horizon_binary()
        return found if os.access(found, os.X_OK) else None
    return shutil.which(PEER_BINARIES[kind], path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def installed_peers():
    return [kind for kind in PEER_BINARIES if binary(kind)]


def horizon_command(folder, port, zones):
    command = [horizon_binary(), "serve", "--listen", f"{HOST}:{port}"]
    for origin, path in zones.items():
        command += ["--zone", f"{origin}={path}"]
    return command


def knot_command(folder, port, zones):
    lines = [
        "server:",
        f"    listen: {HOST}@{port}",
        f"    rundir: {folder}",
        "    udp-workers: 1",
        "    tcp-workers: 1",
        "    background-workers: 1",
        "log:",
        "  - target: stderr",
        "    any: error",
        "database:",
        f"    storage: {folder}",
        "template:",
        "  - id: default",
        f"    storage: {folder}",
        "    journal-content: none",
        "    zonefile-sync: -1",
        "    zonefile-load: whole",
        "zone:",
    ]
    for origin, path in zones.items():
        lines += [f'  - domain: "{origin}"', f'    file: "{path}"']
    return [binary("knot"), "-c", write(folder, "knot.conf", lines)]


def nsd_command(folder, port, zones):
    lines = [
        "server:",
        f"    ip-address: {HOST}@{port}",
        "    server-count: 1",
        '    database: ""',
        '    username: ""',
        f'    pidfile: "{folder}/nsd.pid"',
        f'    xfrdfile: "{folder}/xfrd.state"',
        f'    zonelistfile: "{folder}/zone.list"',
        f'    zonesdir: "{folder}"',
        "    hide-version: yes",
        "    hide-identity: yes",
        "    minimal-responses: yes",
        "    round-robin: no",
        "    rrl-ratelimit: 0",
        "    rrl-whitelist-ratelimit: 0",
        "    tcp-count: 1000",
        "    ipv4-edns-size: 1232",
        "remote-control:",
        "    control-enable: no",
    ]
    for origin, path in zones.items():
        lines += ["zone:", f'    name: "{origin}"', f'    zonefile: "{path}"']
    return [binary("nsd"), "-d", "-c", write(folder, "nsd.conf", lines)]


def named_command(folder, port, zones):
    lines = [
        "options {",
        f'    directory "{folder}";',
        f"    listen-on port {port} {{ {HOST}; }};",
        "    listen-on-v6 { none; };",
        "    pid-file none; session-keyfile none; lock-file none;",
        "    recursion no; notify no; dnssec-validation no;",
        "    allow-transfer { none; }; allow-update { none; };",
        "    minimal-responses yes; empty-zones-enable no;",
        "    check-integrity no; check-names master ignore; check-sibling no;",
        "    check-mx-cname ignore; check-srv-cname ignore; check-wildcard no;",
        "    version none; hostname none; server-id none;",
        "    max-udp-size 1232; edns-udp-size 1232;",
        "    max-records-per-type 0;",
        "};",
        "controls { };",
    ]
    for origin, path in zones.items():
        lines.append(f'zone "{origin}" {{ type primary; file "{path}"; }};')
    conf = write(folder, "named.conf", lines)
    return [binary("named"), "-g", "-n", "1", "-c", conf]


COMMANDS = {
    "horizon": horizon_command,
    "knot": knot_command,
    "nsd": nsd_command,
    "named": named_command,
}


def copy_included_files(folder, zones):
    """The peers look for an $INCLUDE in their working directory, not beside the zone file."""
    for parent in {Path(path).parent for path in zones.values()}:
        for part in parent.glob("*.part"):
            shutil.copy(part, folder)


def write(folder, name, lines):
    path = Path(folder) / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


class Server:
    """One running daemon; its folder and its process go when it is closed."""

    def __init__(self, kind, zones, wait_for, more_arguments):
        self.kind = kind
        self.folder = tempfile.mkdtemp(prefix=f"horizon-conformance-{kind}-")
        self.port = free_port()
        self.address = (HOST, self.port)
        self.log_path = Path(self.folder) / "stderr.log"
        if kind != "horizon":
            copy_included_files(self.folder, zones)
        command = COMMANDS[kind](self.folder, self.port, zones)
        command += [text.format(port=self.port) for text in more_arguments]
        try:
            with open(self.log_path, "wb") as log:
                self.process = subprocess.Popen(
                    command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder
                )
        except OSError as reason:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise ServerError(f"{kind} does not start: {reason}") from reason
        try:
            self._wait_until_answering(wait_for)
        except ServerError:
            self.close()
            raise

    def _wait_until_answering(self, wait_for):
        """Every zone is asked for its SOA until it comes, the last zone first."""
        origins = list(wait_for)
        limit = time.monotonic() + START_LIMIT_S
        while origins:
            if self.process.poll() is not None:
                raise ServerError(f"{self.kind} ended at start:\n{self.log_tail()}")
            if time.monotonic() > limit:
                raise ServerError(f"{self.kind} never served {origins[:5]}:\n{self.log_tail()}")
            while origins and self._serves(origins[-1]):
                origins.pop()

    def _serves(self, origin):
        labels = [label.encode() for label in origin.rstrip(".").split(".") if label]
        name = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
        query = struct.pack("!6H", 0x5151, 0, 1, 0, 0, 0) + name + struct.pack("!2H", 6, 1)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.settimeout(0.05)
            try:
                udp.connect(self.address)
                udp.send(query)
                reply = udp.recv(65535)
            except OSError:
                time.sleep(0.01)
                return False
        answered = len(reply) > 12 and reply[7] > 0 and (reply[3] & 15) == 0
        if not answered:
            time.sleep(0.01)
        return answered

    def alive(self):
        return self.process.poll() is None

    def log_tail(self):
        text = self.log_path.read_text(errors="replace") if self.log_path.exists() else ""
        return text[-3000:]

    def close(self):
        """SIGTERM, then SIGKILL for one that does not go; returns the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(STOP_LIMIT_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)
        return self.process.returncode

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def start(kind, zones, wait_for=None, more_arguments=()):
    """Start one daemon on these zones (origin → file); return it once it serves them.

    wait_for names the origins that must answer, where some of the zones are broken on purpose;
    more_arguments are added to the command line ({port} is replaced).
    """
    paths = {origin: Path(path).resolve() for origin, path in zones.items()}
    return Server(kind, paths, list(zones) if wait_for is None else wait_for, more_arguments)
