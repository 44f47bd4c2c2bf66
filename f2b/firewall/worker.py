"""An ordered queue of work: one step at a time, oldest first, while the server goes on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import count
from typing import Protocol

from f2b.firewall.effort import Effort
from f2b.firewall.life import Routine
from f2b.firewall.shell import Result, Step
from f2b.loop import Loop

Job = Callable[[], Routine]


class Running(Protocol):
    """A step that is under way."""

    def kill(self) -> None:
        """End it now."""
        ...


Begin = Callable[[Step, Callable[[Result], object]], Running]
"""Begins with a step and calls back from the loop, once and never at once, when it has ended."""


class Worker:
    """Carries jobs out in the order in which they came."""

    def __init__(self, loop: Loop, begin: Begin) -> None:
        self._loop = loop
        self._begin = begin
        self._queue: OrderedDict[int, Job] = OrderedDict()
        self._ticket = count()
        self._busy = False
        self._running: Running | None = None
        self._before: Worker | None = None
        self._then: list[Callable[[], object]] = []
        self.moves = 0
        """How many steps were begun so far."""
        self.effort = Effort()
        self._began = 0.0

    @property
    def idle(self) -> bool:
        """Whether all is done."""
        return not self._busy

    def follow(self, before: Worker) -> None:
        """Begin with nothing until `before` has done all that it was asked for when the first job comes."""
        self._before = before

    @property
    def left(self) -> int:
        """How many jobs are not done yet."""
        return len(self._queue) + (self._running is not None)

    def add(self, job: Job) -> int:
        """Queue a job; return the ticket that cancels it."""
        ticket = next(self._ticket)
        self._queue[ticket] = job
        self._wake()
        return ticket

    def cancel(self, ticket: int) -> None:
        """Take a job out of the queue that nobody has begun with."""
        del self._queue[ticket]

    def abandon(self) -> None:
        """Drop what is not begun, and end what is."""
        self._queue.clear()
        if self._running:
            self._running.kill()

    def _wake(self) -> None:
        if self._busy:
            return
        self._busy = True
        before, self._before = self._before, None
        if before is None or before.idle:
            self._loop.soon(self._next)
        else:
            before._then.append(self._next)

    def _next(self) -> None:
        while self._queue:
            job = self._queue.popitem(last=False)[1]
            if self._goes_on(job(), None):
                return
        self._busy = False
        then, self._then = self._then, []
        for begin in then:
            begin()

    def _goes_on(self, routine: Routine, result: Result | None) -> bool:
        """Hand a routine its last result; return whether it gave a step to do next."""
        self.moves += 1
        self._running = None
        try:
            step = next(routine) if result is None else routine.send(result)
        except StopIteration:
            return False
        self._began = self._loop.elapsed()
        self._running = self._begin(step, partial(self._came, routine))
        return True

    def _came(self, routine: Routine, result: Result) -> None:
        self.effort.add(self._loop.elapsed() - self._began, result.ok)
        if not self._goes_on(routine, result):
            self._next()
