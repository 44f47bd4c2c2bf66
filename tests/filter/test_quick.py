"""Many lines looked at in turn beside each examined step by step: generated lines of sessions, all kinds mixed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.config.model import FilterSpec, Text
from f2b.errors import Place
from f2b.events import Line
from f2b.filter.dispatch import PATIENCE
from f2b.filter.glance import MISSED, UNPREFIXED
from f2b.filter.quick import Parts, Tally
from f2b.filter.regex import Examination, RegexFilter, compile_filter
from f2b.filter.rule import LONG

PLACE = Place("filter.d/x.conf")
WHO = r"(?: from <ADDR>)?(?: as <F-USER>\w*</F-USER>)?"
REGEXES = (
    rf"^<F-NOFAIL>hello</F-NOFAIL>{WHO}$",
    rf"^failed{WHO}$",
    rf"^fail.d{WHO} as bob$",
    rf"^<F-MLFGAINED>welcome</F-MLFGAINED>{WHO}$",
    rf"^<F-NOFAIL><F-MLFFORGET>goodbye</F-MLFFORGET></F-NOFAIL>{WHO}$",
    rf"^<F-MLFFORGET>killed</F-MLFFORGET>{WHO}$",
)
WORDS = ("hello", "failed", "welcome", "goodbye", "killed", "nothing")
PREFIX = r"^ host d\[<F-MLFID>\d*</F-MLFID>\]: <F-CONTENT>.+</F-CONTENT>$"

texts = st.builds(
    "{}{}{}{}".format,
    st.sampled_from([" host d[1]: ", " host d[1]: ", " host d[2]: ", " host d[]: ", " other: ", ""]),
    st.sampled_from([*WORDS, "", "é" * 5]),
    st.sampled_from(["", " from 192.0.2.1", " from 192.0.2.1", " from 2001:db8::1", " from host.example"]),
    st.sampled_from(["", " as bob", " as eve", " as "]),
)
lines = st.tuples(texts, st.sampled_from([0.0, 0.0, 1.0, 301.0]))


def warmed() -> RegexFilter:
    """Return a filter that knows by now what its lines begin with."""
    regexes = tuple(Text(regex, PLACE) for regex in REGEXES)
    found, problems = compile_filter(FilterSpec("x", PLACE, failregex=regexes, prefregex=Text(PREFIX, PLACE)))
    assert found is not None, problems
    for number in range(PATIENCE + 60):
        found.feed(Line(f" host d[9]: {WORDS[number % len(WORDS)]}\n", "", 0.0))
    return found


def counted(seen: Examination) -> list[tuple[int, bool]]:
    """Return each failregex that matched and whether the line excuses itself, in its session or alone."""
    found = []
    for hit in seen.hits:
        alone = hit.failure is not None and "nofail" in hit.failure.captures and "mlfid" not in hit.failure.captures
        found.append((hit.rule, alone or (hit.nofail and hit.excused)))
    return found or [(UNPREFIXED if seen.prefix is None else MISSED, False)]


@settings(max_examples=40)
@given(st.lists(lines, max_size=15), st.booleans(), st.booleans())
def test_lines_when_looked_at_in_turn_then_are_told_as_when_each_is_examined(
    steps: list[tuple[str, float]], every: bool, shown: bool
) -> None:
    quick, slow, now = warmed(), warmed(), 1000.0
    made: list[Parts] = []
    for text, step in [*steps, ("x" * (LONG + 1), 0.0)]:
        now += step
        made.append((f"{text}\n", text, now))

    tally: Tally = {}, {}
    told: list[tuple[int, bool]] = []
    for line, seen in quick.glances(made, tally, every, shown):
        if seen is None:
            told += counted(quick.examine(Line(*line), every))
        else:
            assert shown
            assert isinstance(seen, tuple)
            told.append(seen)
    assert not shown or (not tally[True] and all(place >= 0 for place in tally[False]))
    for excused, counts in zip((False, True), tally, strict=True):
        told += [(place, excused) for place, times in counts.items() for _ in range(times)]
    expected = [one for line in made for one in counted(slow.examine(Line(*line), every))]
    assert sorted(told) == sorted(expected)


def test_lines_when_they_are_plain_then_nothing_is_yielded() -> None:
    made: list[Parts] = [(f" host d[{number}]: failed from 192.0.2.1\n", "", 1.0) for number in range(9)]
    tally: Tally = {}, {}
    assert not list(warmed().glances(made, tally, every=True, shown=True))
    assert tally == ({1: 9}, {})
