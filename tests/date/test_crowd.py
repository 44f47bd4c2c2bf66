"""All default patterns at once: a No is right for each, and a reader that trusts it reads as one that asks."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.date.crowd import Crowd, default
from f2b.date.pattern import defaults
from f2b.date.reader import LOOKS, DateReader
from f2b.date.template import Template

NOW = 1_764_000_000.0
PATTERNS = [pattern for pattern, _ in defaults(2026)]
TEMPLATES = [Template(pattern) for pattern in PATTERNS]
CROWD = Crowd(PATTERNS)
DATES = (
    *("2025-11-21 04:40:00", "2025-11-21T04:40:00,123 +0100", "Nov 21 04:40:00", "Fri Nov 21 04:40:00.12 2025"),
    *("21/Nov/2025:04:40:00 +0000", "21/11/2025 04:40:00", "11/21/2025:04:40:00", "11-21-2025  4:40:00", "04:40:00"),
    *("1763700000.123", "<11/21/25@04:40:00>", "251121  4:40:00", "Nov 21, 2025 04:40:00 AM", "Nov-21-25 04:40:00"),
    *("20251121T044000Z", "CET Fri Nov 21 04:40:00", "+01:00 Nov 21 04:40:00", "@4000000052f8c1a01f2c3d4e"),
)
BESIDE = (
    *("192.0.2.1 - - [", "2001:db8::1 - - [", "[", "(", '"', "<", "audit(", " ", "  ", "host: ", "a=", "é", "1", "Z"),
    *("] ", ")", " x[1]: ", "12:", "Nov ", "\t", "_", "2025", "", "{", "UTC ", "\n"),
    *("\ufffd", "\0", "\x7f", ":5", "12345678", "@4000000052f8c1a01f2c3d4", "x" * 70),
)
binary = st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "replace"))
texts = st.lists(st.sampled_from(DATES + BESIDE) | binary, max_size=8).map("".join)


def test_default_patterns_when_asked_are_all_of_the_crowd() -> None:
    assert all(map(default, PATTERNS))


@settings(max_examples=300)
@given(texts, st.integers(0, 40))
def test_crowd_when_it_says_no_then_no_pattern_begins_early_enough(text: str, last: int) -> None:
    found = [match for match in (template.find(text) for template in TEMPLATES) if match]
    early = [match for match in found if match.start() <= last]
    assert CROWD.may(text, last) or not early


@settings(max_examples=40)
@given(
    st.sampled_from(DATES),
    st.lists(st.sampled_from(BESIDE), min_size=1, max_size=4),
    st.lists(st.sampled_from(BESIDE), max_size=2).map("".join),
    st.lists(texts, min_size=1, max_size=10),
)
def test_reader_when_dates_move_for_long_then_reads_as_line_by_line(
    date: str, before: list[str], after: str, others: list[str]
) -> None:
    quick, slow = DateReader(), DateReader()
    lines = [before[number % len(before)] + date + after for number in range(LOOKS * 2)]
    for line in [*lines, *others, lines[0]]:
        slow._meet()
        assert quick.read(line, NOW) == slow.read(line, NOW)
    assert [(one.name, one.hits) for one in quick.templates] == [(one.name, one.hits) for one in slow.templates]
