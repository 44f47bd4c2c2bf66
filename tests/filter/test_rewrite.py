"""Rewritten regexes beside the plain ones: stock filters on mutilated samples, and generated regexes on texts."""

from __future__ import annotations

import random
import re
import sys
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from f2b.cli import subject
from f2b.filter.rewrite import leading, rewritten
from tests.filter import sample
from tests.filter.test_mutants import RUNAWAY, WORDS, mutilated

RUNS = [run for log in sample.logs() for run in sample.runs(log) if run.filter != RUNAWAY]
LED = [run for run in RUNS if run.filter in ("sshd", "dovecot", "postfix", "asterisk", "murmur")]
"""Some whose prefixregex leads to the rest of the line."""
LINES = 60

atoms = st.sampled_from(
    [
        *(
            "a",
            "b",
            " ",
            ": ",
            ".",
            r"\S+",
            r"\d{1,2}",
            "[ab]",
            "a*?",
            "(?:a|b)",
            "(?=a)",
            "",
            r"\s*",
            "$",
            ":",
            "b|a",
        ),
        *(r"\d+:", "[ab]?", r"[^b]{1,2}: ", r"\s?", "(?:(?!b).)*?", "(?:(?!ab).)*$", "(?:(?!: ).)*", "(?:(?!b).)*?b"),
    ]
)
pieces = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.builds("(?:{}){}".format, inner, st.sampled_from(["", "?", "{2}", "{0,2}", "{1,3}", "*", "??", "{5}"])),
        st.builds("(?:{}|{}){}".format, inner, inner, st.sampled_from(["", "?", "{2}", "+"])),
        st.builds("({}){}".format, inner, st.sampled_from(["", "?", "{0,2}"])),
    ),
    max_leaves=8,
)
conditional = "{before}(?:(?P<g>{g}){q}|{other}){between}(?(g){yes}|{no}){after}"
regexes = st.one_of(
    pieces,
    st.builds(
        conditional.format,
        before=pieces,
        g=pieces,
        q=st.sampled_from(["", "", "?", "*"]),
        other=pieces,
        between=pieces,
        yes=st.sampled_from([": ", "a", "ab*", "a|b", ".", "", "aa?"]),
        no=st.sampled_from(["", "$", "b", ".*$"]),
        after=st.sampled_from(["", "b", "?", "*", "|a", "{2}"]),
    ),
)
texts = st.text("ab1: \n", max_size=14)


def same(pattern: re.Pattern[str], text: str) -> None:
    """Assert that a pattern and its rewritten form find the same in a text."""
    plain, quick = pattern.search(text), rewritten(pattern).search(text)
    assert (plain and (plain.regs, plain.groupdict())) == (quick and (quick.regs, quick.groupdict())), (pattern, text)


KEPT = [
    *("(?:a*)?", "(a)?", "(?:(a))?", "(?:(?P<x>a)?b)*", "(?:ab)??", "a?", "(?:ab){2,}", "(?:ab){9}", "(?x)(?:ab)?"),
    *("(?P<x>a)c(?(x)|d)", "(?P<x>a)|c(?(x)e|d)", "(?:(?P<x>a)|b)(?(x)c|d)?", "(?:(?P<x>a)|b)(?(x)c*|d)"),
    *("(?:(?!a).)*b", "(?:(?!a).)*?b", "(?:(?!a).)*?a?", "(?s:(?:(?!a).)*$)", "(?=(?:(?!a).)*?)a"),
    *(r"\d+\d", r"\d+:?", r"\S+:", "[^a]+a", r"\d+?:", "(?:(?:(?!a).)*?|b)*a", "(?:(?!a).)*(?:$|b)"),
    *("(?:(?P<x>a)|b)(?(x)c?d|)", "(?:(?P<x>a)*|b)(?(x)c|d)", "(?:(?!(?P<x>a))|b)(?(x)c|d)", "(?:(a)|b)(?(1)c|d)"),
]


def compiled(regex: str) -> re.Pattern[str] | None:
    """Return a generated regex compiled, if it is one."""
    try:
        return re.compile(regex)
    except re.error:
        return None


@pytest.mark.parametrize(
    ("regex", "quicker"),
    [
        ("a(?:bc)?d", "a(?:(?:bc)|)d"),
        ("(?P<x>ab)?c", "(?:(?P<x>ab)|)c"),
        ("(?:ab){0,2}", "(?:(?:ab)(?:(?:ab)|)|)"),
        ("(?:ab){2}", "(?:ab)(?:ab)"),
        ("(?:(?P<x>a)|b)c(?(x): |d)", "(?:(?=(?s:.*): )(?P<x>a)|b)c(?(x): |d)"),
        ("a[:x]?b", "a(?:[:x]|)b"),
        ("a(b(?:(?!ab).)*)$", "a(b(?!.*ab).*)$"),
        *((same, same) for same in KEPT),
    ],
)
def test_regex_when_its_shape_is_known_is_rewritten(regex: str, quicker: str) -> None:
    assert rewritten(re.compile(regex)).pattern == quicker


