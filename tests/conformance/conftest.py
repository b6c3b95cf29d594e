# SPDX-License-Identifier: GPL-3.0-or-later
"""What the conformance tests share: one horizon with all zones of the table, and the length."""

import os

import pytest

import servers
import zones


@pytest.fixture(scope="session")
def full():
    """True in the full run (HORIZON_TEST_LENGTH=full)."""
    return os.environ.get("HORIZON_TEST_LENGTH", "short") == "full"


@pytest.fixture(scope="session")
def horizon(tmp_path_factory):
    """horizon with every zone of the table, for the whole session."""
    found = zones.all_zones(tmp_path_factory.mktemp("zones"))
    with servers.start("horizon", found, zones.required(found)) as server:
        yield server
