#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures horizon and every DNS server that is installed, side by side, in one run.

    bench/run.py --short                      the 10,000-name row, under 90 s (`make bench`)
    bench/run.py --full --json out.json --svg out.svg       every row, every server
    bench/run.py --rows static,views,tcp --servers horizon,knot --runs 20

All servers are up at once, one worker each, pinned to one core; the load generator has the other.
They are driven in turn, A B C A B C, so that a noisy minute hits all alike. What is compared is
CPU time: user and system time of all the server's processes, over the answers it gave. Every reply
is checked, and one wrong reply voids the server's figures. Exit status: 0 measured, 1 a server gave
a wrong answer or did not start, 2 usage or tools missing.
"""

import argparse
import dataclasses
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import changes
import chart
import figures
import flood
import peers
import process
import reload
import workload

SERVER_CORE, LOAD_CORE = {0}, {1}
WARM_S = 0.3
START_LIMIT_S = {"static": 120, "views": 240, "services": 120, "weighted": 120}
LATENCY_RUNS = 3
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SHORT = {"servers": "horizon,gdnsd,nsd,knot,echo", "runs": 10, "seconds": 1.0, "size": 10_000}


@dataclasses.dataclass(frozen=True)
class Kind:
    """A row: what it serves and how it is asked."""
    what: str
    serves: str = "static"
    size: int = 0                  # 0: as --size says
    workers: tuple = (1,)          # every server is started with each of these
    transport: tuple = ()          # for the load generator
    start_everywhere: bool = False


KINDS = {
    "static": Kind("static zone, UDP"),
    "views": Kind("two views by client prefix, every name differing", serves="views"),
    "services": Kind("every name a service, all its instances rotated", serves="services"),
    "weighted": Kind("every name a service, its instances drawn by weight", serves="weighted"),
    "tcp": Kind("static zone, TCP pipelined", transport=("--tcp",)),
    "workers": Kind("static zone, UDP, one worker and two on both cores", workers=(1, 2)),
    "large": Kind("static zone, UDP", size=1_000_000, start_everywhere=True),
}
RELOAD = "reload"  # no load: one change in the zone file, until it is answered
CHANGES = "changes"  # horizon alone: a thousand names a second, of a million
CHANGES_SIZE = 1_000_000
FLOOD = "flood"  # horizon alone: random subdomains against names that exist
ROWS = (*KINDS, FLOOD, CHANGES, RELOAD)


class Measured:
    """One server of one row: its process, and what its runs gave."""

    def __init__(self, server, place, process_, start_s, label):
        self.server, self.place, self.process, self.start_s = server, place, process_, start_s
        self.label = label
        self.runs, self.paced, self.fault, self.dnsperf = [], [], None, None

    def record(self):
        latency = None
        if self.paced:
            latency = {key: statistics.median(run[key] for run in self.paced)
                       for key in ("p50_us", "p99_us")}
        return {"name": self.label, "version": self.server.version(), "fault": self.fault,
                "start_s": self.start_s, "memory_mb": self.process.memory_mb(),
                "runs": self.runs, "paced_runs": self.paced, "latency": latency,
                "dnsperf": self.dnsperf}


def machine_describe():
    with open("/proc/cpuinfo", encoding="ascii", errors="replace") as info:
        model = next((line.split(":")[1].strip() for line in info
                      if line.startswith("model name")), platform.machine())
    with open("/proc/meminfo", encoding="ascii") as info:
        memory_gb = int(info.readline().split()[1]) / 1024 / 1024
    return {"cpu": model, "cores": os.cpu_count(), "memory_gb": round(memory_gb, 1),
            "kernel": platform.release(), "load_before": os.getloadavg()[0]}


def load_command(options, measured, seed):
    row = measured.place.row
    command = [os.path.join(options.tools, "load"), "--server", f"127.0.0.1:{measured.place.port}",
               "--seed", str(seed)]
    if row == "views":
        for view, source in peers.SOURCES.items():
            command += ["--client", f"{source},{measured.place.data}/{view}.set"]
    else:
        command += ["--client", f"{measured.place.data}/queries.set"]
    if measured.server.name == "echo":
        command.append("--echo")
    return command


def load_run(options, measured, seconds, seed, extra=()):
    """One run of the load generator; the figures, or None after noting the server's fault."""
    command = load_command(options, measured, seed) + ["--seconds", str(seconds), *extra]
    cpu_before, user_before = measured.process.cpu_s()
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 60,
                          check=False, preexec_fn=process.pinned(LOAD_CORE, None))
    cpu_after, user_after = measured.process.cpu_s()
    if done.returncode == 2 or not measured.process.alive():
        measured.fault = (done.stderr.strip() or "the server ended: "
                          + measured.process.log_tail())
        return None
    run = json.loads(done.stdout)
    if done.returncode != 0:
        measured.fault = (f"{run['wrong']} wrong of {run['answered']} answers"
                          f" (first: {run['first_fault'] or 'no answer came'})")
        return None
    run["cpu_us"] = (cpu_after - cpu_before) * 1e6 / run["answered"]
    run["user_us"] = (user_after - user_before) * 1e6 / run["answered"]
    return run


