"""What logs say of an address that no jail has counted: found on the disk, when `f2b explain IP` asks."""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from f2b.cli.explain_date import Dated, dated
from f2b.named import NamedTuple

TAIL = 1 << 20
"""Bytes at the end of a log that are looked through."""
GLANCE = 128 << 10
"""The same of a log that no jail reads."""
NEIGHBOURS = 200
"""So many files beside a jail's logs are looked at."""
RECENT_S = 86400.0
"""If they were written since then."""
LATEST = 3
"""So many lines of a log are explained."""
PACKED = (".gz", ".xz", ".bz2", ".zst")


class Mention(NamedTuple):
    """A line that names somebody."""

    path: str
    text: str
    written: float | None
    """When, if the disk tells: the log's last line is as old as the log. Seconds since the epoch."""


class Look(NamedTuple):
    """What the logs of a jail say."""

    mentions: tuple[Mention, ...]
    """The latest lines that name somebody, oldest first."""
    unreadable: tuple[str, ...]
    """Logs that could not be looked into, and why."""
    ages: dict[str, float]
    """When each log was written last."""


def look(paths: Iterable[str], who: str, known: Collection[str] = ()) -> Look:
    """Look for lines that name `who` at the end of logs; lines that begin like a `known` one are left out."""
    mentions: list[Mention] = []
    unreadable: list[str] = []
    ages: dict[str, float] = {}
    for path in paths:
        try:
            ages[path] = Path(path).stat().st_mtime
            mentions += list(_mentions(path, who, ages[path], known))[-LATEST:]
        except OSError as error:
            unreadable.append(f"{path}: {error.strerror}")
    return Look(tuple(mentions), tuple(unreadable), ages)


def _mentions(path: str, who: str, written: float, known: Collection[str]) -> Iterator[Mention]:
    lines = _tail(path, TAIL)
    named = _naming(who)
    for number, line in enumerate(lines, 1):
        if named.search(line) and not any(line.startswith(text) for text in known):
            yield Mention(path, line, written if number == len(lines) else None)


def _tail(path: str, size: int) -> list[str]:
    """Return the last whole lines of a log."""
    with Path(path).open("rb") as file:
        start = max(0, file.seek(0, 2) - size)
        file.seek(start)
        data = file.read(size)
    text = data.decode("utf-8", "replace")
    lines = text.split("\n")
    return lines[1 if start else 0 : -1] if text.endswith("\n") else lines[1 if start else 0 :]


def _naming(who: str) -> re.Pattern[str]:
    """Return what finds an address that is not a part of a longer one."""
    return re.compile(rf"(?<![\w:.]){re.escape(who)}(?![\w:]|\.\d)")


def elsewhere(paths: Collection[str], who: str, now: float) -> list[str]:
    """Return logs that name `who` and lie beside these, which do not."""
    folders = dict.fromkeys(Path(path).parent for path in paths)
    found: list[str] = []
    for file in _neighbours(folders, now):
        if str(file) in paths or file.name.endswith(PACKED):
            continue
        try:
            if any(_naming(who).search(line) for line in _tail(str(file), GLANCE)):
                found.append(str(file))
        except OSError:
            continue
    return found


def _neighbours(folders: Iterable[Path], now: float) -> Iterator[Path]:
    left = NEIGHBOURS
    for folder in folders:
        try:
            files = sorted(folder.iterdir())
        except OSError:
            continue
        for file in files[:left]:
            left -= 1
            try:
                if file.is_file() and now - file.stat().st_mtime < RECENT_S:
                    yield file
            except OSError:
                continue


def drift(path: str, patterns: Sequence[str], timezone: str | None) -> Dated | None:
    """Return the date of a log's last line, read as when the log was written, if it is off by a time zone."""
    try:
        written, lines = Path(path).stat().st_mtime, _tail(path, GLANCE)
    except OSError:
        return None
    found = dated(patterns, timezone, lines[-1], min(written, time.time())) if lines else None
    return found if found is not None and found.hours else None
