"""What the sieve may look for in access logs: few and long pieces, and never one that a matching line lacks."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import Text
from f2b.errors import Place
from f2b.filter import hint
from f2b.filter.hint import LONGEST, MOST
from f2b.filter.literals import Clause
from f2b.filter.rule import Rule

MANY = [f"{number:03}" for number in range(MOST + 1)]


def rules(*regexes: str) -> list[Rule]:
    return [Rule(Text(regex, Place("x.conf"))) for regex in regexes]


@pytest.mark.parametrize(
    ("words", "texts"),
    [
        (["404"], {"404"}),
        (["PO_ST", "GET"], {"PO_ST", "GET"}),
        (MANY[:MOST], {*MANY[:MOST]}),
        (MANY, None),
        ([], None),
        (["GET", "40"], None),
        (["GET", "a b"], None),
        (["a/b"], None),
    ],
)
def test_words_when_few_long_and_plain_then_they_are_looked_for(words: list[str], texts: set[str] | None) -> None:
    assert hint.words(words) == (None if texts is None else Clause(frozenset(texts)))


@pytest.mark.parametrize(
    ("regexes", "clause"),
    [
        ([r"^/wp-login\.php$"], Clause(frozenset({"wp-login.php"}))),
        (["/admin/.*setup"], Clause(frozenset({"admin"}))),
        (["/(?:one|three)$"], Clause(frozenset({"one", "three"}))),
        (["abcd.*xyz", "other"], Clause(frozenset({"abcd", "other"}))),
        (["(?i)Panel", "other"], Clause(frozenset({"panel", "other"}), folded=True)),
        (["Login"], Clause(frozenset({"Login"}))),
        (["login", "[0-9]+"], None),
        (["/a/b/"], None),
        (["[0-9](?:abc|d)[0-9]"], None),
        ([], None),
        (MANY[:MOST], Clause(frozenset(MANY[:MOST]))),
        (MANY, None),
    ],
)
def test_regexes_when_each_has_a_long_piece_then_one_of_them_is_looked_for(
    regexes: list[str], clause: Clause | None
) -> None:
    assert hint.regexes(rules(*regexes)) == clause


def test_regexes_when_the_log_may_encode_then_short_pieces_and_each_character_encoded() -> None:
    assert hint.regexes(rules("a-LongPiece"), encoded=True) == Clause(
        frozenset({"a-long", "%61", "%2d", "%4c", "%6f", "%6e", "%67"}), folded=True
    )
    assert hint.regexes(rules("(?i)abc"), encoded=True) == Clause(
        frozenset({"abc", "%61", "%62", "%63", "%41", "%42", "%43"}), folded=True
    )


WORD = st.text("abXY1_.-", min_size=3, max_size=LONGEST + 3)


@given(st.lists(WORD, min_size=1, max_size=3), st.booleans(), st.integers(0, 2**32))
def test_text_however_encoded_when_a_regex_matches_it_then_the_log_holds_what_is_looked_for(
    words: list[str], folded: bool, seed: int
) -> None:
    dice = random.Random(seed)
    clause = hint.regexes(rules(*(f"{'(?i)' * folded}{re.escape(word)}" for word in words)), encoded=True)
    word = dice.choice(words)
    spelt = dice.choice([word.upper(), word.lower(), word]) if folded else word
    form = dice.choice(["%{:02x}", "%{:02X}"])
    written = "".join(form.format(ord(char)) if dice.random() < 0.3 else char for char in spelt)
    assert clause is None or clause.folded
    assert clause is None or any(text in written.lower() for text in clause.texts)
