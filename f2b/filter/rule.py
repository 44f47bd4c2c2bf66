"""One regex of a filter, compiled, and what its groups say after a match."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from f2b.config.model import Text, UseDns
from f2b.filter.tags import compile_regex

_DERIVED = re.compile(r"(alt|tuple)_(.+?)(?:_\d+)?")


class _Derived(NamedTuple):
    """A capture that other groups fill: with the first that is not empty, or with all of them."""

    name: str
    sources: tuple[str, ...]
    joined: bool


class Rule:
    """A compiled regex. `search` is the pattern's own."""

    __slots__ = ("_derived", "pattern", "search", "text")

    def __init__(self, text: Text, usedns: UseDns = "warn", multiline: bool = False) -> None:
        """Compile. Raises ConfigError."""
        self.text = text
        self.pattern = compile_regex(text, usedns, multiline)
        self.search = self.pattern.search
        self._derived = tuple(_derived(self.pattern))

    def captures(self, match: re.Match[str]) -> dict[str, str]:
        """Return what the named groups caught; those that took no part in the match are left out."""
        caught = {name: text for name, text in match.groupdict().items() if text is not None}
        for derived in self._derived:
            _derive(caught, derived)
        return caught


def _derived(pattern: re.Pattern[str]) -> Iterator[_Derived]:
    """Yield the captures that `<F-ALT_X_n>` and `<F-TUPLE_X_n>` of a pattern fill, alternatives first."""
    sources: dict[tuple[str, str], list[str]] = {}
    for group in sorted(pattern.groupindex):
        found = _DERIVED.fullmatch(group)
        if found:
            sources.setdefault((found[1], found[2]), []).append(group)
    for (kind, name), groups in sources.items():
        yield _Derived(name if name not in ("id", "port") else f"f{name}", tuple(groups), kind == "tuple")


def _derive(caught: dict[str, str], derived: _Derived) -> None:
    """Fill one capture. Several become a text as Fail2Ban writes them: `('192.0.2.1', 'bob')`."""
    if derived.joined:
        caught[derived.name] = str(tuple(caught.get(name) for name in (derived.name, *derived.sources)))
    elif not caught.get(derived.name):
        first = next((caught[source] for source in derived.sources if caught.get(source)), None)
        if first is not None:
            caught[derived.name] = first
