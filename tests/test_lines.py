"""Bytes become lines: their ends, their encodings, their dates, and what lines without a date take."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.date.reader import DateReader
from f2b.errors import ConfigError
from f2b.events import Line
from f2b.lines import LineReader, journal_line

NOW = 1_700_000_000.0


def reader(*patterns: str, encoding: str = "auto") -> LineReader:
    return LineReader(DateReader(patterns or ("^EPOCH",), None, 2026), encoding)


def test_lines_when_dated_cut_the_date_and_end_with_one_newline() -> None:
    made = list(reader().lines(b"1600000000 a b\r\n[1600000001] c\r\r\n", NOW))
    assert made == [
        Line(" a b\n", "1600000000 a b", 1_600_000_000.0),
        Line("[] c\n", "[1600000001] c", 1_600_000_001.0),
    ]


def test_lines_when_the_last_has_no_end_yield_it_and_empty_lines_too() -> None:
    assert [line.raw for line in reader().lines(b"a\n\nb", NOW)] == ["a", "", "b"]
    assert list(reader().lines(b"", NOW)) == []


def test_line_without_date_when_nothing_was_dated_has_no_time() -> None:
    assert reader().line("x", NOW) == Line("x\n", "x", None)


def test_line_without_date_when_the_last_is_recent_takes_it_and_shows_it() -> None:
    lines = reader()
    lines.line("1699999950 a", NOW)
    assert lines.line("x", NOW) == Line("x\n", "1699999950x", NOW - 50)
    assert lines.line("x", NOW + 9.9) == Line("x\n", "1699999950x", NOW - 50)
    assert lines.line("x", NOW + 10) == Line("x\n", "x", None)


def test_line_without_date_when_the_last_is_in_the_future_takes_it() -> None:
    lines = reader()
    lines.line("1700009999 a", NOW)
    assert lines.line("x", NOW).time == NOW + 9999


def test_line_with_an_impossible_date_is_cut_unless_the_last_is_recent() -> None:
    lines = LineReader(DateReader((), "UTC", 2026))
    bad = "2023-02-30 10:00:00 a"
    assert lines.line(bad, NOW) == Line(" a\n", bad, None)
    lines.line("2023-11-14 22:13:10 b", NOW)
    assert lines.line(bad, NOW) == Line(bad + "\n", "2023-11-14 22:13:10" + bad, NOW - 10)


def test_line_when_its_pattern_is_none_is_of_now() -> None:
    assert reader("{NONE}").line("1600000000 a", NOW) == Line("1600000000 a\n", "1600000000 a", NOW)


def test_line_when_its_pattern_catches_nothing_is_of_the_line_before() -> None:
    lines = reader("EPOCH", "^WARNING:()**")
    assert lines.line("WARNING: x", NOW).time == NOW
    lines.line("1699999970 a", NOW)
    assert lines.line("WARNING: x", NOW) == Line("WARNING: x\n", "1699999970WARNING: x", NOW - 30)


def test_entry_of_a_journal_has_its_time_and_is_one_line() -> None:
    made = journal_line("h sshd[1]: a\nb", NOW, "2023-11-14T22:13:20 ")
    assert made == Line("h sshd[1]: a\\nb\n", "2023-11-14T22:13:20 h sshd[1]: a\\nb", NOW)


def test_lines_when_bytes_are_undecodable_keep_the_line_and_tell() -> None:
    lines = reader()
    assert [line.text for line in lines.lines(b"a \xff b\nc\n", NOW)] == ["a � b\n", "c\n"]
    assert lines.undecodable == b"a \xff b"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be", "utf-16-le", "utf-32", "utf-32-be", "latin-1", "cp1252"])
def test_lines_in_an_encoding_are_decoded(encoding: str) -> None:
    lines = reader(encoding=encoding)
    text = "1600000000 é\n1600000001 b\n"
    assert [line.text for line in lines.lines(text.encode(encoding), NOW)] == [" é\n", " b\n"]
    assert lines.undecodable is None


@pytest.mark.parametrize(("mark", "order"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_lines_in_utf16_when_the_log_begins_with_a_mark_keep_its_byte_order(mark: bytes, order: str) -> None:
    lines = reader(encoding="utf-16")
    first = list(lines.lines(mark + "a\n".encode(order), NOW))
    # U+0A0A and U+010A hold the byte of a line end.
    second = list(lines.lines("\u0a0a\u010a b\n".encode(order), NOW))
    assert [line.raw for line in first + second] == ["a", "\u0a0a\u010a b"]
    assert lines.newline == "\n".encode(order)


@pytest.mark.parametrize("encoding", ["nosuch", "base64", "rot13", "a\0b", "undefined"])
def test_reader_when_encoding_is_none_of_text_says_so(encoding: str) -> None:
    with pytest.raises(ConfigError, match="unknown encoding"):
        reader(encoding=encoding)


@given(
    st.binary(max_size=300),
    st.sampled_from(["auto", "utf-8", "utf-16", "utf-32-be", "shift_jis", "iso2022_jp", "utf-7"]),
)
def test_lines_whatever_the_bytes_never_raise(chunk: bytes, encoding: str) -> None:
    lines = LineReader(DateReader((), None, 2026), encoding)
    for line in lines.lines(chunk, NOW):
        assert line.text.endswith("\n")
        assert "\n" not in line.raw
