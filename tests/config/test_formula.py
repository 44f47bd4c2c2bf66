"""Formulas: what Fail2Ban's Python gives for them, and that none can do anything else, hang or eat memory."""

from __future__ import annotations

import math
import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.formula import Formula, FormulaError
from f2b.errors import ConfigError, Place

USUAL = "ban.Time * (1<<(ban.Count if ban.Count<20 else 20)) * banFactor"
EXPONENTIAL = "ban.Time * math.exp(float(ban.Count+1)*banFactor)/math.exp(1*banFactor)"


def value(text: str, bans: int = 1, base: float = 60, factor: float = 1) -> float:
    return Formula(text).value(random.Random(1), {"ban.Time": base, "ban.Count": bans, "banFactor": factor})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (USUAL, 240),
        (EXPONENTIAL, 60 * math.exp(2)),
        ("1", 1),
        ("ban.Time if ban.Count < 2 else 10 * ban.Time", 600),
        ("max(ban.Time, 3600) // 2 % 7 - -1", 1800 % 7 + 1),
        ("2 ** ban.Count + math.sqrt(16) + round(2.6) + int(1.9)", 4 + 4 + 3 + 1),
        ("1 < ban.Count <= 2 and not 0 or 5", True),
        ("math.pi", math.pi),
        ("1e400", math.inf),
    ],
)
def test_value_of_a_formula_is_pythons(text: str, expected: float) -> None:
    assert value(text, bans=2) == pytest.approx(expected)


def test_value_with_chance_draws_from_what_it_is_handed() -> None:
    mine = random.Random(1)
    assert (
        value("ban.Time + random.randint(1, 100) + random.uniform(0, 1)") == 60 + mine.randint(1, 100) + mine.random()
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "foo(",
        "foo",
        "ban",
        "math",
        "ban.Matches",
        "ban.__class__",
        "ban.Time.real",
        "banFactor.x.y",
        "__import__('os')",
        "open('x')",
        "(lambda: 1)()",
        "[1 for x in (1,)]",
        "[1, 2][0]",
        "'a' * 9",
        "1j",
        "x := 1",
        "math.fsum(x=1)",
        "math.hypot(*[1])",
        "math.fsum([1])",
        "random.seed(1)",
        "random.vonmisesvariate(1, 1)",
        "f'{1}'",
        "1; 2",
        "a\0b",
        "-" * 900 + "1",
        "1" + "+1" * 900,
        "9" * 900,
        "(" * 400 + "1" + ")" * 400,
    ],
)
def test_formula_with_anything_else_is_refused_with_its_place(text: str) -> None:
    with pytest.raises(ConfigError) as refused:
        Formula(text, Place("jail.conf", 7))
    assert refused.value.place == Place("jail.conf", 7)


@pytest.mark.parametrize(
    "text",
    [
        "9 ** 9 ** 9 ** 9",
        "1 << 10 ** 9",
        "1 << -1",
        "pow(7, 10 ** 9)",
        "math.factorial(10 ** 9)",
        "math.comb(10 ** 9, 5 * 10 ** 8)",
        "math.perm(10 ** 8)",
        "round(1, -10 ** 9)",
        "math.ldexp(1.0, 10 ** 30)",
        "1 / 0",
        "0.0 ** -1",
        "(-8) ** .5",
        "math.nan",
        "math.modf(1.5)",
        "math.exp(1000)",
        "random.randint(2, 1)",
        "int(math.inf)",
        "math.sqrt()",
    ],
)
def test_value_without_sense_or_measure_is_refused_at_once(text: str) -> None:
    begun = time.process_time()
    with pytest.raises(FormulaError):
        value(text)
    assert time.process_time() - begun < 5


OPERATORS = st.sampled_from([*"+-*/%&|^<", "//", "**", "<<", ">>", "==", "and", "or"])
NUMBERS = st.one_of(st.integers(-(10**9), 10**9).map(str), st.floats(allow_nan=False, allow_infinity=False).map(repr))
FORMULAS = st.recursive(
    st.one_of(NUMBERS, st.sampled_from(["ban.Time", "ban.Count", "banFactor", "math.e"])),
    lambda inner: st.one_of(
        st.builds("({}) {} ({})".format, inner, OPERATORS, inner),
        st.builds("({}) if ({}) else ({})".format, inner, inner, inner),
        st.builds(
            "{}({})".format, st.sampled_from(["math.exp", "math.log", "math.factorial", "abs", "-", "not "]), inner
        ),
        st.builds("max({}, {})".format, inner, inner),
    ),
    max_leaves=12,
)


@given(FORMULAS)
def test_value_of_any_formula_is_a_number_that_python_agrees_with_or_an_error(text: str) -> None:
    try:
        found = value(text, bans=3)
    except (ConfigError, FormulaError):
        return
    names = {"ban": type("Ban", (), {"Time": 60, "Count": 3}), "banFactor": 1, "math": math, "max": max, "abs": abs}
    expected = eval(text, {"__builtins__": {}}, names)  # Python is the oracle for what we found sound
    assert found == expected
