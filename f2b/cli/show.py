"""How answers look: aligned tables, colour on a terminal only, JSON for programs."""

from __future__ import annotations

import json
import os
import re
import sys
import time
from collections.abc import Mapping, Sequence
from typing import IO, Any, Literal

Colour = Literal["red", "green", "yellow", "bold", "dim"]
_CODES: Mapping[Colour, str] = {"red": "31", "green": "32", "yellow": "33", "bold": "1", "dim": "2"}
# Compiled when they are first needed, for that takes longer than most answers.
_ESCAPE = r"\x1b\[[0-9;]*m"
_CONTROL = r"[\x00-\x1f\x7f-\x9f]"


def coloured(stream: IO[str], environment: Mapping[str, str] = os.environ) -> bool:
    """Return whether `stream` is a terminal that may have colour (see no-color.org)."""
    return stream.isatty() and not environment.get("NO_COLOR") and environment.get("TERM") != "dumb"


def paint(text: str, colour: Colour) -> str:
    """Return `text` in a colour, or as it is where colour has no place."""
    return f"\x1b[{_CODES[colour]}m{text}\x1b[0m" if coloured(sys.stdout) else text


def plain(text: str) -> str:
    """Return `text` with control characters made visible: ids may be what an attacker typed."""
    return text if text.isprintable() else re.sub(_CONTROL, lambda found: f"\\x{ord(found[0]):02x}", text)


def table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return rows under their heads, columns aligned, numbers to the right."""
    widths = [max(map(_width, column)) for column in zip(heads, *rows, strict=True)]
    right = [bool(rows) and all(_bare(row[at]).isdecimal() for row in rows) for at in range(len(heads))]
    lines = [paint(_row(heads, widths, right), "bold")]
    return "\n".join([*lines, *(_row(row, widths, right) for row in rows)])


def _row(cells: Sequence[str], widths: Sequence[int], right: Sequence[bool]) -> str:
    padded = []
    for cell, width, to_right in zip(cells, widths, right, strict=True):
        gap = " " * (width - _width(cell))
        padded.append(gap + cell if to_right else cell + gap)
    return "  ".join(padded).rstrip()


def _bare(text: str) -> str:
    return re.sub(_ESCAPE, "", text) if "\x1b" in text else text


def _width(text: str) -> int:
    return len(_bare(text))


def as_json(value: object) -> None:
    """Print `value` for a program."""
    print(json.dumps(value, indent=2))


def moment(seconds: float) -> str:
    """Return a time as people read it, in local time."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def count(number: int, thing: str) -> str:
    """Return `1 jail`, `2 jails`."""
    return f"{number} {thing}" + ("" if number == 1 else "s")


def size(number: int) -> str:
    """Return a number of bytes as people say it."""
    for unit, power in (("GB", 9), ("MB", 6), ("kB", 3)):
        if number >= 10**power:
            return f"{number / 10**power:.1f} {unit}"
    return count(number, "byte")


def bans(listed: Sequence[Mapping[str, Any]], with_jail: bool = True) -> str:
    """Return bans as a table: who, in which jail, since when and until when, after how many failures."""
    heads = ["ADDRESS", *(["JAIL"] if with_jail else []), "SINCE", "UNTIL", "FAILURES", "TIMES"]
    rows = []
    for ban in listed:
        until = "for ever" if ban["end"] is None else moment(ban["end"])
        jail = [plain(ban["jail"])] if with_jail else []
        rows.append([plain(ban["id"]), *jail, moment(ban["time"]), until, str(ban["failures"]), str(ban["count"])])
    return table(heads, rows)
