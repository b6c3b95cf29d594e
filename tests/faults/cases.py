# SPDX-License-Identifier: GPL-3.0-or-later
"""Which calls are made to fail, one run each, on both cores; and what comes of it.

A run is a function of (world, page, number, persisting) that raises AssertionError when horizon did
not stand up to the fault, and returns how it went: a word to be counted.
"""

import collections
import concurrent.futures
import os
import pathlib
import queue
import signal
import tempfile
import time

from faults import Page
from world import World

FULL = os.environ.get("HORIZON_TEST_LENGTH") == "full"
RUNNERS = min(2, os.cpu_count() or 1)
FAILURES_TOLD = 12

# Where a library below ends the process when a call of its own fails, and nothing above can keep it
# from that. A run that ends by this signal, with this library and function in the trace of the
# fault, is counted as excepted and printed. All of them happen before anything is served.
Excepted = collections.namedtuple("Excepted", "library function signal why")
EXCEPTIONS = (
    Excepted("libuv", "uv_loop_init", signal.SIGABRT,
             "makes the pipe for signals once a process, and calls abort() when it cannot"),
    Excepted("libc", "getpwnam", signal.SIGSEGV,
             "nss_database.c uses its state without looking whether there was memory for it"),
    Excepted("libc", "getpwnam", signal.SIGABRT,
             "nss_database.c asserts that its first reading of nsswitch.conf succeeds"),
)


def excepted(trace, status):
    """The row of the table that explains an end by a signal, if one does."""
    for row in EXCEPTIONS:
        if status == -row.signal and any(
                row.library in line and row.function in line for line in trace.splitlines()):
            return row
    return None


def numbers(total, samples):
    """1 ... total and some more in the full run, spread over it in the short one."""
    if FULL or total <= samples:
        return list(range(1, total + 1))
    return sorted({1, 2, 3} | {1 + round(i * (total - 1) / (samples - 1)) for i in range(samples)})


class Runner:
    """Folders, pages and worlds for the runs that go on side by side."""

    def __init__(self, user=None):
        self.user = user
        self.free = queue.Queue()
        self.all = []
        for _ in range(RUNNERS):
            folder = tempfile.TemporaryDirectory(prefix="horizon-faults-")
            world = World(pathlib.Path(folder.name), user)
            page = Page(world.folder / "page")
            self.all.append((folder, world, page))
            self.free.put((world, page))

    def close(self):
        for folder, world, _ in self.all:
            world.close()
            folder.cleanup()

    def one(self, run, kind, number, persisting):
        """(what came of it, how many calls there were, whether the fault happened)"""
        world, page = self.free.get()
        try:
            word = run(world, page, kind, number, persisting)
            return word, page.count, page.failed > 0
        except AssertionError as error:
            trace = page.trace + "\n" + page.ended
            row = excepted(trace, getattr(error, "status", None))
            if row:
                word = f"ended by {row.library} {row.function} ({row.signal.name}: {row.why})"
                return word, page.count, True
            mode = "all from" if persisting else "call"
            raise AssertionError(f"{kind}, {mode} {number}: {error}\n{trace}") from None
        finally:
            page.disarm()
            self.free.put((world, page))

    def every(self, run, kind, samples):
        """All runs of one kind; returns what came of them, counted, or fails with what went wrong."""
        began = time.monotonic()
        _, total, _ = self.one(run, kind, 0, False)
        words, failures = collections.Counter(), []
        with concurrent.futures.ThreadPoolExecutor(RUNNERS) as pool:
            futures = [pool.submit(self.one, run, kind, number, persisting)
                       for number in numbers(total, samples) for persisting in (False, True)]
            for future in futures:
                try:
                    words[future.result()[0]] += 1
                except AssertionError as error:
                    failures.append(str(error))
        # The number of calls varies from run to run: on until one no longer comes.
        number, reached = total, FULL and total > 0
        while reached:
            number += 1
            try:
                word, _, reached = self.one(run, kind, number, False)
                words[word] += 1
            except AssertionError as error:
                failures.append(str(error))
        told = ", ".join(f"{count} {word}" for word, count in sorted(words.items()))
        print(f"\n{kind}: {total} calls, {sum(words.values()) + len(failures)} runs in "
              f"{time.monotonic() - began:.1f} s: {told}, {len(failures)} failed")
        assert not failures, "\n\n".join(failures[:FAILURES_TOLD])
        return words
