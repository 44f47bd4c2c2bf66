"""Which pattern a date follows, where it stands, and what it means."""

from __future__ import annotations

import time
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.date.reader import DateReader
from f2b.errors import ConfigError


def local(*when: int) -> float:
    """Return the epoch seconds of a local time: year, month, day, and what is known of the time of day."""
    year, month, day, hour, minute, second = (*when, 0, 0, 0)[:6]
    return datetime(year, month, day, hour, minute, second, tzinfo=ZoneInfo("Europe/Zurich")).timestamp()


NOW = local(2026, 11, 21, 11)


def read(text: str, *patterns: str, zone: str | None = None, now: float = NOW) -> tuple[float | None, str]:
    """Return the time of a line that has a date, and what the line is without it."""
    stamp = DateReader(patterns, zone, 2026).read(text, now)
    assert stamp is not None
    return stamp.time, text[: stamp.start] + text[stamp.end :]


@pytest.mark.parametrize(
    ("text", "when", "rest"),
    [
        ("2026-11-20T10:00:01,123+0200 x", local(2026, 11, 20, 9, 0, 1), " x"),
        ("[Fri Nov 20 10:00:01.123 2026] x", local(2026, 11, 20, 10, 0, 1), "[] x"),
        ("Nov  3 10:00:01 host x", local(2026, 11, 3, 10, 0, 1), " host x"),
        ("Fri Nov 20 2026 10:00:01 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("a 20/11/26 10:00:01 x", local(2026, 11, 20, 10, 0, 1), "a  x"),
        ('1.2.3.4 - - [20/Nov/2026:10:00:01 +0000] "x', local(2026, 11, 20, 11, 0, 1), '1.2.3.4 - - [] "x'),
        ("11/20/2026:10:00:01 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("11-20-2026 10:00:01.5 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("1795165201.123 x", 1795165201.123, " x"),
        ("[1795165201] x", 1795165201.0, "[] x"),
        ("type=x msg=audit(1795165201.123:42): y", 1795165201.123, "type=x msg=audit(:42): y"),
        ("10:00:01 x", local(2026, 11, 21, 10, 0, 1), " x"),
        ("12:00:01 x", local(2026, 11, 20, 12, 0, 1), " x"),
        ("<11/20/26@10:00:01> x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("261120  1:00:01 x", local(2026, 11, 20, 1, 0, 1), " x"),
        ("Nov 20, 2026 12:00:01 AM x", local(2026, 11, 20, 0, 0, 1), " x"),
        ("Nov-20-26 10:00:01 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("20261120T100001 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("20261120-10:00:01 x", local(2026, 11, 20, 10, 0, 1), " x"),
        ("EST Fri Nov 20 10:00:01 x", local(2026, 11, 20, 16, 0, 1), " x"),
        ("+0200 Nov 20 10:00:01 x", local(2026, 11, 20, 9, 0, 1), " x"),
        ("a @4000000065920080ff000000 x", 1704067200.0, "a  x"),
    ],
)
def test_read_when_default_form_gives_its_time_and_cuts_it(text: str, when: float, rest: str) -> None:
    assert read(text) == (when, rest)


@pytest.mark.parametrize("text", ["", "no date", "1795165201x", "x1795165201 y", "aNov 20 10:00:01", "1.2.3.4 foo:1"])
def test_read_when_no_date_is_none(text: str) -> None:
    assert DateReader((), None, 2026).read(text, NOW) is None


@pytest.mark.parametrize("text", ["Feb 30 10:00:01 x", "2026-02-29 10:00:01 x", "2026-11-20 10:00:60 x"])
def test_read_when_no_such_date_cuts_it_without_a_time(text: str) -> None:
    assert read(text) == (None, " x")


@pytest.mark.parametrize(
    ("text", "year"), [("Nov 22 10:59:59 x", 2026), ("Nov 22 11:00:01 x", 2025), ("Dec 31 00:00:00 x", 2025)]
)
def test_read_without_year_when_more_than_a_day_ahead_is_last_year(text: str, year: int) -> None:
    time, _ = read(text)
    assert time is not None
    assert datetime.fromtimestamp(time, ZoneInfo("Europe/Zurich")).year == year


@given(st.lists(st.integers(min_value=-200_000, max_value=200_000), min_size=1, max_size=20))
def test_read_without_year_when_the_clock_moves_forgets_no_choice(steps: list[int]) -> None:
    reader = DateReader((), None, 2026)
    for step in steps:
        for text in ("Nov 22 11:00:01 x", "12:00:01 x"):
            seen = reader.read(text, NOW + step)
            assert seen is not None
            assert seen == DateReader((), None, 2026).read(text, NOW + step)


@pytest.mark.parametrize(
    ("pattern", "text", "when", "rest"),
    [
        ("%Y-%m-%d", "x 2026-11-02 y", local(2026, 11, 2), "x  y"),
        ("%Y", "2024 x", local(2024, 11, 21), " x"),
        ("%Y %j", "2023 366", local(2024, 1, 1), ""),
        ("%Y %U %w", "2024 10 3", local(2024, 3, 13), ""),
        ("%Y %W %a", "2024 10 Sun", local(2024, 3, 10), ""),
        ("^foo", "foo x", local(2026, 11, 21), " x"),
        ("^%I:%M", "12:10 a", local(2026, 11, 21, 0, 10), " a"),
        ("^%l:%M %p", "11:10 pm a", local(2026, 11, 20, 23, 10), " a"),
        ("(%Y) b", "2026 b c", local(2026, 11, 21), " b c"),
        ("^(?i)x%Y", "X2024 a", local(2024, 11, 21), " a"),
        ("a%%%Y", "a%2024 x", local(2024, 11, 21), " x"),
        ("{^LN-BEG}%Y-%m-%d", "[ 2024-01-02 x", local(2024, 1, 2), "[  x"),
        ("{UNB}%Y-%m-%d", "a2024-01-02b", local(2024, 1, 2), "ab"),
        ("**%Y-%m-%d**", "a2024-01-02b", local(2024, 1, 2), "ab"),
        ("%Y-%m-%d %H:%M %Exz", "2024-01-02 03:04 CET+0100", local(2024, 1, 2, 2, 4), ""),
        ("^[^[]*\\[({DATE})", "ab [2024-01-02 03:04:05] x", local(2024, 1, 2, 3, 4, 5), "ab [] x"),
        ("^{date}", "1704067200 b", 1704067200.0, " b"),
        ("^LEPOCH", ". 1704067200123 b", 1704067200.123, ".  b"),
        ("LEPOCH", "1704067200123456 b", 1704067200.123456, " b"),
        ("a{EPOCH}", "a1704067200.123 x", 1704067200.123, " x"),
        ("a({EPOCH})", "a1704067200.123 x", 1704067200.123, "a x"),
        ("TAI64N", "@4000000065920080ff000000 x", 1704067200.0, " x"),
        ("%c", "Tue Jan  2 03:04:05 2024 x", local(2024, 1, 2, 3, 4, 5), " x"),
    ],
)
def test_read_with_a_pattern_gives_its_time_and_cuts_group_1(pattern: str, text: str, when: float, rest: str) -> None:
    assert read(text, pattern) == (when, rest)


def test_read_when_zone_is_configured_takes_it_for_dates_without_one() -> None:
    assert read("2024-01-02 03:04:05 x", zone="+0500")[0] == local(2024, 1, 1, 23, 4, 5)
    assert read("2024-01-02 03:04:05Z x", zone="+0500")[0] == local(2024, 1, 2, 4, 4, 5)


@pytest.mark.parametrize(("pattern", "text"), [("{NONE}", "2024-01-02 x"), ("^WARNING:()**", "WARNING: x")])
def test_read_when_pattern_catches_nothing_is_implied(pattern: str, text: str) -> None:
    stamp = DateReader((pattern,)).read(text, NOW)
    assert stamp is not None
    assert stamp.implied
    assert stamp.start == stamp.end
    assert stamp.time is None


@pytest.mark.parametrize(
    ("patterns", "reason"),
    [
        (("%Q",), "%Q is no directive"),
        (("%Y %s",), "%s is no directive"),
        (("100%",), "% is no directive"),
        (("%Y-%ExY",), "makes no valid regex"),
        (("(%Y",), "makes no valid regex"),
        (("EPOCH", "Epoch"), "is there twice"),
    ],
)
def test_reader_when_pattern_is_wrong_says_why(patterns: tuple[str, ...], reason: str) -> None:
    with pytest.raises(ConfigError, match=reason):
        DateReader(patterns)


def test_reader_when_defaults_follow_a_pattern_of_their_name_takes_it_once_with_their_weight() -> None:
    reader = DateReader(("{^LN-BEG}EPOCH", "{^LN-BEG}"))
    assert len(reader.templates) == 17
    assert (reader.templates[0].name, reader.templates[0].weight) == ("{^LN-BEG}Epoch", 100)


def test_read_when_a_decade_begins_takes_its_years() -> None:
    reader = DateReader(("%ExY-%m-%d",), None, 2026)
    assert reader.read("2031-01-02", NOW) is None
    assert reader.read("2031-01-02", local(2028, 1, 1)) is not None
    assert reader.read("2031-01-02", NOW) is not None, "the later year counts, when the clock is set back"


def test_read_when_the_clock_is_set_back_still_takes_newer_years() -> None:
    stamp = DateReader().read("2014-01-02 03:04:05 x", 1124013600)
    assert stamp is not None
    assert stamp.time == local(2014, 1, 2, 3, 4, 5)


def test_templates_when_read_count_their_hits_and_the_winner_moves_up() -> None:
    reader = DateReader((), None, 2026)
    assert len(reader.templates) == 31
    for _ in range(3):
        reader.read("1795165201 x", NOW)
    first = reader.templates[0]
    assert (first.name, first.hits) == ("{^LN-BEG}Epoch", 3)


def test_read_when_two_dates_takes_the_one_that_stands_where_the_last_did() -> None:
    line = "a Nov 20 10:00:00 b 2026-01-02 03:04:05"
    fresh, learnt = DateReader((), None, 2026), DateReader((), None, 2026)
    learnt.read("a --- -- --:--:-- b 2026-01-02 03:04:05", NOW)
    first, second = fresh.read(line, NOW), learnt.read(line, NOW)
    assert first is not None
    assert second is not None
    assert (first.start, first.time) == (2, local(2026, 11, 20, 10))
    assert (second.start, second.time) == (20, local(2026, 1, 2, 3, 4, 5))


@given(st.text(max_size=200) | st.from_regex(r"\A[\[<]?[0-9A-Za-z:/. +@-]{1,60}\Z"))
def test_read_whatever_the_text_returns_a_span_of_it(text: str) -> None:
    reader = DateReader((), None, 2026)
    for _ in range(2):
        stamp = reader.read(text, NOW)
        assert stamp is None or 0 <= stamp.start <= stamp.end <= len(text)


@pytest.mark.parametrize("unit", ["\0", "\ud800", " ", "1", "12:", "[", "Jan ", "2024-01-01 00:00:0", "@4000"])
def test_read_when_the_line_is_ten_times_as_long_takes_no_more_than_its_share(unit: str) -> None:
    def spent(size: int) -> float:
        text = unit * (size // len(unit))
        begin = time.process_time()
        DateReader((), None, 2026).read(text, NOW)
        return time.process_time() - begin

    assert spent(100_000) < 40 * max(spent(10_000), 0.004)
