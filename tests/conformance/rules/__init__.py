# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of rule cases, one file an area; importing this package fills it."""

# The imports are the table: each of these modules adds its cases as it is read.
from rules import (chain, data, delegation, edns, message, size, stream, types,  # noqa: F401
                   wildcard)
from rules.case import TABLE, run  # noqa: F401