@pytest.mark.parametrize(
    ("regex", "quicker"),
    [
        (r"(\d{1,3}\.)", r"(\d{1,3}+\.)"),
        ("[^:]+: ", "[^:]++: "),
        ("((?:x|(?:(?!a b).)*?|y)|b)a bc", "((?:x|(?>.*?(?=a b))|y)|b)a bc"),
        ("((?:(?!ab).)*?|c)abc", "((?>.*?(?=ab))|c)abc"),
    ],
)
def test_regex_when_python_has_atomic_groups_then_no_way_back_is_kept(regex: str, quicker: str) -> None:
    assert rewritten(re.compile(regex)).pattern == (quicker if sys.version_info >= (3, 11) else regex)


@settings(max_examples=150)
@given(regexes, texts)
@example("(?:(?P<g>a)?|b)(?(g): |b)", "ab")
def test_regex_when_rewritten_then_finds_the_same(regex: str, text: str) -> None:
    pattern = compiled(regex)
    if pattern is not None:
        same(pattern, text)


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.filter)
def test_stock_filter_when_rewritten_then_finds_the_same_in_mutilated_lines(run: sample.Run) -> None:
    spec = subject.find(run.filter, Path("/etc/fail2ban"), False)
    assert spec
    tested = subject.compiled(spec)
    dice = random.Random(run.filter)
    lines = [dice.choice(run.samples).text for _ in range(LINES)]
    for line in [*(one.text for one in run.samples), *(mutilated(dice, line, WORDS) for line in lines)]:
        texts = [f"{line}\n"]
        if tested.prefregex:
            same(tested.prefregex.pattern, line)
            texts += [f"{line[at:]}\n" for at in range(0, len(line), 7)]
        for rule in (*tested.failregex, *tested.ignoreregex):
            for text in texts:
                same(rule.pattern, text)


def led(pattern: re.Pattern[str], line: str) -> None:
    """Assert that what leads to the content leaves that very content, and catches the same."""
    lead, plain = leading(pattern), pattern.search(line)
    assert lead is not None
    short = lead.search(line)
    assert (plain is None) == (short is None), (pattern, line)
    if plain is not None and short is not None:
        assert line[short.end() :] == f"{plain['content']}\n", (pattern, line)
        assert {**short.groupdict(), "content": plain["content"]} == plain.groupdict(), (pattern, line)


@settings(max_examples=200)
@given(pieces, st.sampled_from(["", "^"]), st.sampled_from(["", "$"]), texts)
@example(r"\s*", "^", "$", "  ")
@example("(?:a|.)*", "", "", "ab")
@example("(?=a)", "^", "$", "")
def test_content_when_it_is_the_rest_of_a_line_then_is_what_the_lead_leaves(
    piece: str, begin: str, end: str, text: str
) -> None:
    found = compiled(f"{begin}(?P<mlfid>{piece})(?P<content>.+){end}")
    if found is not None:
        led(found, text.replace("\n", " ") + "\n")


@pytest.mark.parametrize(
    "regex",
    [
        *("a", "(?P<content>.+)x", "(?P<content>.*)$", "a|(?P<content>.+)$", "(?s)(?P<content>.+)$"),
        *("(?m)^(?P<content>.+)$", "(?P<content>.+)|(?P<other>.+)$", "(?x)(?P<content>.+)$", r"\(?P<content>.+)$"),
    ],
)
def test_lead_when_the_content_is_not_plainly_the_rest_then_none_is_known(regex: str) -> None:
    found = compiled(regex)
    assert found is None or leading(found) is None


@pytest.mark.parametrize("run", LED, ids=lambda run: run.filter)
def test_stock_prefix_when_led_then_leaves_the_content(run: sample.Run) -> None:
    spec = subject.find(run.filter, Path("/etc/fail2ban"), False)
    assert spec
    prefix = subject.compiled(spec).prefregex
    assert prefix is not None
    dice = random.Random(run.filter)
    for _ in range(LINES):
        line = mutilated(dice, dice.choice(run.samples).text, WORDS).replace("\n", "")
        for pattern in (prefix.pattern, rewritten(prefix.pattern)):
            led(pattern, line[15:] + "\n")
