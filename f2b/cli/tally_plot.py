"""Bans counted, as a drawing: a column a day, the hours of the week, and the longest bars of each kind."""

from __future__ import annotations

from collections.abc import Mapping

from f2b.cli.svg import Drawing
from f2b.cli.tally import DAYS, Tally

WIDTH = 900
LEFT, RIGHT = 150, 860
"""Between these columns things are drawn; names stand to the left."""
HIGH = 120
"""Height of the tallest day."""
ROW = 20
GAP = 50
TOP = 10
"""So many names of each kind."""


def drawing(tally: Tally) -> str:
    """Return it as SVG. There must have been a ban."""
    kinds = [
        ("Jails", tally.by_jail),
        ("Countries", tally.by_country),
        ("User names", tally.by_user),
        ("Addresses", tally.by_address),
    ]
    lists = [(head, dict(counts.most_common(TOP))) for head, counts in kinds if counts]
    height = HIGH + 7 * ROW + sum(len(counts) * ROW + GAP for _, counts in lists) + 4 * GAP
    page = Drawing(WIDTH, height, f"{tally.bans} bans")
    y = _days(page, GAP, tally)
    y = _week(page, y + GAP, tally)
    for head, counts in lists:
        y = _bars(page, y + GAP, head, counts)
    return str(page)


def _days(page: Drawing, y: float, tally: Tally) -> float:
    days, most = list(tally.by_day), max(tally.by_day.values())
    page.text(LEFT, y - 14, f"{tally.bans} bans of {len(tally.by_address)} addresses, by day", "head")
    step = (RIGHT - LEFT) / len(days)
    for at, day in enumerate(days):
        tall = HIGH * tally.by_day[day] / most
        page.box(LEFT + at * step, y + HIGH - tall, max(step - 1, 0.5), tall, tip=f"{day}: {tally.by_day[day]}")
    page.line(LEFT, y + HIGH, RIGHT, y + HIGH)
    page.text(LEFT - 8, y + 10, str(most), "dim", "end")
    page.text(LEFT, y + HIGH + 16, days[0], "dim")
    page.text(RIGHT, y + HIGH + 16, days[-1], "dim", "end")
    return y + HIGH + 16


def _week(page: Drawing, y: float, tally: Tally) -> float:
    most = max(tally.by_hour.values())
    step = (RIGHT - LEFT) / 24
    page.text(LEFT, y - 14, "Hours of the week", "head")
    for row, day in enumerate(DAYS):
        page.text(LEFT - 8, y + row * ROW + 14, day, anchor="end")
        for hour in range(24):
            number = tally.by_hour[row, hour]
            tip = f"{day} {hour:02d}:00: {number}"
            page.box(
                LEFT + hour * step, y + row * ROW, step - 1, ROW - 1, tip=tip, opacity=0.06 + 0.94 * number / most
            )
    for hour in range(0, 24, 6):
        page.text(LEFT + hour * step, y + 7 * ROW + 14, f"{hour:02d}:00", "dim")
    return y + 7 * ROW + 14


def _bars(page: Drawing, y: float, head: str, counts: Mapping[str, int]) -> float:
    most = max(counts.values())
    page.text(LEFT, y - 14, head, "head")
    for row, (name, number) in enumerate(counts.items()):
        long = (RIGHT - LEFT - 60) * number / most
        page.text(LEFT - 8, y + row * ROW + 14, name if len(name) <= 22 else name[:21] + "…", anchor="end")
        page.box(LEFT, y + row * ROW + 2, max(long, 1), ROW - 5, tip=f"{name}: {number}")
        page.text(LEFT + long + 6, y + row * ROW + 14, str(number), "dim")
    return y + len(counts) * ROW
