"""Texts over which a search may never come to an end: a repetition of repetitions, fed and then refused.

Here they are only made; whether a search really takes so long is measured by who has a clock.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from f2b.filter.literals import sre
from f2b.lint import example
from f2b.lint.bench import ATTACKER, GIVEN
from f2b.lint.chars import LIKELY, accepts, neutral, repeats, single
from f2b.lint.example import Pump, parts
from f2b.named import NamedTuple

MANY = 10
"""A repetition of fewer times multiplies no more than this."""
PUMPS = 8
"""So many different texts are fed to a repetition."""
VARIANTS = 2
"""So many ways to get there are tried."""
ENDS = ("", "\x01", "\x01x ")
"""What follows, so that there is no match."""


class Suspect(NamedTuple):
    """A way to make texts: the more often the pump is repeated, the longer a search may take."""

    lead: str
    pump: str
    end: str

    def text(self, times: int) -> str:
        """Return the text that repeats the pump so often."""
        return self.lead + self.pump * times + self.end


def suspects(pattern: re.Pattern[str]) -> Iterator[Suspect]:
    """Yield ways to feed each repetition of a pattern that holds another choice."""
    items = example.parsed(pattern)
    given = {**GIVEN, "ip4": ATTACKER, "fid": ATTACKER}
    seen: set[Suspect] = set()
    for value in _nested(items):
        for variant in range(VARIANTS):
            lead = example.pumped(pattern, items, given, variant, Pump(value, ""))
            for pump in _pumps(pattern, value[2]):
                seen |= {Suspect(lead, pump, end) for end in ENDS}
    yield from sorted(seen)


def _nested(items: Iterable[Any]) -> Iterator[Any]:
    """Yield the repetitions, without end or nearly so, that hold another repetition or a choice."""
    for kind, value in items:
        if repeats(kind) and value[1] >= MANY and _chooses(value[2]):
            yield value
        for part in parts(kind, value):
            yield from _nested(part)


def _chooses(items: Iterable[Any]) -> bool:
    return any(
        kind is sre.BRANCH
        or (repeats(kind) and value[0] != value[1])
        or any(_chooses(part) for part in parts(kind, value))
        for kind, value in items
    )


def _pumps(pattern: re.Pattern[str], items: Any) -> list[str]:
    """Return what a repetition may be fed with: what it says itself, and characters that several parts take."""
    written = [example.body(pattern, items, variant) for variant in range(4)]
    classes = list(_classes(items))
    taken = {char: sum(accepts(*one, char) for one in classes) for char in LIKELY}
    shared = sorted((char for char in LIKELY if taken[char]), key=lambda char: -taken[char])
    return [pump for pump in dict.fromkeys((*written, *shared)) if pump][:PUMPS]


def _classes(items: Iterable[Any]) -> Iterator[tuple[Any, Any]]:
    for kind, value in items:
        if single(kind) or kind is sre.LITERAL:
            yield kind, value
        elif not neutral(kind):
            for part in parts(kind, value):
                yield from _classes(part)
