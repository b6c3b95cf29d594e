# SPDX-License-Identifier: GPL-3.0-or-later
"""horizon with the fault shim inside: started, watched to its first word, stopped by its process id.

shim.h says what the page of memory means that both sides map.
"""

import http.client
import json
import mmap
import os
import pathlib
import re
import select
import signal
import socket
import struct
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("HORIZON_BUILD") or ROOT / "build")
BINARY = os.environ.get("HORIZON_BIN") or str(BUILD / "horizon")
SHIM = BUILD / "tests" / "libfault_shim.so"

KINDS = ("memory", "map", "socket", "file", "write", "thread", "privilege", "path")
HEADER = struct.Struct("7I")
TRACE_BYTES = 3072
HANG_S = 5  # nothing that a fault touches may take longer


class Page:
    """The shared page: which call of which kind fails."""

    def __init__(self, path):
        self.path = path
        path.write_bytes(bytes(HEADER.size + 2 * TRACE_BYTES))
        path.chmod(0o666)
        with path.open("r+b") as file:
            self.memory = mmap.mmap(file.fileno(), HEADER.size + 2 * TRACE_BYTES)

    def arm(self, kind, number, persisting, at_main=False):
        self.memory[HEADER.size:] = bytes(2 * TRACE_BYTES)
        self.memory[:HEADER.size] = HEADER.pack(
            0, KINDS.index(kind), number, int(persisting), 0, 0, int(at_main))
        if not at_main:
            self.memory[:4] = struct.pack("I", 1)

    def disarm(self):
        self.memory[:4] = struct.pack("I", 0)
        self.memory[24:28] = struct.pack("I", 0)

    @property
    def count(self):
        return HEADER.unpack(self.memory[:HEADER.size])[4]

    @property
    def failed(self):
        return HEADER.unpack(self.memory[:HEADER.size])[5]

    @property
    def trace(self):
        """Who made the call that failed first, with functions and lines."""
        return self.stack(HEADER.size)

    @property
    def ended(self):
        """Who called abort()."""
        return self.stack(HEADER.size + TRACE_BYTES)

    def stack(self, offset):
        text = self.memory[offset:offset + TRACE_BYTES].split(b"\0")[0].decode(errors="replace")
        lines = text.splitlines()
        return "\n".join(lines[:1] + [self.place(line) for line in lines[1:]])

    @staticmethod
    def place(line):
        where, _, symbol = line.partition(" ")
        module, _, offset = where.rpartition("+")
        name = pathlib.Path(module).name
        if name == pathlib.Path(BINARY).name:
            told = subprocess.run(
                ["addr2line", "-fpsi", "-e", module, hex(int(offset, 16) - 1)],
                capture_output=True, text=True, check=False).stdout.strip()
            if told:
                return "    " + told.replace("\n", "\n    ")
        return f"    {name} {symbol}"


class Process:
    """One horizon that was told to serve."""

    def __init__(self, folder, page=None, words=()):
        self.folder = folder
        self.socket = str(folder / "control.sock")
        environment = dict(os.environ)
        if page:
            environment |= {"LD_PRELOAD": str(SHIM), "HORIZON_FAULTS": str(page.path)}
        self.process = subprocess.Popen(
            [BINARY, "serve", "--config", str(folder / "horizon.yaml"), "--control", self.socket,
             *words],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
            env=environment)
        os.set_blocking(self.process.stderr.fileno(), False)
        self.log = ""
        self.ended = False  # its standard error was closed

    def read(self, wait_s=0.0):
        """Takes what it said; waits for more at most that long."""
        if self.ended:
            return
        if select.select([self.process.stderr], [], [], wait_s)[0]:
            data = os.read(self.process.stderr.fileno(), 65536)
            self.log += data.decode(errors="replace")
            self.ended = not data

    def wait_for(self, pattern, since=0, limit_s=HANG_S):
        """The match of a pattern in the log, or None when it ended or hangs without saying it."""
        end = time.monotonic() + limit_s
        while not (found := re.search(pattern, self.log[since:])):
            if self.ended or time.monotonic() > end:
                return None
            self.read(0.05)
        return found

    def alive(self):
        return self.process.poll() is None

    def status(self, limit_s=HANG_S):
        """Its exit status; None if it does not end."""
        end = time.monotonic() + limit_s
        while not self.ended and time.monotonic() < end:
            self.read(0.05)
        try:
            return self.process.wait(max(0.01, end - time.monotonic()))
        except subprocess.TimeoutExpired:
            return None

    def stop(self):
        """Asks it to end and returns its exit status; None if it did not, and was killed."""
        if self.alive():
            self.process.send_signal(signal.SIGTERM)
        status = self.status()
        self.kill()
        return status

    def kill(self):
        if self.alive():
            self.process.kill()
        self.process.wait()
        self.process.stderr.close()

    def hang_up(self):
        self.process.send_signal(signal.SIGHUP)

    def ask_http(self, method, path, timeout_s=HANG_S):
        """(status, JSON) from the control socket; (None, why) when there was no answer."""
        connection = http.client.HTTPConnection("localhost", timeout=timeout_s)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.settimeout(timeout_s)
        try:
            connection.sock.connect(self.socket)
            connection.request(method, path)
            reply = connection.getresponse()
            return reply.status, json.loads(reply.read() or "null")
        except (OSError, http.client.HTTPException, ValueError) as error:
            return None, error
        finally:
            connection.close()
