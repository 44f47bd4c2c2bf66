"""What tests of the metrics stand on. Those with a real Prometheus run where F2B_PROMETHEUS is set: .ci/full."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.daemon.running import Server, fail, running, wait_for

collect_ignore = [] if os.environ.get("F2B_PROMETHEUS") else ["test_prometheus.py"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that has banned one, ignored another, and has a jail whose action fails."""
    with running(tmp_path_factory.mktemp("metrics"), dry=False) as found:
        found.write("action.d/broken.conf", "[Definition]\nactionban = exit 7\nactionunban = true\n")
        log = found.jail(ignoreip="192.0.2.9")
        log.touch()
        found.jail("sad", maxretry=1, action="broken").touch()
        found.start()
        fail(log, "192.0.2.9")
        fail(log, "192.0.2.1")
        fail(found.folder / "sad.log", "198.51.100.2", times=1)
        wait_for(lambda: len(found.banned()) == 2 and "Failed to execute ban" in found.said())
        yield found


@contextmanager
def measuring(server: Server, *words: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run `f2b metrics` until the test is through with it."""
    command = [sys.executable, "-m", "f2b", "-s", server.socket, "metrics", *words]
    with subprocess.Popen(command) as process:
        try:
            yield process
        finally:
            process.kill()


@contextmanager
def paging(server: Server) -> Iterator[int]:
    """Let `f2b metrics` listen on loopback; give the port."""
    command = [sys.executable, "-m", "f2b", "-s", server.socket, "metrics", "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr
            where = re.search(r"metrics at http://127.0.0.1:(\d+)/metrics", process.stderr.readline())
            assert where
            yield int(where[1])
        finally:
            process.kill()
