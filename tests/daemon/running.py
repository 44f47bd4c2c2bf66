"""The real server as a process of its own, dry unless told otherwise, in a folder of the test's."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from f2b.control import client

PATIENCE_S = 60.0
"""How long anything may take on a busy machine before the test says it did not happen."""
UNPRIVILEGED = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Runs a command without any right of root's, though it may still read root's Python."""
FILTER = "[Definition]\nfailregex = ^ app: failure of <F-USER>\\S+</F-USER> from <HOST>$\n"


class Server:
    """A configuration folder, and `f2b serve` on it."""

    def __init__(self, folder: Path, prefix: Sequence[str] = (), dry: bool = True) -> None:
        self.folder = folder
        self.socket = str(folder / "sock")
        self.log = folder / "f2b.log"
        self._prefix = list(prefix)
        self._dry = dry
        self.process: subprocess.Popen[bytes] | None = None
        self.write("filter.d/app.conf", FILTER)

    def write(self, name: str, text: str) -> Path:
        """Write a file of the configuration."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def jail(self, name: str = "app", **options: object) -> Path:
        """Write a jail that reads NAME.log; return that log's path."""
        log = self.folder / f"{name}.log"
        settings = {"enabled": "true", "filter": "app", "logpath": log, "maxretry": 3, "action": "dry"} | options
        text = "".join(f"{key} = {value}\n" for key, value in settings.items())
        self.write(f"jail.d/{name}.conf", f"[{name}]\n{text}")
        if not (self.folder / "jail.conf").exists():
            self.write("jail.conf", "[DEFAULT]\nbackend = auto\n")
        return log

    def command(self, *more: str) -> list[str]:
        """Return the command that serves this folder."""
        here = str(self.folder)
        words = [*self._prefix, sys.executable, "-m", "f2b", "serve", "-c", here, "-s", self.socket]
        words += ["-p", f"{here}/pid", "--db", f"{here}/db", "--logtarget", str(self.log)]
        return [*words, *(["--dry-run"] if self._dry else []), *more]

    def start(self, *more: str) -> None:
        """Start it and wait until it answers."""
        with (self.folder / "out").open("w") as out:
            self.process = subprocess.Popen(self.command(*more), stdout=out, stderr=out)
        wait_for(lambda: self.process is not None and (self.process.poll() is not None or self._answers()))
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {(self.folder / 'out').read_text()}{self.said()}")

    def _answers(self) -> bool:
        return client.answers(self.socket)

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run an f2b command against it."""
        command = [*self._prefix, sys.executable, "-m", "f2b", "-s", self.socket, *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    def status(self) -> Any:
        """Return all of `status --json`."""
        return client.request(self.socket, "status")

    def banned(self) -> list[str]:
        """Return who is banned, in any jail."""
        bans: Any = client.request(self.socket, "banned")["bans"]
        return [ban["id"] for ban in bans]

    def said(self) -> str:
        """Return its log."""
        return self.log.read_text() if self.log.exists() else ""

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        code = self.process.wait(timeout=PATIENCE_S)
        self.process = None
        return code


def fail(log: Path, address: str, times: int = 3, when: float | None = None) -> None:
    """Write failures of an address into a log."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(when or time.time()))
    with log.open("a") as out:
        out.write(f"{stamp} app: failure of root from {address}\n" * times)


def wait_for(what: Callable[[], object], patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + patience_s
    while not what():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


@contextmanager
def running(folder: Path, prefix: Sequence[str] = (), dry: bool = True) -> Iterator[Server]:
    """Give a server, not started yet, that is surely ended in the end."""
    server = Server(folder, prefix, dry)
    try:
        yield server
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
