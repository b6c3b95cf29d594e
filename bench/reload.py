# SPDX-License-Identifier: GPL-3.0-or-later
"""From a changed zone file to the changed answer, horizon alone, without load.

One address in the zone file is replaced and the file put in its place by rename; then SIGHUP. The
time runs from the signal to the first answer that holds the new address, asked for every
millisecond at most. What it contains: reading and parsing the whole file again, comparing it with
what is served, compiling the names that differ, and one publish. It grows with the zone.
"""

import os
import shutil
import signal
import socket
import statistics
import time

import peers
import process
import workload

NAME = "ns1"
LIMIT_S = 60


def zone_replace(source, target, serial):
    """Writes the zone with another serial and address of NAME; returns the address."""
    address = bytes((198, 18, serial >> 8, serial & 255))
    with open(source, encoding="ascii") as old, open(target + ".new", "w",
                                                     encoding="ascii") as new:
        head = old.readline() + old.readline() + old.readline()
        new.write(head.replace(" hostmaster 1 ", f" hostmaster {serial} "))
        for line in old:
            if line.startswith(f"{NAME} A "):
                new.write(f"{NAME} A {socket.inet_ntoa(address)}\n")
                break
            new.write(line)
        shutil.copyfileobj(old, new)
    os.rename(target + ".new", target)
    return address


def changed_await(port, address):
    """Waits for the answer with the new address; False if it does not come."""
    query = workload.question_wire(NAME, workload.TYPE_A)
    deadline = time.monotonic() + LIMIT_S
    with socket.socket(type=socket.SOCK_DGRAM) as probe:
        probe.connect(("127.0.0.1", port))
        probe.settimeout(1)
        while time.monotonic() < deadline:
            probe.send(query)
            if address in probe.recv(4096):
                return True
            time.sleep(0.0005)
    return False


def measure(server, data, size, scratch, runs):
    """The figures, or a dictionary with a "fault"."""
    result = {"size": size, "runs_ms": [], "fault": None}
    if server.path is None:
        return {**result, "fault": "horizon is not built"}
    folder = os.path.join(scratch, "reload")
    os.makedirs(folder)
    zone = os.path.join(folder, f"{peers.ORIGIN}.zone")
    original = os.path.join(data, f"{peers.ORIGIN}.zone")
    zone_replace(original, zone, 1)
    place = peers.Place(folder, process.port_find(), "static", folder)
    child = process.Process(server.prepare(place), os.path.join(folder, "log"),
                            set(os.sched_getaffinity(0)))
    try:
        if not started_await(child, place.port):
            return {**result, "fault": f"it did not start: {child.log_tail()}"}
        for run in range(runs):
            address = zone_replace(original, zone, run + 2)
            began = time.monotonic()
            os.kill(child.child.pid, signal.SIGHUP)
            if not changed_await(place.port, address):
                return {**result, "fault": f"the change never came: {child.log_tail()}"}
            result["runs_ms"].append((time.monotonic() - began) * 1e3)
    finally:
        child.end()
    result["median_ms"] = statistics.median(result["runs_ms"])
    result["range_ms"] = (min(result["runs_ms"]), max(result["runs_ms"]))
    return result


def started_await(child, port):
    query = workload.question_wire(NAME, workload.TYPE_A)
    return process.answer_await(child, port, query, "127.0.0.1", LIMIT_S,
                                lambda reply: len(reply) > 12 and reply[7] > 0) is not None


def text(result):
    title = f"{result['size']:,} services, one address changed in the zone file, then SIGHUP"
    if result["fault"]:
        return f"{title}\n  horizon: VOID, {result['fault']}"
    low, high = result["range_ms"]
    return (f"{title}: median of {len(result['runs_ms'])} runs until the changed answer\n"
            f"  horizon  {result['median_ms']:.1f} ms  [{low:.1f}-{high:.1f}]")
