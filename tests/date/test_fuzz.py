"""Dates that are nearly dates, patterns that are nearly some: a date, none, or a ConfigError, and nothing else."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Iterator

from hypothesis import example, given
from hypothesis import strategies as st

from f2b.alarm import alarmed
from f2b.date.bracket import dates
from f2b.date.formats import DEFAULTS
from f2b.date.reader import DateReader
from f2b.errors import ConfigError
from f2b.lines import LineReader
from f2b.runaway import Runaway

NOW = 1_795_165_200.0
FORMS = [
    "%Y-%m-%dT%H:%M:%S.123+0200 x",
    "%b %d %H:%M:%S host x",
    "%a %b %d %H:%M:%S %Y x",
    '192.0.2.1 - - [%d/%b/%Y:%H:%M:%S +0100] "GET / HTTP/1.1" 200',
    "[%s.123] x",
    "audit(%s.000:1) x",
    "@4000000067aabbcc12345678 x",
    "%d/%m/%Y %H:%M:%S x",
    "%y%m%d %k:%M:%S x",
    "%b %d, %Y %I:%M:%S %p x",
    "<%m/%d/%y@%H:%M:%S> x",
    "%Y%m%dT%H%M%S Z x",
]
DIGITS = "0123456789\u0661\u00b2"
DATED = """
00 99 0000 9999 29 31 60 61 24 13 - : / T Z +9999 -0000 +14:60 Feb febr Mai \u0131 AM PM 99999999999999999999 CET [ ]
253402300800 @ffffffffffffffff00000000
"""
PIECES = [" ", "\0", *DATED.split()]
PATTERNS = [
    *DEFAULTS,
    *("%Y-%m-%d %H:%M:%S", "{^LN-BEG}%b %d", "^[^\\[]*\\[({DATE})", "{UNB}%d/%m/%Y", "EPOCH", "LEPOCH", "TAI64N"),
    *("{DATE}", "%ExY %m", "%j %H", "%a %W %Y", "%f", "%z %Z", "%p %I", "(?i)%b", "(%Y)(?:%m)(?P<x>%d)", "%%"),
]
PARTS = [
    "%",
    "%Ex",
    "%q",
    "%Y",
    "%Y%Y",
    "(",
    ")",
    "|",
    "*",
    "{",
    "}",
    "{^LN-BEG}",
    "(?P<x>",
    "[",
    "\\",
    "^",
    "$",
    "{2}",
    "\n",
]


def mutilated(dice: random.Random, text: str, pieces: list[str]) -> str:
    """Return a text with a few things changed: digits, or a piece."""
    for _ in range(dice.choice([0, 1, 2, 4])):
        at = dice.randrange(len(text) + 1)
        if dice.random() < 0.5:
            text = text[:at] + dice.choice(pieces) + text[at + dice.choice([0, 1, 2, 4]) :]
        elif text[at : at + 1].isdigit():
            text = text[:at] + dice.choice(DIGITS) + text[at + 1 :]
    return text


def lines(dice: random.Random) -> Iterator[str]:
    """Yield lines of several forms, a few of each in turn, most of them not quite right."""
    for form in dice.choices(FORMS, k=3):
        for second in range(6):
            yield mutilated(dice, time.strftime(form, time.localtime(NOW - 60 + second)), PIECES)


@given(st.integers(0, 2**32), st.booleans(), st.sampled_from([NOW, 0.0, -1e9, 4e9, 2e11]))
@example(0, True, 2e11)
def test_line_whatever_its_date_when_read_then_a_span_of_it_and_a_time(seed: int, plain: bool, now: float) -> None:
    dice = random.Random(seed)
    reader = DateReader() if plain else DateReader([dice.choice(PATTERNS)], "+0100")
    for text in lines(dice):
        stamp = reader.read(text, now)
        if stamp is not None:
            assert 0 <= stamp.start <= stamp.end <= len(text)
            assert stamp.time is None or math.isfinite(stamp.time)


@given(st.integers(0, 2**32))
def test_chunk_whatever_its_dates_when_read_in_turn_then_as_line_by_line(seed: int) -> None:
    dice = random.Random(seed)
    texts = [text.replace("\0", "") for text in lines(dice)]
    together, alone = LineReader(DateReader()), LineReader(DateReader())
    found = list(together.read([f"{text}\n" for text in texts], NOW))
    assert found == [tuple(alone.line(f"{text}\n", NOW)) for text in texts]


@given(
    st.integers(0, 2**32),
    st.none() | st.sampled_from(["UTC", "+0200", "Europe/Zurich", "GMT+99", "", "x" * 999, "\0"]),
)
def test_pattern_whatever_it_says_then_a_reader_or_a_config_error(seed: int, zone: str | None) -> None:
    dice = random.Random(seed)
    patterns = [mutilated(dice, dice.choice(PATTERNS), PARTS) for _ in range(dice.randrange(1, 4))]
    try:
        reader = dates(patterns, zone)
    except ConfigError:
        return
    with alarmed():
        for text in lines(dice):
            try:
                stamp = reader.read(text, NOW)
            except Runaway:
                continue
            assert stamp is None or 0 <= stamp.start <= stamp.end <= len(text)
