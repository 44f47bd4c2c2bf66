"""What time brings: bans that end, counters that fade, the database's purge, the kernel's leases."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import islice

from f2b import memory
from f2b.daemon.lookup import Lookup
from f2b.daemon.outlet import Outlet
from f2b.engine import Engine
from f2b.errors import StoreError
from f2b.events import Effect, Unban, Warned
from f2b.jail import Jail
from f2b.loop import Loop, Timer
from f2b.store import Store
from f2b.value import replace

HOUSEKEEPING_S = 5
"""How often counters are purged and names and list files looked at; bans end at their own deadlines."""
STEP_S = 60.0
"""A clock that differs by more from what it should say was set; less is left to pass."""
PURGE_S = 3600
"""How often the database forgets what is older than dbpurgeage (as in Fail2Ban), and endless bans are renewed."""

AT_ONCE = 250
"""Bans of a jail that are lifted in one turn of the loop: thousands may end in the same second."""
TRIM_S = 60
"""How often memory that is free goes back to the system: in a storm of bans its pieces would become ever more."""
WHOLE_S = 86400
"""How often all of it is searched for garbage; else what is new."""
RETRY_S = 1
"""How often a database that refuses is tried again."""

Take = Callable[[Sequence[Effect]], object]


class Upkeep:
    """Keeps the deadlines of everything that must happen without a line or a command."""

    def __init__(self, engine: Engine, outlet: Outlet, lookup: Lookup, store: Store, loop: Loop, take: Take) -> None:
        self.purgeage = 86400.0
        """Seconds that the database remembers a ban (`dbpurgeage`)."""
        self._engine = engine
        self._outlet = outlet
        self._lookup = lookup
        self._store = store
        self._loop = loop
        self._take = take
        self._end: float | None = None
        """When the next ban ends, as the deadline `_next_end` knows it."""
        self._next_end: Timer | None = None
        self._housekeeping: Timer | None = None
        self._visiting: Timer | None = None
        self._room: Timer | None = None
        self._most_bans = float("inf")
        self._crowded = False
        """It was told that bans are lifted for want of memory."""
        self._visits: list[str] = []
        """Jails that are yet to be seen to."""
        self._retry: Timer | None = None
        self._purged = self._trimmed = loop.now()
        self._whole_at = loop.elapsed() + WHOLE_S
        self._clock = loop.now(), loop.lived()
        """What the wall clock said, and for how long the host was up then."""
        self._full: set[str] = set()
        """Jails of which it was told that they forget some."""

    def start(self) -> None:
        """Begin, with what is due now."""
        self._keep_house()

    def stop(self) -> None:
        """Let nothing more come due."""
        for timer in (self._next_end, self._housekeeping, self._visiting, self._room, self._retry):
            if timer:
                timer.cancel()

    def look_ahead(self) -> None:
        """Set the deadlines: when the next ban ends, and when to try what the database refused."""
        if self._store.trouble and not self._retry:
            self._retry = self._loop.after(RETRY_S, self._try_again)
        end = self._engine.next_end()
        if end == self._end:
            return
        self._end = end
        if self._next_end:
            self._next_end.cancel()
        self._next_end = None if end is None else self._loop.after(max(0.0, end - self._loop.now()), self._tick)

    def _try_again(self) -> None:
        self._retry = None
        self._outlet.retry_store()
        self.look_ahead()

    def _tick(self) -> None:
        self._end = None  # the deadline has been used up
        self._follow_clock()
        now = self._loop.now()
        self._take([effect for jail in self._engine.jails.values() for effect in jail.release(now, AT_ONCE)])

    def _follow_clock(self) -> None:
        """Move the bans when somebody has set the clock: the kernel's timeouts go by time that has passed."""
        now, lived = self._loop.now(), self._loop.lived()
        expected = self._clock[0] + lived - self._clock[1]
        step, self._clock = now - expected, (now, lived)
        if abs(step) < STEP_S:
            return
        for jail in self._engine.jails.values():
            for ban in list(jail.ledger):
                new = now - 2 * HOUSEKEEPING_S <= ban.time <= now  # made by the new clock
                if ban.time <= expected and not new:
                    jail.ledger.put(replace(ban, time=ban.time + step))

    def _keep_house(self) -> None:
        self._tick()
        now = self._loop.now()
        if abs(now - self._purged) >= PURGE_S:
            self._purged = now
            self._purge(now)
        if abs(now - self._trimmed) >= TRIM_S:
            self._trimmed = now
            self._search()
            memory.trim()
        elif memory.filled():
            memory.search()
        self._outlet.retry_store()  # without any trouble this looks whether the file is still there
        self._housekeeping = self._loop.after(HOUSEKEEPING_S, self._keep_house)
        self._most_bans = memory.bans()
        self._make_room()
        if not self._visits:
            self._visits = list(self._engine.jails)
            self._visit()

    def _visit(self) -> None:
        """See to one jail, and to the next in the next turn of the loop: each may count a hundred thousand."""
        jail = self._engine.jails.get(self._visits.pop()) if self._visits else None
        if self._visits:
            self._visiting = self._loop.after(0, self._visit)
        if jail:
            self._see_to(jail)

    def _see_to(self, jail: Jail) -> None:
        effects: list[Effect] = [*jail.tick(self._loop.now(), AT_ONCE)]
        self._tell_if_full(jail)
        self._lookup.refresh(jail)
        effects += self._lookup.listed(jail)
        if effects:
            self._take(effects)

    def _make_room(self) -> None:
        """Lift the oldest bans, some in each turn of the loop, while there are more than fit into limited memory.

        Else the kernel would end the server, and nobody would ban anybody.
        """
        jails = self._engine.jails.values()
        over = sum(len(jail.ledger) for jail in jails) - self._most_bans
        if over <= 0:
            self._crowded = self._crowded and over > -self._most_bans / 2
            return
        jail = max(jails, key=lambda each: len(each.ledger))
        if not self._crowded:
            self._crowded = True
            what = f"More than {self._most_bans} are banned, and memory is limited: the oldest bans are lifted"
            cure = "Give the server more memory (MemoryMax), or ban for a shorter time"
            self._take([Warned(jail.name, (what, cure))])
        eldest = (key for key in jail.ledger.ids() if (brief := jail.ledger.brief(key)) and not brief.listed)
        ids = list(islice(eldest, min(AT_ONCE, int(over))))
        lifted = [Unban(ban, forget=True) for key in ids if (ban := jail.ledger.lift(key))]
        if lifted:
            self._room = self._loop.after(0, self._make_room)
            self._take(lifted)

    def _search(self) -> None:
        """Search for garbage, once a day among everything."""
        whole = self._loop.elapsed() >= self._whole_at
        if whole:
            self._whole_at += WHOLE_S
        memory.search(whole)

    def _tell_if_full(self, jail: Jail) -> None:
        """Tell once that a jail counts no more ids than it may, and again only after that was over."""
        counter = jail.counter
        if not counter.forgotten or len(counter) < counter.most // 2:
            self._full.discard(jail.name)
            counter.forgotten = 0
        elif jail.name not in self._full:
            self._full.add(jail.name)
            what = (
                f"More than {counter.most} ids fail and are not banned: those that failed longest ago are forgotten"
            )
            cure = "Shorten findtime, or give the server more memory; for a botnet there is filtertype = distributed"
            self._take([Warned(jail.name, (what, cure))])

    def _purge(self, now: float) -> None:
        for guard in self._outlet.guards.values():
            guard.renew()
        try:
            self._store.purge(now, self.purgeage)
        except StoreError as error:
            self._outlet.store_failed(error)
