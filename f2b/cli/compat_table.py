"""The table of `fail2ban-client statistics`: with lines where the terminal has them, else with ASCII characters."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from f2b.named import NamedTuple

_WIDTHS = (8, 8, 3, 3, 3, 3)
"""At least."""


class Strokes(NamedTuple):
    """What the lines of a table are made of."""

    wide: str
    """Between the columns of different things."""
    narrow: str
    """Between a present number and its total."""
    thin: str
    """Within the head."""
    left: str
    """Where that begins, and where it crosses a column."""
    cross: str
    thick: str
    """Under the head, and under all."""
    under: str
    """Where a column passes that, and where it ends."""
    end: str


_LINES = Strokes("║", "│", "─", "╟", "╫", "═", "╬", "╩")
_ASCII = Strokes("|", "|", "-", "|", "|", "-", "x", "-")


def render(command: Sequence[str], result: Mapping[str, Any]) -> str:
    """Return the statistics of all jails as a table."""
    if not result:
        return "No jails found."
    strokes = _LINES if (sys.stdout.encoding or "").lower().replace("-", "") == "utf8" else _ASCII
    rows = [[name, backend, *map(str, (*found, *bans))] for name, (backend, found, bans) in sorted(result.items())]
    widths = [max(least, *(len(row[at]) for row in rows)) for at, least in enumerate(_WIDTHS)]
    return "\n".join(
        [
            *_head(widths, strokes),
            _line(widths, strokes, strokes.under),
            *(_row(row, widths, strokes) for row in rows),
            _line(widths, strokes, strokes.end),
        ]
    )


def _head(widths: Sequence[int], strokes: Strokes) -> list[str]:
    name, backend, filters, actions = _columns(widths)
    names = f" {'Jail':<{name}} {strokes.wide} {'Backend':<{backend}} "
    blank = f" {'':<{name}} {strokes.wide} {'':<{backend}} {strokes.wide} "
    rule = f"{strokes.left}{strokes.thin * (filters + 2)}{strokes.cross}{strokes.thin * (actions + 2)}"
    return [
        f"{blank}{'Filter':<{filters}} {strokes.wide} {'Actions':<{actions}}",
        names + rule,
        _row(("", "", "cur", "tot", "cur", "tot"), widths, strokes),
    ]


def _columns(widths: Sequence[int]) -> tuple[int, int, int, int]:
    """Return the widths of the four wide columns; numbers stand in pairs, three characters apart."""
    return widths[0], widths[1], widths[2] + widths[3] + 3, widths[4] + widths[5] + 3


def _row(cells: Sequence[str], widths: Sequence[int], strokes: Strokes) -> str:
    name, backend, *numbers = cells
    padded = [f"{cell:>{width}}" for cell, width in zip(numbers, widths[2:], strict=True)]
    pairs = [f" {strokes.narrow} ".join(padded[at : at + 2]) for at in (0, 2)]
    wide = [f"{name:<{widths[0]}}", f"{backend:<{widths[1]}}", *pairs]
    return " " + f" {strokes.wide} ".join(wide)


def _line(widths: Sequence[int], strokes: Strokes, crossing: str) -> str:
    return crossing.join(strokes.thick * (width + 2) for width in _columns(widths))
