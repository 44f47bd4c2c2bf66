"""Carrying effects out: kernel first, then the database, then the log, so that a stalled disk delays no ban."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from f2b.ban.collateral import Arrival
from f2b.ban.counter import Tally
from f2b.daemon.announce import announce
from f2b.daemon.guard import Guard
from f2b.engine import Engine
from f2b.errors import StoreError
from f2b.events import (
    AlreadyBanned,
    Arrived,
    Ban,
    Broke,
    Effect,
    Forget,
    Forgiven,
    Found,
    Held,
    Ignored,
    Judge,
    Prolonged,
    Resolve,
    Unban,
)
from f2b.log import Log
from f2b.loop import SLOW_S, Loop
from f2b.named import NamedTuple
from f2b.source.position import Position
from f2b.store import Store

PAUSE_S = 0.5
"""Failures that led to no ban are saved so often, with how far was read: in a flood each turn would else write what
the next one changes. A crash loses nothing, since the same lines are read again."""
MOST_COUNTS = 128
"""When so many counts wait they are saved at once: more take so long that whoever asks the server something waits."""
_ONLY_TOLD: frozenset[type] = frozenset({Found, Arrived, Ignored})
"""Effects that change no firewall, and come in storms,"""
_ASKED: frozenset[type] = frozenset({Broke, Resolve, Judge})
"""and those that ask for more than to be told and saved."""
_COUNTED = (Found, Forgiven, Forget)
_PRESSING = (Ban, Prolonged, Forget)
SOON_S = 3
"""A banned id that offends later than this after its ban makes actions check themselves (as in Fail2Ban)."""


class Read(NamedTuple):
    """How far a jail has read a log: saved together with what the reading led to."""

    jail: str
    log: str
    position: Position

    @property
    def key(self) -> tuple[str, str]:
        """What it is of: a later one of the same stands for it."""
        return self.jail, self.log


class Heard(NamedTuple):
    """How far a jail has read the journal."""

    jail: str
    cursor: str
    time: float

    @property
    def key(self) -> tuple[str, str]:
        """The same; a jail has one journal."""
        return self.jail, ""


class Outlet:
    """What the core decided goes out here, a turn of the loop at a time."""

    def __init__(
        self,
        engine: Engine,
        store: Store,
        log: Log,
        resolve: Callable[[Resolve], None],
        judge: Callable[[Judge], None],
        later: Callable[[float, Callable[[], object]], object] | None = None,
    ) -> None:
        """`later` calls something in so many seconds; without it everything is saved at once."""
        self.guards: dict[str, Guard] = {}
        self._engine = engine
        self._store = store
        self._log = log
        self._resolve = resolve
        self._judge = judge
        self._later = later
        self._waits = False
        self._saved = float("-inf")
        self._reads: dict[tuple[str, str], Read | Heard] = {}
        """The positions that are not saved yet,"""
        self._counted: dict[tuple[str, str], None] = {}
        """the jails and ids whose counts belong to them,"""
        self._arrived: list[Arrived] = []
        """and the logins."""
        self._store_failure = ""
        self.broke: Counter[str] = Counter()
        """How many lines each jail could make nothing of, by a fault of ours."""
        self.reading = ""
        """The log that was read last."""

    def carry(self, effects: Sequence[Effect], reads: Iterable[Read | Heard] = ()) -> None:
        """Do and tell all that a turn brought."""
        kinds = {type(effect) for effect in effects}
        if kinds - _ONLY_TOLD:
            self._timed("firewall", lambda: self._guard(effects))
        self._timed("database", lambda: self._save(effects, reads))
        announce(self._log, effects)
        for effect in effects if kinds & _ASKED else ():
            if isinstance(effect, Broke):
                self.broke[effect.jail] += 1
            if isinstance(effect, Resolve):
                self._resolve(effect)
            elif isinstance(effect, Judge):
                self._judge(effect)

    def _timed(self, what: str, do: Callable[[], object]) -> None:
        began = Loop.elapsed()
        do()
        took = Loop.elapsed() - began
        if took > SLOW_S:
            self._log.warning("server", f"The {what} took {took:.1f} s")

    def _guard(self, effects: Sequence[Effect]) -> None:
        """Change every firewall once at most in each direction, however much happened."""
        lifted: dict[str, list[Ban]] = {}
        emptied: set[str] = set()
        banned: dict[str, list[Ban]] = {}
        for effect in effects:
            ban = _ban_of(effect)
            if ban:
                banned.setdefault(ban.jail, []).append(ban)
            elif isinstance(effect, Unban):
                lifted.setdefault(effect.ban.jail, []).append(effect.ban)
            elif isinstance(effect, Forget) and effect.id is None:
                lifted.setdefault(effect.jail, [])
                emptied.add(effect.jail)
        for name, bans in lifted.items():
            guard = self.guards[name]
            (guard.flush if name in emptied else guard.unban)(bans)
        for name, bans in banned.items():
            self.guards[name].ban(bans)
        for effect in effects:
            if isinstance(effect, Held):
                self.guards[effect.jail].swap(effect.gone, effect.came)
            if isinstance(effect, Prolonged | AlreadyBanned) and (effect.after or 0) > SOON_S:
                self.guards[effect.ban.jail].seen(effect.ban)

    def _save(self, effects: Sequence[Effect], reads: Iterable[Read | Heard]) -> None:
        """Write what was read and what it led to, or see that this is done later."""
        for read in reads:
            self._reads[read.key] = read
            if isinstance(read, Read):
                self.reading = read.log
        for effect in effects:
            # Who is banned by hand, or whose record goes, keeps his count.
            counted = effect if isinstance(effect, _COUNTED) else _ban_of(effect)
            if counted and counted.id:
                self._counted[counted.jail, counted.id] = None
            elif isinstance(effect, Arrived):
                self._arrived.append(effect)
        rested = Loop.elapsed() - self._saved
        due = rested >= PAUSE_S or len(self._counted) >= MOST_COUNTS
        if self._later is None or not effects or due or any(map(_presses, effects)):
            self._save_now(effects)
        elif not self._waits:
            self._waits = True
            self._later(PAUSE_S - rested, self._save_waiting)

    def _save_waiting(self) -> None:
        self._waits = False
        self._timed("database", lambda: self._save_now(()))

    def _save_now(self, effects: Sequence[Effect]) -> None:
        """Write all in one transaction: a crash loses what was read and what it led to, or neither."""
        reads, counted, arrived = self._reads, self._counted, self._arrived
        self._reads, self._counted, self._arrived = {}, {}, []
        if reads:
            self._saved = Loop.elapsed()
        try:
            with self._store.turn():
                for read in reads.values():
                    if isinstance(read, Read):
                        self._store.save_position(read.jail, read.log, read.position)
                    else:
                        self._store.save_cursor(read.jail, read.cursor, read.time)
                emptied = {it.jail for it in effects if isinstance(it, Forget) and it.id is None}
                for effect in effects:
                    if not (isinstance(effect, Unban) and effect.ban.jail in emptied):
                        self._save_effect(effect)
                for one in arrived:
                    self._store.arrive(Arrival(one.id, one.user, one.time))
                self._save_counts(counted)
        except StoreError as error:
            self.store_failed(error)
        else:
            self._store_works()

    def _save_effect(self, effect: Effect) -> None:
        ban = _ban_of(effect)
        if ban and (isinstance(effect, Prolonged) or not ban.restored):
            self._store.ban(ban, prolonged=isinstance(effect, Prolonged) and effect.after is not None)
        elif isinstance(effect, Unban) and effect.forget:
            self._store.forget(effect.ban.jail, effect.ban.id)
        elif isinstance(effect, Forget):
            self._store.forget(effect.jail, effect.id)

    def _save_counts(self, counted: Iterable[tuple[str, str]]) -> None:
        found: dict[str, dict[str, Tally | None]] = {}
        for jail, key in counted:
            if jail in self._engine.jails:
                found.setdefault(jail, {})[key] = self._engine.jails[jail].counter.tally(key)
        for name, tallies in found.items():
            self._store.save_counters(name, tallies)

    @property
    def troubles(self) -> list[str]:
        """What keeps it from doing all that it should."""
        return [self._store.trouble] if self._store.trouble else []

    def retry_store(self) -> None:
        """Save what the database refused so far: nobody else would try while nothing happens."""
        try:
            self._store.retry()
            if self._store.gap:
                self._save_all()
        except StoreError as error:
            self.store_failed(error)
        else:
            self._store_works()

    def _save_all(self) -> None:
        """Write all that is in force into a database that has lost some of it."""
        with self._store.turn():
            for jail in self._engine.jails.values():
                for ban in jail.ledger:
                    if ban.listed:
                        continue
                    self._store.ban(ban, prolonged=ban.duration != jail.spec.bantime)
                self._store.save_counters(jail.name, jail.counter.tallies())
        self._store.gap = False

    def store_failed(self, error: StoreError) -> None:
        """Say once that the database refuses; bans go on."""
        if str(error) != self._store_failure:
            self._store_failure = str(error)
            self._log.error("database", f"{error}; bans go on, what is not saved now is saved when it works again")

    def _store_works(self) -> None:
        if self._store_failure:
            self._store_failure = ""
            self._log.notice("database", "The database works again")


def _ban_of(effect: Effect) -> Ban | None:
    """Return the ban that this effect puts in force."""
    if isinstance(effect, Ban):
        return effect
    return effect.ban if isinstance(effect, Prolonged) else None


def _presses(effect: Effect) -> bool:
    """Whether it must be saved at once: it is more than a count, or no log will tell of it again."""
    if isinstance(effect, Found):
        return effect.by_hand
    return isinstance(effect, _PRESSING) or (isinstance(effect, Unban) and effect.forget)
