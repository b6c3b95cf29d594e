# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes do to answers: a thousand names a second among all of the zone, horizon alone.

build/bench/changes is the server with its control in one process. It is asked as every server is,
in turn without changes and with them; what is compared is the CPU time of the thread that answers,
over the queries it took. Then the time from the beginning of a commit until an answer shows it:
with nobody else asking, and at half the speed just measured, where a commit's own question waits in
line with all others (their wait stands beside it).
"""

import json
import os
import statistics
import subprocess

import figures
import process
import workload

RATE = 1000  # changes a second
LIMIT_S = 120


class Server:
    """The program, and the line of JSON that a phase ends with."""

    def __init__(self, options, data, size, port):
        self.port = port
        self.child = subprocess.Popen(
            [os.path.join(options.tools, "changes"), "--listen", f"127.0.0.1:{port}", "--zone",
             f"{workload.ORIGIN}={os.path.join(data, workload.ORIGIN)}.zone", "--services",
             str(size)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def begin(self, rate, seconds):
        self.child.stdin.write(f"{rate} {seconds}\n")
        self.child.stdin.flush()

    def result(self):
        line = self.child.stdout.readline()
        if not line:
            raise RuntimeError("the server ended")
        return json.loads(line)

    def pin(self, cores):
        """The thread that answers has a core for itself. Commits share the other with the load,
        which would have one of its own elsewhere: commits go first, where that is permitted."""
        folder = f"/proc/{self.child.pid}/task"
        for task in os.listdir(folder):
            with open(f"{folder}/{task}/comm", encoding="ascii") as comm:
                answers = comm.read().startswith("udp")
            os.sched_setaffinity(int(task), cores[0] if answers else cores[1])
            if not answers:
                try:
                    os.sched_setscheduler(int(task), os.SCHED_FIFO, os.sched_param(10))
                except PermissionError:
                    continue

    def end(self):
        self.child.stdin.close()
        try:
            self.child.wait(LIMIT_S)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()


def phase(options, server, data, rate, seed, extra=()):
    """One run: load, and beside it changes at a rate. What the server and the generator said."""
    server.begin(rate, options.seconds)
    done = subprocess.run(
        [os.path.join(options.tools, "load"), "--server", f"127.0.0.1:{server.port}", "--client",
         f"{data}/queries.set", "--seed", str(seed), "--seconds", str(options.seconds), *extra],
        capture_output=True, text=True, timeout=options.seconds + LIMIT_S, check=False)
    told = server.result()
    load = json.loads(done.stdout) if done.returncode == 0 else None
    if load is None or told["late"]:
        raise RuntimeError(f"wrong or late answers: {done.stdout}{done.stderr}{told}")
    return told, load


def measure(options, data, size, cores):
    """The figures, or a dictionary with a "fault"."""
    result = {"size": size, "rate": RATE, "fault": None, "still_us": [], "changing_us": [],
              "still_user_us": [], "changing_user_us": [], "alone": [], "half": []}
    if not os.access(os.path.join(options.tools, "changes"), os.X_OK):
        return {**result, "fault": "build/bench/changes is not built"}
    server = Server(options, data, size, process.port_find())
    try:
        phase_warm(options, server, data)
        for _ in range(options.runs):
            server.begin(RATE, options.seconds)
            result["alone"].append(commit_times(server.result()))
        server.pin(cores)
        for number in range(options.runs):
            for rate, into in ((0, "still"), (RATE, "changing")):
                told, load = phase(options, server, data, rate, number + 1)
                result[f"{into}_us"].append(told["cpu_s"] * 1e6 / told["queries"])
                result[f"{into}_user_us"].append(told["user_s"] * 1e6 / told["queries"])
            half = ["--rate", str(load["qps"] / 2), "--window", "2048"]
            told, load = phase(options, server, data, RATE, number + 1, half)
            result["half"].append({**commit_times(told), "query_p99_us": load["p99_us"]})
    except (RuntimeError, ValueError) as error:
        return {**result, "fault": str(error)}
    finally:
        server.end()
    result["ratio"], result["ratio_95"] = figures.ratio_of(result["changing_us"],
                                                           result["still_us"])
    result["user_ratio"], result["user_ratio_95"] = figures.ratio_of(result["changing_user_us"],
                                                                     result["still_user_us"])
    return result


def commit_times(told):
    return {key: told[key] for key in ("p50_us", "p99_us", "max_us")}


def commit_text(runs):
    middle = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
    return (f"p50 {middle['p50_us']:.0f} us, p99 {middle['p99_us']:.0f} us, "
            f"max {middle['max_us']:.0f} us")


def phase_warm(options, server, data):
    """The zone is read when the first phase begins; its load may come too early to be answered."""
    server.begin(0, 0.1)
    server.result()
    subprocess.run(
        [os.path.join(options.tools, "load"), "--server", f"127.0.0.1:{server.port}", "--client",
         f"{data}/queries.set", "--seconds", "0.3"], capture_output=True, timeout=LIMIT_S, check=True)


def text(result):
    title = f"{result['size']:,} services, {result['rate']:,} names changed a second"
    if result["fault"]:
        return f"{title}\n  horizon: VOID, {result['fault']}"
    low, high = result["ratio_95"]
    still, changing = (statistics.median(result[key]) for key in ("still_us", "changing_us"))
    return (f"{title}: median of {len(result['still_us'])} interleaved runs\n"
            f"  horizon  {still:.3f} us a query without changes, {changing:.3f} with:"
            f" x {result['ratio']:.3f} [{low:.3f}-{high:.3f}]\n"
            f"           of it in our own code: x {result['user_ratio']:.3f}"
            f" [{result['user_ratio_95'][0]:.3f}-{result['user_ratio_95'][1]:.3f}]\n"
            f"           commit to answer: {commit_text(result['alone'])}\n"
            f"           at half load:     {commit_text(result['half'])}"
            f" (p99 of the other queries:"
            f" {statistics.median(run['query_p99_us'] for run in result['half']):.0f} us)")
