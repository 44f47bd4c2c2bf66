"""How long f2b puts up with a regex that runs away."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from f2b.runaway import REST_S, TIMES, WITHIN_S, Patience


class Pattern:
    """A pattern that can rest."""

    def __init__(self) -> None:
        self.awake = True

    def __str__(self) -> str:
        return "the regex of this test"

    def state(self) -> str:
        return "awake" if self.awake else "resting"

    def rest(self) -> None:
        self.awake = False

    def wake(self) -> None:
        self.awake = True


def test_pattern_when_it_runs_away_again_and_again_then_it_rests_for_a_while() -> None:
    patience, pattern = Patience(), Pattern()
    assert [patience.lose(pattern, now) for now in range(TIMES)] == [False] * (TIMES - 1) + [True]
    assert pattern.state() == "resting"
    assert "the regex of this test" in patience.resting()
    patience.tick(TIMES - 1 + REST_S - 1)
    assert pattern.state() == "resting"
    patience.tick(TIMES - 1 + REST_S)
    assert pattern.state() == "awake"
    assert not patience.resting()
    assert patience.total == TIMES


def test_pattern_when_it_runs_away_now_and_then_then_it_never_rests() -> None:
    patience, pattern = Patience(), Pattern()
    assert not any(patience.lose(pattern, now * WITHIN_S / (TIMES - 1)) for now in range(50))
    assert pattern.awake


def test_two_patterns_when_one_runs_away_then_the_other_does_not_rest() -> None:
    patience, good, bad = Patience(), Pattern(), Pattern()
    patience.lose(good, 0)
    for _ in range(TIMES):
        patience.lose(bad, 0)
    assert (good.awake, bad.awake) == (True, False)


@given(st.lists(st.tuples(st.booleans(), st.floats(-1e6, 1e6))))
def test_clock_when_it_jumps_then_nothing_rests_for_longer_than_said(steps: list[tuple[bool, float]]) -> None:
    patience, pattern = Patience(), Pattern()
    now = 0.0
    for strikes, seconds in steps:
        now += seconds
        for _ in range(TIMES if strikes else 0):
            patience.lose(pattern, now)
    patience.tick(now)
    patience.tick(now + REST_S)
    assert pattern.awake
