"""Waiting: file descriptors and deadlines in one place, and the only reader of the clock.

The server needs a handful of descriptors (inotify, netlink, the control socket, pidfds) and a heap of deadlines.
asyncio would cost 11 MB and 45 ms of start for that.
"""

from __future__ import annotations

import heapq
import selectors
import time
from collections.abc import Callable
from itertools import count

Callback = Callable[[], object]
Fault = Callable[[Exception], object]
SLOW_S = 1.0
"""A callback that takes longer delays bans so much that somebody should know."""


class Timer:
    """A deadline that can be called off."""

    __slots__ = ("call", "due")

    def __init__(self, due: float, call: Callback) -> None:
        self.due = due
        self.call: Callback | None = call

    def cancel(self) -> None:
        """Call it off; harmless if it has passed."""
        self.call = None


class Loop:
    """Calls back when a descriptor is ready or a deadline has come."""

    def __init__(self, fault: Fault | None = None) -> None:
        """`fault` hears of whatever a callback raises, and the loop goes on; without it, that ends the loop."""
        self._fault = fault
        self.slow: Callable[[Callback, float], object] | None = None
        """Hears of callbacks that took longer than SLOW_S, and how long."""
        self._selector = selectors.DefaultSelector()
        self._timers: list[tuple[float, int, Timer]] = []
        self._ticket = count()
        self._soon: list[Callback] = []
        self._running = False

    @staticmethod
    def now() -> float:
        """Return the wall clock in seconds since the epoch."""
        return time.time()

    @staticmethod
    def elapsed() -> float:
        """Return seconds of a clock that nobody sets."""
        return time.monotonic()

    @staticmethod
    def worked() -> float:
        """Return the processor time that this thread has had, in seconds: others on the host make it no longer."""
        return time.thread_time()

    @staticmethod
    def lived() -> float:
        """Return seconds since the host was started, those included in which it slept; nobody sets that clock."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def watch(self, fd: int, readable: Callback | None = None, writable: Callback | None = None) -> None:
        """Call `readable`/`writable` whenever `fd` is; replaces what was asked for this `fd` before."""
        events = (selectors.EVENT_READ if readable else 0) | (selectors.EVENT_WRITE if writable else 0)
        if fd in self._selector.get_map():
            self._selector.modify(fd, events, (readable, writable))
        else:
            self._selector.register(fd, events, (readable, writable))

    def unwatch(self, fd: int) -> None:
        """Forget `fd`; call before closing it. Harmless if it is not watched."""
        if fd in self._selector.get_map():
            self._selector.unregister(fd)

    def after(self, seconds: float, call: Callback) -> Timer:
        """Call once, `seconds` from now by the monotonic clock (a stepping wall clock disturbs no deadline)."""
        timer = Timer(time.monotonic() + seconds, call)
        heapq.heappush(self._timers, (timer.due, next(self._ticket), timer))
        return timer

    def soon(self, call: Callback) -> None:
        """Call once, before the loop waits again."""
        self._soon.append(call)

    def run(self) -> None:
        """Serve until `stop`."""
        self._running = True
        while self._running:
            self.turn()

    def stop(self) -> None:
        """Let `run` return after the present turn."""
        self._running = False

    def turn(self, longest: float | None = None) -> None:
        """Wait for the next thing to do, `longest` seconds at most, and do it and all that is due with it."""
        for key, mask in self._selector.select(self._patience(longest)):
            readable, writable = key.data
            # A callback may have unwatched a descriptor that is later in this very list.
            if mask & selectors.EVENT_READ and readable and self._watched(key):
                self._call(readable)
            if mask & selectors.EVENT_WRITE and writable and self._watched(key):
                self._call(writable)
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            timer = heapq.heappop(self._timers)[2]
            if timer.call:
                call, timer.call = timer.call, None
                self._call(call)
        soon, self._soon = self._soon, []
        for call in soon:
            self._call(call)

    def _call(self, callback: Callback) -> None:
        began = time.monotonic()
        self._try(callback)
        took = time.monotonic() - began
        if took > SLOW_S and self.slow:
            self.slow(callback, took)

    def _try(self, callback: Callback) -> None:
        try:
            callback()
        except Exception as error:
            if self._fault is None:
                raise
            self._fault(error)

    def close(self) -> None:
        """Give the selector's descriptor back."""
        self._selector.close()

    def _patience(self, longest: float | None) -> float | None:
        if self._soon:
            return 0
        while self._timers and self._timers[0][2].call is None:
            heapq.heappop(self._timers)
        if not self._timers:
            return longest
        wait = max(0.0, self._timers[0][0] - time.monotonic())
        return wait if longest is None else min(wait, longest)

    def _watched(self, key: selectors.SelectorKey) -> bool:
        present = self._selector.get_map().get(key.fd)
        return present is not None and present.data is key.data
