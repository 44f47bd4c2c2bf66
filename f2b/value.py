"""Frozen values: as much of `dataclasses` as f2b uses, at an eighth of the price.

The standard module takes 15 ms and 2 MB to import, and then 1 ms and 8 kB for every class: a third of what starting
the server took. Type checkers are shown the standard one, and classes are written just as for it.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NoReturn

from f2b.named import NamedTuple


class Field(NamedTuple):
    """What `field` says of a field."""

    default_factory: Callable[[], object] | None = None
    """Makes the default, anew for each value."""
    compare: bool = True
    """Whether it counts when values are compared."""


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    field = Field

    def dataclass(*, frozen, slots):
        """Return what makes a class of annotated fields one of frozen values; there is no other kind here."""
        assert frozen
        assert slots
        return _made

    def replace(value, /, **changes):
        """Return a copy with some fields changed."""
        kept = {name: getattr(value, name) for name in value.__slots__ if name not in changes}
        return type(value)(**kept, **changes)


def _made(plain: type[Any]) -> type[Any]:
    """Return the class with slots for its fields, and what all values have."""
    names = tuple(plain.__annotations__)
    body = {name: what for name, what in vars(plain).items() if name not in ("__dict__", "__weakref__")}
    defaults = {name: body.pop(name) for name in names if name in body}
    body |= {"__slots__": names, "__setattr__": _refuse, "__delattr__": _refuse, "__reduce__": _taken_apart}
    body.setdefault("__repr__", _shown)
    compared = (name for name in names if getattr(defaults.get(name), "compare", True))
    for name, method in _comparing(*compared):
        body.setdefault(name, method)
    made: Any = type(plain.__name__, plain.__bases__, body)

    def first(self: Any, *values: object, **named: object) -> None:
        """Compile `__init__` for the first value: of many classes there is none before the server is up."""
        made.__init__ = _beginning(made, defaults)
        made.__init__(self, *values, **named)

    made.__init__ = first
    return made  # type: ignore[no-any-return]  # a class


def _beginning(made: type[Any], defaults: dict[str, Any]) -> Any:
    """Return `__init__`: compiled, as namedtuple does it, for a loop over fields would take four times as long."""
    known: dict[str, Any] = {"missing": object()}
    heads, lines = [], []
    for name in made.__slots__:
        known[f"put_{name}"] = getattr(made, name).__set__
        head, given = name, name
        default = defaults.get(name, Field())
        if not isinstance(default, Field):
            known[f"default_{name}"] = default
            head = f"{name}=default_{name}"
        elif default.default_factory:
            known[f"make_{name}"] = default.default_factory
            head, given = f"{name}=missing", f"make_{name}() if {name} is missing else {name}"
        heads.append(head)
        lines.append(f" put_{name}(self, {given})")
    exec("\n".join([f"def __init__(self, {', '.join(heads)}):", *lines]), known)
    return known["__init__"]


def _comparing(*names: str) -> list[tuple[str, Callable[..., object]]]:
    """Return the methods that make values equal, and equal in hash, by these fields."""
    key = attrgetter(*names)

    def equal(self: object, other: object) -> bool:
        return key(self) == key(other) if type(other) is type(self) else NotImplemented

    return [("__eq__", equal), ("__hash__", lambda self: hash(key(self)))]


def _refuse(self: object, name: str, *value: object) -> NoReturn:
    raise AttributeError(f"{type(self).__name__}.{name} is frozen")


def _shown(self: Any) -> str:
    fields = (f"{name}={getattr(self, name)!r}" for name in self.__slots__)
    return f"{type(self).__name__}({', '.join(fields)})"


def _taken_apart(self: Any) -> tuple[type[Any], tuple[Any, ...]]:
    """Let values be copied: nobody may write their slots from outside."""
    return type(self), tuple(getattr(self, name) for name in self.__slots__)
