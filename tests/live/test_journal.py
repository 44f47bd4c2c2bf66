"""The journal: what goes through a real systemd-journald, in a mount namespace, is banned on within a second."""

from __future__ import annotations

import os
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.running import Server, running, wait_for

SOCKET = "/run/systemd/journal/socket"
LIBRARY = "/usr/lib/*/libsystemd.so.0"
FROM_START = {"journalmatch": "SYSLOG_IDENTIFIER=sshd", "logpath": "/var/log/auth.log"}
"""There is no such file, so the jail reads the journal."""


@contextmanager
def journald() -> Iterator[None]:
    """Run a journald with empty folders of its own; in a mount namespace."""
    for place in ("/run", "/var/log"):
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
    for made in ("/run/log/journal", "/run/systemd/journal"):
        Path(made).mkdir(parents=True)
    with subprocess.Popen(["/lib/systemd/systemd-journald"], stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(lambda: Path(SOCKET).exists())
            yield
        finally:
            process.terminate()


def log(address: str, times: int = 3) -> None:
    """Write what sshd writes; journald is told who it was."""
    text = f"Failed password for root from {address} port 4711 ssh2"
    for number in range(times):
        fields = f"MESSAGE={text}\nSYSLOG_IDENTIFIER=sshd\nSYSLOG_PID={number}\nPRIORITY=6\n"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
            journal.sendto(fields.encode(), SOCKET)


def banned(server: Server, *addresses: str) -> None:
    wait_for(lambda: server.banned() == list(addresses))


def entries_and_restarts(folder: Path) -> None:
    """Entries from before the start, live ones, those written while it was down; Fail2Ban's mark."""
    with journald(), running(folder) as server:
        server.jail("sshd", filter="sshd", **FROM_START)
        log("203.0.113.1")
        wait_for(lambda: list(Path("/run/log/journal").glob("*/*.journal")))
        server.start()
        (jail,) = server.status()["jails"]
        assert (jail["state"], jail["journalmatch"]) == ("up", ["SYSLOG_IDENTIFIER=sshd"]), jail
        banned(server, "203.0.113.1")
        log("203.0.113.2")
        wait_for(lambda: "Ban 203.0.113.2" in server.said())
        log("203.0.113.3", 1)
        wait_for(lambda: "Found 203.0.113.3" in server.said())
        server.end()
        log("203.0.113.4")
        server.start()
        wait_for(lambda: server.banned()[-1] == "203.0.113.4")
        assert server.said().count("Found 203.0.113.2") == 3, server.said()
        server.end()
        with sqlite3.connect(folder / "db") as database:  # as if Fail2Ban had been the last to read
            database.execute("DELETE FROM f2b_positions")
        database.close()
        log("203.0.113.5", 1)
        server.start()
        wait_for(lambda: "Found 203.0.113.5" in server.said())
        assert [server.said().count(f"Found 203.0.113.{number}") for number in (1, 2, 3, 4)] == [3, 3, 1, 3], (
            server.said()
        )
        server.end()


def rotation(folder: Path) -> None:
    """The journal is rotated and vacuumed, moves from memory to disk, and is gone for a while."""
    with journald(), running(folder) as server:
        server.jail("sshd", filter="sshd", **FROM_START)
        log("203.0.113.1")
        wait_for(lambda: list(Path("/run/log/journal").glob("*/*.journal")))
        server.start()
        banned(server, "203.0.113.1")
        for command in (["--rotate"], ["--vacuum-files=1"], ["--rotate"]):
            subprocess.run(["journalctl", *command], capture_output=True, check=False)
        log("203.0.113.2")
        banned(server, "203.0.113.1", "203.0.113.2")
        Path("/var/log/journal").mkdir()
        subprocess.run(["journalctl", "--flush"], capture_output=True, check=True)
        wait_for(lambda: list(Path("/var/log/journal").glob("*/system.journal")))
        log("203.0.113.3")
        banned(server, "203.0.113.1", "203.0.113.2", "203.0.113.3")
        assert [server.said().count(f"Found 203.0.113.{number}") for number in (1, 2, 3)] == [3, 3, 3], server.said()
        server.end()


def speed(folder: Path) -> None:
    """From the entry to the ban: the median of some, for one alone may meet a busy machine."""
    with journald(), running(folder) as server:
        server.jail("sshd", filter="sshd", backend="systemd", journalmatch="SYSLOG_IDENTIFIER=sshd")
        server.start()
        took = []
        for number in range(5):
            started = time.monotonic()
            log(f"203.0.113.{number}")
            while f"Ban 203.0.113.{number}" not in server.said():
                assert time.monotonic() < started + 60, server.said()
                time.sleep(0.01)
            took.append(time.monotonic() - started)
        server.end()
        assert sorted(took)[2] < 20, took


def without_libsystemd(folder: Path) -> None:
    """Something that is no library stands in its place."""
    for library in Path("/").glob(LIBRARY[1:]):
        subprocess.run(["mount", "--bind", "/dev/null", str(library.resolve())], check=True)
    entries_and_restarts(folder)
    with running(folder) as server:
        assert "libsystemd cannot be used" in server.said()
        assert "journalctl is used instead" in server.said()


@pytest.mark.parametrize("what", [entries_and_restarts, rotation, speed, without_libsystemd])
def test_journal_when_sshd_logs_there_then_attackers_are_banned(what: Callable[[Path], None], tmp_path: Path) -> None:
    code = f"import sys, pathlib, tests.live.test_journal as it; it.{what.__name__}(pathlib.Path(sys.argv[1]))"
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
