"""The filter compiler: any regexes and options give a filter or problems, and it finds what plain `re` finds."""

from __future__ import annotations

import random
import warnings
from functools import cache

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from f2b.alarm import alarmed
from f2b.config.model import FilterSpec, Text
from f2b.config.search import load_filter
from f2b.errors import Place
from f2b.events import Line
from f2b.filter.build import build
from f2b.filter.kind import OVER_EVENTS, OVER_FAILURES, OVER_REQUESTS
from f2b.filter.regex import RegexFilter, compile_filter
from f2b.filter.rule import Rule, first
from f2b.runaway import Runaway
from tests.filter import sample

PLACE = Place("x.conf", 1)
BIG = 300
WRITTEN = r"""
<HOST> <ADDR> <SUBNET> <F-ID> </F-ID> <F-USER> </F-USER> <F-NOFAIL> </F-NOFAIL> <F-MLFID> </F-MLFID> <SKIPLINES>
<F-CONTENT> </F-CONTENT> <IP4> <DNS> (?i) (?m) (?x) (?s) (?i: (?P<a> (?P=a) (?(a)b|c) (?= (?! (?<= (?<!a) (?> ++ *+ ?+
{2,} {,3} {0} () [] [^]] [[a] [\W\d_] \S \b \Z \A \1 \07 \x41 \u0131 \u017f \N{DIGIT_ONE} | ) ( ^ $ .
"""
PIECES = [" ", "\u017f", "\u0130", *WRITTEN.split()]


@cache
def stock() -> list[FilterSpec]:
    """Return Debian's filters."""
    found = (load_filter(path.stem, sample.FILTERS.parent)[0] for path in sorted(sample.FILTERS.glob("*.conf")))
    return [spec for spec in found if spec and spec.failregex]


@cache
def samples() -> list[str]:
    """Return their sample lines."""
    return [one.text for log in sample.logs() for run in sample.runs(log) for one in run.samples]


def mutilated(dice: random.Random, regex: str, other: str) -> str:
    """Return a regex with a few things changed."""
    for _ in range(dice.choice([0, 1, 1, 2, 4])):
        cut, end = sorted(dice.randrange(len(regex) + 1) for _ in range(2))
        change, piece = dice.randrange(4), dice.choice(PIECES)
        if change == 0:
            regex = regex[:cut] + regex[min(end, cut + 6) :]
        elif change == 1:
            regex = regex[:cut] + piece + regex[cut:]
        elif change == 2:
            regex = regex[:cut] + other[cut:]
        else:
            regex = f"(?:{regex[:cut]}|{regex[cut:]})"
    return regex[:BIG]


def plain(rules: list[Rule], text: str) -> list[int]:
    """Return which regexes match a text, without any of what makes that quick. Raises Runaway."""
    return [number for number, rule in enumerate(rules) if first((rule,), text)]


@settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32))
def test_regexes_when_mutilated_then_problems_or_a_filter_that_finds_what_they_find(seed: int) -> None:
    dice = random.Random(seed)
    one, two = dice.choice(stock()).failregex, dice.choice(stock()).failregex
    pairs = [(dice.choice(one).value, dice.choice(two).value) for _ in range(dice.randrange(1, 6))]
    texts = tuple(Text(mutilated(dice, *pair), PLACE) for pair in pairs)
    found, problems = compile_filter(FilterSpec("x", PLACE, failregex=texts))
    assert (found is None) == bool(problems)
    if found is None or any("mlfid" in rule.pattern.groupindex for rule in found.failregex):
        return
    rules = [Rule(text) for text in texts]
    lines = [dice.choice(samples()) for _ in range(12)]
    with alarmed():
        for _ in range(20):  # until the filter has learnt what lines begin with, and has its regexes rewritten
            for line in lines:
                agree(found, rules, f"{line}\n")


def agree(found: RegexFilter, rules: list[Rule], text: str) -> None:
    """Hold a filter to what plain regexes find in a line, where the search comes to an end."""
    try:
        hits = [hit.rule for hit in found.examine(Line(text, text[:-1], 1.0)).hits]
        assert hits == plain(rules, text), (rules, text)
    except Runaway:
        return


TYPED = """
base paths methods status okstatus agents maxagents window slot deny allow ratio deviation minrequests robots
afterfetch
groupby minhosts lists weight database format logformat trusted proxies maxhosts steps within okregex unknown
"""
VALUES = "1 0 -1 nan inf 1e999 yes 10m /x ^/[ ( %h 192.0.2.1/99 404 400-300 !1 \u00b2 \0 \u00e9 $remote_addr"


def test_regex_when_a_set_in_it_begins_with_a_bracket_then_nothing_is_warned_of() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rule = Rule(Text(r"^[[a]*: a+<HOST>(?:[[b]{2})*$", PLACE))
        assert rule.shape.clauses
        rule.quicken()
        assert rule.search("[a: aa192.0.2.1[b[[")


SMALL = st.lists(st.sampled_from(["", "\n", *VALUES.split(" ")]), max_size=3).map(" ".join)
OPTIONS = st.dictionaries(st.sampled_from(TYPED.split()), SMALL, max_size=8)


@pytest.mark.parametrize("kind", ["regex", "nosuch", *OVER_FAILURES, *OVER_REQUESTS, *OVER_EVENTS])
@settings(max_examples=settings().max_examples // 4)
@given(OPTIONS, st.booleans(), st.sampled_from([0, 1, 3, 10**9]))
def test_types_whatever_their_options_then_a_filter_or_problems(
    kind: str, options: dict[str, str], based: bool, maxlines: int
) -> None:
    base = FilterSpec("base", PLACE, failregex=(Text("^<HOST> <F-USER>.*</F-USER>", PLACE),), maxlines=maxlines)
    texts = {name: Text(value, PLACE) for name, value in options.items()}
    own = base.failregex if kind == "regex" else ()
    spec = FilterSpec("x", PLACE, kind, own, options=texts, base=(base,) if based else ())
    found, problems = build(spec)
    assert found is not None or any(problem.severity == "error" for problem in problems)
    for number, line in enumerate(samples()[:40] if found else ()):
        assert found is not None
        for failure in found.feed(Line(f"{line}\n", line, float(number))):
            assert failure.id or failure.unresolved
