"""Signing, and whom nobody believes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.fleet.entry import BAN, FOREVER, WINDOW_S, Entry, ForgedError, Memory, mac, opened, seal, sign, signed

KEY = b"k" * 32
ENTRY = Entry(BAN, "sshd", "192.0.2.7", 1000.0, 1600.0, "web1", 5, "web1", 1000.5, "run-7")


@pytest.mark.parametrize("entry", [ENTRY, ENTRY._replace(end=FOREVER), ENTRY._replace(id="2001:db8::/64")])
def test_entry_when_sealed_then_who_has_the_key_reads_the_same(entry: Entry) -> None:
    assert opened(seal(entry, KEY), KEY) == entry


def test_entry_when_signed_with_another_key_then_it_is_forged() -> None:
    with pytest.raises(ForgedError, match="signature"):
        opened(seal(ENTRY, b"x" * 32), KEY)


@given(st.integers(0, 300), st.integers(1, 255))
def test_entry_when_any_byte_is_changed_then_it_is_forged(at: int, by: int) -> None:
    text = bytearray(seal(ENTRY, KEY))
    text[at % len(text)] ^= by
    with pytest.raises(ForgedError):
        opened(bytes(text), KEY)


@given(st.binary(max_size=200))
def test_text_when_it_is_anything_then_it_is_forged(text: bytes) -> None:
    with pytest.raises(ForgedError):
        opened(text, KEY)


@pytest.mark.parametrize(
    "changed",
    [
        {"v": 2},
        {"id": "example.org"},
        {"id": "192.0.2.07"},
        {"id": 7},
        {"jail": ""},
        {"kind": "stop"},
        {"made": 1002.0 + WINDOW_S},
        {"origin": ""},
        {"host": "web1\nweb2"},
        {"made": None},
        {"sent": True},
        {"end": "soon"},
        {"failures": "5"},
        {"more": 1},
        {"origin": "x" * 256},
    ],
)
def test_entry_when_signed_and_nonsense_then_it_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ForgedError, match="makes no sense"):
        opened(sign(signed(seal(ENTRY, KEY), KEY) | changed, KEY), KEY)


def test_text_when_signed_and_no_object_then_it_is_refused() -> None:
    for body in (b"[]", b"{", b"7"):
        with pytest.raises(ForgedError, match="makes no sense"):
            signed(mac(body, KEY) + body, KEY)


def test_memory_when_an_entry_comes_again_then_it_counts_once() -> None:
    memory = Memory()
    assert memory.refusal(ENTRY, 1001.0) == ""
    assert memory.refusal(ENTRY, 1002.0) == "seen"
    assert memory.refusal(ENTRY._replace(host="web2"), 1002.0) == ""


@pytest.mark.parametrize("stamp", [1000.5 + WINDOW_S + 1, 1000.5 - WINDOW_S - 1])
def test_memory_when_redis_took_it_at_another_time_then_it_is_old(stamp: float) -> None:
    assert Memory().refusal(ENTRY, stamp) == "old"


@given(st.lists(st.tuples(st.integers(0, 30), st.floats(0, 50))))
def test_memory_when_much_comes_then_nothing_counts_twice_and_it_forgets(steps: list[tuple[int, float]]) -> None:
    memory, stamp, counted = Memory(), 1000.0, set()
    for nonce, later in steps:
        stamp += later
        entry = ENTRY._replace(nonce=str(nonce), sent=1000.0)
        if not memory.refusal(entry, stamp):
            assert nonce not in counted
            counted.add(nonce)
    late = stamp + 3 * WINDOW_S
    assert memory.refusal(ENTRY._replace(sent=late), late) == ""
    assert len(memory) == 1
