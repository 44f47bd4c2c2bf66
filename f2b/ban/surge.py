"""More bans in a minute than an attack explains: a filter gone wrong, or a log that somebody fills on purpose."""

from __future__ import annotations

from collections import deque

MINUTE_S = 60.0


class Surge:
    """Counts a jail's new bans of the last minute against `maxbans`; 0 is no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._times: deque[float] = deque(maxlen=max(1, most))
        self._told = float("-inf")

    def over(self, now: float) -> bool:
        """Take note of a new ban; return whether it is one too many."""
        if not self._most:
            return False
        full = len(self._times) == self._most and 0 <= now - self._times[0] < MINUTE_S
        if not full:
            self._times.append(now)
        return full

    def alarms(self, now: float) -> bool:
        """Return whether it is time to say so: once a minute."""
        if 0 <= now - self._told < MINUTE_S:
            return False
        self._told = now
        return True
