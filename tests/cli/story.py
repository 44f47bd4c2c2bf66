"""A configuration, logs and what `f2b replay --json` says of them: a story for each filter type."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from f2b.cli.main import run

NOW = 1_795_255_200
"""2026-11-21 10:00 UTC."""
JAIL = "[DEFAULT]\nbackend = auto\nmaxretry = 3\nfindtime = 10m\nbantime = 1h\naction = dry\nmode = normal\n"
SSHD = """
[Definition]
failregex = ^ sshd: bad <F-USER>\\S+</F-USER> from <HOST>$
okregex = ^ sshd: good <F-USER>\\S+</F-USER> from <HOST>$
"""


class Told(NamedTuple):
    """What came out."""

    status: int
    events: list[dict[str, Any]]
    summary: dict[str, Any]
    errors: str

    def bans(self, jail: str = "j") -> list[tuple[str, float]]:
        """Return who was banned, and how many seconds after NOW."""
        return [(it["id"], it["time"] - NOW) for it in self.events if it["event"] == "ban" and it["jail"] == jail]

    def banned(self, jail: str = "j") -> list[str]:
        """Return who was banned, in order of the text."""
        return sorted(who for who, _ in self.bans(jail))


class Story:
    """A folder with a configuration."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder = folder
        self._capsys = capsys
        self.write("filter.d/sshd.conf", SSHD)
        self.write("jail.conf", JAIL)

    def write(self, name: str, text: str) -> Path:
        """Write a file."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def filter(self, name: str, text: str) -> None:
        """Write a filter of some type: its options, one a line."""
        self.write(f"filter.d/{name}.conf", f"[Definition]\n{text}\n")

    def jail(self, name: str = "j", **options: object) -> None:
        """Write an enabled jail that reads `log`, unless told otherwise."""
        settings = {"enabled": "true", "filter": "f", "logpath": self.folder / "log"} | options
        text = "".join(f"{key} = {value}\n" for key, value in settings.items() if value is not None)
        self.write(f"jail.d/{name}.conf", f"[{name}]\n{text}")

    def log(self, *lines: str, name: str = "log") -> Path:
        """Write a log."""
        return self.write(name, "".join(f"{line}\n" for line in lines))

    def replay(self, *more: str) -> Told:
        """Replay it."""
        status = run(["replay", "--json", "-c", str(self.folder), "--now", str(NOW + 10 * 86400), *more])
        said = self._capsys.readouterr()
        *events, summary = [json.loads(line) for line in said.out.splitlines()] or [{}]
        return Told(status, events, summary, said.err)


def stamp(at: float) -> str:
    """Return the date of a line so many seconds after NOW."""
    return time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(NOW + at))


def ssh(host: str, at: float = 0, user: str = "root", word: str = "bad") -> str:
    """Return a line of sshd."""
    return f"{stamp(at)} sshd: {word} {user} from {host}"


def web(
    host: str, at: float = 0, asked: str = "GET / HTTP/1.1", status: int = 200, agent: str = "Mozilla/5.0"
) -> str:
    """Return a line of the combined format."""
    date = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(NOW + at))
    return f'{host} - - [{date}] "{asked}" {status} 10 "-" "{agent}"'
