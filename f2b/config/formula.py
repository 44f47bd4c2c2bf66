"""`bantime.formula` and `bantime.factor`: Python expressions in Fail2Ban, read once here and computed without `eval`.

Arithmetic, comparison, `... if ... else ...`, `math.*`, `random.*`, `ban.Time`, `ban.Count`, `banFactor` and a few
plain functions; anything else is an error of the configuration. Numbers are kept small enough that no formula can
hang the server or fill its memory.
"""

from __future__ import annotations

import ast
import math
import operator
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from f2b.errors import ConfigError, Place

LONGEST = 1000
"""Characters of a formula."""
DEEPEST = 40
"""How deep parts of a formula may lie within each other."""
MAX_BITS = 1000
"""Bits of a whole number; more would be no float any more."""
MAX_FACTORIAL = 170
"""What math.factorial and its kin take: the factorial of more is no float any more."""

Number = float  # whole numbers too

_CURE = "write for example ban.Time * (1 << min(ban.Count, 20)) * banFactor"


class Chance(Protocol):
    """Who draws the random numbers: a `random.Random`."""

    def random(self) -> float:
        """Return a number from 0 up to 1."""
        ...


class FormulaError(ArithmeticError):
    """A formula that is sound has no sensible value for these numbers."""


def _shift_left(left: Any, right: Any) -> Any:
    if right > MAX_BITS or _bits(left) + right > MAX_BITS:
        raise OverflowError("the shift is too wide")
    return left << right


def _power(left: Any, right: Any) -> Any:
    if isinstance(left, int) and isinstance(right, int) and right > 0 and _bits(left) * right > MAX_BITS:
        raise OverflowError("the power is too large")
    return left**right


def _bits(value: object) -> int:
    return value.bit_length() if isinstance(value, int) else 0


_BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: _power,
    ast.LShift: _shift_left,
    ast.RShift: operator.rshift,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
_UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
_COMPARE: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_PLAIN: dict[str, Callable[..., Any]] = {
    "abs": abs,
    "float": float,
    "int": int,
    "max": max,
    "min": min,
    "round": lambda value: round(value),  # to so many digits might be to a googol of digits
    "pow": _power,
}
_SEQUENCES = ("dist", "fsum", "prod", "sumprod")
_STEEP = ("factorial", "comb", "perm")
_MATH: dict[str, Callable[..., Any]] = {
    name: found
    for name, found in vars(math).items()
    if callable(found) and not name.startswith("_") and name not in _SEQUENCES
}
_CONSTANTS: dict[str, float] = {f"math.{name}": getattr(math, name) for name in ("e", "inf", "nan", "pi", "tau")}
_RANDOM = (
    *("random", "uniform", "randint", "randrange", "triangular", "gauss", "normalvariate", "lognormvariate"),
    *("expovariate", "paretovariate", "weibullvariate"),
)
"""Those that come to an end whatever they are given."""
_VARIABLES = ("ban.Time", "ban.Count", "banFactor")
_FUNCTIONS = {"": tuple(_PLAIN), "math": tuple(_MATH), "random": _RANDOM}


