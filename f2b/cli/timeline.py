"""Bans over time: a line for each jail in the terminal, or a drawing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from f2b.cli import show
from f2b.cli.svg import Drawing
from f2b.events import Ban

COLUMNS = 48
"""Of the line in the terminal."""
STEPS = 120
"""Columns of the drawing."""
WIDTH, LEFT, RIGHT = 900, 170, 880
HIGH, GAP, TOP = 44, 18, 60
"""Of one jail in the drawing; between two; above the first."""
_SHADES = " ▁▂▃▄▅▆▇█"

Counts = Mapping[str, Sequence[int]]
"""How many bans began in each step of time, by jail."""


def steps(bans: Sequence[Ban], first: float, last: float, number: int) -> Counts:
    """Return how many bans of each jail began in each of so many equal steps from `first` to `last`."""
    counts: dict[str, list[int]] = {}
    width = max(last - first, 1.0) / number
    for ban in bans:
        row = counts.setdefault(ban.jail, [0] * number)
        row[min(max(int((ban.time - first) / width), 0), number - 1)] += 1
    return counts


def lines(bans: Sequence[Ban], first: float, last: float) -> str:
    """Return a line for each jail; there must have been a ban."""
    counts = steps(bans, first, last, COLUMNS)
    most = max(max(row) for row in counts.values())
    wide = max(map(len, counts))
    rows = [f"{name:<{wide}}  {''.join(_shade(n, most) for n in row)}  {sum(row)}" for name, row in counts.items()]
    begin, end = show.moment(first)[:16], show.moment(last)[:16]
    return "\n".join([*map(show.plain, rows), f"{'':<{wide}}  {begin}{end:>{COLUMNS - len(begin)}}"])


def _shade(number: int, most: int) -> str:
    return _SHADES[0 if number == 0 else max(1, round(number / most * (len(_SHADES) - 1)))]


def drawing(bans: Sequence[Ban], first: float, last: float, title: str) -> str:
    """Return the same as SVG: columns for each jail, as high as its own most."""
    counts = steps(bans, first, last, STEPS)
    page = Drawing(WIDTH, TOP + len(counts) * (HIGH + GAP) + 40, title)
    page.text(LEFT, 30, title, "head")
    y = float(TOP)
    for name, row in counts.items():
        _columns(page, y, name, row, (first, last))
        y += HIGH + GAP
    for at, anchor in ((first, "start"), ((first + last) / 2, "middle"), (last, "end")):
        x = LEFT + (RIGHT - LEFT) * (at - first) / max(last - first, 1.0)
        page.text(x, y + 6, show.moment(at)[:16], "dim", anchor)
    return str(page)


def _columns(page: Drawing, y: float, name: str, row: Sequence[int], span: tuple[float, float]) -> None:
    most, step = max(row), (RIGHT - LEFT) / len(row)
    page.text(LEFT - 8, y + HIGH - 14, name if len(name) <= 22 else f"{name[:21]}…", anchor="end")
    page.text(LEFT - 8, y + HIGH, f"{sum(row)} bans", "dim", "end")
    for at, number in enumerate(row):
        if number:
            tall = max(HIGH * number / most, 2)
            when = show.moment(span[0] + (span[1] - span[0]) * at / len(row))[:16]
            tip = f"{name}, {when}: {number}"
            page.box(LEFT + at * step, y + HIGH - tall, max(step - 1, 0.5), tall, tip=tip)
    page.line(LEFT, y + HIGH, RIGHT, y + HIGH)
