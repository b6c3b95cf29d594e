# SPDX-License-Identifier: GPL-3.0-or-later
"""What the fault tests share: worlds to run in, and the library that makes calls fail."""

import os

import pytest

import cases
import faults


@pytest.fixture(scope="module")
def runner():
    assert faults.SHIM.exists(), f"{faults.SHIM} was not built"
    user = "nobody" if os.geteuid() == 0 else None
    made = cases.Runner(user)
    yield made
    made.close()