def server_start(options, server, row, data, scratch, workers):
    """Starts one server and waits for its first answer; (Measured, None) or (None, why not)."""
    kind = KINDS[row["kind"]]
    label = server.name if len(kind.workers) == 1 else f"{server.name} x{workers}"
    folder = os.path.join(scratch, f"{row['kind']}-{server.name}-{workers}")
    os.makedirs(folder)
    place = peers.Place(folder, process.port_find(), row["serves"], data, workers)
    everywhere = set(os.sched_getaffinity(0))
    run_cores = everywhere if len(kind.workers) > 1 else SERVER_CORE
    start_cores = everywhere if options.start_everywhere or kind.start_everywhere else run_cores
    child = process.Process(server.prepare(place), os.path.join(folder, "log"), start_cores,
                            options.nice)
    source = peers.SOURCES["internal"] if row["serves"] == "views" else "127.0.0.1"
    probe = workload.question_wire("ns1", workload.TYPE_A)
    start_s = process.answer_await(child, place.port, probe, source,
                                   START_LIMIT_S[row["serves"]], server.accepts)
    if start_s is None:
        reason = f"it did not answer after its start: {child.log_tail()}"
        child.end()
        return None, reason
    child.repin(run_cores)
    return Measured(server, place, child, start_s, label), None


def why_not(server, row):
    """Why a server has no place in a row, or None."""
    if server.path is None:
        return f"not installed (package {server.package})" if server.package else "not built"
    if server.name == "echo" and row["kind"] in ("tcp", "workers"):
        return "it is UDP only" if row["kind"] == "tcp" else "it has no workers"
    return server.lacks(row["serves"])


def servers_start(options, row, data, scratch, running):
    """Starts what is installed; names what is not in row["missing"], what fails in ["failed"]."""
    for name in options.servers:
        server = peers.BY_NAME[name]()
        reason = why_not(server, row)
        if reason is not None:
            row["missing"][name] = reason
            continue
        for workers in KINDS[row["kind"]].workers:
            measured, reason = server_start(options, server, row, data, scratch, workers)
            if measured is None:
                row["failed"][name] = row["missing"][name] = reason
            else:
                running.append(measured)
    return running


def rounds_run(options, row, running):
    transport = KINDS[row["kind"]].transport
    for measured in running:
        load_run(options, measured, WARM_S, 0, transport)
    for number in range(options.runs):
        for measured in running:
            if measured.fault is None:
                run = load_run(options, measured, options.seconds, number + 1, transport)
                if run is not None:
                    measured.runs.append(run)
        progress(f"{row['title']}: round {number + 1} of {options.runs}")


def latency_run(options, row, running):
    """p50 and p99 at half of the speed just measured, counted from when a query was due."""
    transport = KINDS[row["kind"]].transport
    for number in range(options.latency_runs):
        for measured in running:
            if measured.fault is None:
                rate = statistics.median(run["qps"] for run in measured.runs) / 2
                run = load_run(options, measured, options.seconds, 1000 + number,
                               ["--rate", str(rate), "--window", "2048", *transport])
                if run is not None:
                    measured.paced.append(run)


