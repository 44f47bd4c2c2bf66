"""What is odd about the times of a jail's lines, and worth telling its administrator: each once a day."""

from __future__ import annotations

from f2b.duration import human
from f2b.events import Effect, Failure, Warned

WARN_S = 86400
"""How long the same warning is not repeated."""


class Oddities:
    """The warnings of one jail."""

    def __init__(self, jail: str) -> None:
        self._jail = jail
        self._told: dict[str, float] = {}

    def too_old(self, line: str, findtime: float, now: float) -> list[Effect]:
        """A line was written before anything that counts."""
        return self._tell(
            "old",
            now,
            f"Log entries older than findtime ({human(findtime)}) are ignored; they were probably written while the "
            "server was not running.",
            f"If not, check the time zone of the log (logtimezone). First such line: {line}",
        )

    def odd_time(self, line: str, when: float, now: float) -> list[Effect]:
        """A line that was written just now says that it was not."""
        side = "before" if when < now else "after"
        return self._tell(
            "odd",
            now,
            f"A line just written is dated {human(round(abs(when - now)))} {side} the present time, which looks like "
            "a time zone problem; such lines count as written now.",
            f"Set logtimezone, or a datepattern, that fits. First such line: {line}",
        )

    def undated(self, failure: Failure, now: float) -> list[Effect]:
        """Nobody knows when a failure was."""
        return self._tell(
            "undated",
            now,
            f"A failure of {failure.id!r} was found in a line without a date that could be read; it is not counted.",
            f"Set a datepattern that fits this log. The line: {failure.matches[-1] if failure.matches else ''}",
        )

    def _tell(self, key: str, now: float, *texts: str) -> list[Effect]:
        if now - self._told.get(key, -WARN_S) < WARN_S:
            return []
        self._told[key] = now
        return [Warned(self._jail, texts)]
