"""The exact window, against its definition."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.window import Window
from f2b.events import Failure


def failure(key: str = "192.0.2.1", attempts: int = 1) -> Failure:
    return Failure(key, key, 0.0, ("x",), {}, attempts)


def trips(times: list[float], maxretry: int, findtime: float) -> list[float]:
    counter = Window(maxretry, findtime, 5)
    return [time for time in times if counter.add(failure(), time)]


@pytest.mark.parametrize(
    ("findtime", "maxretry", "times", "expected"),
    [
        (10, 4, [0, 4, 8, 12, 16, 20, 24], []),
        (600, 5, [0, 1, 2, 3, 602], []),  # the rate would ban here
        (600, 5, [0, 1, 2, 3, 599], [599]),
        (600, 3, [1000, 400, 300, 1001, 100], []),  # too old to count
        (600, 3, [1000, 500, 300, 1001], [1001]),
        (600, 3, [5, 5, 5, 5, 5, 5], [5, 5]),
    ],
)
def test_add_at_these_times_trips_when_so_many_lie_within_findtime(
    findtime: float, maxretry: int, times: list[float], expected: list[float]
) -> None:
    assert trips(times, maxretry, findtime) == expected


@given(st.lists(st.integers(0, 60), max_size=30), st.integers(1, 6), st.integers(1, 20))
def test_add_in_any_order_equals_the_definition(times: list[int], maxretry: int, findtime: int) -> None:
    seen: list[int] = []
    expected: list[float] = []
    for time in times:
        if seen and max(seen) <= time - findtime:
            seen = []
        seen.append(time)
        if sum(when > max(seen) - findtime for when in seen) >= maxretry:
            expected.append(time)
            seen = []
    assert trips([float(time) for time in times], maxretry, findtime) == expected


def test_more_lets_the_last_failure_weigh_more() -> None:
    counter = Window(5, 600, 5)
    counter.add(failure(), 1)
    assert counter.more("192.0.2.1", 2) is None
    tally = counter.tally("192.0.2.1")
    assert tally is not None
    assert (tally.retry, tally.failures, tally.times) == (3, 2, (1, 1, 1))
    assert counter.add(failure(attempts=10**9), 2) is not None
    assert counter.more("192.0.2.1", 2) is None
    assert counter.total == 3


def test_window_after_a_rate_goes_on_from_what_was_counted() -> None:
    from_rate = Window(4, 600, 5)
    other = Window(4, 600, 5)
    other.add(failure(attempts=3), 10)
    from_rate.restore({key: tally._replace(times=()) for key, tally in other.tallies().items()})
    assert from_rate.add(failure(), 20) is not None


def test_failure_when_the_last_one_is_just_findtime_old_then_the_count_begins_anew() -> None:
    counter = Window(3, 10.0, 5)
    for time in (0.0, 10.0):
        assert counter.add(Failure("192.0.2.1", "192.0.2.1", time, (), {"at": str(time)}), time) is None
    tally = counter.tally("192.0.2.1")
    assert tally is not None
    assert (tally.failures, tally.seen.captures) == (1, {"at": "10.0"})
