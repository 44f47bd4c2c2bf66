"""Counting, against the facts observed on Fail2Ban and against a model written from its description."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.counter import PURGED, Counter, lean
from f2b.events import Failure


def failure(key: str = "192.0.2.1", line: str = "x", attempts: int = 1, **captures: str) -> Failure:
    return Failure(key, key, 0.0, (line,), captures, attempts)


def trips(times: list[float], maxretry: int, findtime: float) -> list[float]:
    """Return the times at which the failures reach maxretry."""
    counter = Counter(maxretry, findtime, 5)
    return [time for time in times if counter.add(failure(), time)]


@pytest.mark.parametrize(
    ("findtime", "maxretry", "times", "expected"),
    [
        (10, 4, [0, 4, 8, 12, 16, 20, 24], []),  # one each 4 s stays at 3
        (600, 3, [0, 1, 2], [2]),
        (600, 5, [0, 1, 2, 3, 1000], []),
        (600, 5, [0, 1, 2, 3, 602], [602]),  # 4 scaled to round(4/602*600) = 4, plus one
        (600, 5, [1000, 400, 300, 1001, 100], [100]),  # out of order counts fully
        (600, 3, [5, 5, 5, 5, 5, 5], [5, 5]),
    ],
)
def test_add_at_these_times_trips_when_fail2ban_does(
    findtime: float, maxretry: int, times: list[float], expected: list[float]
) -> None:
    assert trips(times, maxretry, findtime) == expected


def test_add_after_findtime_without_a_failure_starts_anew() -> None:
    assert trips([0, 1, 2, 3, 610], 5, 600) == []


def test_tally_keeps_the_newest_lines_and_the_first_captures() -> None:
    counter = Counter(4, 600, 2)
    for number in range(3):
        assert counter.add(failure(line=f"line {number}", user=f"u{number}"), number) is None
    tally = counter.add(failure(line="line 3", user="u3"), 3)
    assert tally is not None
    assert tally.matches == ("line 2", "line 3")
    assert tally.seen.captures == {"user": "u0"}
    assert (tally.failures, tally.last) == (4, 3)
    assert len(counter) == 0


def test_maxmatches_one_keeps_the_newest_line() -> None:
    counter = Counter(2, 600, 1)
    counter.add(failure(line="old"), 1)
    tally = counter.add(failure(line="new"), 2)
    assert tally is not None
    assert tally.matches == ("new",)


def test_maxmatches_zero_keeps_no_line() -> None:
    tally = Counter(1, 600, 0).add(failure(), 1)
    assert tally is not None
    assert tally.matches == ()


def test_attempts_count_for_more_than_one() -> None:
    assert Counter(5, 600, 5).add(failure(attempts=5), 1) is not None


def test_purge_forgets_those_without_failure_within_findtime() -> None:
    counter = Counter(5, 600, 5)
    counter.add(failure("192.0.2.1"), 0)
    counter.add(failure("192.0.2.2"), 500)
    counter.purge(600)
    assert list(counter.tallies()) == ["192.0.2.2"]
    assert counter.total == 2


@given(
    st.lists(st.integers(0, 40), max_size=30),
    st.integers(1, 6),
    st.integers(1, 20),
)
def test_add_in_any_order_equals_the_described_rule(times: list[int], maxretry: int, findtime: int) -> None:
    retry = 0.0
    first = last = -1000.0
    expected: list[float] = []
    for time in times:
        if retry == 0 or last <= time - findtime:
            first, last, retry = time, time, 1
        else:
            if time > last:
                if first < time - findtime:
                    retry = round(retry / (time - first) * findtime)
                    first = time - findtime
                last = time
            retry += 1
        if retry >= maxretry:
            expected.append(time)
            retry = 0
    assert trips([float(time) for time in times], maxretry, findtime) == expected


def test_more_ids_than_may_be_counted_then_those_that_failed_longest_ago_are_forgotten() -> None:
    counter = Counter(3, 600, 5)
    counter.most = 100
    for number in range(1000):
        counter.add(failure(f"id{number}"), number / 10)
        if number in (10, 60, 110):  # somebody who fails on is kept
            tripped = counter.add(failure("patient"), number / 10)
        assert len(counter) <= 100
    assert tripped
    assert counter.tally("id999")
    assert counter.tally("id800") is None
    assert counter.forgotten + len(counter) == 1000


def test_count_is_scaled_by_the_time_since_the_first_failure_whenever_that_was() -> None:
    counter = Counter(9, 600, 5)
    for time in (1000, 1001, 1002, 1003, 1602):
        counter.add(failure("192.0.2.1"), time)
    tally = counter.tally("192.0.2.1")
    assert tally
    assert (tally.retry, tally.failures, tally.first, tally.last) == (5, 5, 1002, 1602)


def test_as_many_ids_as_may_be_counted_are_all_counted() -> None:
    counter = Counter(3, 600, 5)
    counter.most = 50
    for number in range(50):
        counter.add(failure(f"id{number}"), number)
    assert (len(counter), counter.forgotten) == (50, 0)
    counter.add(failure("one more"), 50)
    assert counter.tally("one more")
    assert counter.forgotten + len(counter) == 51
    assert counter.forgotten > 0


def test_lean_when_lines_or_captures_are_long_then_they_are_cut_and_the_id_is_not() -> None:
    long, short = "x" * 1_000_000, "y" * 16_384
    caught: dict[str, str | tuple[str, ...]] = {"user": long, "host": "h", "exact": short, "users": ("a", long)}
    kept = lean(Failure(long, None, 1.0, (short, long), caught))
    assert kept.id == long
    assert kept.matches == (short, "x" * 16_384)
    assert kept.captures == {"user": "x" * 16_384, "host": "h", "exact": short, "users": ("a", "x" * 16_384)}
    usual = Failure("192.0.2.1", None, 1.0, (short,), {"user": short})
    assert lean(usual) is usual


def test_long_lines_are_kept_in_part() -> None:
    counter = Counter(3, 600, 5)
    counter.add(failure(line="x" * 1_000_000), 1)
    tally = counter.tally("192.0.2.1")
    assert tally
    assert [len(line) for line in tally.matches] == [16_384]


def test_purge_when_very_many_are_counted_then_some_are_looked_at_each_time_and_all_in_the_end() -> None:
    counter = Counter(5, 600, 5)
    for number in range(3 * PURGED):
        counter.add(failure(str(number)), 1000 if number % 2 == 0 else 0)
    rounds = 0
    while len(counter) > 3 * PURGED // 2:
        before = len(counter)
        counter.purge(1000)
        assert before - len(counter) <= PURGED
        rounds += 1
    assert rounds >= 3
    assert all(tally.last == 1000 for tally in counter.tallies().values())
    for _ in range(4):
        counter.purge(1600)
    assert len(counter) == 0
