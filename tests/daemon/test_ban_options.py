"""How a jail bans, through the running server: growing bans, recidive without a log, ignorecommand, prefixes."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE = "203.0.113.5", "198.51.100.9"
RECIDIVE = Path("/etc/fail2ban/filter.d/recidive.conf")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def held(server: Server) -> dict[str, list[str]]:
    """Return who is banned, by jail."""
    found: dict[str, list[str]] = {}
    for ban in json.loads(server.ask("banned", "--json").stdout)["bans"]:
        found.setdefault(ban["jail"], []).append(ban["id"])
    return {name: sorted(ids) for name, ids in found.items()}


def rows(server: Server) -> list[tuple[str, str, float, int]]:
    with closing(sqlite3.connect(server.folder / "db")) as db, db:
        return db.execute("select jail, ip, bantime, bancount from bans order by rowid").fetchall()


def said(server: Server, text: str) -> str:
    """Return what the log says behind the first occurrence of `text`, up to the line's end."""
    return server.said().partition(text)[2].partition("\n")[0]


class TestGrowth:
    def test_ban_of_who_comes_back_is_longer_from_the_first_word_on(self, tmp_path: Path) -> None:
        with running(tmp_path, dry=False) as server:
            self.come_back(server)

    def come_back(self, server: Server) -> None:
        acts = server.folder / "acts"
        ban = f'echo "<ip> <bantime> <bancount>" >> {acts}'
        server.write("action.d/note.conf", f"[Definition]\nactionban = {ban}\n")
        options = {"bantime.increment": "true", "bantime.factor": "2", "bantime": "1h", "action": "note"}
        log = server.jail(**options)
        log.touch()
        server.start()
        server.ask("ban", EVIL, "--jail", "app")
        server.end()
        with closing(sqlite3.connect(server.folder / "db")) as db, db:
            for table in ("bans", "bips"):
                db.execute(f"update {table} set timeofban = timeofban - 7200, bancount = 3")
        server.start()
        assert server.banned() == []
        fail(log, EVIL)
        wait_for(lambda: acts.exists() and len(acts.read_text().splitlines()) == 2)
        assert acts.read_text().splitlines() == [f"{EVIL} 3600 1", f"{EVIL} {3600 * 2**3 * 2} 4"]
        assert rows(server)[-1] == ("app", EVIL, 3600 * 2**3 * 2, 4)
        assert said(server, f"[app] Found {EVIL}, bad").endswith("3 # -> 3, Ban")
        assert said(server, f"IP {EVIL} is bad: ").endswith("incr 1h to 16h")
        assert said(server, f"Increase Ban {EVIL} (").startswith("4 # 16h -> ")
        server.end()
        server.start()
        assert server.banned() == [EVIL]


class TestRecidive:
    @pytest.mark.parametrize("filter_", ["recidive[_jailname=%(__name__)s]", "theirs"])
    def test_jail_of_bans_hears_of_all_but_its_own_and_counts_over_a_restart(
        self, server: Server, filter_: str
    ) -> None:
        server.write("filter.d/theirs.conf", RECIDIVE.read_text())
        server.write("filter.d/common.conf", (RECIDIVE.parent / "common.conf").read_text())
        server.jail("a").touch()
        server.jail("b").touch()
        server.jail("again", filter=filter_, backend="bans", logpath="", findtime="1d")
        server.start()
        server.ask("ban", EVIL, WORSE, "--jail", "a")
        server.ask("ban", EVIL, "--jail", "b")
        server.end()
        server.start()
        assert held(server) == {"a": [WORSE, EVIL], "b": [EVIL]}
        server.ask("ban", EVIL, "--jail", "manual")
        server.ask("ban", EVIL)
        wait_for(lambda: held(server).get("again") == [EVIL])
        view = {view["name"]: view for view in server.status()["jails"]}["again"]
        assert (view["state"], view["backend"], view["files"]) == ("up", "bans", [])
        assert view["failed"] == 1

    def test_jail_whose_log_is_not_ours_nor_there_hears_of_bans_and_says_so(self, server: Server) -> None:
        server.write("filter.d/recidive.conf", RECIDIVE.read_text())
        server.write("filter.d/common.conf", (RECIDIVE.parent / "common.conf").read_text())
        server.jail("a").touch()
        server.jail("recidive", filter="recidive", logpath=f"{server.folder}/none.log", maxretry=1)
        server.jail("missing", logpath=f"{server.folder}/other.log")
        server.start()
        assert "bans are counted as made" in server.said()
        server.ask("ban", EVIL, "--jail", "a")
        wait_for(lambda: held(server) == {"a": [EVIL], "recidive": [EVIL]})
        assert {view["name"]: view["state"] for view in server.status()["jails"]} == {
            "a": "up",
            "recidive": "up",
            "missing": "waiting",
        }

    def test_jail_that_reads_the_log_counts_each_ban_once(self, server: Server) -> None:
        server.write("filter.d/recidive.conf", RECIDIVE.read_text())
        server.write("filter.d/common.conf", (RECIDIVE.parent / "common.conf").read_text())
        server.jail("a").touch()
        server.jail("recidive", filter="recidive", logpath=server.log, maxretry=2)
        server.start()
        server.ask("ban", EVIL, "--jail", "a")
        wait_for(lambda: f"[recidive] Found {EVIL}" in server.said())
        server.ask("ban", WORSE, "--jail", "a")
        wait_for(lambda: f"[recidive] Found {WORSE}" in server.said())
        assert held(server) == {"a": [WORSE, EVIL]}


