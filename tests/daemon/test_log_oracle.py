"""The server's own log beside Debian's: the same configuration, the same lines and commands, the same words."""

from __future__ import annotations

import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.daemon.running import Server, fail, wait_for

CLIENT = "/usr/bin/fail2ban-client"
THEIRS = ("/usr/bin/fail2ban-server", "-f", "start")
OURS = (sys.executable, "-m", "f2b", "serve", "--dry-run")
CONFIGURED = ("app", "brief")
ANY_TIME = re.compile(r" - \d{4}-\d\d-\d\d \d\d:\d\d:\d\d$")


class Run:
    """One server with two jails on one log, and what it says."""

    def __init__(self, folder: Path, command: tuple[str, ...]) -> None:
        self.server = Server(folder)
        self.log = folder / "app.log"
        self.log.touch()
        common = {"action": "", "findtime": 600, "backend": "polling", "logpath": self.log}
        common |= {"ignoreip": "192.0.2.7 198.51.100.0/24", "ignoreself": "false"}
        self.server.jail("app", bantime=600, **common)
        self.server.jail("brief", bantime=3, maxretry=1, **common)
        self.file = folder / "said.log"
        self.server.write(
            "fail2ban.conf",
            f"[Definition]\nloglevel = INFO\nlogtarget = {self.file}\nsyslogsocket = auto\nsocket = {folder}/sock\n"
            f"pidfile = {folder}/pid\ndbfile = {folder}/db\ndbpurgeage = 1d\ndbmaxmatches = 10\n",
        )
        program, *words = command
        self._command = [program, *words, "-c", str(folder)]
        if command is THEIRS:
            self._command = [program, "-c", str(folder), *words]
        self.folder = folder
        self.process: subprocess.Popen[bytes] | None = None

    def said(self) -> list[str]:
        """Return its lines without date, process number and what differs from run to run."""
        text = self.file.read_text() if self.file.exists() else ""
        lines = [line.split(" ", 2)[2] for line in text.splitlines()]
        lines = [re.sub(r"\[\d+\]:", ":", line).replace(str(self.folder), "DIR") for line in lines]
        return [ANY_TIME.sub("", line) for line in lines]

    def start(self) -> None:
        before = self.started()
        self.process = subprocess.Popen(self._command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(lambda: self.started() == before + len(CONFIGURED))

    def started(self) -> int:
        return sum("started" in line for line in self.said())

    def stop(self) -> None:
        assert self.process
        self.process.terminate()
        self.process.wait(60)

    def until(self, text: str, times: int = 1) -> None:
        wait_for(lambda: sum(text in line for line in self.said()) >= times)

    def ask(self, *words: str) -> None:
        subprocess.run([CLIENT, "-c", str(self.folder), *words], check=True, capture_output=True, timeout=60)

    def jail(self, name: str) -> list[str]:
        """Return what it said of one jail."""
        return [line for line in self.said() if f"[{name}] " in line]

    def begins(self) -> list[str]:
        """Return what it said of jails until the first line was read, each jail's together."""
        first = next(n for n, line in enumerate(self.said()) if "Found" in line)
        parts = (".jail ", ".filter ", ".actions ")
        return sorted(line for line in self.said()[:first] if any(part in line for part in parts))


def story(run: Run) -> None:
    """Let happen what a log tells of, in an order that does not depend on anybody's speed."""
    run.start()
    fail(run.log, "203.0.113.5")
    run.until("[app] Ban 203.0.113.5")
    run.until("[brief] Ban 203.0.113.5")
    fail(run.log, "192.0.2.7", 1)
    fail(run.log, "198.51.100.3", 1)
    for name in CONFIGURED:
        run.until(f"[{name}] Ignore 198.51.100.3")
    run.until("[brief] Unban 203.0.113.5")
    time.sleep(1)  # the first ban is now certainly older than the three seconds that count as the same burst
    fail(run.log, "203.0.113.5")
    run.until("[app] 203.0.113.5 already banned")
    run.until("[brief] Unban 203.0.113.5", 2)
    run.until("[brief] Found 203.0.113.5", 6)
    run.ask("set", "app", "banip", "203.0.113.9", "2001:db8::9")
    run.until("[app] Ban 2001:db8::9")
    run.ask("set", "app", "unbanip", "203.0.113.9")
    run.stop()
    run.start()
    run.until("[app] Restore Ban 2001:db8::9")
    run.ask("unban", "2001:db8::9")
    run.until("[app] Unban 2001:db8::9")
    run.stop()


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The story told by Debian's server and by ours."""
    pair = Run(tmp_path_factory.mktemp("theirs"), THEIRS), Run(tmp_path_factory.mktemp("ours"), OURS)
    with ThreadPoolExecutor(len(pair)) as pool:
        list(pool.map(told, pair))
    return pair


def told(run: Run) -> None:
    try:
        story(run)
    finally:
        if run.process and run.process.poll() is None:
            run.process.kill()
            run.process.wait()


@pytest.mark.parametrize("part", [".filter ", ".actions "])
@pytest.mark.parametrize("name", CONFIGURED)
def test_lines_of_a_jail_are_those_of_fail2ban(name: str, part: str, runs: tuple[Run, Run]) -> None:
    """Part by part: Fail2Ban's filter and actions are two threads."""
    theirs, ours = ([line for line in run.jail(name) if part in line] for run in runs)
    assert len(ours) >= 4
    assert ours == theirs


def test_lines_of_a_start_are_those_of_fail2ban(runs: tuple[Run, Run]) -> None:
    theirs, ours = (run.begins() for run in runs)
    assert ours == theirs


def test_lines_of_database_and_server_are_those_of_fail2ban(runs: tuple[Run, Run]) -> None:
    theirs, ours = ([line for line in run.said() if ".database " in line] for run in runs)
    assert ours == theirs
    for told in ("Shutdown in progress...", "Stopping all jails"):
        assert sum(told in line for line in runs[1].said()) == 2
