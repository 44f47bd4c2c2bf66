"""The journal: what goes through a real systemd-journald, in a mount namespace, is banned on within a second."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

_INSIDE = """
import socket, sqlite3, subprocess, sys, time
from pathlib import Path
from tests.daemon.running import running, wait_for

folder = Path(sys.argv[1])
for place in ("/run", "/var/log"):
    subprocess.run(["mount", "-t", "tmpfs", "tmpfs", place], check=True)
for made in ("/run/log/journal", "/run/systemd/journal"):
    Path(made).mkdir(parents=True)
journald = subprocess.Popen(["/lib/systemd/systemd-journald"], stderr=subprocess.DEVNULL)


def log(address, number):
    text = f"Failed password for root from {address} port 4711 ssh2"
    fields = f"MESSAGE={text}\\nSYSLOG_IDENTIFIER=sshd\\nSYSLOG_PID={number}\\nPRIORITY=6\\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as journal:
        journal.sendto(fields.encode(), "/run/systemd/journal/socket")


try:
    wait_for(lambda: Path("/run/systemd/journal/socket").exists())
    with running(folder) as server:
        match = {"journalmatch": "SYSLOG_IDENTIFIER=sshd", "logpath": "/var/log/auth.log"}  # there is no such file
        server.jail("sshd", filter="sshd", **match)
        for number in range(3):
            log("203.0.113.1", number)  # before the start, within findtime
        wait_for(lambda: list(Path("/run/log/journal").glob("*/*.journal")))
        server.start()
        (jail,) = server.status()["jails"]
        assert (jail["state"], jail["journalmatch"]) == ("up", ["SYSLOG_IDENTIFIER=sshd"]), jail
        wait_for(lambda: server.banned() == ["203.0.113.1"])
        started = time.monotonic()
        for number in range(3):
            log("203.0.113.2", 10 + number)
        wait_for(lambda: "Ban 203.0.113.2" in server.said())
        assert time.monotonic() - started < 5  # it is told, not asked each minute
        log("203.0.113.3", 20)
        wait_for(lambda: "Found 203.0.113.3" in server.said())
        server.end()
        for number in range(2):
            log("203.0.113.4", 30 + number)  # while it is down
        log("203.0.113.4", 32)
        server.start()
        wait_for(lambda: server.banned()[-1] == "203.0.113.4")
        assert server.said().count("Found 203.0.113.2") == 3, server.said()
        server.end()
        with sqlite3.connect(folder / "db") as database:  # as if Fail2Ban had been the last to read
            database.execute("DELETE FROM f2b_positions")
        database.close()
        time.sleep(1.1)
        log("203.0.113.5", 40)
        server.start()
        wait_for(lambda: "Found 203.0.113.5" in server.said())
        assert server.said().count("Found 203.0.113.2") == 3, server.said()
        server.end()
finally:
    journald.terminate()
    journald.wait()
"""


@pytest.fixture
def inside(tmp_path: Path) -> Path:
    script = tmp_path / "inside.py"
    script.write_text(_INSIDE)
    return script


def test_journal_when_sshd_logs_there_then_attackers_are_banned_and_a_restart_reads_on(
    inside: Path, tmp_path: Path
) -> None:
    (tmp_path / "conf").mkdir()
    done = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", sys.executable, str(inside), str(tmp_path / "conf")],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parents[2]), *sys.path])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
