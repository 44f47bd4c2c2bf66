"""Bisection over lines held in memory, against looking at every line."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.source import newline
from f2b.source.seek import NEAR, seek


def time_of(line: bytes) -> float | None:
    word = line.decode("utf-16-le" if b"\0" in line else "ascii").split(" ")[0]
    return float(word) if word.isdigit() else None


@given(
    steps=st.lists(st.integers(0, 50), max_size=400),
    width=st.integers(0, 200),
    undated=st.sets(st.integers(0, 400)),
    target=st.integers(0, 8000),
    encoding=st.sampled_from(["ascii", "utf-16-le"]),
)
def test_seek_when_lines_ascend_then_a_line_start_at_or_before_the_first_that_counts(
    steps: list[int], width: int, undated: set[int], target: int, encoding: str
) -> None:
    now, data, starts, first = 0, b"", [0], None
    for number, step in enumerate(steps):
        now += step
        text = f"{'-' if number in undated else now} {'x' * (number * 31 % (width + 1))}\n"
        if first is None and number not in undated and now >= target:
            first = len(data)
        data += text.encode(encoding)
        starts.append(len(data))
    unit = newline.newline(encoding)
    found = seek(len(data), lambda at, length: data[at : at + length], time_of, target, 0, unit)
    assert found in starts
    assert found <= (len(data) if first is None else first)


def test_seek_when_the_log_is_long_then_few_reads_and_near_the_first_that_counts() -> None:
    size, line = 1 << 30, 64
    reads = []

    def read_at(at: int, length: int) -> bytes:
        reads.append(length)
        first, last = at // line, min(size, at + length) // line + 1
        text = b"".join(b"%-63d\n" % number for number in range(first, last))
        return text[at % line : at % line + length]

    target = 12_345_678
    found = seek(size, read_at, time_of, target)
    assert target * line - NEAR - line <= found <= target * line
    assert sum(reads) < 1 << 20


def test_seek_when_nothing_has_a_date_then_the_beginning() -> None:
    data = b"no date\n" * 10_000
    assert seek(len(data), lambda at, length: data[at : at + length], time_of, 5.0, 8) == 8
