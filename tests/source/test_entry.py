"""Fields of journal entries as lines, and which journal is meant."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.source.entry import SYSTEM, SYSTEM_ONLY, Entry, Place, made, place, same, terms

FIELDS = ["_PID", "SYSLOG_IDENTIFIER", "_SOURCE_REALTIME_TIMESTAMP", "_SOURCE_MONOTONIC_TIMESTAMP"]
WRITTEN = 1800000000250000


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"SYSLOG_IDENTIFIER": "sshd", "_PID": "12", "MESSAGE": "hi"}, "host sshd[12]: hi"),
        ({"SYSLOG_IDENTIFIER": "sshd", "SYSLOG_PID": "7", "_PID": "12", "MESSAGE": "hi"}, "host sshd[7]: hi"),
        ({"SYSLOG_IDENTIFIER": "sshd", "SYSLOG_PID": "007", "MESSAGE": "hi"}, "host sshd[7]: hi"),
        ({"_COMM": "foo", "MESSAGE": "a\nb\n"}, "host foo: a\\nb\\n"),
        ({"_PID": "5", "MESSAGE": " spaces "}, "host  spaces "),
        ({"SYSLOG_IDENTIFIER": "a", "MESSAGE": ""}, "host a: "),
        ({"_HOSTNAME": "", "SYSLOG_IDENTIFIER": "a", "MESSAGE": "x"}, "a: x"),
        (
            {"SYSLOG_IDENTIFIER": "kernel", "_SOURCE_MONOTONIC_TIMESTAMP": "5123456", "MESSAGE": "x"},
            "host kernel: [    5.123456] x",
        ),
        ({"SYSLOG_IDENTIFIER": "kernel", "_PID": "9", "MESSAGE": "x"}, "host kernel[9]: x"),
    ],
)
def test_entry_when_made_then_as_fail2ban_would_have_searched_it(fields: dict[str, str], text: str) -> None:
    assert made(({"_HOSTNAME": "host"} | fields).get, WRITTEN, "c") == Entry(text, 1800000000.25, "c")


def test_entry_when_its_source_told_the_time_then_that_one_counts() -> None:
    entry = made({"MESSAGE": "x", "_SOURCE_REALTIME_TIMESTAMP": "1700000000000000"}.get, WRITTEN, "c")
    assert entry is not None
    assert entry.time == 1700000000


def test_entry_when_it_has_no_message_then_none() -> None:
    assert made({"_HOSTNAME": "host"}.get, WRITTEN, "c") is None


@given(st.dictionaries(st.sampled_from(FIELDS), st.text("07a \n²٣", max_size=4)))
def test_fields_whatever_they_are_when_made_then_one_line(fields: dict[str, str]) -> None:
    entry = made(({"SYSLOG_IDENTIFIER": "kernel"} | fields | {"MESSAGE": "a\nb"}).get, WRITTEN, "c")
    assert entry is not None
    assert entry.text.endswith("a\\nb")


def test_cursors_when_numbered_anew_then_still_the_same_entry() -> None:
    assert same("s=1;i=2;b=c;m=4;t=5;x=6", "s=f;i=7;b=c;m=4;t=5;x=6")
    assert not same("s=1;i=2;b=c;m=4;t=5;x=6", "s=1;i=2;b=c;m=4;t=6;x=6")


def test_match_when_of_several_groups_then_alternatives() -> None:
    assert terms(["_SYSTEMD_UNIT=ssh.service + _COMM=sshd", "  ", "_COMM='a b'"]) == [
        *("_SYSTEMD_UNIT=ssh.service", "+", "_COMM=sshd", "+", "_COMM=a b")
    ]


def test_place_when_backend_has_options_then_what_they_name() -> None:
    options = {"journalpath": "/j", "journalfiles": "/a/*.journal,/b", "namespace": "n", "journalflags": "1"}
    assert place(options) == Place("/j", ("/a/*.journal", "/b"), "n", 1)


def test_flags_when_not_given_then_from_the_environment_or_system_only_where_nothing_else_is_named() -> None:
    assert place({}) == SYSTEM
    assert place({}, "1").flags == 1
    assert place({"journalflags": "0"}, "1").flags == 0
    assert place({"journalpath": "/j"}).flags == 0
    assert place({"namespace": "n"}).flags == SYSTEM_ONLY
