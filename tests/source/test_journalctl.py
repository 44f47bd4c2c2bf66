"""What journalctl is asked, and what it prints."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.source.entry import SYSTEM_ONLY, Entry, Place
from f2b.source.journalctl import command, decode

COMMON = {"__CURSOR": "c", "__REALTIME_TIMESTAMP": "1800000000250000", "_HOSTNAME": "host"}


@pytest.mark.parametrize(
    ("message", "text"),
    [("hi", "host hi"), ([72, 255, 10, 73], "host H\ufffd\\nI"), (["one", "two"], "host one"), ("", "host ")],
)
def test_message_when_decoded_then_text(message: object, text: str) -> None:
    assert decode(json.dumps(COMMON | {"MESSAGE": message}).encode()) == Entry(text, 1800000000.25, "c")


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"MESSAGE": "x"}', b"\xff", b'{"__CURSOR": "c"}'])
def test_line_when_broken_then_no_entry(line: bytes) -> None:
    assert decode(line) is None


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_message_whatever_it_is_when_decoded_then_an_entry_or_none(message: object) -> None:
    entry = decode(json.dumps(COMMON | {"MESSAGE": message}).encode())
    assert entry is None or "\n" not in entry.text


def test_command_when_there_is_a_cursor_then_it_goes_on_there() -> None:
    assert "--cursor=c" in command(Place(), (), "c", 5.0)
    assert "--since=@5.250000" in command(Place(), (), "", 5.25)


def test_command_when_a_place_is_named_then_there() -> None:
    where = Place("/j", ("/a/*.journal", "/b"), "n", SYSTEM_ONLY)
    assert command(where, ["A=b"], "c", 0)[-6:] == [
        *("--directory=/j", "--file=/a/*.journal", "--file=/b", "--namespace=n", "--system", "A=b")
    ]
