"""What time brings: bans that end, counters that fade, the database's purge, the kernel's leases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b import memory
from f2b.daemon.lookup import Lookup
from f2b.daemon.outlet import Outlet
from f2b.engine import Engine
from f2b.errors import StoreError
from f2b.events import Effect, Warned
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

TRIM_S = 60
"""How often memory that is free goes back to the system: in a storm of bans its pieces would become ever more."""
SHARE = 2000
"""One search for garbage in so many times as long as it takes."""
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
        self._retry: Timer | None = None
        self._purged = self._trimmed = loop.now()
        self._search_at = 0.0
        """Not before then, by a clock that nobody sets, is garbage searched for."""
        self._clock = loop.now(), loop.lived()
        """What the wall clock said, and for how long the host was up then."""
        self._full: set[str] = set()
        """Jails of which it was told that they forget some."""

    def start(self) -> None:
        """Begin, with what is due now."""
        self._keep_house()

    def stop(self) -> None:
        """Let nothing more come due."""
        for timer in (self._next_end, self._housekeeping, self._retry):
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
        self._take(self._engine.tick(self._loop.now()))

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
        self._outlet.retry_store()  # without any trouble this looks whether the file is still there
        for jail in self._engine.jails.values():
            self._tell_if_full(jail)
            self._lookup.refresh(jail)
            listed = self._lookup.listed(jail)
            if listed:
                self._take(listed)
        self._housekeeping = self._loop.after(HOUSEKEEPING_S, self._keep_house)

    def _search(self) -> None:
        """Search for garbage, for a small share of the time."""
        began = self._loop.elapsed()
        if began >= self._search_at:
            memory.search()
            self._search_at = began + SHARE * (self._loop.elapsed() - began)

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
