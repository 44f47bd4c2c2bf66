"""Fail2Ban's annotated sample logs, read where its package puts them: which line fails, when, and for whom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

LOGS = Path("/usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
FILTERS = Path("/etc/fail2ban/filter.d")
NOW = 1124013600
"""The time that the samples without a year were written for, in Europe/Zurich."""

_NOTE = re.compile(r"#+ ?(failJSON|(?:file|filter)Options|addFILE):(.+)$")


class Sample(NamedTuple):
    """A line of a sample log, and what is said about it."""

    text: str
    expected: dict[str, Any]


class Run(NamedTuple):
    """A filter with options, and the lines of one log that it is to be tried on, in order."""

    filter: str
    journal: bool
    samples: list[Sample]


class _Log(NamedTuple):
    """A sample log, and what is tried on it so far."""

    name: str
    """The filter's name."""
    found: dict[str, Run]


def runs(log: str) -> list[Run]:
    """Return what is to be tried on a sample log and those that it adds, one run a set of options."""
    found: dict[str, Run] = {}
    _read(log, _Log(log, found))
    return list(found.values())


def _read(file: str, log: _Log) -> None:
    shared: dict[str, str] = {}
    chosen: list[dict[str, str]] = [{}]
    expected: dict[str, Any] = {}
    added: list[str] = []
    for line in _lines(LOGS / file):
        note = _NOTE.match(line)
        if note and note[1] == "fileOptions":
            shared = json.loads(note[2])
        elif note and note[1] == "filterOptions":
            options = json.loads(note[2])
            chosen = options if isinstance(options, list) else [options]
        elif note and note[1] == "addFILE":
            added.append(json.loads(note[2]))
        elif note:
            expected = json.loads(note[2])
        elif line.strip() and not line.startswith("#"):
            for own in chosen:
                _place(log, {**shared, **own}, Sample(line, expected))
            expected = {}
    for one in added:
        _read(one, log)


def _place(log: _Log, options: dict[str, str], sample: Sample) -> None:
    given = {key: value for key, value in options.items() if not key.startswith("test.")}
    known = {"name": log.name, "opts": given}
    limits = options.get("test.condition"), sample.expected.get("constraint")
    if not all(eval(limit, known) for limit in limits if limit):
        return
    chosen = ",".join(f'{key}="{value}"' for key, value in given.items())
    label = f"{log.name}[{chosen}]" if chosen else log.name
    run = log.found.setdefault(label, Run(label, given.get("logtype") == "journal", []))
    run.samples.append(sample._replace(text=options.get("test.prefix-line", "") + sample.text))


def _lines(path: Path) -> Iterator[str]:
    for line in path.read_bytes().decode("utf-8", "surrogateescape").split("\n"):
        yield line.rstrip("\r")


def logs() -> list[str]:
    """Return the sample logs for which Debian has a filter."""
    return sorted(path.name for path in LOGS.iterdir() if path.is_file() and (FILTERS / f"{path.name}.conf").exists())
