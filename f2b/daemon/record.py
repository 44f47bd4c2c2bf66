"""What is on record about a banned id, for actions that tell it: counts, earlier bans, the name of its host."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b.daemon.resolve import Resolver, name_of
from f2b.engine import Engine
from f2b.errors import StoreError
from f2b.events import Ban
from f2b.firewall.ticket import Counts
from f2b.loop import Loop
from f2b.store import Store


class Record:
    """Asks the jails, the database and the name servers, each only when somebody wants to know."""

    def __init__(self, engine: Engine, store: Store, loop: Loop, most: int = 10) -> None:
        """`most` is how many log lines of somebody are told (`dbmaxmatches`)."""
        self._most = most
        self._engine = engine
        self._store = store
        self._names = Resolver(loop, name_of)

    def counts(self, jail: str) -> Counts:
        """Return what a jail has counted; nothing, if it is being taken down."""
        found = self._engine.jails.get(jail)
        if found is None:
            return Counts()
        return Counts(len(found.ledger), found.banned_total, len(found.counter), found.counter.total)

    def history(self, ban: Ban, own: bool) -> tuple[int, Sequence[str]]:
        """Return failures and log lines of all bans of this id on record, in all jails or in the ban's `own`.

        A ban that is not there (its history was forgotten, or the disk refuses) says what it knows itself.
        """
        try:
            bans = self._store.bans_of(ban.id, ban.jail if own else "")
        except StoreError:
            bans = []
        if not bans:
            return ban.failures, ban.matches
        lines = [line for each in bans for line in each.matches]
        return sum(each.failures for each in bans), lines[-self._most :] if self._most > 0 else ()

    def host_name(self, address: str, answer: Callable[[str], object]) -> None:
        """Answer in the loop what an address is called, "" if it has no name."""
        self._names.resolve(address, lambda _, names: answer(names[0] if names else ""))
