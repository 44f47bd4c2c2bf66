"""Threads for what may block: the methods of Python actions. The loop never waits for one of them.

A thread cannot be killed. One whose call is late is given up: it may end when it likes, its answer is not wanted, and
another thread does the work of the others. Since nobody calls an action again while its last call is under way, there
are never more threads than MOST and one for each action that hangs.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue

from f2b.firewall.life import Report
from f2b.firewall.shell import Call, Result
from f2b.loop import Loop, Timer

MOST = 8
"""Threads that work; those that were given up are not counted."""
AGAIN_S = 1.0
"""Where no thread can be made, it is tried again after so long."""


class Errand:
    """One call. `done` hears of its end, or that it is late; who gives it up hears nothing."""

    def __init__(self, pool: Pool, call: Call, timeout: float, done: Callable[[Result], object]) -> None:
        self.call = call
        self.over = False
        """Whether its thread is through with it, late or not."""
        self.given_up = False
        self._pool = pool
        self._timeout = timeout
        self._done: Callable[[Result], object] | None = done
        self._timer: Timer | None = None

    def kill(self) -> None:
        """Do not wait for it any longer."""
        self._end(Result(1, "given up"))

    def begun(self) -> None:
        """Count its time from now on: until here it waited for a thread, which is not its fault."""
        if self._done:
            self._timer = self._pool.loop.after(self._timeout, lambda: self._end(Result(1, "", timed_out=True)))

    def came(self, result: Result) -> None:
        """Take what the thread brought."""
        self.over = True
        if self.given_up:
            self._pool.regain()
        if self._timer:
            self._timer.cancel()
        self._answer(result)

    def _end(self, result: Result) -> None:
        if self._done:
            self.given_up = True
            self._pool.give_up()
            self._answer(result)

    def _answer(self, result: Result) -> None:
        done, self._done = self._done, None
        if done:
            done(result)


class Pool:
    """Makes calls in threads and answers in the loop."""

    def __init__(self, loop: Loop, report: Report) -> None:
        self.loop = loop
        self._report = report
        self._again: Timer | None = None
        """The next try to make a thread, since that failed."""
        self._asked: SimpleQueue[Errand] = SimpleQueue()
        self._news: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._working = 0
        self._wake = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        loop.watch(self._wake, self._deliver)

    def refuse(self, call: Call, why: str, done: Callable[[Result], object]) -> Errand:
        """Make no call; say why from the loop."""
        errand = Errand(self, call, 0, done)
        self.loop.soon(lambda: errand.came(Result(1, why)))
        return errand

    def begin(self, call: Call, timeout: float, done: Callable[[Result], object]) -> Errand:
        """Make a call; `done` is called from the loop, after this has returned."""
        errand = Errand(self, call, timeout, done)
        self._asked.put(errand)
        self._hire()
        return errand

    def post(self, news: Callable[[], object]) -> None:
        """Call something in the loop; may be used by every thread."""
        self._news.put(news)
        os.eventfd_write(self._wake, 1)

    def give_up(self) -> None:
        """Let another thread do the work of one that hangs."""
        self._working -= 1
        self._hire()

    def regain(self) -> None:
        """Have a thread back that was given up: its call has ended after all."""
        self._working += 1

    def _hire(self) -> None:
        if self._working >= MOST or self._asked.empty():
            return
        try:
            threading.Thread(target=self._work, daemon=True).start()
        except RuntimeError as error:  # no memory, or too many tasks
            self._lack(str(error))
        else:
            self._working += 1
            self._again = None

    def _lack(self, why: str) -> None:
        """Let what is asked for wait, while there is not one thread, until one can be made."""
        if self._working:
            return
        if self._again:
            self._again.cancel()
        else:
            cure = "give the service more memory or tasks (MemoryMax, TasksMax)"
            self._report("ERROR", f"Python actions wait: {why}; {cure}")
        self._again = self.loop.after(AGAIN_S, self._hire)

    def _work(self) -> None:
        while True:
            errand = self._asked.get()
            self.post(errand.begun)
            result = made(errand.call)
            self.post(partial(errand.came, result))

    def _deliver(self) -> None:
        os.eventfd_read(self._wake)
        while not self._news.empty():
            self._news.get()()


def made(call: Call) -> Result:
    """Make a call; whatever it raises is a failure that says what and where."""
    try:
        return Result(0, value=call.make())
    except SystemExit as error:
        return Result(1, f"it called exit({error.code!r})")
    except BaseException as error:  # noqa: BLE001 - it is somebody else's code
        return Result(1, explained(error))


def explained(error: BaseException) -> str:
    """Return what was raised, and the last place in the action's own file."""
    at, places = error.__traceback__, []
    while at:
        places.append(f"{os.path.basename(at.tb_frame.f_code.co_filename)}:{at.tb_lineno}")  # noqa: PTH119
        at = at.tb_next
    where = f" ({' > '.join(places[-3:])})" if places else ""
    return f"{type(error).__name__}: {error}{where}"
