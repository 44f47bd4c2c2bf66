"""The server's own log, in Fail2Ban's format, so that people's scripts and the recidive jail can read it.

    2026-11-21 07:40:11,235 fail2ban.actions        [9421]: NOTICE  [sshd] Ban 192.0.2.1

Written by hand: `logging` costs 13 ms of start and a handler's lock a line, for the same text.
"""

from __future__ import annotations

import os
import sys
import time
from typing import IO

LEVELS = {
    "CRITICAL": 50,
    "ERROR": 40,
    "WARNING": 30,
    "NOTICE": 25,
    "INFO": 20,
    "DEBUG": 10,
}


class Log:
    """Writes lines to a file, STDOUT or STDERR. `part` is Fail2Ban's name of who speaks: `actions`, `filter`, ..."""

    def __init__(self, target: str = "STDERR", level: str = "INFO") -> None:
        self.level = level
        self._threshold = LEVELS[level]
        self.target = target
        self._stream: IO[str] = sys.stderr
        self.open(target)

    def open(self, target: str) -> None:
        """Write to `target` from now on. Raises OSError, and keeps the present one, if that cannot be opened."""
        standard = {"STDOUT": sys.stdout, "SYSOUT": sys.stdout, "STDERR": sys.stderr}
        stream = standard.get(target.upper())
        if stream is None:
            stream = open(target, "a", encoding="utf-8", errors="backslashreplace", opener=_private)  # noqa: SIM115
        old, self._stream, self.target = self._stream, stream, target
        if old not in standard.values():
            old.close()

    def reopen(self) -> None:
        """Open a file target by its name again: logrotate may have moved it."""
        self.open(self.target)

    def set_level(self, level: str) -> None:
        """Hold back everything below `level`, one of LEVELS in any case. Raises KeyError."""
        self._threshold = LEVELS[level.upper()]
        self.level = level.upper()

    def tell(self, part: str, level: str, text: str) -> None:
        """Write one line. A full disk loses the line, never the server."""
        if LEVELS[level] < self._threshold:
            return
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        name = f"fail2ban.{part}"
        try:
            self._stream.write(f"{stamp},{int(now % 1 * 1000):03d} {name:<24}[{os.getpid()}]: {level:<7} {text}\n")
            self._stream.flush()
        except (OSError, ValueError):
            pass  # nobody is left to tell; ban on

    def critical(self, part: str, text: str) -> None:
        """Something the server cannot do without is gone."""
        self.tell(part, "CRITICAL", text)

    def error(self, part: str, text: str) -> None:
        """Something was not done."""
        self.tell(part, "ERROR", text)

    def warning(self, part: str, text: str) -> None:
        """Something may not be as the administrator thinks."""
        self.tell(part, "WARNING", text)

    def notice(self, part: str, text: str) -> None:
        """A ban, an unban: what the server is there for."""
        self.tell(part, "NOTICE", text)

    def info(self, part: str, text: str) -> None:
        """The ordinary course of things."""
        self.tell(part, "INFO", text)

    def debug(self, part: str, text: str) -> None:
        """For whoever looks into a problem."""
        self.tell(part, "DEBUG", text)


def _private(path: str, flags: int) -> int:
    """Open so that only the owner can read what attackers and users typed."""
    return os.open(path, flags | os.O_CLOEXEC, 0o600)
