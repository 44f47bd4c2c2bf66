"""The firewall that is none: it says what would be done, and remembers it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from f2b.duration import human
from f2b.events import Ban
from f2b.firewall import Term


class Dry:
    """An action of a dry run. See `Firewall` for the verbs."""

    def __init__(self, name: str, jail: str, clock: Callable[[], float], tell: Callable[[str], None]) -> None:
        """`clock` gives seconds since the epoch; `tell` takes a sentence for each ban."""
        self.name = name
        self._jail = jail
        self._clock = clock
        self._tell = tell
        self._ends: dict[str, float] = {}

    def start(self, bans: Sequence[Term]) -> None:
        """Begin with exactly these."""
        self._ends.clear()
        self.ban(bans)

    def ban(self, bans: Sequence[Term]) -> None:
        """Say who would be kept out from now on, and for how long."""
        for ban in bans:
            if self._ends.get(ban.ip) != ban.end:
                self._ends[ban.ip] = ban.end
                self._say(f"would ban {ban.ip} {self._until(ban.end)}")

    def unban(self, bans: Sequence[Ban]) -> None:
        """Say who would be let in again."""
        for ban in bans:
            if self._ends.pop(ban.ip, None) is not None:
                self._say(f"would let {ban.ip} in")

    def flush(self, bans: Sequence[Ban]) -> None:
        """Say that everybody would be let in."""
        if self._ends:
            self._ends.clear()
            self._say("would let everybody in")

    def stop(self, keep: bool) -> None:
        """End; nothing was done, so nothing is left."""
        self._ends.clear()

    def elements(self) -> dict[str, float | None]:
        """Return who would be kept out, and for how many seconds yet; None is for ever."""
        now = self._clock()
        left = {who: end - now for who, end in self._ends.items()}
        return {who: None if math.isinf(left_s) else left_s for who, left_s in left.items() if left_s > 0}

    def _until(self, end: float) -> str:
        return "for ever" if math.isinf(end) else f"for {human(max(1, round(end - self._clock())))}"

    def _say(self, what: str) -> None:
        self._tell(f"[{self._jail}] {self.name} {what}")
