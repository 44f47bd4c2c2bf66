"""The watchdog: notices what should move and does not, and says so in the log, in `f2b status` and to the supervisor.

It looks from outside, at what there is on the disk and in the queues, and trusts nothing that the rest of the server
believes: a server that runs but reads nothing is worse than one that has ended, which everybody sees.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

from f2b.daemon.outlet import Outlet
from f2b.daemon.supervisor import Supervisor
from f2b.firewall import is_queued
from f2b.log import Log
from f2b.loop import SLOW_S, Callback, Loop, Timer
from f2b.source.tail import Tail

LOOK_S = 7.0
"""How often everything is looked at; not in step with the sweeps of `source.files`."""
STALL_S = 60.0
"""How long a log may have whole lines that nobody reads."""
QUEUE_S = 120.0
"""How long an action may do nothing although something waits: its commands are ended after a minute."""
NOTICED_S = 3.0
"""A line that nobody reads after this was not noticed by inotify, nor by polling."""
TIMES = 3
"""So often that must be seen until it is told."""
IDLE = 0.1
"""A server that computes for less than this share of the time would have read what there is."""
MANY = 10
"""Lines of a jail that may break between two looks."""
PEEK = 2 << 20
"""Bytes in which the end of a line is looked for: more than the longest line that is read at all."""


class Still:
    """For how long each of several things has been the same."""

    def __init__(self) -> None:
        self._since: dict[Hashable, tuple[object, float]] = {}

    def for_s(self, what: Hashable, state: object, now: float) -> float:
        """Return since when `what` is in this `state`, in seconds; None as state is movement itself."""
        before, since = self._since.get(what, (None, now))
        if state is None or state != before:
            self._since[what] = (state, now)
            return 0.0
        return now - since


class Watchdog:
    """Looks now and then at logs, jails, action queues and firewalls; `tails` gives every followed log."""

    def __init__(self, outlet: Outlet, tails: Callable[[], Iterable[Tail]], loop: Loop, log: Log) -> None:
        self._outlet = outlet
        self._tails = tails
        self._loop = loop
        self._log = log
        self._supervisor: Supervisor | None = None
        self._still = Still()
        self._late: Counter[str] = Counter()
        self._broke: Counter[str] = Counter()
        self._alarms: dict[str, str] = {}
        """What is wrong now, by what it is about."""
        self._stalled = False
        self._due = 0.0
        self._worked = 0.0
        """What the server had computed when it was looked last."""
        self._timers: list[Timer] = []

    @property
    def troubles(self) -> list[str]:
        """What is wrong now, in sentences for people."""
        return [*self._outlet.troubles, *self._alarms.values()]

    def start(self, supervisor: Supervisor) -> None:
        """Begin to look, and to tell the supervisor that all is well as long as it is."""
        self._supervisor = supervisor
        supervisor.ready()
        self._look()
        if supervisor.patience_s:
            self._beat(supervisor)

    def stop(self) -> None:
        """Look no more."""
        for timer in self._timers:
            timer.cancel()

    def slow(self, callback: Callback, seconds: float) -> None:
        """Tell what held everything up: the loop calls this when one thing took too long."""
        done = getattr(callback.func if isinstance(callback, partial) else callback, "__qualname__", "")
        what = _NAMES.get(done.partition(".")[0], "") or done
        detail = f" ({self._outlet.reading})" if self._outlet.reading and "logs" in what else ""
        self._log.warning("server", f"Everything waited {seconds:.1f} s for {what}{detail}")

    def _after(self, seconds: float, call: Callback) -> None:
        self._timers = [timer for timer in self._timers if timer.call]
        self._timers.append(self._loop.after(seconds, call))

    def _beat(self, supervisor: Supervisor) -> None:
        if not self._stalled:
            supervisor.beat()
        self._after(supervisor.patience_s / 2, lambda: self._beat(supervisor))

    def _look(self) -> None:
        now = self._loop.elapsed()
        waiting = [(tail, unread(tail)) for tail in self._tails()]
        stalled = dict(self._sources(waiting, now))
        worked, self._worked = self._loop.worked() - self._worked, self._loop.worked()
        if worked < IDLE * LOOK_S:
            self._note_silence([tail.path for tail, waits in waiting if waits], now)
        self._log.mend()
        found = stalled | dict(self._silences()) | dict(self._queues(now)) | dict(self._jails())
        if self._log.trouble:
            found["own log"] = self._log.trouble
        for key in found.keys() - self._alarms.keys():
            self._log.error("server", found[key])
        for key in self._alarms.keys() - found.keys():
            self._log.notice("server", f"It is well again: {self._alarms[key]}")
        self._alarms = found
        self._stalled = bool(stalled)
        if self._supervisor:
            self._supervisor.status(self._summary())
        self._due = now + LOOK_S
        self._after(LOOK_S, self._look)

    def _summary(self) -> str:
        guards = self._outlet.guards.values()
        down = [f"[{guard.jail}] {fault}" for guard in guards for fault in guard.faults]
        troubles = [*self.troubles, *down]
        return f"{len(guards)} jails; " + (f"trouble: {'; '.join(troubles)}" if troubles else "all is well")

    # ---- what may stand still -------------------------------------------------------------------------------

    def _sources(self, waiting: Iterable[tuple[Tail, int]], now: float) -> Iterator[tuple[str, str]]:
        for tail, waits in waiting:
            still = self._still.for_s(("log", id(tail)), tail.position if waits else None, now)
            if still >= STALL_S:
                text = f"{tail.path} is not read: {waits} bytes wait, and nothing was read for {still:.0f} s"
                yield f"log {tail.path}", text

    def _note_silence(self, behind: Sequence[str], now: float) -> None:
        """Count a log that alone is behind, for long, though the server has nothing else to do: nobody told of it."""
        if len(behind) == 1 and now - self._due < SLOW_S / 2 and _age(behind[0]) > NOTICED_S:
            self._late[behind[0]] += 1

    def _silences(self) -> Iterator[tuple[str, str]]:
        for path, times in self._late.items():
            if times >= TIMES:
                cure = "set backend = polling in its jails"
                yield f"silence {path}", f"Nothing tells when {path} is written, so it is read late; {cure}"

    def _queues(self, now: float) -> Iterator[tuple[str, str]]:
        for name, guard in self._outlet.guards.items():
            for it in guard.firewalls:
                if not is_queued(it):
                    continue
                still = self._still.for_s(("queue", name, it.name), None if it.idle else it.moves, now)
                if still >= QUEUE_S:
                    text = f"[{name}] action {it.name} has done nothing for {still:.0f} s, and something waits"
                    yield f"queue {name} {it.name}", text

    def _jails(self) -> Iterator[tuple[str, str]]:
        before, self._broke = self._broke, self._outlet.broke.copy()
        for name, count in self._broke.items():
            if count - before[name] >= MANY:
                yield f"jail {name}", f"[{name}] cannot make anything of its lines: a fault in f2b, please report it"


_NAMES = {
    "Files": "reading logs",
    "Tail": "reading logs",
    "Watch": "changes of logs",
    "Journal": "reading the journal",
    "Upkeep": "bans that end, or the database",
    "Endpoint": "a request",
    "Connection": "a request",
    "Guard": "a firewall",
    "Healer": "a firewall",
    "Worker": "the commands of an action",
    "Process": "the commands of an action",
    "Signals": "a signal, a reload perhaps",
}
"""What a part of ours does, in words of people."""


def unread(tail: Tail) -> int:
    """Return how many bytes a log has behind what was read, if there is a whole line among them."""
    position = tail.position
    try:
        found = os.stat(tail.path)  # noqa: PTH116 - for every log, again and again
        offset = position.offset if position and position.inode == found.st_ino else 0
        waits = found.st_size - offset
        return waits if waits > 0 and _whole_line(tail.path, offset) else 0
    except OSError:
        return 0  # that it cannot be read is told elsewhere


def _whole_line(path: str, offset: int) -> bool:
    with Path(path).open("rb") as file:
        file.seek(offset)
        return b"\n" in file.read(PEEK)


def _age(path: str) -> float:
    """Return how many seconds ago a log was written."""
    try:
        return Loop.now() - Path(path).stat().st_mtime
    except OSError:
        return 0.0
