"""Failures in Redis: whoever writes there makes none count."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.fleet.tally import Failure, count, member

KEY = b"k" * 32
FAILURE = Failure("sshd", "192.0.2.7", 1000.5, "run-7")
MEMBER = member(FAILURE, "web1", KEY)


def held(*members: bytes, jail: str = "sshd", id_: str = "192.0.2.7", since: float = 900.0) -> int:
    return count(members, jail, id_, since, KEY)


def test_failures_when_signed_and_not_too_old_then_they_count() -> None:
    other = member(FAILURE._replace(nonce="run-8"), "web1", KEY)
    assert held(MEMBER, other, member(FAILURE, "web2", KEY)) == 3
    assert held(MEMBER, since=1001.0) == 0
    assert held(MEMBER, since=1000.5) == 1


def test_failure_when_of_another_jail_or_address_then_it_does_not_count() -> None:
    assert held(MEMBER, jail="web") == 0
    assert held(MEMBER, id_="192.0.2.8") == 0
    assert held(member(FAILURE, "web1", b"x" * 32)) == 0


@given(st.binary(max_size=80))
def test_member_when_it_is_anything_then_it_does_not_count(text: bytes) -> None:
    assert held(text) == 0


@given(st.integers(0, 200), st.integers(1, 255))
def test_member_when_any_byte_is_changed_then_it_does_not_count(at: int, by: int) -> None:
    text = bytearray(MEMBER)
    text[at % len(text)] ^= by
    assert held(bytes(text)) == 0
