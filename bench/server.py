"""A server in a folder and a network namespace of its own: its configuration, its life, its memory."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.program import Program, run, start

STOCK = Path("/etc/fail2ban")
PATIENCE_S = 3600.0
POLL_S = 0.005
_FAILED = re.compile(r"Total failed:\s+(\d+)")

Jails = Mapping[str, Mapping[str, object]]
"""Options by jail."""


class Folder:
    """Debian's configuration with some jails enabled, and where a server's files lie."""

    def __init__(self, path: Path, jails: Jails, **defaults: object) -> None:
        self.path = path
        self.conf = path / "conf"
        self.log = path / "said"
        self.socket = path / "sock"
        self.db = path / "db"
        shutil.copytree(STOCK, self.conf)
        for file in (self.conf / "jail.d").iterdir():
            file.unlink()
        usual = {"backend": "auto", "banaction": "nftables-multiport", "banaction_allports": "nftables-allports"}
        sections = {"DEFAULT": usual | defaults, **{name: {"enabled": "true", **jails[name]} for name in jails}}
        (self.conf / "jail.local").write_text("".join(map(_section, sections, sections.values())))
        own = {"dbfile": self.db, "logtarget": self.log, "socket": self.socket, "pidfile": path / "pid"}
        (self.conf / "fail2ban.local").write_text(_section("Definition", own))

    def command(self, program: Program) -> list[str]:
        """Return what serves this folder, in a namespace."""
        more = ["start"] if program.name == "Fail2Ban" else []
        return ["unshare", "-n", *program.server, "-c", str(self.conf), *more]

    def clean(self) -> None:
        """Let the next server begin afresh."""
        for name in ("said", "db", "db-wal", "db-shm", "sock", "pid"):
            (self.path / name).unlink(missing_ok=True)

    def ask(self, program: Program, *words: str) -> str:
        """Return what a program's client prints."""
        return run([*program.client, "-c", str(self.conf), *words]).said

    def failures(self, program: Program, jails: Sequence[str]) -> list[int]:
        """Return how many failures each jail has counted."""
        answers = [_FAILED.search(self.ask(program, "status", jail)) for jail in jails]
        return [int(answer[1]) if answer else -1 for answer in answers]


def _section(name: str, options: Mapping[str, object]) -> str:
    return "".join([f"[{name}]\n", *(f"{option} = {value}\n" for option, value in options.items())])


@contextmanager
def serving(program: Program, folder: Folder, command: Sequence[str] = ()) -> Iterator[subprocess.Popen[bytes]]:
    """Give a server that was just started, by a `command` of its own or the usual one, and end it."""
    server = start(command or folder.command(program))
    try:
        yield server
    finally:
        server.terminate()
        server.wait()


class Told:
    """What a server's log says, read as it grows; what was looked at once is past."""

    def __init__(self, folder: Folder, server: subprocess.Popen[bytes]) -> None:
        self._log = folder.log
        self._server = server
        self._read = 0
        self._lines = b""
        """Those that were read last, the last of all perhaps not whole."""

    def wait(self, *texts: str) -> float:
        """Wait until each of these has come; return by the monotonic clock when the last was seen."""
        missing = {text.encode() for text in texts}
        deadline = time.monotonic() + PATIENCE_S
        while missing:
            self._read_on(f"{missing}", deadline)
            missing = {text for text in missing if text not in self._lines}
        return time.monotonic()

    def count(self, text: str, times: int) -> None:
        """Wait until so many whole lines with a text have come."""
        deadline = time.monotonic() + PATIENCE_S
        while times > 0:
            self._read_on(f"{text!r} {times} times more", deadline)
            times -= self._lines[: self._lines.rfind(b"\n") + 1].count(text.encode())

    def _read_on(self, what: str, deadline: float) -> None:
        if self._server.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"the server did not say {what}; its log ends with:\n{self._lines[-2000:].decode()}")
        time.sleep(POLL_S)
        rest = self._lines[self._lines.rfind(b"\n") + 1 :]
        news = b""
        if self._log.exists():
            with self._log.open("rb") as log:
                log.seek(self._read)
                news = log.read()
        self._read += len(news)
        self._lines = rest + news


def active(*jails: str) -> list[str]:
    """Return what a server says when these jails are up."""
    return [f"Jail '{jail}' started" for jail in jails]


def memory_mb(pid: int) -> tuple[float, float]:
    """Return RSS and PSS of a process, in MB of 1024 KB as `ps` and `top` count them."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    rss, pss = (int(re.findall(rf"^{name}:\s+(\d+) kB", rollup, re.MULTILINE)[0]) for name in ("Rss", "Pss"))
    return rss / 1024, pss / 1024


def cpu_s(pid: int) -> float:
    """Return the processor time that all threads of a process have had."""
    return sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
