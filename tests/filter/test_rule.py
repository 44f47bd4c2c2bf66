"""One regex of a filter: where it may match, and that it finds nothing while it rests."""

from __future__ import annotations

import pytest

from f2b.config.model import Text
from f2b.errors import Place
from f2b.filter.rule import Rule

HERE = Place("filter.d/x.conf", 7)


def rule(regex: str = "^bad <ADDR>$", multiline: bool = False) -> Rule:
    return Rule(Text(regex, HERE), multiline=multiline)


def test_rule_when_it_rests_then_it_finds_nothing_until_it_is_woken_even_if_it_is_quickened() -> None:
    tested = rule()
    tested.rest()
    tested.quicken()
    assert tested.search("bad 192.0.2.1") is None
    tested.wake()
    assert not tested.rests
    assert tested.search("bad 192.0.2.1")


@pytest.mark.parametrize(
    ("regex", "multiline", "starts"),
    [("^bad <ADDR>", False, [0]), ("bad <ADDR>", False, [0, 1, 2, 3]), ("^bad <ADDR>", True, [0, 2])],
)
def test_rule_when_it_is_anchored_then_it_starts_where_lines_do(
    regex: str, multiline: bool, starts: list[int]
) -> None:
    assert list(rule(regex, multiline).starts("a\nb")) == starts


def test_rule_when_it_is_long_then_it_is_named_by_how_it_begins() -> None:
    assert str(rule("bad <ADDR>")).startswith("the regex 'bad <ADDR>' (")
    assert str(rule("bad <ADDR> " + "x" * 99)).startswith("the regex 'bad <ADDR> xxx")
    assert "xxx...' (" in str(rule("bad <ADDR> " + "x" * 99))
