# SPDX-License-Identifier: GPL-3.0-or-later
"""What the end-to-end tests share: daemons that are stopped, and must stop well, after each test."""

import pathlib
import tempfile

import pytest

import daemons


@pytest.fixture
def folder(tmp_path_factory):
    """A folder that any user may enter, with a path short enough for a unix socket."""
    with tempfile.TemporaryDirectory(prefix="horizon-e2e-") as path:
        pathlib.Path(path).chmod(0o755)
        yield pathlib.Path(path)


@pytest.fixture
def start(folder):
    """start(config=TEXT or zones={...}, files={name: text}) → a running Daemon.

    PORT in texts becomes the free port that it listens on. What still runs at the end of the test
    is stopped, and must stop with status 0.
    """
    running = []

    def begin(config=None, zones=None, files=None, words=(), place=None, **keywords):
        here = place or folder
        port = keywords.pop("port", None) or daemons.free_port()
        for name, text in (files or {}).items():
            (here / name).parent.mkdir(parents=True, exist_ok=True)
            (here / name).write_text(text.replace("PORT", str(port)))
        arguments = list(words)
        if config is not None:
            (here / "horizon.yaml").write_text(config.replace("PORT", str(port)))
            arguments += ["--config", str(here / "horizon.yaml")]
        else:
            arguments += ["--listen", f"127.0.0.1:{port}"]
            for origin, name in (zones or {}).items():
                arguments += ["--zone", f"{origin}={here / name}"]
        daemon = daemons.Daemon(here, arguments, port, **keywords)
        running.append(daemon)
        return daemon

    yield begin
    for daemon in running:
        if daemon.alive():
            assert daemon.stop() == 0, daemon.log


@pytest.fixture
def plain(start):
    """One zone from flags alone."""
    return start(zones={"example.com": "example.com.zone"},
                 files={"example.com.zone": daemons.zone_text()})
