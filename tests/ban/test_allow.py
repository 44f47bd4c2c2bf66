"""Who is spared, and under which of Fail2Ban's words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.allow import ASKED, LONG, AllowList, words


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("127.0.0.1", "ip"),
        ("127.9.9.9", "ip"),
        ("203.0.113.7", "ip"),
        ("203.0.113.8", None),
        ("2001:db8::5", "ip"),
        ("198.51.100.9", "ip"),
        ("10.0.0.1", "ignoreself rule"),
        ("10.0.0.0/8", None),
        ("127.0.0.0/24", "ip"),  # a network is judged by its base address
        ("session-4711", "ip"),
        ("someone", None),
    ],
)
def test_why_names_the_kind_of_entry(key: str, why: str | None) -> None:
    entries = ["127.0.0.0/8", "203.0.113.7", "2001:DB8::/32", "198.51.100.0/255.255.255.0", "session-4711"]
    allow = AllowList(entries)
    allow.owns(["10.0.0.1"])
    assert allow.why(key) == why


def test_host_name_spares_what_it_was_resolved_to() -> None:
    allow = AllowList(["home.example.org", "192.0.2.1"])
    assert allow.names == ["home.example.org"]
    assert allow.why("198.51.100.4") is None
    allow.resolved("home.example.org", ["198.51.100.4"])
    assert allow.why("198.51.100.4") == "dns"
    allow.resolved("home.example.org", ["198.51.100.5"])
    assert allow.why("198.51.100.4") is None


def test_list_file_spares_what_it_holds() -> None:
    allow = AllowList(["file:///etc/allow"])
    assert allow.files == ["/etc/allow"]
    allow.loaded("/etc/allow", words("# office\n192.0.2.0/24, 2001:db8::1  # two\n; none\n"))
    assert allow.why("192.0.2.77") == "file://etc/allow"
    assert allow.why("2001:db8::1") == "file://etc/allow"
    assert allow.why("192.0.3.1") is None
    allow.loaded("/etc/allow", words("192.0.3.0/24"))
    assert allow.why("192.0.2.77") is None
    assert allow.why("192.0.3.1") == "file://etc/allow"


def test_own_addresses_when_they_change_then_answers_given_before_do() -> None:
    allow = AllowList([])
    allow.owns(["192.0.2.1"])
    assert (allow.why("192.0.2.1"), allow.why("192.0.2.2")) == ("ignoreself rule", None)
    allow.owns(["192.0.2.2"])
    assert (allow.why("192.0.2.1"), allow.why("192.0.2.2")) == (None, "ignoreself rule")


@given(st.lists(st.sampled_from(["192.0.2.1", "198.51.100.9", "x" * 99]), max_size=30))
def test_why_when_asked_again_and_again_then_it_says_what_it_said_first(keys: list[str]) -> None:
    allow = AllowList(["192.0.2.0/24", "x" * 99])
    assert [allow.why(key) for key in keys] == [AllowList(["192.0.2.0/24", "x" * 99]).why(key) for key in keys]


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_entry_and_no_id_make_it_fail(entry: str, key: str) -> None:
    assert AllowList([entry]).why(key) in (None, "ip")


@pytest.mark.parametrize(
    ("entry", "names"),
    [("mail.example.com", 1), ("a-b_c.", 1), ("192.0.2.1", 0), ("300.1.2.3", 0), ("192.0.2.0/99x", 0), ("a..b", 0)],
)
def test_entry_when_it_may_be_a_host_name_then_and_only_then_it_is_looked_up(entry: str, names: int) -> None:
    assert len(AllowList([entry]).names) == names


def test_answers_when_ids_are_endless_then_few_are_remembered_and_no_long_ones() -> None:
    spared = AllowList(["192.0.2.1"])
    for number in range(3 * ASKED):
        spared.why(f"id {number}")
    spared.why("192.0.2.1" + "x" * LONG)
    assert 0 < len(spared._asked) <= ASKED
    assert max(map(len, spared._asked)) <= LONG
    assert spared.why("192.0.2.1") == spared.why("192.0.2.1") == "ip"
    assert "192.0.2.1" in spared._asked


def test_network_when_anybody_in_it_is_spared_then_it_touches_them() -> None:
    spared = AllowList(["192.0.2.0/24", "mail.example.com"])
    assert spared.touches("192.0.2.128/25")
    assert not spared.touches("198.51.100.0/24")
    spared.resolved("mail.example.com", ["198.51.100.7"])
    assert spared.touches("198.51.100.0/24")
