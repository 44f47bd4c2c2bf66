"""Names with options: `sshd[mode=aggressive]`, `iptables[port="22,80"][protocol=tcp]`.

The grammar of `filter`, `action`, `backend`, `ignorecache`, and of `base`.
"""

from __future__ import annotations

import re

from f2b.config.text import Value, joined
from f2b.errors import ConfigError, Place
from f2b.value import dataclass, field

MOST = 1000
"""How many items a list may have, and options an item."""

_BLANK = re.compile(r"\s*")
_NAME = re.compile(r"[^\[\s]+")
_KEY = re.compile(r"\s*([\w.-]+(?:\?\w+=\w+)?)=")
_QUOTED = re.compile(r"""\s*(?:"([^"]*)"|'([^']*)')(?=[,\]])""")
_BARE = re.compile(r"([^,\]]*)(?=[,\]])")
_CURE = "write NAME[option=value, other=\"value, with comma\"], without blanks before '[' or after a closing quote"


@dataclass(frozen=True, slots=True)
class Spec:
    """A name and the options in brackets behind it."""

    name: str
    place: Place
    options: dict[str, Value] = field(default_factory=dict)
    """Keys as they were written, `key?family=inet6` among them."""


def specs(value: Value) -> list[Spec]:
    """Return the items of a list, which blanks and line ends separate. Raises ConfigError."""
    found: list[Spec] = []
    position = _skip(value, 0)
    while position < len(value.text):
        spec, position = _item(value, position)
        found.append(spec)
        if len(found) > MOST:
            raise ConfigError(f"more than {MOST:,} names in a list", spec.place, "name fewer")
    return found


def optional(value: Value) -> Spec | None:
    """Return the only item, or None if the value is empty. Raises ConfigError."""
    return only(value) if value.text else None


def only(value: Value) -> Spec:
    """Return the only item. Raises ConfigError if there are several, or none."""
    found = specs(value)
    if not found:
        raise ConfigError("a name is missing", value.place, _CURE)
    if len(found) > 1:
        raise ConfigError(f"{found[1].name!r} is one name too many", found[1].place, _CURE)
    return found[0]


def options(value: Value) -> dict[str, Value]:
    """Return `key=value, ...` that stand without name and brackets, as in `ignorecache`. Raises ConfigError."""
    wrapped = joined((Value("options[", value.places[:1]), value, Value("]", value.places[-1:])))
    return only(wrapped).options


def _skip(value: Value, position: int) -> int:
    blank = _BLANK.match(value.text, position)
    return blank.end() if blank else position


def _fault(what: str, value: Value, position: int) -> ConfigError:
    return ConfigError(what, value.cut(position, position).place, _CURE)


def _item(value: Value, position: int) -> tuple[Spec, int]:
    """Read one item; return it and where the next begins."""
    name = _NAME.match(value.text, position)
    if not name:
        raise _fault("'[' follows no name", value, position)
    found = Spec(name[0], value.cut(position, position).place)
    following = name.end()
    while value.text.startswith("[", following):
        end = _group(value, following + 1, found.options)
        following = _skip(value, end)
        if end == following and value.text[end : end + 1] not in ("", "["):
            raise _fault(f"{value.text[end:].split()[0]!r} follows ']' directly", value, end)
    return found, _skip(value, following)


def _group(value: Value, position: int, into: dict[str, Value]) -> int:
    """Read what stands between brackets; return where it ends."""
    while True:
        following = _skip(value, position)
        if value.text.startswith("]", following):
            return following + 1
        key = _KEY.match(value.text, position)
        if not key:
            raise _fault(f"no option=value at {value.text[position : position + 20]!r}", value, position)
        into[key[1]], position = _option(value, key.end(), key[1])
        if len(into) > MOST:
            raise _fault(f"more than {MOST:,} options", value, position)
        if value.text.startswith(",", position):
            position += 1


def _option(value: Value, position: int, key: str) -> tuple[Value, int]:
    """Read an option's value; return it and where it ends."""
    found = _QUOTED.match(value.text, position)
    if not found and value.text[_skip(value, position) :][:1] not in ("'", '"'):
        found = _BARE.match(value.text, position)
    if not found:
        raise _fault(f"the value of {key!r} does not end", value, position)
    return value.cut(*found.span(found.lastindex or 1)).stripped(), found.end()
