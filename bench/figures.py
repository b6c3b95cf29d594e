# SPDX-License-Identifier: GPL-3.0-or-later
"""From single runs to medians, intervals and ratios, and the text table that shows them."""

import random
import statistics

RESAMPLES = 2000
BASES = ("gdnsd", "knot")  # what ratios are against: the first of these that was measured


def interval_95(samples, statistic=statistics.median, seed=1):
    """The 95 % interval of a statistic by bootstrap: what it would be for other luck."""
    if len(samples) < 3:  # too few to say: all that was seen
        alone = [statistic([sample]) for sample in samples]
        return min(alone), max(alone)
    rng = random.Random(seed)
    drawn = sorted(statistic(rng.choices(samples, k=len(samples))) for _ in range(RESAMPLES))
    return drawn[int(0.025 * RESAMPLES)], drawn[int(0.975 * RESAMPLES) - 1]


def ratio_of(samples, base_samples):
    """Ratio of the medians with its 95 % interval; runs of the same round stay together."""
    pairs = list(zip(samples, base_samples))

    def ratio(some):
        return statistics.median(a for a, _ in some) / statistics.median(b for _, b in some)
    return ratio(pairs), interval_95(pairs, ratio)


def summarise(measured):
    """Adds medians, intervals and ratios to each server's record of its runs.

    Ratios are against the server that the record names in "against", or the first of BASES.
    """
    default = next((name for name in BASES for s in measured if s["name"] == name and s["runs"]),
                   None)
    for server in measured:
        runs = server["runs"]
        if not runs:
            continue
        against = server.get("against", default)
        base = next((s for s in measured if s["name"] == against and s["runs"]), None)
        cost = [run["cpu_us"] for run in runs]
        server["us_per_query"] = statistics.median(cost)
        server["us_per_query_95"] = interval_95(cost)
        server["us_per_query_range"] = (min(cost), max(cost))
        server["user_us"] = statistics.median(run["user_us"] for run in runs)
        server["kqps"] = statistics.median(run["qps"] for run in runs) / 1e3
        server["lost"] = sum(run["lost"] for run in runs)
        server["answered"] = sum(run["answered"] for run in runs)
        if base is not None:
            ratio, spread = ratio_of(cost, [run["cpu_us"] for run in base["runs"]])
            server["ratio"], server["ratio_95"] = ratio, spread
            server["ratio_to"] = base["name"]


def _number(value, form):
    return "-" if value is None else format(value, form)


def _line(server):
    low, high = server["us_per_query_95"]
    least, most = server["us_per_query_range"]
    ratio = "-"
    if "ratio" in server:
        ratio = f"{server['ratio']:.2f} [{server['ratio_95'][0]:.2f}-{server['ratio_95'][1]:.2f}]"
    pace = server.get("latency") or {}
    return (server["name"], server["version"], f"{server['us_per_query']:.3f}",
            f"[{low:.3f}-{high:.3f}]", f"{least:.2f}-{most:.2f}", f"{server['user_us']:.2f}",
            ratio, f"{server['kqps']:.0f}", str(server["lost"]),
            f"{_number(pace.get('p50_us'), '.0f')}/{_number(pace.get('p99_us'), '.0f')}",
            _number(server["memory_mb"], ".1f"), _number(server["start_s"], ".2f"))


def table(row):
    """A row of the benchmark (one workload, every server) as text."""
    good = [s for s in row["servers"] if s["runs"] and not s["fault"]]
    bases = {s["ratio_to"] for s in good if "ratio_to" in s}
    base = bases.pop() if len(bases) == 1 else "its own x1" if bases else None
    heads = ("server", "version", "us/query", "95 %", "min-max", "user",
             f"x {base} [95 %]" if base else "ratio", "kq/s", "lost", "p50/p99 us", "PSS MB",
             "start s")
    lines = [heads] + [_line(s) for s in sorted(good, key=lambda s: s["us_per_query"])]
    widths = [max(len(line[i]) for line in lines) for i in range(len(heads))]
    text = [f"{row['title']}: median of {row['rounds']} interleaved runs of {row['seconds']:g} s"]
    for line in lines:
        text.append("  " + "  ".join(
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(line, widths))).rstrip())
    text += [f"  {s['name']}: VOID, {s['fault']}" for s in row["servers"] if s["fault"]]
    text += [f"  {name}: not measured, {reason}" for name, reason in row["missing"].items()]
    return "\n".join(text)
