"""How far jails have read: saved together with what the reading led to, else only now and then."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b.daemon.outlet import Heard, Read
from f2b.events import Effect
from f2b.loop import Loop, Timer

EVERY_S = 5.0
"""Seconds at most until a position is saved. Lines that led to nothing may be read again after a crash."""

Take = Callable[[Sequence[Effect], Sequence[Read | Heard]], object]


class Progress:
    """Hands effects and positions on to `take`, positions alone in one transaction each few seconds."""

    def __init__(self, loop: Loop, take: Take) -> None:
        self._loop = loop
        self._take = take
        self._pending: dict[tuple[str, str], Read | Heard] = {}
        self._due: Timer | None = None

    def note(self, effects: Sequence[Effect], reads: Sequence[Read | Heard]) -> None:
        """Carry effects out, with the positions that they belong to, at once; positions alone later."""
        if effects:
            for read in reads:
                self._pending.pop(read.key, None)
            self._take(effects, reads)
            return
        for read in reads:
            self._pending[read.key] = read
        if not self._due:
            self._due = self._loop.after(EVERY_S, self.save)

    def save(self) -> None:
        """Save now what was not saved yet, here or by `take`."""
        if self._due:
            self._due.cancel()
            self._due = None
        reads, self._pending = list(self._pending.values()), {}
        self._take([], reads)
