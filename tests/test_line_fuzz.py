"""No line, however broken, makes Debian's filters raise: bytes to lines to failures."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec
from f2b.config.search import load_filter
from f2b.date.reader import DateReader
from f2b.filter.regex import compile_filter
from f2b.lines import LineReader

STOCK = Path("/etc/fail2ban")
FILTERS = ["sshd[mode=aggressive]", "postfix[mode=aggressive]", "dovecot", "apache-auth", "mongodb-auth", "recidive"]
NOW = 1_700_000_000.0
PIECES = st.sampled_from(
    [
        *(
            b"Nov 14 22:13:20 h sshd[1]: ",
            b"Failed password for ",
            b"root",
            b" from ",
            b"192.0.2.1",
            b"2001:db8::1",
            b"\n",
        ),
        *(
            b"2023-11-14T22:13:20+01:00 ",
            b"[Tue Nov 14 22:13:20 2023] [error] [client ",
            b"]: ",
            b"\0",
            b"\xff",
            b"\r",
        ),
        *(b"99999999999999999999", b"31/Feb/2023:25:61:61", b"\xed\xa0\x80", b"\xe2\x80\xa8", b"ssh2: ", b" port 22"),
    ]
)


@cache
def stock(name: str) -> FilterSpec:
    spec, _ = load_filter(name, STOCK)
    assert spec is not None
    return spec


def read(name: str, chunk: bytes) -> int:
    """Feed a chunk to a filter; return how many lines it was."""
    spec = stock(name)
    tested, _ = compile_filter(spec)
    assert tested is not None
    reader = LineReader(DateReader([text.value for text in spec.datepattern], None, 2026))
    return sum(len(tested.feed(line)) >= 0 for line in reader.lines(chunk, NOW))


@given(st.sampled_from(FILTERS), st.binary(max_size=500) | st.lists(PIECES, max_size=40).map(b"".join))
def test_lines_whatever_the_bytes_pass_through_every_filter(name: str, chunk: bytes) -> None:
    assert read(name, chunk + b"\n") == chunk.count(b"\n") + 1


@pytest.mark.parametrize("filler", [b"a", b"\0", b" ", b"\xff", b"1", b":"])
def test_line_of_a_megabyte_is_read_in_time(filler: bytes) -> None:
    begun = time.monotonic()
    for name in FILTERS:
        read(name, b"Nov 14 22:13:20 h sshd[1]: Failed password for " + filler * 1_000_000 + b"\n")
    assert time.monotonic() - begun < 20
