"""Dates that are off by a time zone: what `logtimezone` would make them fit, for who explains a line."""

from __future__ import annotations

from f2b.duration import DAY, HOUR, MINUTE

STEP_S = 15 * MINUTE
"""Time zones lie whole quarters of an hour apart."""
FURTHEST_S = 14 * HOUR
SLACK_S = 90.0
"""A line may reach us so late, and clocks may differ."""


def hours_off(written: float, now: float) -> float | None:
    """Return by how many hours a date is behind the clock if that looks like a time zone, else None.

    Both in seconds since the epoch; behind is positive. Only whole and half hours are believed: anything else is
    more likely a line that is simply old.
    """
    behind = now - written
    steps = round(behind / STEP_S)
    if not steps or steps % 2 or abs(behind) > FURTHEST_S + SLACK_S or abs(behind - steps * STEP_S) > SLACK_S:
        return None
    return steps * STEP_S / HOUR


def zone(hours: float, east: float) -> str:
    """Return the zone, as `logtimezone` takes it, of a log that is so many hours behind if it is read as `east`.

    `east` is what the log is taken for now, in seconds east of Greenwich.
    """
    seconds = round((east - hours * HOUR + DAY / 2) % DAY - DAY / 2)
    sign = "-" if seconds < 0 else "+"
    return f"UTC{sign}{abs(seconds) // HOUR:02d}{abs(seconds) % HOUR // MINUTE:02d}"
