"""Finding the lines that can matter: whatever is chosen to look for, no line that matches is missed."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from f2b.filter.cover import Needle, cover
from f2b.filter.literals import shape
from f2b.filter.scan import Scanner

PARTS = ["Failed ", "password ", "for ", "Invalid user ", "from ", "1.2.3.4", "x", "CONNECT ", "refused ", "[]"]
REGEXES = [
    r"^Failed \S+ for \S+ from",
    r"(?:Invalid|Illegal) user .* from",
    r"(?i)connect refused",
    r"password (?:for )?x$",
    r"(?:Failed|refused) x|from 1\.2",
]
LINE = st.lists(st.sampled_from([*PARTS, "connect ", "é", "Refused "]), max_size=6).map("".join)
LINES = st.lists(LINE, max_size=12)


@given(LINES, st.lists(st.sampled_from(REGEXES), unique=True, min_size=1), LINES)
def test_line_that_matches_is_found_for_the_filter_that_it_matches(
    lines: list[str], regexes: list[str], sample: list[str]
) -> None:
    patterns = [re.compile(regex) for regex in regexes]
    scanner = Scanner([[shape(pattern).clauses] for pattern in patterns], "\n".join(sample).encode())
    chunk = "".join(f"{line}\n" for line in lines).encode()
    found = scanner.lines(chunk)
    assert found == sorted(found)
    masks = dict(found)
    start = 0
    for line in lines:
        for number, pattern in enumerate(patterns):
            if pattern.search(line):
                assert masks.get(start, 0) >> number & 1, (line, regexes[number])
        start += len(line.encode()) + 1


def test_filter_without_anything_to_look_for_sees_every_line() -> None:
    scanner = Scanner([None, [shape(re.compile(r"\S+")).clauses], [shape(re.compile("needle")).clauses]])
    assert scanner.always == 0b011
    assert scanner.lines(b"hay\nneedle\nneedle needle\n") == [(4, 0b100), (11, 0b100)]


def test_needles_are_rare_where_a_sample_tells() -> None:
    clauses = [shape(re.compile("connect from [0-9]+ refused")).clauses]
    assert cover(clauses) == [Needle("connect from ", folded=False)]
    needles = cover(clauses, b"connect from everywhere\n" * 100) or []
    assert [needle.text in " refused" for needle in needles] == [True]


def test_needles_are_without_what_makes_a_look_slow() -> None:
    clauses = [shape(re.compile("[0-9] needles? [0-9]")).clauses]
    assert cover(clauses, b"hay!\n" * 100) == [Needle(" needle", folded=False)]
    assert cover(clauses, b"h a y \n" * 100) == [Needle("needle", folded=False)]


def test_needles_cover_several_regexes_with_few() -> None:
    regexes = [shape(re.compile(f"{word} user \\S+ from")).clauses for word in ("Invalid", "Illegal", "Unknown")]
    assert len(cover(regexes) or ()) == 1


def test_needles_that_share_a_text_become_one_where_that_is_cheaper() -> None:
    regexes = [shape(re.compile(text)).clauses for text in ("Disconnected,x", "Reconnection,y", "lost,z")]
    assert cover(regexes) == [Needle("lost,z", folded=False), Needle("connect", folded=False)]
    common = cover(regexes, b"connect" * 100)
    assert common
    assert Needle("connect", folded=False) not in common


def test_needle_when_it_stands_at_the_very_begin_or_end_of_a_chunk_then_it_is_found() -> None:
    scanner = Scanner([[shape(re.compile("needle")).clauses], [shape(re.compile("(?i)Thread")).clauses]])
    assert scanner.always == 0
    assert scanner.lines(b"needle\n") == [(0, 0b01)]
    assert scanner.lines(b"THREAD x\nhay\nx needle") == [(0, 0b10), (13, 0b01)]
    assert scanner.lines(b"needle thread needle") == [(0, 0b11)]
