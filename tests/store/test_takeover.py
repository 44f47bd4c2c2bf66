"""From Fail2Ban to f2b and back with one database: the real server writes it and reads it."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from f2b.store import Store
from tests.daemon.running import FILTER, Server, fail, running, wait_for

CLIENT, DAEMON = "/usr/bin/fail2ban-client", "/usr/bin/fail2ban-server"
NOW = int(time.time())

JAILS = "CREATE TABLE jails(name TEXT NOT NULL UNIQUE, enabled INTEGER NOT NULL DEFAULT 1);"
LOGS = (
    "CREATE TABLE logs(jail TEXT NOT NULL, path TEXT, firstlinemd5 TEXT, lastfilepos INTEGER DEFAULT 0, "
    "FOREIGN KEY(jail) REFERENCES jails(name) ON DELETE CASCADE, UNIQUE(jail, path, firstlinemd5){});"
)
BANS = (
    "CREATE TABLE bans(jail TEXT NOT NULL, ip TEXT, timeofban INTEGER NOT NULL, {}data JSON, "
    "FOREIGN KEY(jail) REFERENCES jails(name));"
)
LENGTHS = "bantime INTEGER NOT NULL, bancount INTEGER NOT NULL DEFAULT 1, "
BIPS = (
    "CREATE TABLE bips(ip TEXT NOT NULL, jail TEXT NOT NULL, timeofban INTEGER NOT NULL, bantime INTEGER NOT NULL, "
    "bancount INTEGER NOT NULL DEFAULT 1, data JSON, PRIMARY KEY(ip, jail), "
    "FOREIGN KEY(jail) REFERENCES jails(name));"
)
VERSIONS = {
    1: JAILS + LOGS.format("") + BANS.format(""),
    2: JAILS + LOGS.format(", UNIQUE(jail, path)") + BANS.format(""),
    3: JAILS + LOGS.format(", UNIQUE(jail, path)") + BANS.format(LENGTHS),
    4: JAILS + LOGS.format(", UNIQUE(jail, path)") + BANS.format(LENGTHS) + BIPS,
}


class Fail2Ban:
    """Debian's server on the configuration of one of ours, with the same database."""

    def __init__(self, server: Server) -> None:
        self.folder = server.folder
        self.said = self.folder / "fail2ban.log"
        server.write(
            "fail2ban.conf",
            f"[Definition]\nloglevel = INFO\nlogtarget = {self.said}\nsyslogsocket = auto\n"
            f"socket = {self.folder}/their\npidfile = {self.folder}/theirpid\n"
            f"dbfile = {self.folder}/db\ndbpurgeage = 1d\ndbmaxmatches = 10\n",
        )

    def ask(self, *words: str) -> str:
        command = [CLIENT, "-c", str(self.folder), *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    @contextmanager
    def running(self) -> Iterator[Fail2Ban]:
        self.said.write_text("")
        command = [DAEMON, "-c", str(self.folder), "-f", "start"]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            wait_for(lambda: "Jail 'app' started" in self.said.read_text())
            yield self
        finally:
            process.terminate()
            process.wait(60)

    def ends(self) -> dict[str, int]:
        """Return when it will unban whom."""
        text = self.ask("get", "app", "banip", "--with-time")
        found = re.findall(r"(\S+)\s+\S+ \S+ \+ -?\d+ = (\S+ \S+)", text)
        return {ip: int(time.mktime(time.strptime(end, "%Y-%m-%d %H:%M:%S"))) for ip, end in found}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        made.write("filter.d/app.conf", FILTER)
        made.jail(action="", bantime=86400, findtime=600, backend="polling").touch()
        yield made


def ends(server: Server) -> dict[str, int]:
    """Return when we will unban whom."""
    listed: Any = json.loads(server.ask("banned", "--json").stdout)
    return {ban["id"]: int(ban["end"]) for ban in listed["bans"]}


def rows(path: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def test_thousand_bans_of_fail2ban_are_the_same_thousand_with_the_same_ends(server: Server) -> None:
    ids = [f"198.51.{number // 250}.{number % 250 + 1}" for number in range(999)] + ["2001:db8::1"]
    theirs = Fail2Ban(server)
    with theirs.running():
        theirs.ask("set", "app", "banip", *ids)
        wait_for(lambda: theirs.said.read_text().count("[app] Ban ") == len(ids))
    before = dict(rows(server.folder / "db", "SELECT ip, timeofban + bantime FROM bips"))
    assert before.keys() == set(ids)
    server.start()
    assert ends(server) == before
    assert server.said().count("Restore Ban") == len(ids)
    server.end()
    with theirs.running():
        wait_for(lambda: theirs.said.read_text().count("Restore Ban") == len(ids))
        assert theirs.ends() == before
    assert rows(server.folder / "db", "SELECT count(*), max(bancount) FROM bips") == [(len(ids), 1)]


def test_each_reads_on_where_the_other_stopped_and_keeps_what_it_wrote(server: Server) -> None:
    log, theirs = server.folder / "app.log", Fail2Ban(server)
    with theirs.running():
        fail(log, "198.51.100.1")
        wait_for(lambda: "[app] Ban 198.51.100.1" in theirs.said.read_text())
    server.start()
    fail(log, "198.51.100.2")
    wait_for(lambda: "[app] Ban 198.51.100.2" in server.said())
    assert server.banned() == ["198.51.100.1", "198.51.100.2"]
    assert server.said().count("Found") == 3, "their lines were read again"
    server.ask("ban", "2001:db8::7", "198.51.100.9", "--jail", "app", "--time", "1h")
    server.ask("unban", "198.51.100.9")
    ours = ends(server)
    server.end()
    with theirs.running():
        wait_for(lambda: theirs.said.read_text().count("Restore Ban") == len(ours))
        assert theirs.ends() == ours
        fail(log, "198.51.100.3")
        wait_for(lambda: "[app] Ban 198.51.100.3" in theirs.said.read_text())
        assert "Found 198.51.100.2" not in theirs.said.read_text(), "our lines were read again"
        assert "New database" not in theirs.said.read_text()
    found = rows(server.folder / "db", "SELECT ip, bantime, bancount, data FROM bans WHERE ip < '2' ORDER BY ip")
    assert [row[:3] for row in found] == [(f"198.51.100.{number}", 86400, 1) for number in (1, 2, 3)]
    kept = [json.loads(row[3]) for row in found]
    assert [it["failures"] for it in kept] == [3, 3, 3]
    assert [it["user"] for it in kept] == ["root"] * 3
    assert rows(server.folder / "db", "SELECT jail, path, lastfilepos FROM logs") == [
        ("app", str(log), log.stat().st_size)
    ]


@pytest.mark.parametrize("version", VERSIONS)
def test_file_of_any_version_is_taken_over_with_bans_counts_and_positions(version: int, tmp_path: Path) -> None:
    path, count = tmp_path / "db", 3 if version > 2 else 1
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"CREATE TABLE fail2banDb(version INTEGER); INSERT INTO fail2banDb VALUES({version});")
        db.executescript(VERSIONS[version])
        db.execute("INSERT INTO jails VALUES('sshd', 1)")
        db.execute("INSERT INTO logs VALUES('sshd', '/log', 'abc', 42)")
        lengths = (600, count) if version > 2 else ()
        data = json.dumps({"matches": [["a ", "date", " b"], "c"], "failures": 5, "user": "eve"})
        for when in (NOW - 900, NOW):
            places = ", ".join("?" * (4 + len(lengths)))
            db.execute(f"INSERT INTO bans VALUES({places})", ("sshd", "192.0.2.1", when, *lengths, data))
        if version > 3:
            db.execute("INSERT INTO bips VALUES('192.0.2.1', 'sshd', ?, 600, 3, ?)", (NOW, data))
        db.commit()
    told: list[str] = []
    store = Store(str(path), lambda _, text: told.append(text))
    (ban,) = (store.recall(found.ban("sshd")) for found in store.restore("sshd", NOW + 1, 600.0))
    assert (ban.id, ban.time, ban.duration, ban.count, ban.failures) == ("192.0.2.1", NOW, 600, count, 5)
    assert ban.matches == ("a date b", "c")
    assert store.history("192.0.2.1")["sshd"].bans == count
    position = store.position("sshd", "/log")
    assert position is None if version < 2 else position is not None and position.offset == 42
    store.close()
    assert rows(path, "SELECT version FROM fail2banDb") == [(4,)]
    assert len(rows(path, "SELECT * FROM bans")) == 2
    copies = list(tmp_path.glob("db.2*"))
    assert len(copies) == (1 if version < 4 else 0)
    assert all(rows(copy, "SELECT version FROM fail2banDb") == [(version,)] for copy in copies)
    assert any("Database updated" in text for text in told) == (version < 4)


def test_files_that_we_brought_up_are_ones_that_fail2ban_reads(tmp_path: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(back_to_fail2ban, (1, 3), (tmp_path / "1", tmp_path / "3")))


def back_to_fail2ban(version: int, folder: Path) -> None:
    """Bring a file up, and let Fail2Ban read it."""
    server = Server(folder)
    server.jail(action="", bantime=86400, findtime=600, backend="polling").touch()
    path, now = folder / "db", int(time.time())  # a whole run of all tests may take longer than the ban
    with closing(sqlite3.connect(path)) as db:
        db.executescript(f"CREATE TABLE fail2banDb(version INTEGER); INSERT INTO fail2banDb VALUES({version});")
        db.executescript(VERSIONS[version])
        db.execute("INSERT INTO jails VALUES('app', 1)")
        columns = "(jail, ip, timeofban, bantime, data)" if version > 2 else "(jail, ip, timeofban, data)"
        lengths = "900," if version > 2 else ""
        db.execute(f"INSERT INTO bans{columns} VALUES('app', '192.0.2.1', {now}, {lengths} '{{}}')")
        db.commit()
    Store(str(path)).close()
    theirs = Fail2Ban(server)
    with theirs.running():
        wait_for(lambda: "Restore Ban 192.0.2.1" in theirs.said.read_text())
        assert theirs.ends() == {"192.0.2.1": now + (900 if version > 2 else 86400)}
        assert "Database updated" not in theirs.said.read_text()
