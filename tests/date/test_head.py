"""Lines that begin alike: a reader that remembers begins reads each as one that searches every line for its date."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from f2b.date.bracket import PATTERN, dates
from f2b.date.reader import DateReader
from f2b.date.template import Stamp
from f2b.lines import LineReader
from tests.date.test_crowd import DATES

NOW = 1_764_000_000.0
AFTER = (
    *(
        " host",
        " host ",
        " uTC x",
        " UTCx",
        " Zoo",
        " Z-1",
        " z",
        " GMT+1",
        " gmt",
        " +0100",
        " 2025 a",
        " 2025",
        "2025",
    ),
    *(
        ".123 h",
        ",1 h",
        " h",
        "  host",
        " _ab",
        "Z",
        ": x",
        " \nab",
        " PM x",
        " AM",
        " Nov 21 04:40:00 2025",
        "é",
        "",
    ),
)
STEPS = (0.0, 0.5, 900.0, 86_400.0, 31_000_000.0, 300_000_000.0, -1_000_000.0)
tails = st.text("azZ0129 .,:+-UTCGMPpm\n", max_size=6)
befores = st.sampled_from(["", "", "[", "  "])
afters = st.lists(st.tuples(st.sampled_from(AFTER), tails).map("".join), min_size=2, max_size=5)
lines = st.tuples(st.builds("".join, st.tuples(befores, st.sampled_from(DATES))), afters, st.sampled_from(STEPS))
CLOCK = re.compile(r"(?<=:\d\d:)\d\d")
seconds = st.sampled_from(["00", "01", "30", "59", "60", "61", "7", "٣١"])


@settings(max_examples=200)
@given(st.lists(lines, min_size=1, max_size=3), st.sampled_from([(), ("{^LN-BEG}",)]), st.sampled_from(["", "\r"]))
def test_lines_when_they_begin_alike_then_are_read_as_one_by_one(
    lines: list[tuple[str, list[str], float]], patterns: tuple[str, ...], end: str
) -> None:
    quick, slow = LineReader(DateReader(patterns)), LineReader(DateReader(patterns))
    now = NOW
    for date, afters, step in lines * 2:
        now += step
        texts = [*(date + after + end for after in afters), "no date", "", *(date + after for after in afters)] * 2
        assert list(quick.read(texts, now)) == [slow.parts(text, now) for text in texts]
    assert [(one.name, one.hits) for one in quick.dates.templates] == [
        (one.name, one.hits) for one in slow.dates.templates
    ]
    assert [one.used for one in quick.dates.templates] == [one.used for one in slow.dates.templates]


@contextmanager
def local_zone(name: str) -> Iterator[None]:
    """Live there for a while."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TZ", name)
        time.tzset()
        yield
    time.tzset()


@settings(max_examples=400)
@given(
    st.sampled_from(["Nov 21 04:40:00", "Oct 26 03:00:00", "04:40:00", "2025-11-21 04:40:00", "Nov 21 04:40:00.12"]),
    st.sampled_from([" host", " host ", " 2025 a", ""]),
    st.lists(st.tuples(seconds, st.sampled_from([0.0, 0.0, 0.0, 20.0, -1.0, *STEPS])), min_size=2, max_size=8),
    st.sampled_from(["UTC", "Europe/Berlin", "Asia/Kathmandu"]),
    st.tuples(st.sampled_from([0.0, 0.0, -1.0, 1.0, 365.0, 400.0]), st.integers(-70, 70)),
)
@example("Nov 21 04:40:00", " host", [("59", 0.0), ("10", 0.0)], "UTC", (-1.0, 30))
@example("Nov 21 04:40:00", " host", [("09", 0.0), ("30", 0.0)], "UTC", (0.0, 20))
def test_lines_when_only_their_seconds_differ_then_are_read_as_one_by_one(
    date: str, after: str, moves: list[tuple[str, float]], zone: str, gap: tuple[float, int]
) -> None:
    with local_zone(zone):
        quick, slow = LineReader(DateReader()), LineReader(DateReader())
        now = ((DateReader().read(f"{date}{after}", NOW) or Stamp(0, 0, None)).time or NOW) + gap[0] * 86_400 + gap[1]
        for second, step in moves:
            now += step
            texts = [CLOCK.sub(one, date) + after for one in ("10", second, "11")]
            assert list(quick.read(texts, now)) == [slow.parts(text, now) for text in texts]


def test_heads_when_dates_are_known_then_lines_are_read_without_a_search() -> None:
    reader = LineReader(DateReader())
    texts = [f"Nov 21 04:40:00 host sshd[{number}]: x" for number in range(5)]
    list(reader.read(texts, NOW))
    assert reader.dates.heads.at(NOW)
    reader.dates.templates[0].rest()  # a search would find nothing
    assert [time for _, _, time in reader.read(texts, NOW)] == [reader._time] * 5
    assert not reader.dates.heads.at(NOW + 400 * 86_400)


def test_access_dates_when_a_line_begins_with_another_date_then_have_no_heads() -> None:
    reader = dates((PATTERN, "{^LN-BEG}"))
    for _ in range(3):
        assert reader.read("2025-11-21 04:40:00 host x", NOW)
    assert not reader.heads.at(NOW)


def test_lines_when_some_are_to_be_left_out_then_the_others_keep_their_places() -> None:
    reader = LineReader(DateReader())
    texts = ["# a", "Nov 21 04:40:00 host x", "", "Nov 21 04:40:00 host y", "z"]
    found = [(reader.place, raw) for _, raw, _ in reader.read(texts, NOW, lambda text: text[:1] in "#")]
    assert found == [(1, texts[1]), (3, texts[3]), (4, "z")]
