# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example is whole, can be served, and answers what its file `expected` says."""

import re
import shutil

import daemons
import pytest
from daemons import ROOT, run, run_json

EXAMPLES = sorted(path.parent for path in (ROOT / "examples").glob("*/expected"))
NAMES = [path.name for path in EXAMPLES]


def source_words(example):
    """How the example is given to a command: its configuration, or flags alone."""
    config = example / "horizon.yaml"
    if config.exists():
        return ["--config", config]
    return ["--zone", f"example.com={example / 'example.com.zone'}"]


def expectations(example):
    """(client, name, type, answers, listener) of each line; a column is divided by two blanks."""
    for line in (example / "expected").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            client, name, kind, rest = line.split(None, 3)
            answer, *listener = re.split(r"\s{2,}", rest.strip())
            yield client, name, kind, answer, (listener or [None])[0]


def test_every_example_has_expectations():
    folders = [path for path in (ROOT / "examples").iterdir() if path.is_dir()]
    assert sorted(folders) == EXAMPLES and len(EXAMPLES) >= 4


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_example_passes_its_check(example, folder):
    shutil.copytree(example, folder, dirs_exist_ok=True)
    config = folder / "horizon.yaml"
    if config.exists():  # this machine need not have the user that the example's machine has
        config.write_text(re.sub(r"^  user:.*\n", "", config.read_text(), flags=re.M))
    told = run_json("check", *source_words(folder))
    assert told["errors"] == 0, told
    assert all("not internal" in item["text"] or example.name == "flags"
               for item in told["findings"]), told["findings"]


def answer_of(told, kind):
    if told["reply"]["rcode"] != "NOERROR":
        return told["reply"]["rcode"]
    answers = [record["data"] for record in told["reply"]["answer"] if record["type"] == kind]
    return " ".join(answers if len(answers) == 1 else sorted(answers))


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_example_answers_as_expected(example):
    for client, name, kind, answer, listener in expectations(example):
        words = ["--listener", listener] if listener else []
        told = run_json("explain", name, kind, "--from", client, *source_words(example), *words)
        assert answer_of(told, kind) == answer, (client, name, kind)


@pytest.mark.parametrize("example", EXAMPLES, ids=NAMES)
def test_example_can_be_served(example, start, folder):
    shutil.copytree(example, folder / "it")
    config = folder / "it" / "horizon.yaml"
    if not config.exists():
        daemon = start(zones={"example.com": "it/example.com.zone"})
    else:
        text = re.sub(r"^  (user|control):.*$", "", config.read_text(), flags=re.M)
        text = re.sub(r"192\.0\.2\.53:53|127\.0\.0\.1:5300", "127.0.0.1:PORT", text)
        text = re.sub(r"10\.0\.0\.53:53", f"127.0.0.1:{daemons.free_port()}", text)
        text = re.sub(r"\[[^]]*\]:(5300|53)", f"[::1]:{daemons.free_port()}", text)
        (folder / "it" / "horizon.yaml").write_text(text)
        daemon = start(text, place=folder / "it")
    assert daemon.ask("example.com", "SOA").answer, daemon.log
    states = {zone["state"] for zone in daemon.run_json("status")["zones"]}
    assert states == {"loaded"}, daemon.log


def test_serve_line_of_the_flags_example_is_the_one_that_works():
    text = (ROOT / "examples/flags/README.md").read_text()
    line = re.search(r"horizon (serve .*)", text).group(1)
    words = line.replace("--listen 127.0.0.1:5300", "").split()[1:]
    done = run("check", *words, cwd=ROOT)
    assert done.returncode == 0, done.stderr
