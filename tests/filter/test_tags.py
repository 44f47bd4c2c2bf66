"""Tags and flags: what a filter's regex accepts, and how its faults are told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import Text, UseDns
from f2b.errors import ConfigError, Place
from f2b.filter.tags import begins_a_line, compile_regex, expand

PLACE = Place("filter.d/x.conf", 7)


def caught(regex: str, text: str, usedns: UseDns = "warn") -> dict[str, str] | None:
    match = compile_regex(Text(regex, PLACE), usedns).search(text)
    return None if match is None else {name: value for name, value in match.groupdict().items() if value is not None}


@pytest.mark.parametrize(
    ("regex", "text", "expected"),
    [
        ("from <HOST>$", "from 192.0.2.1\n", {"ip4": "192.0.2.1"}),
        ("from <HOST>$", "from [2001:db8::1]\n", {"ip6": "2001:db8::1"}),
        ("from <HOST>$", "from ::ffff:192.0.2.1\n", {"ip4": "192.0.2.1"}),
        ("from <HOST>$", "from mail-1.example.org\n", {"dns": "mail-1.example.org"}),
        ("from <ADDR>$", "from mail-1.example.org\n", None),
        ("from <F-ADDR/>$", "from [192.0.2.1]\n", {"ip4": "192.0.2.1"}),
        ("net <SUBNET>$", "net 192.0.2.0/24\n", {"ip4": "192.0.2.0", "cidr": "24"}),
        ("net <ADDR>/<CIDR>$", "net 2001:db8::/32\n", {"ip6": "2001:db8::", "cidr": "32"}),
        ("<F-ID>a.c</F-ID> <F-PORT/>", "abc 22", {"fid": "abc", "fport": "22"}),
        ("<F-USER>\\S+</F-USER> <F-ID/>", "bob x!", {"user": "bob", "fid": "x!"}),
        ("</F-USER> <F-ZZ/> <DNS>", "</F-USER> <F-ZZ/> a", {"dns": "a"}),
    ],
)
def test_tags_when_searched_then_their_groups_catch(regex: str, text: str, expected: dict[str, str] | None) -> None:
    assert caught(regex, text) == expected


def test_host_when_names_are_not_used_then_takes_addresses_only() -> None:
    assert caught("<HOST>$", "example.org", "no") is None
    assert caught("<HOST>$", "192.0.2.1", "no") == {"ip4": "192.0.2.1"}


@pytest.mark.parametrize(
    ("regex", "text", "found"),
    [
        ("a ((?i)b) c", "a B c", True),
        ("a ((?i)b) c", "A B c", False),
        ("a (?:(?i)b|x) c", "a X c", True),
        ("a <F-USER>(?i)b</F-USER> c", "a B C", False),
        ("^a (?i)b", "A B", True),
        ("(?i)a b", "A B", True),
        (r"a [(?i)]b \(", "a (b (", True),
    ],
)
def test_flags_when_amid_the_regex_then_hold_where_they_stand(regex: str, text: str, found: bool) -> None:
    assert (caught(regex, text) is not None) is found


@pytest.mark.parametrize(
    ("regex", "position"),
    [("<HOST> (", 7), ("ab*<HOST>[x", 9), ("<HOST> <IP4>", 7), ("ok <HOST> **", 11), ("(?i:<F-USER>x <HOST>", 4)],
)
def test_fault_when_behind_tags_then_points_into_what_was_written(regex: str, position: int) -> None:
    with pytest.raises(ConfigError) as raised:
        compile_regex(Text(regex, PLACE))
    assert raised.value.place == PLACE
    assert f"at position {position}:" in raised.value.what


@given(st.text(alphabet="ab<>FHOST-USERID/()[]?:i\\|*+P=!#{} ", max_size=40))
def test_any_text_when_compiled_then_is_a_regex_or_a_config_error(text: str) -> None:
    try:
        pattern = compile_regex(Text(text, PLACE))
    except ConfigError:
        return
    assert pattern.search("") is None or text


@given(st.text(alphabet="ab .*()[]?:\\d|+", max_size=30))
def test_regex_without_tags_when_expanded_then_stays(text: str) -> None:
    assert expand(text).pattern == text


def test_fault_when_far_into_a_long_regex_then_what_stands_right_before_it_is_shown() -> None:
    with pytest.raises(ConfigError) as raised:
        compile_regex(Text("ab " * 300 + "<HOST> (", PLACE))
    assert "at position 907: ..." in raised.value.what
    assert "ab <HOST> >>>(" in raised.value.what
    assert raised.value.what.count("ab ") < 300


def test_fault_when_a_tag_stands_twice_then_and_only_then_the_cure_says_so() -> None:
    for regex, cured in (("<HOST> <ADDR>", True), ("<HOST> (", False)):
        with pytest.raises(ConfigError) as raised:
            compile_regex(Text(regex, PLACE))
        assert ("may stand once" in raised.value.cure) == cured


@pytest.mark.parametrize(
    ("pattern", "begins"),
    [("^a", True), ("^(?:a|b)c", True), (r"^a\|b", True), ("a", False), ("^a|b", False), ("^(?:a|b)c|d", False)],
)
def test_pattern_when_it_can_match_amid_a_line_then_it_does_not_begin_one(pattern: str, begins: bool) -> None:
    assert begins_a_line(pattern) == begins