def dnsperf_run(options, row, running):
    """The neutral cross-check; it saturates its own core near 260,000 queries a second."""
    program = shutil.which("dnsperf")
    for measured in running:
        if measured.fault or measured.server.name == "echo" or row["kind"] != "static":
            continue
        if program is None:
            row["missing"]["dnsperf"] = "not installed (package dnsperf)"
            return
        before, _ = measured.process.cpu_s()
        said = subprocess.run(
            [program, "-s", "127.0.0.1", "-p", str(measured.place.port), "-c", "4", "-q", "200",
             "-e", "-l", str(max(1, round(options.seconds))), "-d",
             os.path.join(measured.place.data, "names.txt")],
            capture_output=True, text=True, timeout=120, check=False,
            preexec_fn=process.pinned(LOAD_CORE, None)).stdout
        after, _ = measured.process.cpu_s()
        completed = next((int(line.split()[2]) for line in said.splitlines()
                          if "Queries completed:" in line), 0)
        if completed:
            measured.dnsperf = {"completed": completed, "cpu_us": (after - before) * 1e6 / completed}


def row_measure(options, name, data, scratch):
    kind = KINDS[name]
    size = kind.size or options.size
    row = {"kind": name, "serves": kind.serves, "title": f"{size:,} services, {kind.what}",
           "size": size, "rounds": options.runs, "seconds": options.seconds,
           "missing": {}, "failed": {}}
    running = []
    try:
        servers_start(options, row, data, scratch, running)
        rounds_run(options, row, running)
        latency_run(options, row, running)
        if options.dnsperf:
            dnsperf_run(options, row, running)
        row["servers"] = [measured.record() for measured in running]
    finally:
        for measured in running:
            measured.process.end()
    if len(kind.workers) > 1:
        for server in row["servers"]:
            server["against"] = f"{server['name'].split()[0]} x{kind.workers[0]}"
    figures.summarise(row["servers"])
    return row


def progress(text):
    if sys.stderr.isatty():
        print(f"\r{text}\033[K", end="", file=sys.stderr, flush=True)


def workload_ensure(folder, size, serves):
    """Writes the workload unless a whole one already lies in `folder`; returns the folder."""
    mark = os.path.join(folder, "whole")
    if not os.path.exists(mark):
        os.makedirs(folder, exist_ok=True)
        if serves == "views":
            workload.views_write(folder, size, peers.NETWORKS)
        elif serves in ("services", "weighted"):
            workload.services_write(folder, size, serves == "weighted")
        else:
            workload.static_write(folder, size)
        with open(mark, "w", encoding="ascii"):
            pass
    return folder


def options_parse():
    parser = argparse.ArgumentParser(description="Measure horizon beside other DNS servers.")
    parser.add_argument("--short", action="store_true",
                        help="the 10,000-name row in under 90 s: " + SHORT["servers"])
    parser.add_argument("--full", action="store_true", help="every row: " + ",".join(ROWS))
    parser.add_argument("--rows", help="of " + ",".join(ROWS) + " (static)")
    parser.add_argument("--servers", help="of " + ",".join(peers.BY_NAME) + " (all)")
    parser.add_argument("--runs", type=int, help="interleaved runs a server (10)")
    parser.add_argument("--seconds", type=float, help="a run's length (1.5)")
    parser.add_argument("--size", type=int, help="services in the zone (10000)")
    parser.add_argument("--changes-size", type=int, default=CHANGES_SIZE,
                        help=f"services in the zone of the row changes ({CHANGES_SIZE})")
    parser.add_argument("--latency-runs", type=int, help="runs at half load (3; short: 1)")
    parser.add_argument("--tools", default=os.path.join(ROOT, "build", "bench"),
                        help="where load and echo were built (build/bench)")
    parser.add_argument("--data", help="keep the workload's files in this folder")
    parser.add_argument("--nice", type=int, help="priority of the servers, against neighbours")
    parser.add_argument("--start-everywhere", action="store_true",
                        help="let servers start on every core; they are pinned after")
    parser.add_argument("--dnsperf", action="store_true", help="cross-check with dnsperf")
    parser.add_argument("--install", action="store_true", help="apt-get install missing servers")
    parser.add_argument("--json", metavar="FILE", help="write every figure here")
    parser.add_argument("--svg", metavar="FILE", help="write the picture here")
    options = parser.parse_args()
    standard = SHORT if options.short else {"servers": ",".join(peers.BY_NAME), "runs": 10,
                                            "seconds": 1.5, "size": 10_000}
    for name, value in standard.items():
        if getattr(options, name) is None:
            setattr(options, name, value)
    if options.latency_runs is None:
        options.latency_runs = 1 if options.short else LATENCY_RUNS
    options.servers = options.servers.split(",")
    options.rows = options.rows.split(",") if options.rows else list(ROWS) if options.full else [
        "static"]
    if not set(options.servers) <= set(peers.BY_NAME):
        parser.error("--servers: choose from " + ", ".join(peers.BY_NAME))
    if not set(options.rows) <= set(ROWS):
        parser.error("--rows: choose from " + ", ".join(ROWS))
    if options.runs < 1 or options.seconds <= 0 or not 1 <= options.size <= 10_000_000:
        parser.error("--runs, --seconds and --size are positive; --size at most 10000000")
    return options


