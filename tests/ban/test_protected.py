"""Whom no filter may ban."""

from __future__ import annotations

from f2b.ban.protected import Protected

SOME = Protected({"192.0.2.7": "root is logged in from it", "2001:db8::/32": "it stands in protect", "raw": "never"})


def test_address_when_it_is_protected_then_it_is_said_why() -> None:
    assert SOME.why("192.0.2.7") == "root is logged in from it"
    assert SOME.why("2001:db8:5::1") == "it stands in protect"


def test_address_when_it_is_not_protected_then_nothing_is_said() -> None:
    assert [SOME.why(key) for key in ("192.0.2.8", "2001:db9::1", "raw", "")] == [""] * 4


def test_network_when_somebody_in_it_is_protected_then_it_is_said_who() -> None:
    assert SOME.why("192.0.2.0/24") == "192.0.2.7: root is logged in from it"
    assert SOME.why("2001:db8:1::/48") == "2001:db8::/32: it stands in protect"
    assert SOME.why("192.0.3.0/24") == ""
    assert SOME.touches("192.0.2.0/24")
    assert not SOME.touches("192.0.3.0/24")


def test_nobody_when_protected_then_anybody_may_be_banned() -> None:
    assert not Protected().why("192.0.2.7")
    assert not Protected().touches("0.0.0.0/0")
