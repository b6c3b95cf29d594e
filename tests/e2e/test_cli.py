# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: words, help, exit statuses, JSON, and what it says when something is wrong."""

import json
import re
import shutil
import subprocess

import daemons
import pytest
from daemons import run, run_json, zone_text

COMMANDS = ["serve", "check", "explain", "query", "reload", "status", "completion", "version", "help"]


def test_no_words_show_the_commands_and_are_a_usage_error():
    done = run()
    assert done.returncode == 2
    assert all(command in done.stdout for command in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_is_short_and_has_every_option(command):
    done = run("help", command)
    assert done.returncode == 0
    assert len(done.stdout.splitlines()) <= 24
    assert "--json" in done.stdout
    assert run(command, "--help").stdout == done.stdout


@pytest.mark.parametrize("words, answer", [
    (["chek"], "did you mean 'check'"),
    (["statsu"], "did you mean 'status'"),
    (["zzzzzz"], "unknown command"),
    (["explain", "x", "--form", "1.2.3.4"], "did you mean --from"),
    (["explain"], "needs NAME"),
    (["explain", "a.example"], "--from"),
    (["explain", "a", "A", "b"], "too many"),
    (["explain", "a", "--from"], "needs ADDR"),
    (["status", "--json=yes"], "takes no value"),
    (["status", "-x"], "unknown option"),
    (["serve"], "--config"),
    (["serve", "--ap", "127.0.0.1:1"], "did you mean --api"),
    (["serve", "--data"], "needs DIR"),
    (["completion", "tcsh"], "tcsh"),
    (["query", "a..b"], "not a domain name"),
    (["query", "a", "NONSENSE"], "not a record type"),
    (["query", "a", "--at", "1.2.3.4:99999"], "ADDR:PORT"),
    (["serve", "--listen", "1:99999", "--zone", "a=b"], "--listen"),
    (["serve", "--listen", "127.0.0.1:0", "--zone", "a"], "file missing"),
    (["serve", "--listen", "127.0.0.1:0", "--zone", "a=b", "--workers", "9999"], "0 to"),
    (["serve", "--config", "x", "--workers", "two"], "0 to"),
    (["explain", "a", "--from", "1.2.3.4", "--zone", "a"], "file missing"),
    (["view"], "needs another word"),
    (["view", "dif"], "did you mean 'view diff'"),
    (["reference", "manaul"], "did you mean 'reference manual'"),
])
def test_usage_errors_say_what_is_meant(words, answer):
    done = run(*words)
    assert done.returncode == 2, done
    assert answer in done.stderr
    assert done.stdout == ""
    at = len(words) - 1 if words[-1].startswith("-") else len(words)
    done = run(*words[:at], "--json", *words[at:])
    assert done.returncode == 2 and done.stderr == ""
    told = json.loads(done.stdout)["error"]
    assert set(told) == {"field", "reason", "mend"}
    assert answer in told["reason"] or answer in told["mend"]


def test_version():
    assert re.fullmatch(r"horizon \d+\.\d+\.\d+\n", run("version").stdout)
    assert run("--version").stdout == run("version").stdout
    assert "version" in run_json("version")


def test_nobody_there_is_told_with_the_mend(folder):
    socket = str(folder / "none.sock")
    done = run("status", "--server", socket)
    assert done.returncode == 1
    assert f"no horizon answers at {socket}" in done.stderr and "serve" in done.stderr
    assert "--config" in run("explain", "a", "--from", "1.2.3.4", "--server", socket).stderr
    told = run_json("status", "--server", socket, status=1)
    assert socket in told["error"]["reason"]


def test_check_is_quiet_about_a_good_configuration(folder):
    (folder / "good.zone").write_text(zone_text())
    done = run("check", "--zone", f"example.com={folder}/good.zone")
    assert (done.returncode, done.stderr) == (0, "")
    assert "0 errors, 0 warnings" in done.stdout


def test_check_names_file_line_and_mend(folder):
    (folder / "z").write_text(zone_text(more="www CNAME ns1\n"))
    (folder / "h.yaml").write_text(
        "server:\n  lisen: [127.0.0.1:5300]\nzones:\n  - {zone: example.com, file: z}\n")
    done = run("check", folder / "h.yaml")
    assert done.returncode == 1
    assert f"{folder}/h.yaml:2:3: error:" in done.stderr and "listen" in done.stderr
    (folder / "h.yaml").write_text(
        "server:\n  listen: [127.0.0.1:5300]\nzones:\n  - {zone: example.com, file: z}\n")
    done = run("check", folder / "h.yaml")
    assert done.returncode == 1
    assert re.search(r"/z:\d+: error: .*CNAME", done.stderr), done.stderr
    told = run_json("check", folder / "h.yaml", status=1)
    assert not told["ok"] and told["errors"] >= 1
    finding = next(item for item in told["findings"] if item["severity"] == "error")
    assert finding["file"] == f"{folder}/z" and finding["line"] > 0


def test_check_of_a_missing_zone_file(folder):
    (folder / "h.yaml").write_text(
        "server:\n  listen: [127.0.0.1:5300]\nzones:\n  - {zone: example.com, file: none}\n")
    done = run("check", folder / "h.yaml")
    assert done.returncode == 1
    assert done.stderr.count("error:") == 1 and f"{folder}/h.yaml:4:5: error:" in done.stderr, done
    assert f"zone file {folder}/none cannot be read" in done.stderr
    told = run_json("check", "--zone", f"example.com={folder}/none", status=1)
    assert told["errors"] == 1


def test_check_tells_missing_files_beside_other_errors(folder):
    (folder / "h.yaml").write_text(
        "server:\n  lisen: [127.0.0.1:5300]\nzones:\n  - {zone: example.com, file: none}\n")
    told = run_json("check", folder / "h.yaml", status=1)
    lines = [finding["line"] for finding in told["findings"]]
    assert {2, 4} <= set(lines) and lines == sorted(lines), told
    assert lines.count(4) == 1


def test_check_of_one_missing_zone_file_still_reads_the_others(folder):
    (folder / "bad").write_text(zone_text(more="www CNAME ns1\n"))
    (folder / "h.yaml").write_text(
        "server:\n  listen: [127.0.0.1:5300]\nzones:\n  - {zone: example.com, file: none}\n"
        "  - {zone: example.net, file: bad}\n")
    told = run_json("check", folder / "h.yaml", status=1)
    assert sorted(finding["file"] for finding in told["findings"]) == [
        f"{folder}/bad", f"{folder}/h.yaml"], told
    assert [zone["state"] for zone in told["zones"]] == ["unloaded", "unloaded"]


@pytest.mark.parametrize("option", ["user", "group"])
def test_check_finds_a_user_that_does_not_exist(folder, option):
    (folder / "z").write_text(zone_text())
    (folder / "h.yaml").write_text(
        f"server:\n  listen: [127.0.0.1:5300]\n  {option}: no-such-one\n"
        "zones:\n  - {zone: example.com, file: z}\n")
    done = run("check", folder / "h.yaml")
    assert done.returncode == 1
    assert f"there is no {option} 'no-such-one'" in done.stderr and f"server.{option}" in done.stderr


@pytest.mark.parametrize("words", [["check"], ["serve", "--config"]])
def test_a_missing_configuration_is_told_with_the_mend(folder, words):
    done = run(*words, folder / "none.yaml")
    assert done.returncode == 1
    assert "none.yaml: " in done.stderr
    assert "there is no such file; create it, or correct the path" in done.stderr


def test_explain_of_a_broken_configuration_is_one_document(folder):
    (folder / "h.yaml").write_text("server: 7\n")
    told = run_json("explain", "a", "--from", "1.2.3.4", "--config", folder / "h.yaml", status=1)
    assert told["error"]["field"] == "config" and "h.yaml:1" in told["error"]["reason"]


@pytest.mark.parametrize("name, kind, ttl", [
    ("www", "A", 300),          # the answer's own
    ("nothing", "A", 60),       # NXDOMAIN: the SOA's MINIMUM
    ("www", "MX", 60),          # no data
    ("chain", "A", 60),         # an alias of a name that is not there
    ("chain", "CNAME", 300),
    ("short", "A", 20),         # the alias is the shorter one
    ("@", "SOA", 300),          # not a negative answer
])
def test_explain_tells_how_long_caches_may_keep_it(folder, name, kind, ttl):
    (folder / "z").write_text(zone_text(more="chain CNAME gone\nshort 20 CNAME gone\n"))
    full = "example.com" if name == "@" else f"{name}.example.com"
    words = ["explain", full, kind, "--from", "10.0.0.1", "--zone", f"example.com={folder}/z"]
    assert run_json(*words)["ttl"] == ttl
    assert f"{ttl} s: caches may keep" in run(*words).stdout


def test_explain_works_without_a_daemon(folder):
    (folder / "z").write_text(zone_text(more="*.wild A 192.0.2.9\n"))
    told = run_json("explain", "a.b.wild.example.com", "A", "--from", "10.0.0.1", "--zone",
                    f"example.com={folder}/z")
    assert told["kind"] == "positive"
    assert "wildcard" in [step["step"] for step in told["steps"]]
    assert told["reply"]["answer"] == [
        {"name": "a.b.wild.example.com.", "ttl": 300, "type": "A", "data": "192.0.2.9"}]


@pytest.mark.parametrize("words, field", [
    (["explain", "a..b", "--from", "10.0.0.1"], "name"),
    (["explain", "a", "NONSENSE", "--from", "10.0.0.1"], "type"),
    (["explain", "a", "--from", "10.0.0.300"], "from"),
    (["explain", "a", "--from", "10.0.0.1", "--listener", "nobody"], "listener"),
    (["explain", "a", "--from", "10.0.0.1", "--subnet", "10.0.0.1/8"], "subnet"),
])
def test_explain_refuses_nonsense_alike_online_and_offline(plain, folder, words, field):
    online = plain.run_json(*words, status=2)
    offline = run_json(*words, "--zone", f"example.com={folder}/example.com.zone", status=2)
    assert online == offline
    assert online["error"]["field"] == field and online["error"]["mend"]


def test_status_for_people_and_for_programs(plain):
    plain.ask("www.example.com")
    text = plain.run("status").stdout
    assert "example.com." in text and "loaded" in text and "queries_udp" in text
    told = plain.run_json("status")
    assert told["zone_count"] == {"total": 1, "loaded": 1, "unloaded": 0, "stale": 0, "held": 0}
    assert told["listeners"][0]["address"] == f"127.0.0.1:{plain.port}"
    assert told["generation"] >= 1 and told["revision"] >= 1
    assert told["memory"]["live_bytes"] > 0


def test_query_shows_the_reply(plain):
    text = plain.run("query", "www.example.com").stdout
    assert "NOERROR" in text and "192.0.2.80" in text
    told = plain.run_json("query", "www.example.com", "SOA", "--tcp")
    assert told["transport"] == "tcp"
    assert told["reply"]["authority"][0]["type"] == "SOA"
    asked = run_json("query", "nothing.example.com", "--at", f"127.0.0.1:{plain.port}")
    assert asked["reply"]["rcode"] == "NXDOMAIN"


def test_query_goes_over_to_tcp_when_truncated(start):
    lines = "".join(f"big TXT {'x' * 200}{i}\n" for i in range(20))
    daemon = start(zones={"example.com": "z"}, files={"z": zone_text(more=lines)})
    told = daemon.run_json("query", "big.example.com", "TXT")
    assert told["transport"] == "tcp" and len(told["reply"]["answer"]) == 20


def test_query_without_an_answer_says_so(folder):
    done = run("query", "a.example", "--at", f"127.0.0.1:{daemons.free_port()}")
    assert done.returncode == 1 and "127.0.0.1" in done.stderr
    told = run_json("query", "a.example", "--at", "127.0.0.1:1", status=1)
    assert told["error"]["field"] == "at" and "127.0.0.1:1" in told["error"]["reason"]


def test_no_colour_without_a_terminal(plain):
    for words in (["status"], ["explain", "www.example.com", "--from", "127.0.0.1"]):
        assert "\033" not in plain.run(*words).stdout


def test_colour_on_a_terminal_unless_forbidden(plain):
    if not shutil.which("script"):
        pytest.fail("script(1) of bsdutils is missing")
    command = f"{daemons.BINARY} status --server {plain.socket}"
    for environment, coloured in (({"TERM": "xterm", "NO_COLOR": ""}, True),
                                  ({"TERM": "xterm", "NO_COLOR": "1"}, False),
                                  ({"TERM": "dumb", "NO_COLOR": ""}, False)):
        done = subprocess.run(["script", "-qec", command, "/dev/null"], capture_output=True,
                              text=True, env={**daemons.os.environ, **environment}, check=True)
        assert ("\033[" in done.stdout) == coloured, environment


def test_bash_completion_completes(folder):
    (folder / "c.bash").write_text(run("completion", "bash").stdout)
    script = f"""
        source {folder}/c.bash
        COMP_WORDS=(horizon ex) COMP_CWORD=1; _horizon; echo "${{COMPREPLY[@]}}"
        COMP_WORDS=(horizon explain --fr) COMP_CWORD=2; _horizon; echo "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["explain", "--from"], done


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_knows_every_command(shell):
    done = run("completion", shell)
    assert done.returncode == 0
    assert all(command in done.stdout for command in COMMANDS)


def test_serve_tells_its_state_as_json(folder):
    (folder / "z").write_text(zone_text())
    with subprocess.Popen(
        [daemons.BINARY, "serve", "--listen", "127.0.0.1:0", "--zone", f"example.com={folder}/z",
         "--control", f"{folder}/c.sock", "--json"], stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    ) as process:
        told = json.loads(process.stdout.readline())
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d*", told["listeners"][0]["address"])
        assert told["pid"] == process.pid
        process.terminate()
        assert process.wait(30) == 0


def test_serve_that_cannot_start_tells_it_as_json(folder):
    (folder / "h.yaml").write_text("server: 7\n")
    told = run_json("serve", "--config", folder / "h.yaml", status=1)
    assert told["error"]["field"] == "serve" and "did not start" in told["error"]["reason"]


def test_pages_in_the_tree_are_those_that_the_tables_give():
    manual = (daemons.ROOT / "docs/man/horizon.yaml.5").read_text()
    assert run("reference", "manual").stdout == manual
    commands = (daemons.ROOT / "docs/man/horizon.1").read_text()
    for command in run_json("help")["commands"]:
        assert ".Cm " + command["command"] in commands, command["command"]


def test_reference_page_has_every_section():
    page = run("reference", "configuration").stdout
    assert all(word in page for word in ("server", "listen", "views", "zones", "overlays"))


def test_unwritable_output_is_an_error():
    done = subprocess.run(f"{daemons.BINARY} help >/dev/full", shell=True, capture_output=True,
                          text=True, check=False)
    assert done.returncode == 1 and "cannot be written" in done.stderr


def test_unknown_address_of_the_control_socket(plain):
    status, body = control(plain.socket, "GET /v1/nothing")
    assert status == 404 and body["error"]["field"] == "path"


def control(path, request, body=b""):
    """(status, JSON) of one request, byte for byte ours."""
    import socket

    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        connection.settimeout(10)
        connection.connect(path)
        head = f"{request} HTTP/1.1\r\nHost: h\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode() + body)
        data = b""
        while part := connection.recv(65536):
            data += part
    head, _, text = data.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(text) if text else None


def test_control_socket_refuses_nonsense(plain):
    assert control(plain.socket, "POST /v1/status")[0] == 405
    assert control(plain.socket, "POST /v1/reload", b"not json")[0] == 400
    assert control(plain.socket, "POST /v1/reload", b"[]")[0] == 400
    assert control(plain.socket, "POST /v1/reload", b'{"accept": "x"}')[0] == 400
    assert control(plain.socket, "POST /v1/reload", b" " * 70000)[0] == 413
    assert control(plain.socket, "GET /v1/status")[0] == 200


def test_silent_connections_do_not_lock_others_out(plain):
    import socket

    silent = []
    for _ in range(20):
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        connection.connect(plain.socket)
        silent.append(connection)
    try:
        assert plain.run_json("status")["pid"] == plain.process.pid
    finally:
        for connection in silent:
            connection.close()
