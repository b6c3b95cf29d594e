#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many instructions an answer takes, against what was accepted before.

    bench/instructions.py                      counts, and compares with bench/instructions.json
    bench/instructions.py --accept "reason"    makes what was counted the new baseline, and why

Counts come from callgrind and repeat to the instruction, so that a busy machine does not matter. A
baseline belongs to one compiler, level of optimization and architecture. Exit status: 0 as before
or cheaper, 1 dearer by more than 5 % or nothing to compare with, 2 usage or tools missing.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
BASELINE = ROOT / "bench" / "instructions.json"
TOLERANCE = 0.05
COUNTED = "batch_ask"  # the function of bench/instructions.c
# One choice of memcpy and its like for every processor.
PLAIN_LIBC = {"GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-AVX2_Usable,-ERMS,-FSRM"}
TIMEOUT_S = 300


class Missing(Exception):
    """Something that counting needs is not there; the text says what to do."""


def count(program):
    """(build, {case: instructions a query}) of one run under callgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise Missing("valgrind is not installed: apt-get install valgrind")
    if not os.access(program, os.X_OK):
        raise Missing(f"{program} is not built: run `make build` first")
    with tempfile.TemporaryDirectory(prefix="horizon-instructions-") as folder:
        done = subprocess.run(
            [valgrind, "--tool=callgrind", f"--callgrind-out-file={folder}/count",
             "--collect-atstart=no", f"--toggle-collect={COUNTED}", f"--dump-after={COUNTED}",
             program], capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
            env={**os.environ, **PLAIN_LIBC})
        if done.returncode != 0:
            raise Missing(f"{program} failed under callgrind: {done.stderr[-2000:]}")
        build = re.search(r"^build (.+)$", done.stdout, re.M).group(1)
        counted = {}
        cases = re.findall(r"^case (.+) (\d+)$", done.stdout, re.M)
        for number, (name, queries) in enumerate(cases, 1):
            dump = pathlib.Path(folder, f"count.{number}").read_text(encoding="utf-8")
            total = int(re.search(r"^totals: (\d+)$", dump, re.M).group(1))
            counted[name] = round(total / int(queries))
    return build, counted


def baseline_read(path=BASELINE):
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def baseline_accept(baseline, build, counted, why):
    """The baseline with the counts of this build; a case that did not change keeps its reason."""
    before = baseline.get(build, {})
    rows = {name: before[name] if before.get(name, {}).get("instructions") == instructions
            else {"instructions": instructions, "why": why}
            for name, instructions in counted.items()}
    return {**baseline, build: rows}


def compare(baseline, build, counted):
    """(faults, reminders) as sentences."""
    accept = 'bench/instructions.py --accept "why it may cost that"'
    if build not in baseline:
        return [f"no baseline for {build}, only for {', '.join(baseline) or 'nothing'}; "
                f"look at the figures, then add one: {accept}"], []
    faults, reminders = [], []
    for name in {**baseline[build], **counted}:
        was, now = baseline[build].get(name, {}).get("instructions"), counted.get(name)
        if now is None or was is None:
            missing = "is not counted any more" if now is None else "has no baseline"
            faults.append(f"{name}: {missing}; {accept}")
        elif now > was * (1 + TOLERANCE):
            faults.append(f"{name}: {now} instructions a query, {was} before "
                          f"({now / was - 1:+.1%}); mend it, or if it is worth it: {accept}")
        elif now < was * (1 - TOLERANCE):
            reminders.append(f"{name}: {now} instructions a query, {was} before "
                             f"({now / was - 1:+.1%}); hold on to it: {accept}")
    return faults, reminders


def table(baseline, build, counted):
    known = baseline.get(build, {})
    lines = [f"instructions a query, {build}", f"  {'case':18}{'now':>8}{'before':>8}"]
    for name, instructions in counted.items():
        was = known.get(name, {}).get("instructions", "-")
        lines.append(f"  {name:18}{instructions:>8}{was:>8}  {known.get(name, {}).get('why', '')}")
    return "\n".join(line.rstrip() for line in lines)


def main():
    parser = argparse.ArgumentParser(description="Count the instructions an answer takes.")
    parser.add_argument("--accept", metavar="WHY", help="make the counts the baseline, and why")
    parser.add_argument("--build", default=os.environ.get("HORIZON_BUILD", ROOT / "build"),
                        help="the build folder (build)")
    options = parser.parse_args()
    if options.accept is not None and not options.accept.strip():
        parser.error("--accept needs a reason")
    try:
        build, counted = count(pathlib.Path(options.build, "bench", "instructions"))
    except Missing as missing:
        print(f"instructions: {missing}", file=sys.stderr)
        sys.exit(2)
    baseline = baseline_read()
    print(table(baseline, build, counted))
    if options.accept is not None:
        baseline = baseline_accept(baseline, build, counted, options.accept.strip())
        BASELINE.write_text(json.dumps(baseline, indent=1) + "\n", encoding="utf-8")
        return
    faults, reminders = compare(baseline, build, counted)
    for line in faults + reminders:
        print(line, file=sys.stderr)
    sys.exit(1 if faults else 0)


if __name__ == "__main__":
    main()
