"""Dates of access logs, found the quick way: the same as the plain way finds, whatever else stands in a line."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from f2b.date.bracket import FENCED, MEMORY, PATTERN, AccessDates, FencedDates, dates
from f2b.date.reader import DateReader

NOW = 1_795_255_200.0
JUNK = ["", "-", "ann", "[x", "] ", r"\"", r"[01/Jan/2001:00:00:00 +0000] \"", "[01/Jan/2001:00:00:00 +0000]", "]["]


def line(at: float, user: str, request: str) -> str:
    """Return a line of the common format."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(at))
    return f'192.0.2.1 - {user} [{stamp}] "{request}" 200 1'


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(JUNK), st.sampled_from([*JUNK, '] "', '[x] "'])), max_size=30
    )
)
def test_dates_when_read_the_quick_way_then_they_are_those_of_the_plain_way(
    lines: list[tuple[int, str, str]],
) -> None:
    quick, plain = dates([PATTERN]), DateReader([PATTERN])
    assert isinstance(quick, AccessDates)
    for at, user, request in lines:
        text = line(NOW + at, user, request)
        found, expected = quick.read(text, NOW), plain.read(text, NOW)
        assert (found.time if found else None) == (expected.time if expected else None)


def test_date_when_it_is_none_then_it_is_not_remembered() -> None:
    quick = AccessDates([PATTERN])
    for text in ('192.0.2.1 - - [31/Feb/2026:10:00:00 +0000] "', '192.0.2.1 - - [soon] "', 'x] "', "[]"):
        for _ in range(2):
            found = quick.read(text, NOW)
            assert found is None or found.time is None


def test_dates_when_endless_then_few_are_remembered() -> None:
    quick = AccessDates([PATTERN])
    for at in range(MEMORY + 10):
        found = quick.read(line(NOW + at, "-", "x"), NOW)
        assert found
        assert found.time == NOW + at
    assert quick.steady or len(quick._known) <= MEMORY


def test_reader_when_the_patterns_are_others_then_it_is_the_usual_one() -> None:
    assert type(dates(["%Y"])) is type(dates([])) is DateReader


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.sampled_from(JUNK), st.sampled_from([*JUNK, '] "', '"[x] "'])), max_size=30
    )
)
def test_fenced_dates_when_read_the_quick_way_then_they_are_those_of_the_plain_way(
    lines: list[tuple[int, str, str]],
) -> None:
    quick, plain = dates((FENCED,)), DateReader([FENCED])
    assert isinstance(quick, FencedDates)
    for at, user, request in lines:
        text = line(NOW + at, user, request)
        assert quick.read(text, NOW) == plain.read(text, NOW)
