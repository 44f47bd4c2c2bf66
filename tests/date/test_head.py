"""Lines that begin alike: a reader that remembers begins reads each as one that searches every line for its date."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.date.reader import DateReader
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


@settings(max_examples=200)
@given(st.lists(lines, min_size=1, max_size=3), st.sampled_from([(), ("{^LN-BEG}",)]))
def test_reader_when_lines_begin_alike_then_reads_as_line_by_line(
    lines: list[tuple[str, list[str], float]], patterns: tuple[str, ...]
) -> None:
    quick, slow = DateReader(patterns), DateReader(patterns)
    now = NOW
    for date, afters, step in lines * 2:
        now += step
        for after in afters * 2:
            slow._meet()
            assert quick.read(date + after, now) == slow.read(date + after, now)
    assert [(one.name, one.hits) for one in quick.templates] == [(one.name, one.hits) for one in slow.templates]
