# SPDX-License-Identifier: GPL-3.0-or-later
"""What a random-subdomain flood costs a query, against names that exist; horizon alone.

The flood asks for a label that was never asked before, below names that exist (an attack that makes
resolvers pass every question on). One server, asked in turn for what exists and by the flood.
"""

import json
import os
import random
import statistics
import subprocess

import figures
import peers
import process
import workload

START_LIMIT_S = 60
SETS = ("hits", "flood")


def sets_write(folder, size):
    """hits.set and flood.set for the zone of the static workload in the same folder."""
    services = workload.Services(size)
    rng = random.Random(f"{workload.SEED} {size} flood")
    count = min(max(workload.QUERIES_MIN, size), workload.QUERIES_MAX)
    hits, flood = [], []
    for _ in range(count):
        number = rng.randrange(size)
        name = workload.service_name(number)
        hits.append((name, workload.TYPE_A, number))
        flood.append((f"{rng.getrandbits(48):012x}.{name}", workload.TYPE_A, -1))
    for name, questions in zip(SETS, (hits, flood)):
        workload.set_write(os.path.join(folder, f"{name}.set"), services, questions)


def run_once(options, child, port, path, seconds, seed, core):
    """CPU microseconds a query, all and user."""
    before, user_before = child.cpu_s()
    done = subprocess.run(
        [os.path.join(options.tools, "load"), "--server", f"127.0.0.1:{port}", "--client", path,
         "--seed", str(seed), "--seconds", str(seconds)],
        capture_output=True, text=True, timeout=seconds + 60, check=False,
        preexec_fn=process.pinned(core, None))
    after, user_after = child.cpu_s()
    if done.returncode != 0:
        raise RuntimeError(done.stdout or done.stderr)
    answered = json.loads(done.stdout)["answered"]
    return (after - before) * 1e6 / answered, (user_after - user_before) * 1e6 / answered


def measure(options, data, size, scratch, cores):
    """The figures, or a dictionary with a "fault"."""
    server = peers.Horizon()
    result = {"size": size, "fault": None, **{name: [] for name in SETS},
              **{f"{name}_user": [] for name in SETS}}
    if server.path is None:
        return {**result, "fault": "horizon is not built"}
    folder = os.path.join(scratch, "flood")
    os.makedirs(folder)
    sets_write(folder, size)
    place = peers.Place(folder, process.port_find(), "static", data)
    child = process.Process(server.prepare(place), os.path.join(folder, "log"), cores[0])
    try:
        probe = workload.question_wire("ns1", workload.TYPE_A)
        if process.answer_await(child, place.port, probe, "127.0.0.1", START_LIMIT_S,
                                server.accepts) is None:
            return {**result, "fault": f"it did not start: {child.log_tail()}"}
        for number in range(options.runs + 1):
            for name in SETS:
                cost, user = run_once(options, child, place.port,
                                      os.path.join(folder, f"{name}.set"), options.seconds,
                                      number, cores[1])
                if number > 0:  # the first warms up
                    result[name].append(cost)
                    result[f"{name}_user"].append(user)
    except RuntimeError as error:
        return {**result, "fault": str(error)}
    finally:
        child.end()
    result["ratio"], result["ratio_95"] = figures.ratio_of(result["flood"], result["hits"])
    return result


def text(result):
    title = f"{result['size']:,} services, names that exist and a random-subdomain flood in turn"
    if result["fault"]:
        return f"{title}\n  horizon: VOID, {result['fault']}"
    middle = {name: statistics.median(result[name]) for name in result
              if name.startswith(SETS)}
    low, high = result["ratio_95"]
    return (f"{title}: median of {len(result['hits'])} interleaved runs\n"
            f"  horizon  {middle['hits']:.3f} us a hit (user {middle['hits_user']:.2f}),"
            f" {middle['flood']:.3f} a query of the flood (user {middle['flood_user']:.2f}):"
            f" x {result['ratio']:.3f} [{low:.3f}-{high:.3f}]")
