# SPDX-License-Identifier: GPL-3.0-or-later
"""The executable under test: run to its end (a command), or in the background (a daemon).

Each daemon has a folder of its own for its configuration, zones and control socket, listens on a
free loopback port, counts as up when it says "horizon: ready", and is stopped by its process id.
"""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rdatatype

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from ports import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HORIZON_BIN") or str(ROOT / "build" / "horizon")
START_LIMIT_S = 30 if not os.environ.get("HORIZON_SANITIZED") else 120

ZONE = """$TTL 300
@    SOA ns1 hostmaster {serial} 7200 900 1209600 60
     NS  ns1
ns1  A   192.0.2.1
www  A   {www}
"""


def zone_text(serial=1, www="192.0.2.80", more=""):
    return ZONE.format(serial=serial, www=www) + more


def run(*words, stdin=None, environment=None, timeout=60, cwd=None):
    """One command to its end; the result has returncode, stdout, stderr."""
    return subprocess.run(
        [BINARY, *map(str, words)], input=stdin, capture_output=True, text=True, timeout=timeout,
        env={**os.environ, **(environment or {})}, cwd=cwd, check=False,
    )


def run_json(*words, status=0, **keywords):
    """One command with --json: what it printed, parsed."""
    done = run(*words, "--json", **keywords)
    assert done.returncode == status, (done.returncode, done.stdout, done.stderr)
    return json.loads(done.stdout)


class Daemon:
    """One horizon in the background."""

    def __init__(self, folder, words, port, environment=None, wait=True, user=None, pass_fds=()):
        self.folder = pathlib.Path(folder)
        self.port = port
        self.socket = str(self.folder / "control.sock")
        number = len(list(self.folder.glob("stderr*.log")))
        self.log_path = self.folder / f"stderr{number}.log"
        self.began = time.monotonic()
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [BINARY, "serve", *map(str, words), "--control", self.socket],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=log, cwd=self.folder,
                env={**os.environ, **(environment or {})}, user=user, pass_fds=pass_fds,
            )
        if wait:
            self.wait_for("horizon: ready")

    @property
    def log(self):
        return self.log_path.read_text(errors="replace")

    def wait_for(self, text, limit=START_LIMIT_S, count=1):
        """Until the log holds the text."""
        end = time.monotonic() + limit
        while self.log.count(text) < count:
            assert self.process.poll() is None, f"ended at once:\n{self.log}"
            assert time.monotonic() < end, f"never said {text!r}:\n{self.log}"
            time.sleep(0.01)

    def ask(self, name, kind="A", source="127.0.0.1", tcp=False, host="127.0.0.1", timeout=5, **edns):
        query = dns.message.make_query(name, kind, **edns)
        query.flags &= ~dns.flags.RD
        send = dns.query.tcp if tcp else dns.query.udp
        return send(query, host, port=self.port, source=source, timeout=timeout)

    def texts(self, name, kind="A", **keywords):
        """The answer's rdata as sorted text."""
        kind_number = dns.rdatatype.from_text(kind)
        reply = self.ask(name, kind, **keywords)
        return sorted(
            item.to_text() for rrset in reply.answer if rrset.rdtype == kind_number
            for item in rrset
        )

    def run(self, *words, **keywords):
        return run(*words, "--server", self.socket, **keywords)

    def run_json(self, *words, status=0, **keywords):
        return run_json(*words, "--server", self.socket, status=status, **keywords)

    def reload(self, status=0):
        return self.run_json("reload", status=status)

    def write(self, name, text):
        """Replaces a file as a careful writer does: whole, at once."""
        path = self.folder / name
        new = path.with_suffix(path.suffix + ".new")
        new.write_text(text)
        new.replace(path)

    def alive(self):
        return self.process.poll() is None

    def stop(self, number=signal.SIGTERM):
        """Ends it and returns the exit status."""
        if self.alive():
            self.process.send_signal(number)
            try:
                self.process.wait(30)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise
        return self.process.returncode
