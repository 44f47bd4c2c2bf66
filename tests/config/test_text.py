from __future__ import annotations

import configparser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.text import Value, joined, parse
from f2b.errors import Place

FILE = "jail.local"


def value(text: str, *lines: int) -> Value:
    return Value(text, tuple(Place(FILE, line) for line in lines))


def test_parse_when_value_has_several_lines_then_each_knows_its_own() -> None:
    page = parse("[a]\nx = 1\n  # gone\n\n  2 ; comment\n   ; gone too\n\ny: a;b \\; # kept\n", FILE)
    assert page.sections["a"]["x"] == value("1\n\n2", 2, 4, 5)
    assert page.sections["a"]["y"] == value("a;b \\; # kept", 8)
    assert [line.place.line for line in page.sections["a"]["x"].lines()] == [2, 5]
    assert page.faults == []


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("x = 1\n[a]\n", 1, "before the first"),
        ("[a]\n\nnonsense\n", 3, "is no option"),
        ("[a]\nx = 1\nX = 2\n", 3, "given twice, first in line 2"),
        ("[a]\n[b]\n[a]\n", 3, "begins twice, first in line 1"),
        ("\ufeff[a]\nx = 1\n", 1, "byte order mark"),
        ("[a]\n= 1\n", 2, "is no option"),
    ],
)
def test_parse_when_line_is_wrong_then_tells_it_and_goes_on(text: str, line: int, what: str) -> None:
    page = parse(text + "\n[end]\nok = yes\n", FILE)
    assert [(fault.place.line, what in fault.what) for fault in page.faults] == [(line, True)]
    assert page.sections["end"]["ok"].text == "yes"


def test_parse_when_default_begins_twice_then_is_no_fault() -> None:
    assert parse("[DEFAULT]\na=1\n[DEFAULT]\nb=1\n", FILE).faults == []


@given(
    st.lists(
        st.sampled_from(["[a]", "[b] x", "x = 1", "y:2 ; c", " cont", "\tz = 3", "", "# c", "  ; c", "w =", "é=ü"])
    )
)
def test_parse_when_any_lines_then_agrees_with_configparser(lines: list[str]) -> None:
    text = "\n".join(lines)
    parser = configparser.RawConfigParser(inline_comment_prefixes=";", default_section="DEFAULT")
    page = parse(text, FILE)
    try:
        parser.read_string(text)
    except configparser.Error:
        assert page.faults
        return
    assert page.faults == []
    assert {name: dict(parser[name]) for name in parser.sections()} == {
        name: {option: found.text for option, found in options.items()} for name, options in page.sections.items()
    }


@given(st.text("ab\n "), st.integers(0, 20), st.integers(0, 20))
def test_cut_when_put_together_again_then_is_the_same(text: str, first: int, second: int) -> None:
    start, stop = sorted((min(first, len(text)), min(second, len(text))))
    whole = value(text, *range(1, text.count("\n") + 2))
    again = joined((whole.cut(0, start), whole.cut(start, stop), whole.cut(stop)))
    assert again.text == text
    assert len(again.places) == len(whole.places)
    for line, place, expected in zip(text.split("\n"), again.places, whole.places, strict=True):
        assert place == expected or not line.strip()


def test_joined_when_a_line_is_only_the_inserted_one_then_has_its_place() -> None:
    inserted = value("x\ny", 40, 41)
    assert joined((value("a\n  ", 1, 2), inserted, value("\nb", 2, 3))).places == value("", 1, 40, 41, 3).places
    assert joined((value("^", 1), inserted)).places == value("", 1, 41).places
