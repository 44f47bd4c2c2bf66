"""How bans grow: Fail2Ban's numbers, as its server gave them for each option."""

from __future__ import annotations

import random
from typing import Any

import pytest

from f2b.ban.growth import LONGEST_S, Even, Growth, worth
from f2b.ban.history import History
from f2b.config.formula import FormulaError
from f2b.config.model import Increment
from f2b.errors import ConfigError
from f2b.events import Ban

EXPONENTIAL = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"


def lengths(*bans: int, base: float = 60, **steps: Any) -> list[float]:
    growth = Growth(Increment(True, **steps), Even())
    return [growth.length(base, count) for count in bans]


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ({}, [120, 240, 480, 960, 1920, 61440, 62914560]),
        ({"factor": "0.5"}, [60, 120, 240, 480, 960, 30720, 31457280]),
        ({"factor": "0.1"}, [60, 60, 60, 96, 192, 6144, 6291456]),
        ({"factor": "2*3"}, [720, 1440, 2880, 5760, 11520, 368640, 377487360]),
        ({"multipliers": (1, 2, 4, 8, 16, 32, 64)}, [120, 240, 480, 960, 1920, 3840, 3840]),
        ({"multipliers": (1, 2, 4), "factor": "0.5"}, [60, 120, 120, 120, 120, 120, 120]),
        ({"multipliers": (1, 1, 1), "factor": "0.1"}, [6, 6, 6, 6, 6, 6, 6]),
        ({"formula": "1"}, [60] * 7),
        ({"maxtime": 300.0}, [120, 240, 300, 300, 300, 300, 300]),
        ({"maxtime": 300.0, "rndtime": 10.0}, [125, 245, 305, 305, 305, 305, 305]),
    ],
)
def test_length_after_so_many_bans_is_fail2bans(steps: dict[str, Any], expected: list[float]) -> None:
    assert lengths(1, 2, 3, 4, 5, 10, 20, **steps) == pytest.approx(expected)


def test_length_by_the_documented_formula_is_fail2bans() -> None:
    assert lengths(1, 2, base=2, formula=EXPONENTIAL) == [5.436563656918091, 14.7781121978613]


def test_length_after_more_than_twenty_bans_grows_no_more() -> None:
    assert lengths(20, 30, 10**9) == [62914560] * 3


def test_length_of_a_ban_for_ever_stays_so() -> None:
    assert lengths(3, base=-1, rndtime=10.0) == [-1]


def test_length_without_any_measure_stays_tellable() -> None:
    assert lengths(1, formula="math.inf") == [LONGEST_S]
    assert lengths(1, formula="10 ** 250") == [LONGEST_S]


def test_length_with_chance_lies_within_rndtime() -> None:
    growth = Growth(Increment(True, rndtime=100.0), random.Random(1))
    found = {growth.length(60, 1) for _ in range(100)}
    assert len(found) > 50
    assert all(120 <= length < 220 for length in found)


def test_growth_by_what_is_no_formula_is_refused() -> None:
    with pytest.raises(ConfigError):
        Growth(Increment(True, factor="abc"), Even())
    with pytest.raises(FormulaError):
        lengths(5, formula="1 / (ban.Count - 5)")


def test_worth_of_known_offenders_failures_is_fail2bans() -> None:
    assert [worth(bans, 100) for bans in (0, 1, 2, 3, 4, 20, 50)] == [1, 2, 3, 5, 9, 100, 100]
    assert worth(3, 4) == 4


def test_ban_when_its_lines_are_read_twice_then_it_is_the_one_that_is_known() -> None:
    growth, known = Growth(Increment(True), Even()), {"j": History(3, 1000, 480)}
    for when in (990.0, 1000.0, 1000.9):
        again, told = growth.grown(Ban("j", "192.0.2.1", when, 60), known)
        assert (again.count, again.duration, again.grown, told) == (3, 480, True, [])
    later, told = growth.grown(Ban("j", "192.0.2.1", 1001, 60), known)
    assert (later.count, later.duration, later.grown, len(told)) == (4, 480, True, 1)
