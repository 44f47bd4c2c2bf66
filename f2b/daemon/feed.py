"""What happened lately, for whoever follows it: kept for ten minutes, and numbered, so that a reader can go on.

Behind everything else on a line's way: what a turn of the loop brought is noted here when it is done and told. Only
references are kept; what a reader hears of them is put into words when he asks (`control/event.py`). Nobody is waited
for: who is slower than the window, or than what fits into it, hears that he missed something.
"""

from __future__ import annotations

import heapq
from array import array
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Literal

from f2b.events import Ban, Collateral, Effect, Found, Ignored, Prolonged, Spared, Surged, Unban
from f2b.named import NamedTuple

WINDOW_S = 600.0
"""How long events are kept."""
MOST = 20_000
"""How many failures are kept at most, and how many events of all other kinds: neither may crowd the other out."""
MOST_BYTES = 4 << 20
"""How much memory each of the two may take, by a rough count."""
SOON_S = 0.02
"""How long after an event its readers are woken: what follows from the same lines goes first, and with it."""
PAUSE_S = 0.1
"""How long they are then left alone, at least: a few large answers cost less than many small ones."""
SHARE = 5
"""Answering them may take one part in so many of the time; the others are for banning."""
FOUND = "found"
KINDS = (FOUND, "ban", "unban", "prolong", "refused", "error", "up", "down")

_WEIGHT = 160
"""Bytes of an event, roughly."""


class Told(NamedTuple):
    """Something that no line of a log led to: an error, or a jail that works again or no longer."""

    kind: Literal["error", "up", "down"]
    jail: str
    text: str


Event = Found | Ban | Unban | Prolonged | Spared | Collateral | Surged | Told
_KIND: dict[type, str] = {
    Found: FOUND,
    Ban: "ban",
    Unban: "unban",
    Prolonged: "prolong",
    Spared: "refused",
    Collateral: "refused",
    Surged: "refused",
}


def kind(event: Event) -> str:
    """Return what an event is called: one of KINDS."""
    return event.kind if isinstance(event, Told) else _KIND[type(event)]


def jail_of(event: Event) -> str:
    """Return the jail that it happened in; empty if in none."""
    return event.ban.jail if isinstance(event, (Unban, Prolonged)) else event.jail


class Entry(NamedTuple):
    """An event as a reader gets it."""

    number: int
    time: float
    """When it was noted; what it tells of may be older."""
    event: Event


class Batch(NamedTuple):
    """What a reader gets at once."""

    entries: Sequence[Entry]
    last: int
    """Where he stands now."""
    missed: bool
    """Something that he wanted is no longer kept."""


class _Turn(NamedTuple):
    """The events of one turn of the loop."""

    time: float
    numbers: Sequence[int]
    events: Sequence[Event]
    weight: int


class _Ring:
    """The latest turns, as many as fit."""

    def __init__(self) -> None:
        self._turns: deque[_Turn] = deque()
        self._count = 0
        self._weight = 0
        self.lost = 0
        """The number of the last event that is no longer kept."""
        self.lost_at = float("-inf")

    def add(self, turn: _Turn) -> None:
        self._turns.append(turn)
        self._count += len(turn.events)
        self._weight += turn.weight
        while self._count > MOST or self._weight > MOST_BYTES:
            self._drop()

    def purge(self, before: float) -> None:
        while self._turns and self._turns[0].time < before:
            self._drop()

    def _drop(self) -> None:
        turn = self._turns.popleft()
        self._count -= len(turn.events)
        self._weight -= turn.weight
        self.lost, self.lost_at = turn.numbers[-1], turn.time

    def __bool__(self) -> bool:
        return bool(self._turns)

    def after(self, number: int) -> Iterator[Entry]:
        """Yield what came after an event, oldest first."""
        turns: list[_Turn] = []
        for turn in reversed(self._turns):
            if turn.numbers[-1] <= number:
                break
            turns.append(turn)
        for turn in reversed(turns):
            for each, event in zip(turn.numbers, turn.events, strict=True):
                if each > number:
                    yield Entry(each, turn.time, event)

    def number_at(self, time: float) -> int:
        """Return the number of the last event that was noted before a time; 0 if none is kept."""
        for turn in reversed(self._turns):
            if turn.time < time:
                return turn.numbers[-1]
        return self.lost


class _Waiting(NamedTuple):
    after: int
    kinds: Collection[str]
    call: Callable[[], object]


