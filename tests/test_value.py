"""Frozen values: the same as the standard module's, as far as we use it."""

from __future__ import annotations

import copy
import dataclasses
from typing import Any

import pytest

from f2b import value


def make(kit: Any) -> Any:
    """Return a class made by one module or the other."""

    @kit.dataclass(frozen=True, slots=True)
    class Sample:
        """A sample."""

        name: str
        place: str = kit.field(compare=False)
        number: int = 3
        options: dict[str, int] = kit.field(default_factory=dict)
        lines: tuple[str, ...] = ()

        @property
        def twice(self) -> int:
            return 2 * self.number

    return Sample


OURS, THEIRS = make(value), make(dataclasses)
CALLS: list[tuple[tuple[Any, ...], dict[str, Any]]] = [
    (("a", "here"), {}),
    (("a", "there"), {}),
    (("a", "here", 4), {}),
    (("b",), {"place": "here", "lines": ("x",)}),
    ((), {"name": "b", "place": "here", "options": {"k": 1}}),
    ((), {"place": "here"}),
    (("a",), {}),
    (("a", "here", 1, {}, (), 2), {}),
    (("a", "here"), {"other": 1}),
]


def outcome(made: Any, call: tuple[tuple[Any, ...], dict[str, Any]]) -> object:
    """Return the fields of what a call makes, or that it is refused."""
    try:
        one = made(*call[0], **call[1])
    except TypeError:
        return "TypeError"
    return [one.name, one.place, one.number, one.options, one.lines, one.twice]


@pytest.mark.parametrize("call", CALLS)
def test_value_when_made_then_it_holds_what_a_dataclass_would(call: tuple[tuple[Any, ...], dict[str, Any]]) -> None:
    assert outcome(OURS, call) == outcome(THEIRS, call)


def test_values_when_compared_then_they_are_equal_where_dataclasses_are() -> None:
    sound = [call for call in CALLS if outcome(OURS, call) != "TypeError"]
    for one in sound:
        for other in sound:
            ours, theirs = ([made(*each[0], **each[1]) for each in (one, other)] for made in (OURS, THEIRS))
            assert (ours[0] == ours[1]) == (theirs[0] == theirs[1])


def test_value_when_compared_with_another_kind_then_it_differs() -> None:
    assert OURS("a", "here") != make(value)("a", "here")
    assert OURS("a", "here") != "a"


def test_values_when_equal_then_their_hashes_are() -> None:
    one, other = OURS("a", "here", options=()), OURS("a", "there", options=())
    assert len({one, other}) == 1


def test_value_when_it_holds_a_mapping_then_it_has_no_hash() -> None:
    with pytest.raises(TypeError):
        hash(OURS("a", "here"))


def test_defaults_when_made_by_a_factory_then_no_two_values_share_them() -> None:
    assert OURS("a", "here").options is not OURS("a", "here").options


def test_value_when_written_to_then_it_refuses() -> None:
    one = OURS("a", "here")
    for name in ("name", "new"):
        with pytest.raises(AttributeError):
            setattr(one, name, "b")
    with pytest.raises(AttributeError):
        del one.name
    assert one.name == "a"


def test_replace_when_some_fields_are_given_then_the_others_stay() -> None:
    one = value.replace(OURS("a", "here", 4), number=5, name="b")
    assert (one.name, one.place, one.number) == ("b", "here", 5)
    with pytest.raises(TypeError):
        value.replace(one, other=1)


def test_value_when_shown_or_copied_then_all_its_fields_are_there() -> None:
    one = OURS("a", "here", options={"k": 1})
    assert repr(one) == "Sample(name='a', place='here', number=3, options={'k': 1}, lines=())"
    assert copy.deepcopy(one) == one
