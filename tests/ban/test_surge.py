"""More bans in a minute than an attack explains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.surge import MINUTE_S, Surge


def test_surge_when_there_is_no_limit_then_nothing_is_too_much() -> None:
    surge = Surge(0)
    assert not any(surge.over(0) for _ in range(1000))


def test_surge_when_a_minute_has_more_than_the_limit_then_the_rest_is_over() -> None:
    surge = Surge(3)
    assert [surge.over(now) for now in (0, 1, 2, 3, 59)] == [False, False, False, True, True]
    assert not surge.over(MINUTE_S)
    assert surge.over(MINUTE_S)


def test_surge_when_it_lasts_then_it_is_said_once_a_minute() -> None:
    surge = Surge(1)
    assert [surge.alarms(now) for now in (0, 1, 59, 60, 61)] == [True, False, False, True, False]


@given(st.integers(1, 5), st.lists(st.floats(0, 30), max_size=60))
def test_surge_when_bans_come_then_no_minute_has_more_than_the_limit(most: int, steps: list[float]) -> None:
    surge, now, taken = Surge(most), 0.0, []
    for step in steps:
        now += step
        if not surge.over(now):
            taken.append(now)
        assert sum(now - time < MINUTE_S for time in taken) <= most