class Feed:
    """Notes events and hands them out. `epoch` names this run of the server: numbers of another mean nothing."""

    def __init__(
        self, epoch: str, later: Callable[[float, Callable[[], object]], object], elapsed: Callable[[], float]
    ) -> None:
        """`later` calls something in so many seconds, `elapsed` is a clock that nobody sets."""
        self.epoch = epoch
        self.last = 0
        """The number of the latest event."""
        self.totals: Counter[tuple[str, str]] = Counter()
        """How many there were ever, by kind and jail; failures are counted elsewhere, and `ignored` ones here."""
        self._later = later
        self._elapsed = elapsed
        self._found = _Ring()
        self._others = _Ring()
        self._now = 0.0
        self._waiting: dict[object, _Waiting] = {}
        self._stirred = False
        self._resting = False
        self._purging = False

    def note(self, effects: Sequence[Effect | Told], now: float) -> None:
        """Note those of a turn's effects that are events; restored bans are none, nor what a banlist names."""
        numbers: tuple[array[int], array[int]] = array("Q"), array("Q")
        events: tuple[list[Event], list[Event]] = [], []
        weights = [0, 0]
        for effect in effects:
            if isinstance(effect, Found):
                which, weight = 0, _WEIGHT
            elif isinstance(effect, (Ban, Unban, Prolonged, Spared, Surged, Told)) or (
                isinstance(effect, Collateral) and effect.refused
            ):
                which, weight = 1, _weight(effect)
                self.totals[kind(effect), jail_of(effect)] += 1
            else:
                if isinstance(effect, Ignored):
                    self.totals["ignored", effect.jail] += 1
                continue
            self.last += 1
            numbers[which].append(self.last)
            events[which].append(effect)
            weights[which] += weight
        for ring, each, noted, weight in zip((self._found, self._others), numbers, events, weights, strict=True):
            if noted:
                ring.add(_Turn(now, each, tuple(noted), weight))
        if events[0] or events[1]:
            self._now = now
            self._keep_clean()
            self._stir()

    def _keep_clean(self) -> None:
        """Let go of what is too old, now and when nothing more comes."""
        for ring in (self._found, self._others):
            ring.purge(self._now - WINDOW_S)
        if not self._purging and (self._found or self._others):
            self._purging = True
            self._later(WINDOW_S / 4, self._purge)

    def _purge(self) -> None:
        self._purging = False
        self._now += WINDOW_S / 4
        self._keep_clean()

    # ---- readers ----

    def read(self, after: int, kinds: Collection[str], most: int) -> Batch:
        """Return what came after an event, of these kinds, oldest first."""
        rings = self._rings(kinds)
        missed = any(after < ring.lost for ring in rings)
        wanted = (
            entry for entry in heapq.merge(*(ring.after(after) for ring in rings)) if kind(entry.event) in kinds
        )
        entries = list(islice(wanted, most))
        last = entries[-1].number if len(entries) == most else self.last
        return Batch(entries, last, missed)

    def number_at(self, time: float, kinds: Collection[str]) -> int:
        """Return the number of the last event before a time; so small that something is missed if it was lost."""
        rings = self._rings(kinds)
        if any(ring.lost_at >= time for ring in rings):
            return 0
        return max((ring.number_at(time) for ring in rings), default=self.last)

    def wait(self, seconds: float, after: int, kinds: Collection[str], call: Callable[[], object]) -> None:
        """Call once when there is something to read after an event, or when the time is over; never at once."""
        key = object()
        self._waiting[key] = _Waiting(after, kinds, call)
        self._later(seconds, lambda: self._end(key))
        if after < self.last:
            self._stir()

    def _end(self, key: object) -> None:
        waiting = self._waiting.pop(key, None)
        if waiting:
            waiting.call()

    def _rings(self, kinds: Collection[str]) -> list[_Ring]:
        found = [self._found] if FOUND in kinds else []
        return [*found, self._others] if set(kinds) - {FOUND} else found

    def _stir(self) -> None:
        """Wake readers soon, or when they have rested."""
        if not self._waiting or self._stirred:
            return
        self._stirred = True
        if not self._resting:
            self._later(SOON_S, self._tell)

    def _tell(self) -> None:
        self._stirred, self._resting = False, True
        began = self._elapsed()
        for key, waiting in list(self._waiting.items()):
            if self.read(waiting.after, waiting.kinds, 1).entries:
                self._end(key)
            else:
                self._waiting[key] = waiting._replace(after=self.last)
        self._later(max(PAUSE_S, SHARE * (self._elapsed() - began)), self._rested)

    def _rested(self) -> None:
        self._resting = False
        if self._stirred:
            self._tell()


def _weight(event: Event) -> int:
    """Return what an event weighs; the lines that led to a ban only once the ledger no longer keeps them anyway."""
    if isinstance(event, Unban):
        return 3 * _WEIGHT + sum(map(len, event.ban.matches))
    return _WEIGHT + len(event.text) if isinstance(event, Told) else _WEIGHT
