"""Messages on their way to one target: tried again with growing pauses, never more of them than agreed. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from f2b.notify.wording import Message

FIRST_PAUSE_S, LONGEST_PAUSE_S = 2.0, 900.0
"""Between attempts: twice as long each time."""


class Outbox:
    """What waits for one target, oldest first. `saved` is what an earlier one left."""

    def __init__(self, limit: int, window: float, saved: Mapping[str, Any] | None = None) -> None:
        """In no `window` (seconds) are more than `limit` messages delivered, and no more of them wait."""
        saved = saved or {}
        self._limit = limit
        self._window = window
        self._waiting = [Message(*each) for each in saved.get("waiting", ())]
        self._delivered: list[float] = list(saved.get("delivered", ()))
        self._failures: int = saved.get("failures", 0)
        self._not_before: float = saved.get("not_before", 0.0)

    def put(self, messages: Sequence[Message]) -> int:
        """Add messages; return how many old ones were dropped, for too many wait."""
        self._waiting += messages
        dropped = max(0, len(self._waiting) - self._limit)
        del self._waiting[:dropped]
        return dropped

    def next(self, now: float) -> Message | None:
        """Return what to send now, if anything."""
        return self._waiting[0] if self._waiting and self.wait_s(now) == 0 else None

    def wait_s(self, now: float) -> float | None:
        """Return in how many seconds there is something to send; None if nothing waits."""
        if not self._waiting:
            return None
        self._delivered = [each for each in self._delivered if now - self._window < each <= now]
        full = len(self._delivered) >= self._limit
        room = self._delivered[-self._limit] + self._window - now if full else 0.0
        # A clock that was set back must not stop it for long.
        return max(0.0, room, min(self._not_before - now, LONGEST_PAUSE_S))

    def done(self, now: float) -> None:
        """The oldest was delivered."""
        del self._waiting[0]
        self._delivered.append(now)
        self._failures = 0
        self._not_before = 0.0

    def failed(self, now: float, wait_s: float = 0.0) -> float:
        """The oldest could not be delivered; the target asks for a pause of `wait_s`. Return how long it is."""
        pause = min(FIRST_PAUSE_S * (1 << min(self._failures, 20)), LONGEST_PAUSE_S)
        self._failures += 1
        pause = min(max(pause, wait_s), LONGEST_PAUSE_S)
        self._not_before = now + pause
        return pause

    def saved(self) -> Mapping[str, Any]:
        """Return what the next one needs, as JSON can say it."""
        return {
            "waiting": [list(each) for each in self._waiting],
            "delivered": self._delivered,
            "failures": self._failures,
            "not_before": self._not_before,
        }
