"""`f2b scan --once`: rounds one after the other do what a server that stays would have done."""

from __future__ import annotations

import json
import sqlite3
import time
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import main
from tests.daemon.running import Server, fail, running

EVIL = "203.0.113.5"
ACTION = """[Definition]
actionstart = echo start >> {0}
actionstop = echo stop >> {0}
actioncheck = true
actionban = echo ban <ip> >> {0}
actionunban = echo unban <ip> >> {0}
"""


class Host:
    """A configuration, and rounds over it."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.server = Server(folder)
        self.done = folder / "done"
        self._capsys = capsys

    def scan(self, *words: str) -> tuple[int, str, str]:
        here = str(self.server.folder)
        where = ["-c", here, "-s", self.server.socket, "--db", f"{here}/db", "--logtarget", str(self.server.log)]
        status = main.run(["scan", "--once", *where, *words])
        said = self._capsys.readouterr()
        return status, said.out, said.err

    def round(self, *words: str) -> dict[str, Any]:
        status, out, err = self.scan("--json", *words)
        assert status == 0, err + self.server.said()
        found: dict[str, Any] = json.loads(out)
        return found

    def counts(self, *words: str) -> tuple[int, int, int]:
        found = self.round(*words)
        return found["failures"], found["bans"], found["unbans"]

    def commands(self) -> list[str]:
        return self.done.read_text().splitlines() if self.done.exists() else []

    def age(self, seconds: float) -> None:
        """Let everything that the database knows be so much older."""
        with sqlite3.connect(self.server.folder / "db") as db:
            for table in ("bans", "bips"):
                db.execute(f"UPDATE {table} SET timeofban = timeofban - ?", (seconds,))
            db.execute("UPDATE f2b_notes SET value = value - ?", (seconds,))


@pytest.fixture
def host(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Host:
    return Host(tmp_path, capsys)


def test_scan_when_run_again_then_it_goes_on_where_it_was(host: Host) -> None:
    log = host.server.jail(maxretry=3, bantime=600)
    log.touch()
    assert host.counts() == (0, 0, 0)
    fail(log, EVIL, 2)
    assert host.counts() == (2, 0, 0)
    fail(log, EVIL, 1)
    assert host.counts() == (1, 1, 0)
    assert host.counts() == (0, 0, 0)
    assert host.server.said().count(f"[app] Ban {EVIL}") == 1
    assert "Restore" not in host.server.said()


def test_scan_when_commands_ban_then_bans_last_from_round_to_round(host: Host) -> None:
    host.server.write("action.d/tell.conf", ACTION.format(host.done))
    log = host.server.jail(maxretry=1, bantime=600, action="tell")
    fail(log, EVIL, 1)
    assert host.counts() == (1, 1, 0)
    assert host.commands() == ["start", f"ban {EVIL}"]
    assert host.counts() == (0, 0, 0)
    fail(log, "192.0.2.9", 1)
    assert host.counts() == (1, 1, 0)
    assert host.commands() == ["start", f"ban {EVIL}", "ban 192.0.2.9"]
    host.age(700)
    assert host.counts() == (0, 0, 2)
    assert sorted(host.commands()[3:]) == ["stop", "unban 192.0.2.9", f"unban {EVIL}"]
    assert host.server.said().count("Unban 192.0.2.9") == 1


def test_scan_when_the_last_round_is_long_ago_then_lines_since_then_count(host: Host) -> None:
    log = host.server.jail(maxretry=3, bantime="1d", findtime=60)
    fail(log, "192.0.2.1", 1)
    assert host.counts() == (1, 0, 0)
    host.age(1200)
    fail(log, EVIL, 3, time.time() - 900)
    assert host.counts() == (3, 1, 0)


def test_scan_when_a_log_is_read_from_its_end_then_the_next_round_begins_there(host: Host, tmp_path: Path) -> None:
    log = host.server.jail(maxretry=1, logpath=f"{tmp_path}/app.log tail")
    fail(log, "192.0.2.1", 1)
    assert host.counts() == (0, 0, 0)
    fail(log, EVIL, 1)
    assert host.counts() == (1, 1, 0)


def test_scan_when_a_server_runs_then_it_refuses_and_says_why(host: Host, tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.jail().touch()
        server.start()
        status, out, err = host.scan()
        assert (status, out) == (1, "")
        assert "a server runs already" in err
        assert "use one or the other" in err
        assert server.status()["pid"]


def test_scan_when_asked_by_a_person_then_it_sums_up_in_a_line(host: Host) -> None:
    fail(host.server.jail(maxretry=1), EVIL, 1)
    assert host.scan("--dry-run")[1] == "1 failure, 1 ban, 0 unbans; 1 log read\n"
    assert host.scan("--quiet")[:2] == (0, "")
    assert host.scan("-c", "/nowhere")[0] == 2
