# SPDX-License-Identifier: GPL-3.0-or-later
"""Ten times more queries than the server can answer: it sheds, and does not grow.

The server is held to 5 % of a core by a control group of the test's own, and asked by the load
generator of the benchmarks, which matches every answer by id and reads a sample of them.
"""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.append(str(ROOT / "bench"))
import workload  # noqa: E402

LOAD = pathlib.Path(os.environ.get("HORIZON_BUILD", ROOT / "build")) / "bench" / "load"
FULL = os.environ.get("HORIZON_TEST_LENGTH") == "full"
OVERLOAD_S = 20 if FULL else 3
QUOTA_US, PERIOD_US = 1000, 20000
SERVICES = 1000
# An answer that comes later is none: resolvers ask again after about as long, or ask another server.
CLIENT_WAITS_MS = 400
# What is answered in time under overload, against what was answered when nobody had to wait. Shedding
# costs: the kernel takes each query before it drops it, partly on the server's account.
SHARE_ANSWERED = 0.7
GROWTH_BYTES = 1 << 20

pytestmark = [
    pytest.mark.skipif(bool(os.environ.get("HORIZON_SANITIZED")),
                       reason="speed and memory mean nothing under a sanitizer"),
    pytest.mark.skipif(os.geteuid() != 0, reason="control groups need root"),
]


def version_1():
    """A new control group of the old kind, or None."""
    top = pathlib.Path("/sys/fs/cgroup/cpu")
    if not (top / "cpu.cfs_quota_us").exists() and not (top / "cgroup.procs").exists():
        return None
    group = top / f"horizon-test-{os.getpid()}"
    group.mkdir()
    (group / "cpu.cfs_period_us").write_text(str(PERIOD_US))
    (group / "cpu.cfs_quota_us").write_text(str(QUOTA_US))
    return group


def version_2():
    """A new control group of the unified kind, or None."""
    top = pathlib.Path("/sys/fs/cgroup")
    enabled = top / "cgroup.subtree_control"
    if not enabled.exists() or "cpu" not in enabled.read_text().split():
        return None
    group = top / f"horizon-test-{os.getpid()}"
    group.mkdir()
    (group / "cpu.max").write_text(f"{QUOTA_US} {PERIOD_US}")
    return group


@pytest.fixture
def group():
    """A control group with 5 % of a core; gone afterwards."""
    made = None
    for make in (version_1, version_2):
        with contextlib.suppress(OSError):
            made = made or make()
    if made is None:
        pytest.skip("no control group for CPU time can be made here")
    yield made
    for _ in range(100):
        with contextlib.suppress(OSError):
            made.rmdir()
            break
        time.sleep(0.05)  # what ran in it is being taken down
    assert not made.exists()


@pytest.fixture
def held(start, folder, group):
    """A daemon with one worker in that group, serving the workload."""
    workload.static_write(str(folder), SERVICES)
    daemon = start(zones={workload.ORIGIN: f"{workload.ORIGIN}.zone"}, words=["--workers", "1"])
    (group / "cgroup.procs").write_text(str(daemon.process.pid))
    yield daemon
    daemon.stop()  # before the group goes


def resident_bytes(daemon):
    with open(f"/proc/{daemon.process.pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def load(daemon, seconds, *words):
    done = subprocess.run(
        [LOAD, "--server", f"127.0.0.1:{daemon.port}", "--client", daemon.folder / "queries.set",
         "--seconds", str(seconds), *map(str, words)],
        capture_output=True, text=True, timeout=seconds + 60, check=False)
    assert done.stdout, done.stderr
    told = json.loads(done.stdout)
    assert told["wrong"] == 0, told
    return told


def test_ten_times_what_it_can_answer(held):
    """Memory stays, and what can be answered is answered in time."""
    load(held, 0.5, "--window", 128)
    capacity = load(held, 2, "--window", 128)["qps"]
    before = resident_bytes(held)
    told = load(held, OVERLOAD_S, "--rate", 10 * capacity, "--window", 65536, "--sockets", 64,
                "--timeout-ms", CLIENT_WAITS_MS)
    assert told["sent"] > 5 * capacity * OVERLOAD_S, "the load generator did not keep up"
    assert told["answered"] >= SHARE_ANSWERED * capacity * OVERLOAD_S, (capacity, told)
    assert resident_bytes(held) - before <= GROWTH_BYTES
    # And it is over when it is over: nothing old is worked off first.
    began = time.monotonic()
    assert held.texts(f"ns1.{workload.ORIGIN}", timeout=CLIENT_WAITS_MS / 1000)
    assert time.monotonic() - began < CLIENT_WAITS_MS / 1000


def test_tcp_is_answered_while_udp_is_shed(held):
    """Threads of their own: a client that turns to TCP is heard."""
    capacity = load(held, 1, "--window", 128)["qps"]
    attack = subprocess.Popen(
        [LOAD, "--server", f"127.0.0.1:{held.port}", "--client", held.folder / "queries.set",
         "--seconds", "3", "--rate", str(10 * capacity), "--window", "65536", "--sockets", "64",
         "--timeout-ms", str(CLIENT_WAITS_MS)], stdout=subprocess.DEVNULL)
    try:
        time.sleep(0.5)  # it is under way
        for _ in range(3):
            assert held.texts(f"ns1.{workload.ORIGIN}", tcp=True, timeout=5)
        assert attack.poll() is None
    finally:
        attack.kill()
        attack.wait()
