"""Who reads next: all sources together get a slice of each turn of the loop, so that commands never wait long.

How long a piece of work takes is known only afterwards (cheap lines cost 1 µs, failures that ban 1 ms), so sources
ask for small pieces, and the clock decides after each of them.
"""

from __future__ import annotations

from collections.abc import Callable

from f2b.loop import Loop

SLICE = 0.005
"""Seconds after which the loop sees to everything else."""
PIECE = 0.02
"""Seconds of computing that one piece of work may take: each costs a transaction of the kernel's and one of the
database's, and in a storm of bans smaller ones would be little else."""

Reader = Callable[[], object]


class Turns:
    """Lets readers read one after the other."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: dict[Reader, None] = {}
        """In the order of asking."""
        self._due = False

    def ask(self, reader: Reader) -> None:
        """Call `reader` once, soon; whoever then has more to read asks again. Harmless if it waits already."""
        self._waiting[reader] = None
        self._schedule()

    def forget(self, reader: Reader) -> None:
        """Do not call it, even if it asked."""
        self._waiting.pop(reader, None)

    def _schedule(self) -> None:
        if self._waiting and not self._due:
            self._due = True
            self._loop.soon(self._run)

    def _run(self) -> None:
        self._due = False
        started = self._loop.now()
        try:
            while self._waiting and abs(self._loop.now() - started) < SLICE:  # the wall clock may step
                reader = next(iter(self._waiting))
                del self._waiting[reader]
                reader()
        finally:
            self._schedule()
