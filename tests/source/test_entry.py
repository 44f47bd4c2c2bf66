"""What journalctl prints, as lines; and what it is asked."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.source.entry import Entry, command, decode, places, terms

COMMON = {"__CURSOR": "c", "__REALTIME_TIMESTAMP": "1800000000250000", "_HOSTNAME": "host"}


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"SYSLOG_IDENTIFIER": "sshd", "_PID": "12", "MESSAGE": "hi"}, "host sshd[12]: hi"),
        ({"SYSLOG_IDENTIFIER": "sshd", "SYSLOG_PID": "7", "_PID": "12", "MESSAGE": "hi"}, "host sshd[7]: hi"),
        ({"_COMM": "foo", "MESSAGE": "a\nb"}, "host foo: a\\nb"),
        ({"MESSAGE": [72, 255, 10, 73]}, "host H\ufffd\\nI"),
        ({"MESSAGE": ["one", "two"]}, "host one"),
        ({"SYSLOG_IDENTIFIER": ["a", "b"], "MESSAGE": ""}, "host a: "),
        (
            {"SYSLOG_IDENTIFIER": "kernel", "_SOURCE_MONOTONIC_TIMESTAMP": "5123456", "MESSAGE": "x"},
            "host kernel: [    5.123456] x",
        ),
    ],
)
def test_entry_when_decoded_then_as_syslog_would_have_written_it(fields: dict[str, object], text: str) -> None:
    assert decode(json.dumps(COMMON | fields).encode()) == Entry(text, 1800000000.25, "c")


def test_entry_when_its_source_told_the_time_then_that_one_counts() -> None:
    entry = decode(json.dumps(COMMON | {"MESSAGE": "x", "_SOURCE_REALTIME_TIMESTAMP": "1700000000000000"}).encode())
    assert entry is not None
    assert entry.time == 1700000000


@pytest.mark.parametrize("line", [b"", b"{", b"[]", b"null", b'{"MESSAGE": "x"}', b"\xff", b'{"__CURSOR": "c"}'])
def test_line_when_broken_then_no_entry(line: bytes) -> None:
    assert decode(line) is None


@given(st.recursive(st.none() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_message_whatever_it_is_when_decoded_then_an_entry_or_none(message: object) -> None:
    entry = decode(json.dumps(COMMON | {"MESSAGE": message}).encode())
    assert entry is None or "\n" not in entry.text


def test_match_when_of_several_groups_then_alternatives() -> None:
    assert terms(["_SYSTEMD_UNIT=ssh.service + _COMM=sshd", "  ", "_COMM='a b'"]) == [
        *("_SYSTEMD_UNIT=ssh.service", "+", "_COMM=sshd", "+", "_COMM=a b")
    ]


def test_command_when_there_is_a_cursor_then_it_goes_on_after_it() -> None:
    assert "--after-cursor=c" in command((), "c", 5.0)
    assert "--since=@5" in command((), "", 5.9)


def test_places_when_backend_has_options_then_arguments() -> None:
    options = {"journalpath": "/j", "journalfiles": "/a/*.journal,/b", "namespace": "n", "journalflags": "4"}
    assert places(options) == ["--directory=/j", "--file=/a/*.journal", "--file=/b", "--namespace=n", "--system"]
    assert places({}) == []
