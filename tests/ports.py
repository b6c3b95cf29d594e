# SPDX-License-Identifier: GPL-3.0-or-later
"""Ports for servers under test: free for UDP and TCP on every address, and not of the range that the
system hands to clients, so that no client's socket can take one between the look and the use."""

import os
import random
import socket

FIRST, LAST = 10000, 32000

# Not seeded: suites that run at the same time must not draw the same numbers.
_draw = random.Random(os.urandom(8))


def _is_free(port, family, kind):
    with socket.socket(family, kind) as probe:
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            probe.bind(("", port))
        except OSError:
            return False
        return True


def free_port():
    """A port that nobody uses at this moment, on any address."""
    while True:
        port = _draw.randrange(FIRST, LAST)
        if all(_is_free(port, family, kind)
               for family in (socket.AF_INET, socket.AF_INET6)
               for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM)):
            return port
