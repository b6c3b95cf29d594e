# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, watching and ending the servers under test.

Every server runs in a session of its own, so that "all its processes" has one meaning: those of
that session, whatever it forked. Only sessions started here are ever ended, process by process.
"""

import os
import random
import signal
import socket
import subprocess
import time

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
CPU_CLOCK_OF_PROCESS = 2  # clock_getcpuclockid(3): the scheduler's count, in nanoseconds
END_GRACE_S = 20
FIRST_PORT, LAST_PORT = 20000, 31999  # below the range the kernel takes source ports from


def port_find(rng=random.Random()):
    """A port of 127.0.0.1 that is free over UDP and TCP just now."""
    for _ in range(200):
        port = rng.randint(FIRST_PORT, LAST_PORT)
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port on 127.0.0.1")


def pinned(cores, nice):
    """What a child does before it becomes the program: take its cores, and perhaps a priority."""
    def settle():
        os.sched_setaffinity(0, cores)
        if nice is not None:
            try:  # with autogroups the session's priority counts, without them the process's
                with open("/proc/self/autogroup", "w", encoding="ascii") as out:
                    out.write(str(nice))
            except OSError:
                os.setpriority(os.PRIO_PROCESS, 0, nice)
    return settle


def _stat_fields(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as stat:
        return stat.read().rpartition(")")[2].split()


class Process:
    """A server: started on creation, gone after end()."""

    def __init__(self, command, log_path, cores, nice=None):
        self.log_path = log_path
        with open(log_path, "wb") as log:
            self.started_at = time.monotonic()
            self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log,
                                          stderr=subprocess.STDOUT, start_new_session=True,
                                          preexec_fn=pinned(cores, nice))

    def pids(self):
        """Every live process of the session."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                try:
                    state, _, _, session = _stat_fields(entry)[:4]
                except OSError:
                    continue
                if int(session) == self.child.pid and state != "Z":
                    found.append(int(entry))
        return found

    def repin(self, cores):
        """Moves every thread to `cores`."""
        for pid in self.pids():
            for thread in os.listdir(f"/proc/{pid}/task"):
                try:
                    os.sched_setaffinity(int(thread), cores)
                except OSError:
                    continue

    def cpu_s(self):
        """CPU seconds so far, (all, of it user). The first is exact, the second counts ticks.

        Read from each process's CPU clock, which keeps the time of threads that are gone.
        """
        total_s, user_ticks = 0.0, 0
        for pid in self.pids():
            try:
                total_s += time.clock_gettime((~pid << 3) | CPU_CLOCK_OF_PROCESS)
                user_ticks += int(_stat_fields(pid)[11])
            except OSError:
                continue
        return total_s, user_ticks / TICKS_A_SECOND

    def memory_mb(self):
        """Proportional memory of all processes (PSS), or None where it cannot be read."""
        total_kb = 0
        for pid in self.pids():
            try:
                with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as rollup:
                    total_kb += sum(int(line.split()[1]) for line in rollup
                                    if line.startswith("Pss:"))
            except OSError:
                return None
        return total_kb / 1024

    def alive(self):
        return self.child.poll() is None

    def log_tail(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            lines = [line.strip() for line in log if line.strip()]
        return " | ".join(lines[-3:]) if lines else "it said nothing"

    def end(self):
        if self.alive():
            self.child.terminate()
            try:
                self.child.wait(END_GRACE_S)
            except subprocess.TimeoutExpired:
                pass
        deadline = time.monotonic() + END_GRACE_S
        while self.pids() and time.monotonic() < deadline:
            for pid in self.pids():
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.01)
            self.child.poll()
        self.child.wait()


def answer_await(process, port, query, source, limit_s, accept):
    """Seconds from the process's start to its first acceptable reply, or None."""
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.bind((source, 0))
        probe.connect(("127.0.0.1", port))
        probe.settimeout(0.002)
        while time.monotonic() - process.started_at < limit_s and process.alive():
            try:
                probe.send(query)
                reply = probe.recv(4096)
            except TimeoutError:
                continue
            except OSError:
                time.sleep(0.001)
                continue
            if accept(reply):
                return time.monotonic() - process.started_at
            time.sleep(0.001)
    return None
