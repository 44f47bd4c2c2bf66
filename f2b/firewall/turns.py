"""Commands that must not run at once: those of one action file that lets people in again, in whatever jail.

What such commands change is one for all jails, and many programs lose a change that is made while they make another:
of four `ufw` commands at once one or two take effect, and all say that they did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial

from f2b.firewall.shell import Result
from f2b.firewall.worker import Running
from f2b.loop import Loop

GIVEN_UP = 126
"""The status of a command whose turn never came."""

Done = Callable[[Result], object]
Start = Callable[[Done], Running]


class _Turn:
    """A command that runs, or waits for that."""

    def __init__(self, start: Start, done: Done, give_up: Callable[[_Turn], object]) -> None:
        self.start = start
        self.done = done
        self.running: Running | None = None
        self._give_up = give_up

    def kill(self) -> None:
        """End it now."""
        if self.running:
            self.running.kill()
        else:
            self._give_up(self)


class Turns:
    """Lets one run after the other, in the order in which they came."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._waiting: deque[_Turn] = deque()
        self._busy = False

    def begin(self, start: Start, done: Done) -> Running:
        """Begin with a command, at once if none runs; `start` begins and calls back when it has ended."""
        turn = _Turn(start, done, self._give_up)
        self._waiting.append(turn)
        self._next()
        return turn

    def _next(self) -> None:
        if self._waiting and not self._busy:
            self._busy = True
            turn = self._waiting.popleft()
            turn.running = turn.start(partial(self._ended, turn))

    def _ended(self, turn: _Turn, result: Result) -> None:
        self._busy = False
        self._next()
        turn.done(result)

    def _give_up(self, turn: _Turn) -> None:
        if turn in self._waiting:
            self._waiting.remove(turn)
            self._loop.soon(partial(turn.done, Result(GIVEN_UP, "it was given up before its turn came")))
