"""Tuples with names: the same as the standard module's, as far as we use it."""

from __future__ import annotations

import copy
import pickle
import typing
from typing import Any

import pytest

from f2b import named


def make(kit: Any) -> Any:
    """Return a class made by one module or the other."""

    class Sample(kit.NamedTuple):  # type: ignore[misc]  # the kit is not known before
        """A sample."""

        name: str
        place: str
        """Where."""
        number: int = 3
        lines: tuple[str, ...] = ()

        @property
        def twice(self) -> int:
            return 2 * self.number

    return Sample


class Kept(named.NamedTuple):
    """Where pickle finds it."""

    name: str
    number: int = 3


OURS, THEIRS = make(named), make(typing)
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a", "here"), {}),
    (("a", "here", 4), {}),
    (("b",), {"place": "here", "lines": ("x",)}),
    ((), {"name": "b", "place": "here", "number": 5}),
    ((), {"place": "here"}),
    (("a",), {}),
    (("a", "here", 1, (), 2), {}),
    (("a", "here"), {"other": 1}),
    (("a", "here"), {"name": "b"}),
]


def outcome(kind: Any, call: tuple[tuple[Any, ...], dict[str, Any]]) -> object:
    """Return the fields of what a call makes, or that it is refused."""
    try:
        one = kind(*call[0], **call[1])
    except TypeError:
        return "TypeError"
    return [tuple(one), one.name, one.place, one.number, one.lines, one.twice, one._asdict(), repr(one), hash(one)]


@pytest.mark.parametrize("call", CALLS)
def test_tuple_when_made_then_it_holds_what_the_standard_one_would(
    call: tuple[tuple[Any, ...], dict[str, Any]],
) -> None:
    assert outcome(make(named), call) == outcome(make(typing), call)  # the first of its class
    assert outcome(OURS, call) == outcome(THEIRS, call)


def test_class_when_asked_then_it_says_what_the_standard_one_says() -> None:
    for name in (
        "__doc__",
        "__module__",
        "__qualname__",
        "__slots__",
        "_fields",
        "_field_defaults",
        "__match_args__",
    ):
        assert getattr(OURS, name) == getattr(THEIRS, name), name
    assert issubclass(OURS, tuple)
    assert not hasattr(OURS("a", "here"), "__dict__")


def test_make_when_values_are_too_few_or_too_many_then_it_refuses() -> None:
    for kind in (OURS, THEIRS):
        assert kind._make(["a", "here", 3, ()]) == ("a", "here", 3, ())
        for values in ("abc", "abcde"):
            with pytest.raises(TypeError):
                kind._make(values)


def test_replace_when_some_fields_are_given_then_the_others_stay() -> None:
    for kind in (OURS, THEIRS):
        one = kind("a", "here", 4)._replace(number=5, name="b")
        assert type(one) is kind
        assert tuple(one) == ("b", "here", 5, ())
        with pytest.raises((TypeError, ValueError), match="other"):  # Python 3.13 has changed its mind
            one._replace(other=1)


def test_tuple_when_it_has_a_single_field_or_none_then_as_usual() -> None:
    class Nothing(named.NamedTuple):
        """Nothing."""

    class One(named.NamedTuple):
        it: int = 2

    assert (Nothing(), One(), One(3), repr(Nothing())) == ((), (2,), (3,), "Nothing()")


def test_tuple_when_written_to_then_it_refuses() -> None:
    one = OURS("a", "here")
    for name in ("name", "new"):
        with pytest.raises(AttributeError):
            setattr(one, name, "b")


def test_tuple_when_copied_or_pickled_then_it_is_the_same() -> None:
    one = Kept("a", 4)
    for other in (copy.copy(one), copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert type(other) is Kept
        assert other == one


def test_tuple_when_matched_by_position_then_its_fields_come_in_their_order() -> None:
    match Kept("a", 4):
        case Kept(name, number):
            assert (name, number) == ("a", 4)
