"""An ordered queue of work that runs commands: one at a time, oldest first, while the server goes on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import partial
from itertools import count

from f2b.firewall.lifecycle import Routine
from f2b.firewall.process import Process
from f2b.firewall.shell import Result
from f2b.loop import Loop

Job = Callable[[], Routine]


class Worker:
    """Carries jobs out in the order in which they came; each command may take `timeout` seconds."""

    def __init__(self, loop: Loop, timeout: float) -> None:
        self.timeout = timeout
        self._loop = loop
        self._queue: OrderedDict[int, Job] = OrderedDict()
        self._ticket = count()
        self._busy = False
        self._process: Process | None = None
        self._drained: list[Callable[[], object]] = []

    @property
    def idle(self) -> bool:
        """Whether all is done."""
        return not self._busy

    @property
    def left(self) -> int:
        """How many jobs are not done yet."""
        return len(self._queue) + (self._process is not None)

    def add(self, job: Job) -> int:
        """Queue a job; return the ticket that cancels it."""
        ticket = next(self._ticket)
        self._queue[ticket] = job
        self._wake()
        return ticket

    def cancel(self, ticket: int) -> None:
        """Take a job out of the queue that nobody has begun with."""
        del self._queue[ticket]

    def drain(self, done: Callable[[], object]) -> None:
        """Call `done` once, from the loop, when all is done."""
        self._drained.append(done)
        self._wake()

    def abandon(self) -> None:
        """Drop what is not begun, and end what is."""
        self._queue.clear()
        if self._process:
            self._process.kill()

    def _wake(self) -> None:
        if not self._busy:
            self._busy = True
            self._loop.soon(self._next)

    def _next(self) -> None:
        while self._queue:
            job = self._queue.popitem(last=False)[1]
            if self._goes_on(job(), None):
                return
        self._busy = False
        drained, self._drained = self._drained, []
        for done in drained:
            done()

    def _goes_on(self, routine: Routine, result: Result | None) -> bool:
        """Hand a routine its last result; return whether it gave a command to run next."""
        self._process = None
        try:
            command = next(routine) if result is None else routine.send(result)
        except StopIteration:
            return False
        self._process = Process(self._loop, command, self.timeout, partial(self._came, routine))
        return True

    def _came(self, routine: Routine, result: Result) -> None:
        if not self._goes_on(routine, result):
            self._next()
