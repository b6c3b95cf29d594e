# SPDX-License-Identifier: GPL-3.0-or-later
"""Backends of services: small processes that listen on loopback addresses, ended by process id."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

ACCEPTS = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(200)
print("up", flush=True)
kept = []
while True:
    kept.append(listener.accept())
"""

CLOSES = """
import socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(4096)
print("up", flush=True)
while True:
    listener.accept()[0].close()
"""

GREETS = """
import contextlib, socket, sys
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((sys.argv[1], int(sys.argv[2])))
listener.listen(200)
print("up", flush=True)
while True:
    with listener.accept()[0] as client, contextlib.suppress(OSError):
        client.sendall(b"220 ready\\n")
"""

SPEAKS = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = b"all is well" if self.path == "/healthz" else b"no"
        self.send_response(200 if self.path == "/healthz" else 500)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *words):
        pass
server = http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler)
print("up", flush=True)
server.serve_forever()
"""


class Backend:
    """One process that listens; `program`: ACCEPTS keeps connections open, CLOSES does not,
    GREETS says so first, SPEAKS is HTTP."""

    def __init__(self, address, port, program=ACCEPTS):
        self.address, self.port = address, port
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, address, str(port)],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        )
        assert self.process.stdout.readline() == b"up\n"

    def send(self, number):
        os.kill(self.process.pid, number)

    def kill(self):
        self.send(signal.SIGKILL)
        self.process.wait()

    def close(self):
        if self.process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                self.send(signal.SIGCONT)
            self.kill()
        self.process.stdout.close()


def free_tcp_port():
    """Free on every address: backends share one port on several."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return probe.getsockname()[1]


def until(ready, limit=10, pause=0.005):
    """Waits for the condition; returns what it returned, and the seconds that took."""
    began = time.monotonic()
    while True:
        value = ready()
        if value:
            return value, time.monotonic() - began
        assert time.monotonic() - began < limit, "it did not come about"
        time.sleep(pause)
