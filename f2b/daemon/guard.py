"""One jail's firewalls, kept equal to its ledger, whatever goes wrong with them in between."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence, Set

from f2b.ban.ledger import Ledger
from f2b.daemon.doubt import Doubt
from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Firewall, Watched, is_prompt, is_proven, is_queued, is_watched
from f2b.firewall.effort import Effort
from f2b.firewall.life import Query, can_be_asked
from f2b.firewall.shell import Result
from f2b.log import Log
from f2b.loop import Loop, Timer

LONG_S = 20 * 86400
"""Bans that end later than this are told again: ipset holds none for more than 24.8 days."""
RETRY_S = 15
"""How long after a failure a firewall is brought back to what the ledger says."""


class Guard:
    """Hands bans to every firewall of a jail; one that fails is told once and mended later, from the ledger."""

    def __init__(
        self,
        jail: str,
        firewalls: Sequence[Firewall],
        ledger: Ledger,
        loop: Loop,
        log: Log,
        recall: Callable[[Ban], Ban] = lambda ban: ban,
    ) -> None:
        """`recall` returns a restored ban with what led to it, which the ledger does not keep."""
        self.jail = jail
        self._recall = recall
        self.firewalls = tuple(firewalls)
        self.shuts_out = _shut_out(self.firewalls)
        """Whether f2b itself keeps packets of the banned out; commands and scripts may do anything."""
        self._ledger = ledger
        self._loop = loop
        self._log = log
        self.failing: dict[str, str] = {}
        """Why, by the firewall's name."""
        self._retry: Timer | None = None
        self._efforts: dict[str, Effort] = {}
        """Of those that do their work at once, by name."""
        self._stopping = False
        self.doubt = Doubt(jail, ledger, lambda: self.firewalls, self.failing, self.restore, loop, log)
        """Asks whether what was asked for is so."""

    def start(self) -> None:
        """Make all ready, with the ledger's bans in force."""
        for firewall in self.firewalls:
            self._attempt(firewall, self._set_up)

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out."""
        self._all(lambda it: it.ban(self._told(it, bans)))
        self.doubt.banned(bans)

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in."""
        self._all(lambda it: it.unban(self._told(it, bans)))

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in: `bans` were all there were."""
        self._all(lambda it: it.flush(self._told(it, bans)))

    def swap(self, gone: Sequence[Ban], came: Sequence[Ban]) -> None:
        """Let some in and keep others out; in the kernel all of it is one transaction, however many they are."""

        def change(firewall: Firewall) -> None:
            if is_queued(firewall):
                firewall.unban(self._told(firewall, gone))
                firewall.ban(came)
            else:
                self._set_up(firewall)

        self._all(change)

    @property
    def keeps(self) -> bool:
        """Whether bans of it can stay in force when the server has gone."""
        return any(not is_queued(firewall) or firewall.lasting for firewall in self.firewalls)

    def stop(self, keep: bool) -> None:
        """Take everything out, last started first; with `keep`, leave in the kernel what can stay there."""
        self._stopping = True
        for firewall in reversed(self.firewalls):
            self._attempt(firewall, lambda it: it.stop(keep))
        self.doubt.close()
        if self._retry:
            self._retry.cancel()

    def change(self, gone: Collection[str], new: Sequence[Firewall], order: Sequence[str]) -> None:
        """Take down the firewalls named in `gone`, set up the `new` ones; `order` is that of their names from now."""
        kept: dict[str, Firewall] = {}
        for firewall in self.firewalls:
            if firewall.name in gone:
                self._attempt(firewall, lambda it: it.stop(False))
                self.failing.pop(firewall.name, None)
            else:
                kept[firewall.name] = firewall
        for firewall in new:
            kept[firewall.name] = firewall
            self._attempt(firewall, self._set_up)
        self.firewalls = tuple(kept[name] for name in order if name in kept)
        self.shuts_out = _shut_out(self.firewalls)

    def act(self, name: str, verb: str) -> None:
        """Let one action `start`, `stop` or `flush` by hand; another verb: see that it stands."""
        verbs: dict[str, Callable[[Firewall], None]] = {
            "stop": lambda it: it.stop(False),
            "flush": lambda it: it.flush(self._held(it)),
        }
        for firewall in self.firewalls:
            if firewall.name == name:
                self._attempt(firewall, verbs.get(verb, self._set_up))

    def ask(self, name: str, query: Query, answer: Callable[[Result], object]) -> None:
        """Ask one action something; who cannot be asked answers that."""
        asked = [it for it in self.firewalls if it.name == name and can_be_asked(it)]
        if asked:
            asked[0].ask(query, answer)
        else:
            answer(Result(1, f"{name} does not run, so it cannot be asked"))

    @property
    def watched(self) -> bool:
        """Whether there is a firewall that others may damage."""
        return any(is_watched(firewall) for firewall in self.firewalls)

    @property
    def tables(self) -> set[tuple[int, str]]:
        """Where in nftables others may damage one, by family and name."""
        return {table for it in self.firewalls if is_watched(it) for table in it.tables}

    def damaged(self, changed: Set[tuple[int, str]] | None) -> list[str]:
        """Return the names of the firewalls that are not as the ledger wants them, because others changed them.

        Only those with a table in `changed` are asked; None: all that work, and none is damaged for its table's sake.
        """
        names = []
        for firewall in self.firewalls:
            if not is_watched(firewall):
                continue
            if changed is None:
                found = firewall.name not in self.failing and not self._is_intact(firewall)
            else:
                touched = not changed.isdisjoint(firewall.tables)
                found = touched and not (firewall.shared and self._is_intact(firewall))
            names += [firewall.name] if found else []
        return names

    def _is_intact(self, firewall: Watched) -> bool:
        try:
            return firewall.intact(tuple(self._ledger.terms()))
        except ActionError:
            return False  # why, the attempt to restore it will tell

    def restore(self, names: Collection[str]) -> None:
        """Bring what is in the kernel back to what the ledger says, after somebody else changed it."""
        for firewall in self.firewalls:
            if firewall.name in names:
                self._attempt(firewall, self._set_up)

    def set_up_again(self) -> None:
        """Do what `start` did, where that can be done twice."""
        self.restore({firewall.name for firewall in self.firewalls if is_watched(firewall)})

    def renew(self) -> None:
        """Tell the kernel again of bans without an end: it holds none for longer than a day; and of long ones."""
        late = self._loop.now() + LONG_S
        endless = [ban for ban in self._ledger if ban.end > late]
        for firewall in self.firewalls if endless else ():
            if not is_queued(firewall):
                self._attempt(firewall, lambda it: it.ban(endless))

    def seen(self, ban: Ban) -> None:
        """A banned id offends although it is banned: let the actions look whether they still stand."""
        for firewall in self.firewalls:
            if is_queued(firewall):
                firewall.seen(self._recall(ban))
        self.doubt.seen(ban)

    @property
    def faults(self) -> list[str]:
        """Why its firewalls do not do what they should, those too that only found out later."""
        later = [it.fault for it in self.firewalls if is_queued(it) and it.fault]
        return [*self.failing.values(), *later]

    def reload(self, kept: Collection[str]) -> None:
        """Tell those actions, which go on as they were, that the configuration was read again."""
        for firewall in self.firewalls:
            if is_queued(firewall) and firewall.name in kept:
                firewall.reload()

    @property
    def busy(self) -> bool:
        """Whether some action has not done yet what it was asked for."""
        return any(is_queued(firewall) and not firewall.idle for firewall in self.firewalls)

    def abandon(self) -> None:
        """Give up what is not done yet: the server ends now."""
        for firewall in self.firewalls:
            if is_queued(firewall):
                firewall.abandon()

    def _set_up(self, firewall: Firewall) -> None:
        """Make one ready, with all bans in force."""
        if is_prompt(firewall):
            firewall.start(tuple(self._ledger.terms()))
        else:
            firewall.start(self._held(firewall))

    def _held(self, firewall: Firewall) -> Sequence[Ban]:
        """Return all bans in force, as a firewall needs them."""
        return self._told(firewall, tuple(self._ledger))

    def _told(self, firewall: Firewall, bans: Sequence[Ban]) -> Sequence[Ban]:
        """Return bans with what led to them, if this firewall may tell that to somebody."""
        return tuple(map(self._recall, bans)) if is_queued(firewall) else bans

    def _all(self, act: Callable[[Firewall], None]) -> None:
        for firewall in self.firewalls:
            if firewall.name not in self.failing:  # else the mending brings it all
                self._attempt(firewall, act)

    def effort(self, firewall: Firewall) -> Effort:
        """Return what a firewall's work has cost so far."""
        if is_queued(firewall):
            return firewall.effort
        return self._efforts.setdefault(firewall.name, Effort())

    def _attempt(self, firewall: Firewall, act: Callable[[Firewall], None]) -> None:
        try:
            self._timed(firewall, act)
        except ActionError as error:
            if self.failing.get(firewall.name) != str(error):
                self._log.error("actions", f"[{self.jail}] {firewall.name}: {error}")
            self.failing[firewall.name] = str(error)
            self._retry = self._retry or self._loop.after(RETRY_S, self._mend)
        else:
            if self.failing.pop(firewall.name, None) and not self._stopping:
                self._log.notice("actions", f"[{self.jail}] {firewall.name} works again, all bans are in force")

    def _timed(self, firewall: Firewall, act: Callable[[Firewall], None]) -> None:
        began, worked = self._loop.elapsed(), False
        try:
            act(firewall)
            worked = True
        finally:
            if not is_queued(firewall):
                self.effort(firewall).add(self._loop.elapsed() - began, worked)

    def _mend(self) -> None:
        self._retry = None
        for firewall in self.firewalls:
            if firewall.name in self.failing:
                self._attempt(firewall, self._set_up)


def _shut_out(firewalls: Iterable[Firewall]) -> bool:
    """Return whether any of these is ours."""
    return any(is_proven(firewall) for firewall in firewalls)
