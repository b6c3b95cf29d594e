# SPDX-License-Identifier: GPL-3.0-or-later
"""The examples of README and docs/start are executed: what a page shows is what the executable does.

A page is one session in an empty folder, with the checkout's examples beside it and the executable
as `horizon` and as `build/horizon`. Its fenced blocks:

    ```console           `$ command`, then lines that its output must have, in this order. Blanks
                         count as one; `...` stands for anything. A command that ends in `&` runs
                         in the background until the page ends, and is waited for by its lines. A
                         command that shows no output must succeed.
    ```yaml file=NAME    is written to NAME before what follows (any language)

Other blocks are only read. Port 5300 of the page becomes a port that is free here.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import time

import pytest
import reference

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1]))
from ports import free_port  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
BINARY = os.environ.get("HORIZON_BIN") or str(ROOT / "build" / "horizon")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs/start").glob("*.md"))]
LIMIT_S = 60
END = "the command is over:"


def read_blocks(text):
    """(line, info string, content) of each fenced block."""
    blocks, info, first, lines = [], None, 0, []
    for number, line in enumerate(text.splitlines(), 1):
        if info is None and line.startswith("```"):
            info, first, lines = line[3:].strip(), number + 1, []
        elif info is not None and line == "```":
            blocks.append((first, info, "\n".join(lines) + "\n"))
            info = None
        elif info is not None:
            lines.append(line)
    assert info is None, f"the block in line {first} does not end"
    return blocks


def read_commands(first, content):
    """(line, command, lines of output that are shown) of a console block."""
    commands = []
    for number, line in enumerate(content.splitlines(), first):
        if line.startswith("$ "):
            commands.append((number, line[2:], []))
        elif line.strip():
            assert commands, f"line {number}: output before the first command"
            commands[-1][2].append(line)
    return commands


def missing_line(shown, output):
    """The first shown line that the output does not have at its place, or None."""
    rest = [" ".join(line.split()) for line in output.splitlines()]
    for line in shown:
        wanted = " ".join(line.split())
        if wanted == "...":
            continue
        pattern = re.compile(".*".join(re.escape(part) for part in wanted.split("...")))
        found = next((i for i, line in enumerate(rest) if pattern.fullmatch(line)), None)
        if found is None:
            return wanted
        del rest[:found + 1]
    return None


class Session:
    """One shell for a page, and what it left in the background."""

    def __init__(self, folder, port):
        self.folder = folder
        self.background = []
        (folder / "build").mkdir()
        (folder / "bin").mkdir()
        (folder / "build/horizon").symlink_to(BINARY)
        (folder / "bin/horizon").symlink_to(BINARY)
        shutil.copytree(ROOT / "examples", folder / "examples")
        for path in (folder / "examples").rglob("*.yaml"):
            path.write_text(path.read_text(encoding="utf-8").replace("5300", port))
        environment = {**os.environ, "PATH": f"{folder}/bin:{os.environ['PATH']}",
                       "LC_ALL": "C.UTF-8", "HOME": str(folder)}
        self.shell = subprocess.Popen(
            ["/bin/bash"], cwd=folder, env=environment, text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True)

    def run(self, command):
        """(exit status, output); the shell keeps its variables, $? included."""
        self.shell.stdin.write(f"{command}\n__status=$?; echo; echo '{END}' $__status; "
                               "(exit $__status)\n")
        self.shell.stdin.flush()
        lines = []
        for line in self.shell.stdout:
            if line.startswith(END):
                return int(line.split()[-1]), "".join(lines)
            lines.append(line)
        raise AssertionError(f"the shell ended in '{command}'")

    def start(self, command, shown):
        """A command that ends in '&': until its lines are there."""
        log = self.folder / f"background{len(self.background)}.log"
        self.background.append(log)
        self.run(f"{command.rstrip('& ')} >{log} 2>&1 &")
        end = time.monotonic() + LIMIT_S
        while (missing := missing_line(shown, log.read_text() if log.exists() else "")):
            assert time.monotonic() < end, (missing, log.read_text())
            time.sleep(0.02)

    def close(self):
        # Everything the page started is in the shell's own process group.
        os.killpg(self.shell.pid, signal.SIGTERM)
        try:
            self.shell.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self.shell.pid, signal.SIGKILL)
            self.shell.wait()
        self.shell.stdin.close()
        self.shell.stdout.close()


def run_page(text, folder, name):
    """Runs a page's blocks in order; how many commands there were."""
    count = 0
    port = str(free_port())
    text = text.replace("5300", port)
    session = Session(folder, port)
    try:
        for first, info, content in read_blocks(text):
            file = re.search(r"file=(\S+)", info)
            if file:
                path = folder / file.group(1)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(content)
            for number, command, shown in read_commands(first, content) if info == "console" else []:
                count += 1
                where = f"{name}:{number}: $ {command}"
                if command.endswith("&"):
                    session.start(command, shown)
                    continue
                status, output = session.run(command)
                missing = missing_line(shown, output)
                assert missing is None, f"{where}\nno line '{missing}' in\n{output}"
                assert shown or status == 0, f"{where}\nexit status {status}\n{output}"
    finally:
        session.close()
    return count


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page_shows_what_happens(page, tmp_path):
    assert run_page(page.read_text(encoding="utf-8"), tmp_path, page.name) > 0


@pytest.mark.parametrize("block, wrong", [
    ("$ echo one\ntwo", "no line 'two'"),
    ("$ printf 'a\\nb\\n'\nb\na", "no line 'a'"),
    ("$ false", "exit status 1"),
    ("$ horizon chek\nnothing of the kind", "no line"),
])
def test_page_that_shows_something_else_is_noticed(block, wrong, tmp_path):
    with pytest.raises(AssertionError, match=wrong):
        run_page(f"```console\n{block}\n```\n", tmp_path, "page")


def test_links_between_pages_lead_somewhere():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md"),
             *(ROOT / "src").rglob("*.md"), ROOT / "tests/conformance/README.md",
             ROOT / "bench/README.md"]
    broken = []
    for page in pages:
        for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text(encoding="utf-8")):
            path = target.partition("#")[0]
            if path and "://" not in target and not (page.parent / path).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert len(pages) > 10 and broken == []


def test_reference_tables_are_those_of_the_code():
    found = list(reference.pages())
    names = {name for _, text, _ in found for name in re.findall(r"<!-- rows: (\w+) -->", text)}
    assert names == set(reference.ROWS)
    stale = [path.name for path, text, new in found if text != new]
    assert stale == [], "run tests/docs/reference.py --write"


@pytest.mark.parametrize("name", sorted(reference.ROWS))
def test_reference_tables_have_rows(name):
    lines = reference.ROWS[name]().splitlines()
    assert len(lines) > 10 and all(line.count("|") >= 3 for line in lines)


def test_command_page_has_every_command():
    page = (ROOT / "docs/reference/command-line.md").read_text(encoding="utf-8")
    source = (ROOT / "src/cli/command.c").read_text(encoding="utf-8")
    commands = re.findall(r'^    \{"([a-z ]+)", "', source, re.MULTILINE)
    assert len(commands) > 8
    assert [name for name in commands if f"## horizon {name}" not in page] == []
