from __future__ import annotations

import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.duration import human, seconds, spelt


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("600", 600),
        ("-1", -1),
        ("10m", 600),
        ("1d12h", 129600),
        ("1d 12h", 129600),
        ("1d -1h", 82800),
        ("1h  - 30m", 1800),
        ("1h30", 3630),
        ("1 H", 3600),
        (".5", 0.5),
        ("1.5h", 5400),
        ("2h/30m", 14400),
        ("( 1 ) h", 3600),
        ("1y6mo2w3d4h5m6s", 48819906),
        ("1month2weeks", 3839400),
        ("2*(1h + 10m)", 8400),
    ],
)
def test_seconds_when_an_expression_then_agree_with_fail2ban(text: str, expected: float) -> None:
    assert seconds(text) == expected
    command = ["/usr/bin/fail2ban-client", "--str2sec", text]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert float(said) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "h",
        "1ms",
        "1e3",
        "1hm",
        "ten",
        "1h,30m",
        "1/0",
        "(1",
        "1)",
        "2**3",
        "1.5.2",
        "1h (2)",
        "٣",
        "(" * 999,
    ],
)
def test_seconds_when_no_duration_then_raises_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"duration|zero"):
        seconds(text)


@given(st.text("0123456789.smhdwyo +-*/()", max_size=30))
def test_seconds_when_any_text_then_raises_nothing_else(text: str) -> None:
    try:
        assert isinstance(seconds(text), int | float)
    except ValueError:
        assert text not in ("1", "1s")


@pytest.mark.parametrize(
    ("duration", "text"),
    [(0, "0s"), (0.5, "0.5s"), (600, "10m"), (129600, "1d 12h"), (604800, "1w"), (-1, "permanent")],
)
def test_human_when_given_seconds_then_writes_them_short(duration: float, text: str) -> None:
    assert human(duration) == text


@given(st.integers(0, 10**9))
def test_human_when_read_again_then_is_the_same(duration: int) -> None:
    assert seconds(human(duration)) == duration


@pytest.mark.parametrize(
    ("duration", "text"),
    [
        (-1, "permanent"),
        (0.2, "0.2s"),
        (59, "59s"),
        (60, "1m"),
        (60.0, "1.0m"),
        (1024, "17m 4s"),
        (119.6, "1.0m 59.599999999999994s"),
        (3590.0, "59.0m 50.0s"),
        (3599, "1h"),
        (3631, "1h"),
        (3661.7, "1h 1m"),
        (3690, "1h 1m"),
        (84599, "23h 30m"),
        (86371, "23h 59m"),
        (86399, "24h"),
        (90061, "1d 1h 1m"),
        (604799, "7d"),
        (691199, "1w 1d"),
        (2097152, "3w 3d 7h"),
        (2629800, "4w 2d 10h"),
        (31535999, "52w 1d"),
        (31580000, "1y 1d"),
        (62914560, "1y 51w 6d"),
        (1e12, "31709y 41w 2d"),
    ],
)
def test_spelt_is_as_fail2bans_log_said(duration: float, text: str) -> None:
    assert spelt(duration) == text
