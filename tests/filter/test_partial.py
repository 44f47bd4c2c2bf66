"""How far regexes get in texts that they do not match."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import Text
from f2b.errors import Place
from f2b.filter.partial import reach

HERE = Place("test")
LOGIN = r"^ (?:\S+ )?sshd: (?:error: )?Failed (?:password|key) for <F-USER>\S+</F-USER> from <HOST>$"


@pytest.mark.parametrize(
    ("regex", "text", "matches", "misses"),
    [
        (LOGIN, " h sshd: Failed password for bob from 192.0.2.1 port 4\n", LOGIN[:-1], "$"),
        (LOGIN, " sshd: Failed kex\n", r"^ (?:\S+ )?sshd: (?:error: )?Failed (?:password|ke", None),
        (LOGIN, "sshd: Failed\n", "^", None),
        (r"^.* from <HOST>", "hello there\n", "^.* ", "from <HOST>"),
        (r"^x (?:foo|bar)baz", "x baq", "^x (?:foo|ba", "r)baz"),
        (r"^(a{2,3})[^x]y(?!zz|q)w", "aabyq", r"^(a{2,3})[^x]y", "(?!zz|q)w"),
        (r"(?i)^hello", "HELLO", "(?i)^hello", ""),
        (r"^a|b <ADDR>", "b x", "^a|b ", "<ADDR>"),
        (r"^(?P<x>a) (?P=x)b", "a ac", r"^(?P<x>a) (?P=x)", "b"),
    ],
)
def test_reach_when_a_text_fits_in_part_then_it_says_up_to_where(
    regex: str, text: str, matches: str, misses: str | None
) -> None:
    found = reach(Text(regex, HERE), text)
    assert regex[: found.upto] == matches
    assert misses is None or regex[found.upto :] == misses


def test_reach_when_a_group_has_several_branches_then_the_text_ends_where_the_best_did() -> None:
    found = reach(Text(r"^x (?:foo|bar)baz", HERE), "x baq")
    assert (found.start, found.end) == (0, 4)


def test_reach_when_names_do_not_count_then_it_stops_before_the_host() -> None:
    regex = "^ from <HOST>$"
    assert regex[: reach(Text(regex, HERE), " from evil.example\n", usedns="no").upto] == "^ from "
    assert reach(Text(regex, HERE), " from evil.example\n").upto == len(regex)


@given(st.text(alphabet=r"ab|()[]?*+{}\^$.:<>!=P1,- ", max_size=20), st.text(alphabet="ab1 ", max_size=12))
def test_reach_when_given_anything_then_it_stays_within_both_texts(regex: str, text: str) -> None:
    found = reach(Text(f"^{regex}", HERE), text)
    assert 0 <= found.upto <= len(regex) + 1
    assert 0 <= found.start <= found.end <= len(text)
