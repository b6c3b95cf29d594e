# SPDX-License-Identifier: GPL-3.0-or-later
"""The benchmark judges servers, so it is judged first: that it sees wrong, lost and late answers.

A little DNS server in Python stands in for the server under test, and is told to misbehave.
"""

import collections
import json
import os
import pathlib
import socket
import subprocess
import sys
import threading
import types
import xml.etree.ElementTree

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.zone
import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import changes  # noqa: E402
import chart  # noqa: E402
import figures  # noqa: E402
import flood  # noqa: E402
import peers  # noqa: E402
import process  # noqa: E402
import reload  # noqa: E402
import workload  # noqa: E402

TOOLS = pathlib.Path(os.environ.get("HORIZON_BUILD", ROOT / "build")) / "bench"
SIZE = 60


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("workload")
    workload.static_write(folder, SIZE)
    return folder


@pytest.fixture(scope="module")
def zone(data):
    return dns.zone.from_file(str(data / "dc1.test.zone"), origin="dc1.test.",
                              relativize=False)


class StandIn(threading.Thread):
    """Answers from the zone over UDP; `spoil` may change a reply, or drop it by returning None."""

    def __init__(self, zone, spoil):
        super().__init__(daemon=True)
        self.zone, self.spoil, self.count = zone, spoil, 0
        self.socket = socket.socket(type=socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(0.05)
        self.port = self.socket.getsockname()[1]
        self.running = True

    def answer(self, query):
        reply = dns.message.make_response(query)
        question = query.question[0]
        node = self.zone.get_node(question.name)
        if node is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        found = node and self.zone.get_rrset(question.name, question.rdtype)
        if found:
            answer = reply.find_rrset(reply.answer, question.name, 1, found.rdtype, create=True)
            answer.update(found)
        else:
            soa = self.zone.get_rrset(self.zone.origin, "SOA")
            reply.authority.append(soa)
        return reply

    def run(self):
        while self.running:
            try:
                wire, peer = self.socket.recvfrom(4096)
            except TimeoutError:
                continue
            self.count += 1
            reply = self.spoil(self.count, self.answer(dns.message.from_wire(wire)))
            if reply is not None:
                self.socket.sendto(reply if isinstance(reply, bytes) else reply.to_wire(), peer)
        self.socket.close()


def load(data, port, *extra):
    done = subprocess.run(
        [TOOLS / "load", "--server", f"127.0.0.1:{port}", "--client", data / "queries.set",
         "--seconds", "0.4", "--window", "16", "--sample", "1", *extra],
        capture_output=True, text=True, timeout=30, check=False)
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def judge(data, zone, spoil, *extra):
    server = StandIn(zone, spoil)
    server.start()
    try:
        return load(data, server.port, *extra)
    finally:
        server.running = False
        server.join()


def test_right_answers_pass(data, zone):
    status, run = judge(data, zone, lambda count, reply: reply)
    assert status == 0 and run["wrong"] == 0 and run["lost"] == 0
    assert run["answered"] == run["sent"] == run["sampled"] > 50
    assert 0 < run["p50_us"] <= run["p99_us"] <= run["max_us"]


def wrong_address(count, reply):
    if reply.answer and count % 10 == 0:
        wire = bytearray(reply.to_wire())
        last = wire.rindex(b"\x00\x04\x0a") + 5  # an address inside 10/8: its last byte
        wire[last] ^= 1
        return bytes(wire)
    return reply


def wrong_rcode(count, reply):
    if count % 10 == 0:
        reply.set_rcode(dns.rcode.SERVFAIL)
    return reply


def wrong_count(count, reply):
    if reply.answer and count % 10 == 0:
        reply.answer[0].pop()
    return reply


def wrong_case(count, reply):
    wire = bytearray(reply.to_wire())
    if count % 10 == 0:
        wire[13] ^= 0x20
    return bytes(wire)


def wrong_truncated(count, reply):
    if count % 10 == 0:
        reply.flags |= dns.flags.TC
    return reply


def wrong_negative(count, reply):
    if not reply.answer:
        reply.authority = []
    return reply


@pytest.mark.parametrize("spoil, fault", [
    (wrong_address, "addresses"),
    (wrong_rcode, "rcode"),
    (wrong_count, "number of answers"),
    (wrong_case, "question not echoed bit for bit"),
    (wrong_truncated, "truncated"),
    (wrong_negative, "a negative answer without its SOA"),
])
def test_wrong_answers_void_the_run(data, zone, spoil, fault):
    status, run = judge(data, zone, spoil)
    assert status == 1 and run["wrong"] > 0
    assert run["first_fault"] == fault


def test_lost_answers_are_counted(data, zone):
    status, run = judge(data, zone, lambda count, reply: None if count % 10 == 0 else reply,
                        "--timeout-ms", "50")
    assert status == 0 and run["lost"] > 0
    assert run["sent"] == run["answered"] + run["lost"]


def test_late_answers_do_not_count_for_the_next_query(data, zone):
    held = collections.deque()

    def hold(count, reply):
        held.append(reply)
        return held.popleft() if len(held) > 40 else None
    status, run = judge(data, zone, hold, "--timeout-ms", "20")
    assert status == 1 and run["answered"] == 0 and run["stray"] > 0


def test_pace_is_kept(data, zone):
    status, run = judge(data, zone, lambda count, reply: reply, "--rate", "200")
    assert status == 0 and 60 <= run["sent"] <= 81  # never faster; on a busy machine slower


def test_echo_is_told_from_a_server(data, tmp_path):
    port = process.port_find()
    echo = process.Process([str(TOOLS / "echo"), f"127.0.0.1:{port}"], tmp_path / "log", {0})
    try:
        query = workload.question_wire("ns1", workload.TYPE_A)
        start_s = process.answer_await(echo, port, query, "127.0.0.1", 10, lambda reply: True)
        assert start_s is not None
        status, run = load(data, port, "--echo")
        assert status == 0 and run["answered"] > 0 and echo.cpu_s()[0] > 0
        status, run = load(data, port)
        assert status == 1 and run["wrong"] == run["answered"] > 0
    finally:
        echo.end()
    assert echo.pids() == [] and not echo.alive()


def test_a_server_that_is_not_there_is_an_error(data):
    status, said = load(data, process.port_find())
    assert status != 0 and "refused" in said


@pytest.mark.parametrize("content", [b"", b"HZQSET1\n", b"HZQSET1\n" + b"\xff" * 40,
                                     b"HZQSET1\n\x01\0\0\0\0\0\0\0" + b"\x20\0" + b"\0" * 10])
def test_a_damaged_workload_is_refused(tmp_path, content):
    (tmp_path / "queries.set").write_bytes(content)
    status, said = load(tmp_path, 9)
    assert status == 2 and "queries.set" in said


def test_workload_repeats_and_is_true(data, zone, tmp_path):
    workload.static_write(tmp_path, SIZE)
    for name in ("dc1.test.zone", "queries.set", "names.txt"):
        assert (data / name).read_bytes() == (tmp_path / name).read_bytes()
    mix = collections.Counter()
    for name, kind, number in workload.questions_draw(SIZE):
        exists = zone.get_node(name) is not None
        assert exists == (number >= 0)
        mix["hit" if kind == workload.TYPE_A and exists else "nodata" if exists else "nx"] += 1
    total = sum(mix.values())
    assert abs(mix["hit"] / total - 0.85) < 0.01 and abs(mix["nx"] / total - 0.10) < 0.01
    sizes = [len(zone.get_rrset(workload.service_name(i), "A")) for i in range(SIZE)]
    assert min(sizes) >= 3 and max(sizes) <= 10


def test_views_differ_in_every_name():
    inside, outside = (workload.Services(SIZE, view) for view in workload.VIEWS)
    for one, other in zip(inside.addresses, outside.addresses):
        assert sum(one) % 2**32 != sum(other) % 2**32


def run_of(cost, qps=1000.0):
    return {"cpu_us": cost, "user_us": cost / 4, "qps": qps, "lost": 0, "answered": 10}


def server_of(name, costs, fault=None):
    return {"name": name, "version": "1", "runs": [run_of(cost) for cost in costs],
            "fault": fault, "latency": None, "memory_mb": None, "start_s": 0.1}


def row_of(servers):
    figures.summarise(servers)
    return {"title": "a row", "rounds": 5, "seconds": 1, "servers": servers,
            "missing": {"nsd": "not installed (package nsd)"}}


def test_figures_are_medians_and_ratios_by_round():
    noise = [1.0, 1.5, 1.1, 3.0, 1.2]  # bad moments that hit both alike
    servers = [server_of("horizon", [n * 2 for n in noise]),
               server_of("gdnsd", [n * 4 for n in noise])]
    row_of(servers)
    assert servers[0]["us_per_query"] == pytest.approx(2.4)
    assert servers[0]["ratio"] == pytest.approx(0.5)
    assert servers[0]["ratio_95"] == pytest.approx((0.5, 0.5))


def test_table_names_what_is_void_and_what_is_missing():
    text = figures.table(row_of([server_of("horizon", [2, 2, 2]),
                                 server_of("knot", [1, 1, 1], fault="3 wrong of 10 answers")]))
    assert "knot: VOID, 3 wrong of 10 answers" in text
    assert "nsd: not measured, not installed" in text
    assert not any(line.split()[:2] == ["knot", "1"] for line in text.splitlines())


def test_picture_is_well_formed_and_leaves_out_what_is_void():
    row = row_of([server_of("horizon", [2, 2, 2]), server_of("gdnsd", [4, 4, 4]),
                  server_of("knot", [1, 1, 1], fault="wrong")])
    picture = chart.svg({"rows": [row], "date": "2026-01-01",
                         "machine": {"cpu": "A & B", "kernel": "6"}})
    words = [element.text or "" for element in xml.etree.ElementTree.fromstring(picture).iter()]
    assert "horizon" in words and "gdnsd" in words and "knot" not in words


def test_two_workers_are_held_against_one_of_the_same_server():
    servers = [server_of("horizon x1", [2, 2, 2]), server_of("horizon x2", [3, 3, 3]),
               server_of("knot x1", [9, 9, 9])]
    for server in servers:
        server["against"] = server["name"].replace("x2", "x1")
    text = figures.table(row_of(servers))
    assert servers[1]["ratio"] == pytest.approx(1.5)
    assert servers[2]["ratio"] == pytest.approx(1.0) and "x its own x1" in text


def test_the_changed_zone_differs_in_one_address_and_the_serial(data, tmp_path):
    original, changed = data / "dc1.test.zone", tmp_path / "dc1.test.zone"
    address = reload.zone_replace(original, str(changed), 300)
    before, after = original.read_text().splitlines(), changed.read_text().splitlines()
    differing = [(one, two) for one, two in zip(before, after) if one != two]
    assert len(before) == len(after) and address == bytes((198, 18, 1, 44))
    assert [two for _, two in differing] == [
        "@ SOA ns1 hostmaster 300 3600 600 86400 60", "ns1 A 198.18.1.44"]


def test_a_reload_is_timed_until_the_changed_answer(data, tmp_path):
    figure = reload.measure(peers.Horizon(), str(data), SIZE, str(tmp_path), 3)
    assert figure["fault"] is None and len(figure["runs_ms"]) == 3
    assert 0 < figure["range_ms"][0] <= figure["median_ms"] <= figure["range_ms"][1] < 10_000
    assert "until the changed answer" in reload.text(figure)


def test_a_flood_is_held_against_hits(data, tmp_path):
    options = types.SimpleNamespace(tools=str(TOOLS), runs=1, seconds=0.3)
    cores = set(os.sched_getaffinity(0))
    figure = flood.measure(options, str(data), SIZE, str(tmp_path), (cores, cores))
    assert figure["fault"] is None and len(figure["hits"]) == len(figure["flood"]) == 1
    assert "of the flood" in flood.text(figure)


def test_changes_are_answered_while_they_come(data):
    options = types.SimpleNamespace(tools=str(TOOLS), runs=1, seconds=0.5)
    cores = set(os.sched_getaffinity(0))
    figure = changes.measure(options, str(data), SIZE, (cores, cores))
    assert figure["fault"] is None
    assert len(figure["still_us"]) == len(figure["changing_us"]) == 1
    for runs in (figure["alone"], figure["half"]):
        assert len(runs) == 1 and 0 < runs[0]["p50_us"] <= runs[0]["p99_us"] <= runs[0]["max_us"]
    assert "commit to answer" in changes.text(figure)


def test_changes_without_their_server_are_void(data):
    options = types.SimpleNamespace(tools="/nowhere", runs=1, seconds=0.5)
    figure = changes.measure(options, str(data), SIZE, (set(), set()))
    assert "not built" in figure["fault"] and "VOID" in changes.text(figure)