class Formula:
    """One expression, found sound."""

    def __init__(self, text: str, place: Place | None = None, variables: tuple[str, ...] = _VARIABLES) -> None:
        """Raises ConfigError for what is not Python, or more than a formula may be."""
        self._text = text
        self._place = place
        self._names = frozenset((*variables, *_CONSTANTS))
        if len(text) > LONGEST:
            raise self._error(f"a formula of more than {LONGEST} characters", _CURE)
        try:
            self._tree = ast.parse(text.strip(), mode="eval").body
            self._check(self._tree, 0)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            raise self._error(f"{text!r} is no formula: {getattr(error, 'msg', error)}", _CURE) from None

    def _error(self, what: str, cure: str = "") -> ConfigError:
        return ConfigError(what, self._place, cure)

    def _check(self, node: ast.AST, depth: int) -> None:
        if depth > DEEPEST:
            raise self._error("a formula that is nested too deep", _CURE)
        if isinstance(node, ast.Call):
            self._check_call(node)
            parts: list[ast.AST] = list(node.args)
        elif isinstance(node, (ast.Name, ast.Attribute)):
            if ast.unparse(node) not in self._names:
                raise self._error(f"a formula knows no {ast.unparse(node)!r}", self._known())
            parts = []
        elif self._is_allowed(node):
            parts = [part for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)]
        else:
            raise self._error(f"{ast.unparse(node)!r} may not stand in a formula", self._known())
        for part in parts:
            self._check(part, depth + 1)

    def _known(self) -> str:
        return f"write numbers, {', '.join(sorted(self._names - _CONSTANTS.keys()))}, math.* and random.*"

    def _is_allowed(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Constant):
            return isinstance(node.value, (int, float)) and _bits(node.value) <= MAX_BITS
        if isinstance(node, ast.BinOp):
            return type(node.op) in _BINARY
        if isinstance(node, ast.UnaryOp):
            return type(node.op) in _UNARY
        if isinstance(node, ast.Compare):
            return all(type(op) in _COMPARE for op in node.ops)
        return isinstance(node, (ast.IfExp, ast.BoolOp))

    def _check_call(self, node: ast.Call) -> None:
        name = ast.unparse(node.func)
        module, _, function = name.rpartition(".")
        if function not in _FUNCTIONS.get(module, ()):
            raise self._error(f"a formula knows no {name}()", self._known())
        if node.keywords or any(isinstance(part, ast.Starred) for part in node.args):
            raise self._error(f"{ast.unparse(node)!r}: {name}() takes plain values in a formula")

    def value(self, chance: Chance, values: Mapping[str, Number] = _CONSTANTS) -> Number:
        """Return what the formula gives for these variables. Raises FormulaError where that is no number."""
        try:
            found = _Sum(chance, {**_CONSTANTS, **values}).value(self._tree)
        except (ArithmeticError, ValueError, TypeError, AttributeError) as error:
            raise FormulaError(f"{self._text!r}: {error}") from None
        if isinstance(found, int):
            return found
        if math.isnan(found):
            raise FormulaError(f"{self._text!r} is no number")
        return float(found)


class _Sum:
    """Works one formula out, from the inside."""

    def __init__(self, chance: Chance, values: Mapping[str, Number]) -> None:
        self._chance = chance
        self._values = values

    def value(self, node: ast.expr) -> Any:
        """Return the value of a part. Raises ArithmeticError, ValueError or TypeError."""
        found = self._value(node)
        if not isinstance(found, (int, float)):
            raise TypeError(f"{ast.unparse(node)} is no number")
        if _bits(found) > MAX_BITS:
            raise OverflowError("a number gets too large")
        return found

    def _value(self, node: ast.expr) -> Any:
        if isinstance(node, ast.Constant):
            return node.value
        if isinstance(node, (ast.Name, ast.Attribute)):
            return self._values[ast.unparse(node)]
        if isinstance(node, ast.BinOp):
            return _BINARY[type(node.op)](self.value(node.left), self.value(node.right))
        if isinstance(node, ast.UnaryOp):
            return _UNARY[type(node.op)](self.value(node.operand))
        if isinstance(node, ast.IfExp):
            return self.value(node.body if self.value(node.test) else node.orelse)
        if isinstance(node, ast.BoolOp):
            return self._joined(node)
        if isinstance(node, ast.Compare):
            return self._compared(node)
        assert isinstance(node, ast.Call)
        return self._called(node)

    def _joined(self, node: ast.BoolOp) -> Any:
        stops_at = isinstance(node.op, ast.Or)
        found: Any = False
        for part in node.values:
            found = self.value(part)
            if bool(found) == stops_at:
                break
        return found

    def _compared(self, node: ast.Compare) -> bool:
        left = self.value(node.left)
        for op, part in zip(node.ops, node.comparators, strict=True):
            right = self.value(part)
            if not _COMPARE[type(op)](left, right):
                return False
            left = right
        return True

    def _called(self, node: ast.Call) -> Any:
        module, _, name = ast.unparse(node.func).rpartition(".")
        args = [self.value(part) for part in node.args]
        if module == "random":
            return getattr(self._chance, name)(*args)
        if name in _STEEP and any(arg > MAX_FACTORIAL for arg in args):
            raise OverflowError(f"{name}() of more than {MAX_FACTORIAL}")
        return (_MATH if module else _PLAIN)[name](*args)
