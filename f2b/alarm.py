"""The alarm: interrupts a search that runs away, for whoever drives the engine (`f2b serve`, `f2b regex`, replay).

Python's `re` looks at signals while it backtracks. An interval timer counts the time that this process computes, so
it costs nothing while the process waits, and a busy machine makes no search look slow. Its handler finds out in which
Python frame the process is. The functions named here only search: they change nothing, so they may be left at any
point. Anywhere else the handler does nothing, so that no state is ever torn. Lines pay nothing for all of this.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from types import CodeType, FrameType

from f2b.date.template import Template
from f2b.filter.glance import look
from f2b.filter.rule import first, first_in_long
from f2b.runaway import Runaway

TICK_S = 0.1
"""How often the alarm looks, in seconds of computing."""
TICKS: Mapping[CodeType, int] = {
    first.__code__: 2,
    look.__code__: 2,
    first_in_long.__code__: 10,
    Template.find.__code__: 2,
    Template.within.__code__: 2,
}
"""What may be interrupted, and after how many ticks that saw the same call: 0.2 s of computing, or 1 s."""


class Alarm:
    """One for a process, in its main thread. It uses SIGVTALRM."""

    def __init__(self) -> None:
        self._call: FrameType | None = None
        """The call of a search that the last tick saw: as long as it is held, no other call has the same frame."""
        self._ticks = 0

    def set(self) -> None:
        """Interrupt from now on."""
        signal.signal(signal.SIGVTALRM, self._tick)
        signal.siginterrupt(signal.SIGVTALRM, False)
        signal.setitimer(signal.ITIMER_VIRTUAL, TICK_S, TICK_S)

    def off(self) -> None:
        """Interrupt no more."""
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        self._call = None

    def _tick(self, _: int, frame: FrameType | None) -> None:
        most = TICKS.get(frame.f_code) if frame is not None else None
        if frame is not self._call or most is None:
            self._call, self._ticks = (frame, 0) if most is not None else (None, 0)
            return
        self._ticks += 1
        if self._ticks >= most:
            self._call = None
            raise Runaway


@contextmanager
def alarmed() -> Iterator[None]:
    """End searches that run away meanwhile."""
    alarm = Alarm()
    alarm.set()
    try:
        yield
    finally:
        alarm.off()
