"""Which rules a text is tried on: in time only those that can match it, and never fewer."""

from __future__ import annotations

import pytest

from f2b.config.model import Text
from f2b.errors import Place
from f2b.filter.dispatch import LENGTH, MEMORY, PATIENCE, Dispatch
from f2b.filter.rule import Rule

PLACE = Place("x.conf", 1)
REGEXES = [r"^Failed password for \S+ from <HOST>$", r"^Invalid user \S+ from <HOST>$", r"^\w+ closed by <HOST>$"]


def learnt(*regexes: str) -> Dispatch:
    """Return the dispatch of some regexes that has seen enough texts to have learnt what they begin with."""
    found = Dispatch([Rule(Text(regex, PLACE)) for regex in regexes], None)
    for _ in range(PATIENCE + 3 * len(regexes) + 3):
        found.choice("nothing of that kind\n")
    return found


def test_text_when_what_rules_begin_with_is_known_then_only_those_are_tried_that_can_match() -> None:
    found = learnt(*REGEXES)
    texts = [
        "Failed password for root from 192.0.2.1\n",
        "Invalid user x from 192.0.2.1\n",
        "x closed by 192.0.2.1\n",
    ]
    for _ in range(3):  # at first one rule a text is made quicker
        choices = [found.choice(text) for text in texts]
    assert [choice.places for choice in choices] == [(0, 2), (1, 2), (2,)]
    for choice, text in zip(choices, texts, strict=True):
        assert choice.placed == tuple(zip(choice.places, choice.rules, strict=True))
        assert any(rule.needle in text and rule.search(text) for rule in choice.rules)
        assert found.known[text[:LENGTH]] is choice


def test_begins_when_they_are_endless_then_few_are_remembered() -> None:
    found = learnt(*REGEXES)
    most = 0
    for number in range(2 * MEMORY + 10):
        found.choice(f"{number:04} x\n")
        most = max(most, len(found.known))
    assert most == MEMORY
    assert found.choice("Failed password for x from 192.0.2.1\n").places == (0, 2)


@pytest.mark.parametrize(
    ("regex", "needle"),
    [
        (r"^Failed password for \S+ with key <HOST>$", " with key "),
        (r"^Failed password for \S+ from <HOST>$", "Failed password for "),
        (r"^Failed \S+ for <HOST> port \d+ ssh2$", "Failed "),
        (r"^\S+ a <HOST> with(?: x)?$", " a "),
        (r"^(?i)failed \S+ from <HOST>$", ""),
        (r"^<HOST>$", ""),
    ],
)
def test_needle_when_learnt_then_the_longest_text_that_tells_more_than_the_begin(regex: str, needle: str) -> None:
    (rule,) = learnt(regex).everything.rules
    assert rule.needle == needle
