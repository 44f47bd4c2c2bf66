"""What every match of a regex must contain: held against texts that match."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.filter.literals import Clause, shape

REPEATS = st.sampled_from(["?", "*", "+", "{2}", "{0,2}", "??", "+?"])
WORDS = st.sampled_from(["Failed", "user ", " from ", "a", r"\[\]", "é", "K", ": ", "\\.", "skis"])
ATOMS = WORDS | st.sampled_from([r"\d", r"\S+", "[ab]", "[^x]", ".*", "[iI]", r"\b", "^", "$", "(?=.)", "[a-c]"])


def grown(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    """Return regexes made of smaller ones."""
    several = st.lists(inner, min_size=1, max_size=3)
    return st.one_of(
        several.map("".join),
        several.map(lambda parts: f"(?:{'|'.join(parts)})"),
        st.tuples(inner, REPEATS).map(lambda both: f"({both[0]}){both[1]}"),
        inner.map(lambda one: f"(?i:{one})"),
        inner.map(lambda one: f"(?:{one}|)"),
    )


REGEXES = st.recursive(ATOMS, grown, max_leaves=8)


def holds(clause: Clause, text: str) -> bool:
    return any(one in (text.lower() if clause.folded else text) for one in clause.texts)


@given(st.data(), REGEXES, st.sampled_from([0, re.I]))
def test_match_of_any_regex_holds_what_it_must(data: st.DataObject, regex: str, flags: int) -> None:
    pattern = re.compile(regex, flags)
    text = data.draw(st.from_regex(pattern) | st.text("Failedusr fom[]:.kK\u017f\u0130\u212a é12\n", max_size=30))
    found = pattern.search(text)
    if found is None:
        return
    seen = shape(pattern)
    for clause in seen.clauses:
        assert holds(clause, text), (regex, text)
    if seen.anchored:
        assert found.start() == 0
    if seen.heads:
        assert text.startswith(seen.heads), (regex, text)


def texts(regex: str) -> list[list[str]]:
    return [sorted(clause.texts) for clause in shape(re.compile(regex)).clauses]


@pytest.mark.parametrize(
    ("regex", "expected"),
    [
        ("^Failed password for", [["Failed password for"]]),
        ("[iI](?:llegal|nvalid) user", [["Illegal user", "Invalid user", "illegal user", "invalid user"]]),
        ("a(?:bc)?d", [["abcd", "ad"]]),
        (r"\d+ from \S+", [[" from "]]),
        ("(?:.*one|two.+three)", [["one", "three"]]),
        ("(?:.*one|.*)", []),
        ("(?:abc )+x", [["abc "], ["x"]]),
        ("(?:abc)*", []),
        (r"foo\b(?!x)bar", [["foobar"]]),
        (r"\[\] \[error\]", [["[error]"]]),  # a date may have stood between two characters that are none of a word
        ("(?:[^x]|ab)c", [["c"]]),
    ],
)
def test_clauses_of_a_regex_are_as_long_as_can_be(regex: str, expected: list[list[str]]) -> None:
    assert texts(regex) == expected


@pytest.mark.parametrize(
    ("regex", "anchored", "heads"),
    [
        ("^(?:Failed|Invalid) x", True, ("Failed x", "Invalid x")),
        ("(?:^a|^b)c", True, ("ac", "bc")),
        ("(?:^a|b)", False, ()),
        (r"^\s*a", True, ()),
        ("^(ab)+c", True, ("ab",)),
        ("(?m)^a", False, ()),
        ("(?i)^a", True, ()),
        (r"\Aab\d", True, ("ab",)),
    ],
)
def test_begin_of_a_match_is_known(regex: str, anchored: bool, heads: tuple[str, ...]) -> None:
    seen = shape(re.compile(regex))
    assert (seen.anchored, seen.heads) == (anchored, heads)
