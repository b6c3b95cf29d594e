# SPDX-License-Identifier: GPL-3.0-or-later
"""An answer takes no more instructions than was accepted; and the alarm itself is tested."""

import os
import pathlib
import sys
import warnings

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "bench"))

import instructions  # noqa: E402

BUILD = pathlib.Path(os.environ.get("HORIZON_BUILD", ROOT / "build"))
PROMISED = {"hit", "nxdomain", "nodata", "referral", "alias chain", "random subdomain",
            "service rotated", "service weighted",
            "first view", "second view"}


@pytest.fixture(scope="module")
def counted():
    return instructions.count(BUILD / "bench" / "instructions")


def test_no_answer_costs_more_than_was_accepted(counted):
    build, cases = counted
    faults, reminders = instructions.compare(instructions.baseline_read(), build, cases)
    for reminder in reminders:
        warnings.warn(reminder)
    assert not faults, "\n".join(faults)


def test_every_kind_of_answer_is_counted(counted):
    _, cases = counted
    assert set(cases) == PROMISED
    assert all(cost > 200 for cost in cases.values()), "less than reading a query takes"


def test_the_second_view_costs_what_the_first_does(counted):
    _, cases = counted
    assert abs(cases["second view"] - cases["first view"]) <= 0.02 * cases["first view"]
    assert cases["second view"] - cases["hit"] <= 150


def test_a_flood_of_random_names_costs_little_more_than_hits(counted):
    _, cases = counted
    assert cases["random subdomain"] <= 1.5 * cases["hit"]
    assert cases["service rotated"] <= cases["hit"] + 500
    assert cases["service weighted"] <= cases["hit"] + 500


def test_every_accepted_count_has_a_reason():
    for cases in instructions.baseline_read().values():
        assert set(cases) == PROMISED
        assert all(row["why"].strip() for row in cases.values())


BASELINE = {"gcc-0": {"hit": {"instructions": 1000, "why": "first"},
                      "nodata": {"instructions": 2000, "why": "first"}}}


@pytest.mark.parametrize("hit, nodata, faults, reminders", [
    (1000, 2000, 0, 0), (1050, 2100, 0, 0), (950, 1900, 0, 0),
    (1051, 2000, 1, 0), (1051, 2101, 2, 0), (949, 2000, 0, 1), (949, 2101, 1, 1),
])
def test_growth_fails_and_shrinking_reminds(hit, nodata, faults, reminders):
    found = instructions.compare(BASELINE, "gcc-0", {"hit": hit, "nodata": nodata})
    assert (len(found[0]), len(found[1])) == (faults, reminders)
    assert all("--accept" in line for line in found[0] + found[1])


@pytest.mark.parametrize("build, cases, words", [
    ("gcc-1", {"hit": 1, "nodata": 1}, "no baseline for gcc-1"),
    ("gcc-0", {"hit": 1000}, "nodata: is not counted any more"),
    ("gcc-0", {"hit": 1000, "nodata": 2000, "new": 1}, "new: has no baseline"),
])
def test_nothing_to_compare_with_is_a_failure(build, cases, words):
    faults, _ = instructions.compare(BASELINE, build, cases)
    assert len(faults) == 1 and words in faults[0] and "--accept" in faults[0]


def test_accepting_notes_why_and_keeps_old_reasons():
    after = instructions.baseline_accept(BASELINE, "gcc-0", {"hit": 1000, "nodata": 2200}, "DNSSEC")
    assert after["gcc-0"] == {"hit": {"instructions": 1000, "why": "first"},
                              "nodata": {"instructions": 2200, "why": "DNSSEC"}}
    assert instructions.baseline_accept(after, "gcc-1", {"hit": 5}, "new compiler") == {
        **after, "gcc-1": {"hit": {"instructions": 5, "why": "new compiler"}}}


def test_a_missing_program_is_named(tmp_path):
    with pytest.raises(instructions.Missing, match="not built"):
        instructions.count(tmp_path / "instructions")
