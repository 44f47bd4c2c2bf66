"""Zones as log lines and logtimezone write them."""

from __future__ import annotations

import pytest

from f2b.date.zone import configured, offset
from f2b.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "east"),
    [
        ("Z", 0),
        ("UTC", 0),
        ("CET", 3600),
        ("MART", -34200),
        ("NPT", 20700),
        ("+01", 3600),
        ("+0130", 5400),
        ("-03:30", -12600),
        ("CET+0100", 7200),
        ("UTC-02", -7200),
        ("+0175", 8100),
    ],
)
def test_offset_of_a_known_zone_is_seconds_east(text: str, east: int) -> None:
    assert offset(text) == east


@pytest.mark.parametrize("text", ["", "cet", "BST", "Europe/Zurich", "+2000", "+1", "MEZ", "CET+1"])
def test_offset_of_an_unknown_zone_is_none(text: str) -> None:
    assert offset(text) is None


def test_configured_zone_when_empty_is_utc() -> None:
    assert configured("") == 0


def test_configured_zone_when_a_place_is_refused_with_a_cure() -> None:
    with pytest.raises(ConfigError, match=r"unknown time zone 'Europe/Zurich'; write an offset"):
        configured("Europe/Zurich")
