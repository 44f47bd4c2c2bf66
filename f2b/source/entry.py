"""Journal entries: what journalctl is asked for, and its JSON as lines that filters know. Pure."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

FIELDS = (
    "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_HOSTNAME,_TRANSPORT,"
    "_SOURCE_REALTIME_TIMESTAMP,_SOURCE_MONOTONIC_TIMESTAMP"
)
SYSTEM_ONLY = 4
"""The bit of Fail2Ban's `journalflags` (sd_journal_open) that leaves users' own journals out."""


class Entry(NamedTuple):
    """One entry of the journal."""

    text: str
    """`host ident[pid]: message`, without a date; a newline in the message is the two characters `\\n`."""
    time: float
    cursor: str
    """Where to go on after it."""


def decode(line: bytes) -> Entry | None:
    """Return the entry that a line of `journalctl -o json` holds; None if it has no message or is broken.

    Source of the format: systemd.journal-fields(7); a field is text, a list of bytes if it is none, a list of either
    if it occurs several times, null if it was too large.
    """
    try:
        fields = json.loads(line)
        microseconds = int(fields.get("_SOURCE_REALTIME_TIMESTAMP") or fields["__REALTIME_TIMESTAMP"])
        cursor = str(fields["__CURSOR"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    message = _text(fields.get("MESSAGE"))
    if message is None:
        return None
    return Entry(_origin(fields) + message.replace("\n", "\\n"), microseconds / 1e6, cursor)


def _text(value: object) -> str | None:
    if isinstance(value, list) and value:
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0])
    return value if isinstance(value, str) else None


def _origin(fields: Mapping[str, object]) -> str:
    """Return what stands before the message: `host ident[pid]: `, as far as it is known."""
    host = _text(fields.get("_HOSTNAME"))
    ident = _text(fields.get("SYSLOG_IDENTIFIER")) or _text(fields.get("_COMM")) or ""
    pid = _text(fields.get("SYSLOG_PID")) or _text(fields.get("_PID"))
    if ident and pid:
        ident = f"{ident}[{pid}]"
    if ident:
        ident += ": "
    if ident == "kernel: ":
        ident += _uptime(fields)
    return (f"{host} " if host else "") + ident


def _uptime(fields: Mapping[str, object]) -> str:
    stamp = _text(fields.get("_SOURCE_MONOTONIC_TIMESTAMP")) or _text(fields.get("__MONOTONIC_TIMESTAMP"))
    return f"[{int(stamp) / 1e6:12.6f}] " if stamp and stamp.isdigit() else ""


def terms(journalmatch: Iterable[str]) -> list[str]:
    """Return the arguments for groups of `FIELD=value` terms, any of which may match."""
    found: list[str] = []
    for group in journalmatch:
        words = shlex.split(group)
        if words:
            found += ["+", *words] if found else words
    return found


def places(options: Mapping[str, str]) -> list[str]:
    """Return the arguments for `backend = systemd[...]`: journalpath, journalfiles, namespace, journalflags."""
    found = [f"--directory={options['journalpath']}"] if options.get("journalpath") else []
    found += [f"--file={path}" for path in options.get("journalfiles", "").replace(",", " ").split()]
    if options.get("namespace"):
        found.append(f"--namespace={options['namespace']}")
    flags = options.get("journalflags", "")
    if flags.isdigit() and int(flags) & SYSTEM_ONLY:
        found.append("--system")
    return found


def command(journalmatch: Sequence[str], cursor: str, since: float, extra: Sequence[str] = ()) -> list[str]:
    """Return the journalctl command that follows the journal after `cursor` or, if there is none, from `since`."""
    start = f"--after-cursor={cursor}" if cursor else f"--since=@{int(since)}"
    return [
        "journalctl",
        "--follow",
        "--no-tail",
        "--quiet",
        "--all",  # else fields of more than 4096 bytes are null
        "--output=json",
        f"--output-fields={FIELDS}",
        start,
        *extra,
        *terms(journalmatch),
    ]