class TestIgnoreCommand:
    def test_command_judges_beside_the_work_and_values_are_no_commands(self, server: Server) -> None:
        asked = server.folder / "asked"
        command = f'echo "<ip> <F-USER>" >> {asked}; test <ip> = {EVIL}'
        log = server.jail(ignorecommand=command, ignorecache='key="<ip>", max-count=9, max-time=1h')
        log.touch()
        server.start()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with log.open("a") as out:
            out.write(f"{stamp} app: failure of $(touch${{IFS}}{server.folder}/x) from {EVIL}\n")
        wait_for(lambda: f"[app] Ignore {EVIL} by command" in server.said())
        fail(log, EVIL, 5)
        fail(log, WORSE, 1)
        wait_for(lambda: f"[app] Found {WORSE}" in server.said())
        fail(log, WORSE, 2)
        wait_for(lambda: server.banned() == [WORSE])
        assert asked.read_text() == f"{EVIL} $(touch${{IFS}}{server.folder}/x)\n{WORSE} root\n"
        assert not (server.folder / "x").exists()

    def test_command_that_fails_or_hangs_delays_nobody_and_spares_nobody(self, server: Server) -> None:
        broken = server.jail("broken", ignorecommand="exit 7")
        hanging = server.jail("hanging", ignorecommand="sleep 1000")
        other = server.jail("other")
        for log in (broken, hanging, other):
            log.touch()
        server.start()
        for log in (hanging, broken, other):
            fail(log, EVIL)
        wait_for(lambda: held(server) == {"broken": [EVIL], "other": [EVIL]})
        assert said(server, "[broken] ignorecommand: exit 7") == ""
        assert "[broken] ignorecommand: returned 7" in server.said()
        assert server.end() == 0


def test_addresses_of_a_prefix_are_banned_as_one_and_freed_by_one_of_them(server: Server) -> None:
    log = server.jail(prefix4=24, prefix6=64, ignoreip="198.51.100.1")
    log.touch()
    server.start()
    for number in range(3):
        fail(log, f"203.0.113.{number}", 1)
        fail(log, f"2001:db8::{number}", 1)
        fail(log, f"198.51.100.{number + 5}", 1)
    wait_for(lambda: set(server.banned()) == {"203.0.113.0/24", "2001:db8::/64"})
    assert "[app] Found 203.0.113.2" in server.said()
    assert server.ask("unban", "203.0.113.77").returncode == 0
    assert server.banned() == ["2001:db8::/64"]


def test_window_is_kept_over_a_restart(server: Server) -> None:
    log = server.jail(counting="window", findtime=1000)
    now = time.time()
    fail(log, EVIL, 1, now - 900)
    fail(log, EVIL, 1, now - 5)
    server.start()
    wait_for(lambda: server.said().count("Found") == 2)
    server.end()
    server.start()
    fail(log, EVIL, 1)
    wait_for(lambda: server.banned() == [EVIL])
