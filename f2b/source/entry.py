"""Journal entries: where they are to be found, and their fields as lines that filters know. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping

from f2b.named import NamedTuple

SYSTEM_ONLY = 4
"""The bit of Fail2Ban's `journalflags` (sd_journal_open) that leaves users' own journals out."""
ROOTS = ("/var/log/journal", "/run/log/journal")
"""Where journald keeps its files, on disk or in memory."""

Field = Callable[[str], "str | None"]
"""Gives a field's text by its name (systemd.journal-fields(7)), None if the entry has none."""


class Entry(NamedTuple):
    """One entry of the journal."""

    text: str
    """`host ident[pid]: message`, without a date; a newline in the message is the two characters `\\n`."""
    time: float
    cursor: str
    """Where to go on after it."""


class Place(NamedTuple):
    """Which journal."""

    directory: str = ""
    files: tuple[str, ...] = ()
    """Paths or globs."""
    namespace: str = ""
    flags: int = 0


SYSTEM = Place(flags=SYSTEM_ONLY)
"""This host's journal."""


def place(options: Mapping[str, str], flags: str = "") -> Place:
    """Return what `backend = systemd[...]` names by journalpath, journalfiles, namespace and journalflags.

    Flags that are not given are those of the environment (`flags`), else SYSTEM_ONLY: everybody may write what they
    like into their own journal. For files and folders named here all counts, as in Fail2Ban.
    """
    directory = options.get("journalpath", "")
    files = tuple(options.get("journalfiles", "").replace(",", " ").split())
    given = options.get("journalflags") or flags
    number = int(given) if given.isdecimal() else 0 if directory or files else SYSTEM_ONLY
    return Place(directory, files, options.get("namespace", ""), number)


def made(field: Field, written: int, cursor: str) -> Entry | None:
    """Return the entry of these fields, None if it has no message; `written` is when journald wrote it, in µs."""
    message = field("MESSAGE")
    if message is None:
        return None
    source = field("_SOURCE_REALTIME_TIMESTAMP")
    microseconds = int(source) if source and source.isdecimal() else written
    return Entry(_origin(field) + message.replace("\n", "\\n"), microseconds / 1e6, cursor)


def same(cursor: str, other: str) -> bool:
    """Say whether two cursors mean one entry; in a copy of it (a journal that moved to disk) it is numbered anew."""
    return _unnumbered(cursor) == _unnumbered(other)


def _unnumbered(cursor: str) -> list[str]:
    return [part for part in cursor.split(";") if part[:2] not in ("s=", "i=")]


def _origin(field: Field) -> str:
    """Return what stands before the message: `host ident[pid]: `, as far as it is known."""
    host = field("_HOSTNAME")
    ident = field("SYSLOG_IDENTIFIER") or field("_COMM") or ""
    pid = ident and (field("SYSLOG_PID") or field("_PID"))
    if pid:
        ident = f"{ident}[{int(pid) if pid.isdecimal() else pid}]"
    if ident:
        ident += ": "
    if ident == "kernel: ":
        ident += _uptime(field)
    return (f"{host} " if host else "") + ident


def _uptime(field: Field) -> str:
    stamp = field("_SOURCE_MONOTONIC_TIMESTAMP") or field("__MONOTONIC_TIMESTAMP")
    return f"[{int(stamp) / 1e6:12.6f}] " if stamp and stamp.isdecimal() else ""


def terms(journalmatch: Iterable[str]) -> list[str]:
    """Return `FIELD=value` terms and `+` in one row, for groups of terms any of which may match."""
    found: list[str] = []
    for group in journalmatch:
        words = shlex.split(group)
        if words:
            found += ["+", *words] if found else words
    return found
