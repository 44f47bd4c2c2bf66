"""Dates that are off by a time zone."""

from __future__ import annotations

import pytest

from f2b.date.drift import hours_off, zone

NOW = 1795255500.0


@pytest.mark.parametrize(
    ("behind_s", "hours"),
    [(7200, 2), (7205, 2), (-3600, -1), (5.5 * 3600, 5.5), (0, None), (30, None), (5000, None), (20 * 3600, None)],
)
def test_hours_off_when_a_date_is_behind_then_only_zones_are_believed(behind_s: float, hours: float | None) -> None:
    assert hours_off(NOW - behind_s, NOW) == hours


@pytest.mark.parametrize(
    ("hours", "east_s", "text"),
    [(2, 7200, "UTC+0000"), (1, 0, "UTC-0100"), (-5.5, 0, "UTC+0530"), (3, -5 * 3600, "UTC-0800")],
)
def test_zone_when_a_log_is_behind_then_it_lies_so_far_west(hours: float, east_s: float, text: str) -> None:
    assert zone(hours, east_s) == text