def tools_check(options):
    peers.Echo.tools = options.tools
    if not os.access(os.path.join(options.tools, "load"), os.X_OK):
        sys.exit(f"bench: no load generator in {options.tools}: run `make build` first")
    if len(os.sched_getaffinity(0)) < 2:
        sys.exit("bench: needs two cores, one for the server and one for the load")


def peers_install(options):
    packages = [package for name in options.servers
                for package in peers.BY_NAME[name]().package.split()
                if peers.BY_NAME[name]().path is None]
    if packages:
        command = ["apt-get", "install", "-y", "--no-install-recommends", *packages]
        print("bench:", " ".join(command))
        subprocess.run(command, check=True)


def report_write(options, result):
    machine = result["machine"]
    print(f"machine: {machine['cpu']}, {machine['cores']} cores, {machine['memory_gb']} GB, "
          f"kernel {machine['kernel']}, load {machine['load_before']:.2f} before")
    for row in result["rows"]:
        print(figures.table(row))
    if result["flood"]:
        print(flood.text(result["flood"]))
    if result["changes"]:
        print(changes.text(result["changes"]))
    if result["reload"]:
        print(reload.text(result["reload"]))
    if options.json:
        with open(options.json, "w", encoding="utf-8") as out:
            json.dump(result, out, indent=1)
    if options.svg:
        with open(options.svg, "w", encoding="utf-8") as out:
            out.write(chart.svg(result))


def main():
    options = options_parse()
    tools_check(options)
    if options.install:
        peers_install(options)
    result = {"machine": machine_describe(), "date": time.strftime("%Y-%m-%d"), "rows": [],
              "flood": None, "changes": None, "reload": None}
    with tempfile.TemporaryDirectory(prefix="horizon-bench-") as scratch:
        base = options.data or scratch
        for name in options.rows:
            size = name in KINDS and KINDS[name].size or options.size
            if name == CHANGES:
                size = options.changes_size
            serves = KINDS[name].serves if name in KINDS else "static"
            data = workload_ensure(os.path.join(base, f"{serves}-{size}"), size,
                                   serves)
            if name in KINDS:
                result["rows"].append(row_measure(options, name, data, scratch))
            elif name == FLOOD:
                result["flood"] = flood.measure(options, data, size, scratch,
                                                (SERVER_CORE, LOAD_CORE))
            elif name == CHANGES:
                result["changes"] = changes.measure(options, data, size, (SERVER_CORE, LOAD_CORE))
            else:
                result["reload"] = reload.measure(peers.Horizon(), data, size, scratch,
                                                  options.runs)
    progress("")
    report_write(options, result)
    bad = any(row["failed"] or any(s["fault"] for s in row["servers"]) for row in result["rows"])
    bad = bad or any((result[name] or {}).get("fault") for name in (FLOOD, CHANGES, RELOAD))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
