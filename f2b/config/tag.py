"""`<tag>`: what an action or a filter file leaves to be filled in, while the configuration is read.

Tags that nobody knows stay as they are: `<HOST>` is the filter's, `<ip>` the action's at run time.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection

from f2b.config.text import Value, by_lines, joined
from f2b.errors import ConfigError

LONGEST = 1_000_000
"""Characters that a value may grow to."""
ALL = 5_000_000
"""Characters that all values of a file may grow to together."""
MOST = 10_000
"""How many tags one line may have: whatever needs more never ends."""

DEEPEST = 100
"""How many tags may stand for one another in a chain."""

_TAG = re.compile(r"<([^ <>]+)>")


class Tags:
    """Fills tags in. `lookup` knows what a tag stands for, or None; tags in `delayed` are left for run time."""

    def __init__(self, lookup: Callable[[str], Value | None], delayed: Collection[str] = ()) -> None:
        self._lookup = lookup
        self._delayed = delayed
        self._filled: dict[str, Value | None] = {}
        self._length = 0
        """Characters that filling in has made so far."""

    def fill(self, value: Value, within: tuple[str, ...] = ()) -> Value:
        """Return `value` with all tags replaced that stand for something, innermost first.

        `within` are the tags whose meaning is being worked out. Raises ConfigError if one of them comes up again.
        """
        if "<" not in value.text:
            return value
        return by_lines(value, "<", lambda line: self._line(line, within))

    def _line(self, value: Value, within: tuple[str, ...]) -> Value:
        """Fill in the tags of one line: none goes over its end."""
        position = replaced = 0
        while match := _TAG.search(value.text, position):
            meaning = self._meaning(match[1], within, value)
            if meaning is None:
                position = match.end()
                continue
            replaced += 1
            self._length += len(meaning.text)
            if replaced > MOST or len(value.text) > LONGEST or self._length > ALL:
                cure = "look at what its tags stand for"
                raise ConfigError(f"{match[0]} is replaced without end", value.place, cure)
            value = joined((value.cut(0, match.start()), meaning, value.cut(match.end())))
            # With what stands around it, the meaning may make up another tag: `<a-<mode>>`.
            position = max(value.text.rfind("<", position, match.start()), position)
        return value

    def _meaning(self, tag: str, within: tuple[str, ...], value: Value) -> Value | None:
        if tag in self._delayed:
            return None
        if tag in within:
            raise ConfigError(f"<{tag}> refers to itself", value.place, f"remove <{tag}> from its own meaning")
        if len(within) > DEEPEST:
            cure = f"no more than {DEEPEST} tags can stand for one another in a chain"
            raise ConfigError(f"<{tag}> lies too deep", value.place, cure)
        if tag not in self._filled:
            raw = self._lookup(tag)
            self._filled[tag] = raw if raw is None else self.fill(raw, (*within, tag))
        return self._filled[tag]
