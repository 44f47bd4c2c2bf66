"""Ends of lines in bytes, against Python's own decoding."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.source.newline import end, first, newline

TEXT = st.text(st.sampled_from("ab\n\u0a0d\u000a\u0a0a\u010a\U00010a0a"))


@pytest.mark.parametrize(
    ("encoding", "unit"),
    [
        ("utf-8", b"\n"),
        ("utf-8-sig", b"\n"),
        ("latin-1", b"\n"),
        ("utf-16-le", b"\n\0"),
        ("utf-16-be", b"\0\n"),
        ("utf-32-be", b"\0\0\0\n"),
        ("auto", b"\n"),
    ],
)
def test_newline_when_asked_then_without_byte_order_mark(encoding: str, unit: bytes) -> None:
    assert newline(encoding) == unit


@given(TEXT, st.sampled_from(["utf-8", "utf-16-le", "utf-16-be", "utf-32-le"]), st.integers(0, 3))
def test_ends_when_characters_look_like_newlines_then_only_newlines_count(text: str, encoding: str, cut: int) -> None:
    data = text.encode(encoding)
    unit = newline(encoding)
    whole = text[: text.rfind("\n") + 1].encode(encoding)
    assert end(data, unit) == len(whole)
    assert first(data, unit) == len(text[: text.find("\n") + 1].encode(encoding))
    # A piece of a character behind the last newline changes nothing.
    assert end(whole + "x".encode(encoding)[:cut], unit) == len(whole)
