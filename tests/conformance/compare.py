#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who differs on which rule: the table of rule cases against horizon and the peers installed here.

    compare.py                     one line a case on which somebody differs, then a count
    compare.py --all               every case
    compare.py --servers knot,nsd  only these
    compare.py --only SUBSTRING    only cases whose name or RFC holds it; shows what came back
    compare.py --pairs 20000       then the generated zones too: how many answers of each server
                                   differ from the oracle's, and why
    compare.py --check             exit 1 if a peer differs without a written reason, a written
                                   reason no longer holds, or a case passes nowhere

    =  the rule holds     ~  differs, and the table says why     X  differs without a reason
    -  not installed
"""

import argparse
import pathlib
import sys
import tempfile

import differential
import servers
import wire
import zones
from rules import TABLE, run

KINDS = ("horizon", "knot", "nsd", "named")
SILENT = "no reply"  # NSD leaves one in twenty FORMERRs over UDP unsent; it is asked again
PATIENCE_S = 0.7  # some peers answer malformed queries with silence, and there are many


def play_table(kind, folder, table):
    """Case id → problems over all its transports, for one server."""
    found = zones.all_zones(folder)
    results = {}
    with servers.start(kind, found, zones.required(found)) as server:
        for one in table:
            problems = []
            for via in one.via:
                found_now = run(one, server.address, via)
                if kind == "nsd" and via == "udp" and SILENT in "".join(found_now):
                    found_now = run(one, server.address, via)
                problems += [f"{via}: {text}" for text in found_now]
            results[one.id] = problems
            if not server.alive():
                raise servers.ServerError(f"{kind} ended after {one.id}:\n{server.log_tail()}")
    return results


def mark(one, kind, problems):
    if not problems:
        return "="
    return "~" if kind in one.differs else "X"


def reasons(one, results):
    """The written reasons of the peers that differ."""
    return "; ".join(f"{kind}: {one.differs[kind]}" for kind in results
                     if kind in one.differs and results[kind][one.id])


def findings(table, results):
    """What --check complains about."""
    for one in table:
        for kind, answers in results.items():
            if kind == "horizon":
                continue
            if answers[one.id] and kind not in one.differs:
                yield f"{one.id}: {kind} differs without a reason: {answers[one.id]}"
            if not answers[one.id] and kind in one.differs:
                yield f"{one.id}: {kind} no longer differs, the reason is stale"
        peers = [kind for kind in results if kind != "horizon"]
        if peers and all(results[kind][one.id] for kind in peers):
            if set(peers) - set(one.differs):
                yield f"{one.id}: passes on no peer"


def compare_generated(pairs, seed, kinds):
    """Ask horizon, Knot and NSD about generated zones; print why they differ from the oracle."""
    counts, unexplained, asked, start = {}, [], 0, 0
    while asked < pairs:
        with tempfile.TemporaryDirectory(prefix="horizon-compare-") as folder:
            questions, paths = differential.batch(seed, start, differential.WORLDS_A_START, 80,
                                                  pathlib.Path(folder))
            for kind in (kind for kind in kinds if kind != "named"):
                for one in differential.compare_server(kind, questions, paths):
                    why = differential.explain(one)
                    counts[kind, why] = counts.get((kind, why), 0) + 1
                    if why is None:
                        unexplained.append(one.show())
        asked += len(questions)
        start += differential.WORLDS_A_START
    print(f"{asked} questions about generated zones, seed {seed}")
    for (kind, why), count in sorted(counts.items(), key=str):
        print(f"{count:8} {kind}: {why or 'UNEXPLAINED'}")
    print("\n\n".join(unexplained[:10]))
    return [f"{len(unexplained)} unexplained differences on generated zones"] if unexplained else []


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--servers", default=",".join(KINDS))
    parser.add_argument("--only", default="")
    parser.add_argument("--pairs", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1034)
    options = parser.parse_args()
    wire.REPLY_LIMIT_S = PATIENCE_S
    table = [one for one in TABLE if options.only in one.id or options.only in one.rfc]
    results = {}
    with tempfile.TemporaryDirectory(prefix="horizon-compare-") as folder:
        for kind in options.servers.split(","):
            if servers.binary(kind):
                results[kind] = play_table(kind, folder, table)
            else:
                print(f"{kind}: not installed here", file=sys.stderr)
    print(f"{'case':38}{'RFC':46}" + "".join(f"{kind:>9}" for kind in KINDS))
    for one in table:
        marks = [mark(one, kind, results[kind][one.id]) if kind in results else "-"
                 for kind in KINDS]
        if options.all or options.only or set(marks) - set("=-"):
            print(f"{one.id:38}{one.rfc[:44]:46}" + "".join(f"{text:>9}" for text in marks)
                  + "   " + reasons(one, results))
            for kind in results:
                if results[kind][one.id] and (options.only or kind not in one.differs):
                    print("\n".join(f"      {kind}: {text}" for text in results[kind][one.id]))
    complaints = list(findings(table, results))
    for kind, answers in results.items():
        held = sum(not problems for problems in answers.values())
        print(f"{kind}: {held} of {len(table)} rules hold")
    if options.pairs:
        complaints += compare_generated(options.pairs, options.seed, list(results))
    if options.check:
        print("\n".join(complaints) or "every difference of a peer has its reason")
    return 1 if options.check and complaints else 0


if __name__ == "__main__":
    sys.exit(main())
