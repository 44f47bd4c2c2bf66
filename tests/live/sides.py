"""Debian's Fail2Ban and ours as two sides of one story, each in a folder of its own, compared from outside."""

from __future__ import annotations

import json
import os
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any, TypeVar

from tests.daemon.running import PATIENCE_S, wait_for

CLIENT = "/usr/bin/fail2ban-client"
THEIRS = ["/usr/bin/fail2ban-server"]
OURS = [sys.executable, "-c", "from f2b.cli.compat_server import main; main()"]
SERVER = """[Definition]
loglevel = INFO
logtarget = {here}/said.log
syslogsocket = auto
socket = {here}/sock
pidfile = {here}/pid
dbfile = {here}/db
dbpurgeage = 1d
dbmaxmatches = 10
allowipv6 = auto
"""
TAGS = "<ip> <family> <failures> <bantime> <bancount> <restored> <F-USER>"
RECORDER = "[Definition]\n" + "".join(
    f"action{verb} = echo '{verb} <name> {tags}' >>{{here}}/record\n"
    for verb, tags in {"start": "", "stop": "", "ban": TAGS, "unban": TAGS}.items()
)
_TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(,\d+)?")
_OWN_WORDS = re.compile(r" (WARNING|ERROR) ")
"""Warnings and errors are in words of our own; bans that did not bite are none of them."""

_RESTORED = re.compile(r"(\d+) \d+( \d+ 1 \S*)$")

Sight = TypeVar("Sight")


class Side:
    """One of the two servers, its configuration, and all that it leaves behind."""

    def __init__(self, folder: Path, server: Sequence[str]) -> None:
        self.folder = folder
        self._server = server
        self._process: subprocess.Popen[bytes] | None = None
        self.write("conf/fail2ban.conf", SERVER)
        self.write("conf/action.d/record.conf", RECORDER)
        (folder / "conf" / "filter.d").mkdir()
        for stock in Path("/etc/fail2ban/filter.d").glob("*.conf"):
            (folder / "conf" / "filter.d" / stock.name).symlink_to(stock)

    def write(self, name: str, text: str) -> None:
        """Write a file; `{here}` in it is this side's folder."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text.replace("{here}", str(self.folder)))

    def start(self) -> None:
        """Start the server and wait until it has done all that a start does."""
        out = self.folder / "out"
        before = out.read_text().count("Server ready") if out.exists() else 0
        with out.open("a") as file:
            self._process = subprocess.Popen(
                ["unshare", "-n", *self._server, "-c", str(self.folder / "conf"), "-f", "start"],
                env={**os.environ, "PYTHONPATH": os.getcwd()},
                stdout=file,
                stderr=file,
            )
        wait_for(lambda: out.read_text().count("Server ready") > before)

    def stop(self) -> None:
        """Let the server end."""
        if self._process:
            self._process.terminate()
            self._process.wait(PATIENCE_S)
            self._process = None

    def ask(self, *lines: str) -> list[str]:
        """Say this to the server through Debian's client; return what it printed for each line."""
        run = subprocess.run(
            [CLIENT, "-c", str(self.folder / "conf"), "-i"],
            input="\n".join([*lines, "exit", ""]).replace("{here}", str(self.folder)),
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=True,
        )
        return [self.plain(text) for text in run.stdout.split("fail2ban> ")[1:-1]]

    def plain(self, text: str) -> str:
        """Return a text without what differs from run to run."""
        return _TIME.sub("TIME", text.replace(str(self.folder), "HERE"))

    def said(self) -> list[str]:
        """Return the lines of its log that are in Fail2Ban's words, each without date and process number."""
        text = self.plain((self.folder / "said.log").read_text())
        lines = [re.sub(r"^TIME |\[\d+\]|(?<=\d) - TIME$", "", line) for line in text.splitlines()]
        return [line for line in lines if line.startswith("fail2ban.") and not _own(line)]

    def of(self, jail: str) -> list[str]:
        """Return what its log says of a jail, part after part: Fail2Ban's parts are threads."""
        lines = [line for line in self.said() if f" [{jail}] " in line]
        return sorted(lines, key=lambda line: line.partition(":")[0])

    def called(self, jail: str) -> list[str]:
        """Return what the actions of a jail were called with; ours alone remembers that a ban was prolonged."""
        path = self.folder / "record"
        lines = path.read_text().splitlines() if path.exists() else []
        return [_RESTORED.sub(r"\1 TIME\2", line) for line in lines if line.split()[1] == jail]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """Return what its database holds."""
        with closing(sqlite3.connect(self.folder / "db")) as db:
            jails = db.execute("SELECT name, enabled FROM jails ORDER BY name").fetchall()
            logs = db.execute("SELECT jail, path, firstlinemd5, lastfilepos FROM logs ORDER BY jail, path").fetchall()
            found = {
                table: db.execute(
                    f"SELECT jail, ip, timeofban, bantime, bancount, data FROM {table} ORDER BY jail, ip, timeofban"
                ).fetchall()
                for table in ("bans", "bips")
            }
        plain = {table: [(*row[:5], *_data(row[5])) for row in rows] for table, rows in found.items()}
        return {"jails": jails, "logs": [(row[0], self.plain(row[1]), *row[2:]) for row in logs], **plain}


def _own(line: str) -> bool:
    return bool(_OWN_WORDS.search(line)) and not line.endswith("already banned")


def _data(text: bytes | str) -> tuple[Any, ...]:
    """Return failures, matches (Fail2Ban cuts the first one in three) and address of a row's `data`."""
    data = json.loads(text)
    matches = ["".join(match) if isinstance(match, list) else match for match in data["matches"]]
    return data["failures"], matches, data.get("ip4") or data.get("ip6"), data.get("user")


class Pair:
    """Both sides."""

    def __init__(self, folder: Path) -> None:
        self.theirs = Side(folder / "theirs", THEIRS)
        self.ours = Side(folder / "ours", OURS)

    def both(self, do: Callable[[Side], Sight]) -> tuple[Sight, Sight]:
        """Do something on both sides at once; return theirs and ours."""
        with ThreadPoolExecutor(2) as pool:
            theirs, ours = pool.map(do, (self.theirs, self.ours))
        return theirs, ours

    def write(self, name: str, text: str) -> None:
        """Write a file on both sides."""
        self.theirs.write(name, text)
        self.ours.write(name, text)

    def agree(self, look: Callable[[Side], Sight], done: Callable[[Sight], object] = bool) -> None:
        """Wait until both sides look the same, and `done` says that this is what was waited for."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            theirs, ours = look(self.theirs), look(self.ours)
            if theirs == ours and done(theirs):
                return
            if time.monotonic() > deadline:
                assert ours == theirs
                raise AssertionError(f"it did not happen: {ours}")
            time.sleep(0.05)
