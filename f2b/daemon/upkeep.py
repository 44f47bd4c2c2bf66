"""What time brings: bans that end, counters that fade, the database's purge, the kernel's leases."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b.daemon.lookup import Lookup
from f2b.daemon.outlet import Outlet
from f2b.engine import Engine
from f2b.errors import StoreError
from f2b.events import Effect
from f2b.loop import Loop, Timer
from f2b.store import Store

HOUSEKEEPING_S = 5
"""How often counters are purged and names and list files looked at; bans end at their own deadlines."""
PURGE_S = 3600
"""How often the database forgets what is older than dbpurgeage (as in Fail2Ban), and endless bans are renewed."""

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
        self._purged = loop.now()

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
        self._take(self._engine.tick(self._loop.now()))

    def _keep_house(self) -> None:
        self._tick()
        now = self._loop.now()
        if abs(now - self._purged) >= PURGE_S:
            self._purged = now
            self._purge(now)
        self._outlet.retry_store()  # without any trouble this looks whether the file is still there
        for jail in self._engine.jails.values():
            self._lookup.refresh(jail)
            listed = self._lookup.listed(jail)
            if listed:
                self._take(listed)
        self._housekeeping = self._loop.after(HOUSEKEEPING_S, self._keep_house)

    def _purge(self, now: float) -> None:
        for guard in self._outlet.guards.values():
            guard.renew()
        try:
            self._store.purge(now, self.purgeage)
        except StoreError as error:
            self._outlet.store_failed(error)
