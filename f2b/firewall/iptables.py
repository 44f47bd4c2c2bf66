"""Bans as rules of iptables: a chain for each jail, and in it a rule for each of the banned.

Whatever a verb changes is one transaction for each address family. Rules do not time out: they go when the server
lifts the ban, or, if it does not run then, when it starts again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Term, xtables
from f2b.firewall.halves import Halves
from f2b.firewall.whom import Sources, sort
from f2b.firewall.xtables import Half

_FEW = 20
"""So many are taken out one by one: for each, iptables-nft looks through the whole chain."""


class Iptables(Halves):
    """A jail's bans in iptables. See `Firewall` for the verbs."""

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out until they are unbanned."""
        for family, sources in self._wanted(bans).items():
            held = self._held.get(family)
            if held is None:
                self._set_up(family, sources)
                continue
            half = self.plan.halves[family]
            fresh = [source for source in sources if source not in held]
            held.update(sources)
            self._commit(family, [f"-I {half.chain} 1 {xtables.banned(half, source)}" for source in fresh])

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in again."""
        for family, sources in sort(bans).sources.items():
            held = self._held.get(family, {})
            gone = [source for source in sources if held.pop(source, None) is not None]
            if gone:
                half = self.plan.halves[family]
                each = [f"-D {half.chain} {xtables.banned(half, source)}" for source in gone]
                self._commit(family, each if len(gone) <= _FEW else xtables.content(half, held))

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in; `bans` does not matter here."""
        for family, held in self._held.items():
            held.clear()
            self._commit(family, xtables.content(self.plan.halves[family], ()))

    def stop(self, keep: bool) -> None:
        """Take out rules and chains; with `keep`, leave all in force."""
        for family in () if keep else sorted({*self._families, *self._held} & self.plan.halves.keys()):
            half = self.plan.halves[family]
            self._driver.commit(half, xtables.removal(half, self._driver.listing(half)))
        self._held.clear()
        self._started = False

    def intact(self, bans: Sequence[Term]) -> bool:
        """Return whether everything stands that start made, and each of these has its rule."""
        wanted = sort(bans, self._clock()).sources
        return all(
            xtables.stands(self.plan, half, (), wanted.get(family, {}), self._driver.listing(half))
            for family, half in self.plan.halves.items()
            if family in self._held
        )

    def elements(self) -> dict[str, float | None]:
        """Return who has a rule, and for how many seconds yet, as far as we know; None is for ever."""
        now = self._clock()
        found: dict[str, float | None] = {}
        for family, held in self._held.items():
            half = self.plan.halves[family]
            for source in xtables.held(half, self._driver.listing(half)):
                end = held.get(source, math.inf)
                found[source] = None if math.isinf(end) else end - now
        return found

    def _make(self, family: int, half: Half, listing: Sequence[str], sources: Sources) -> None:
        self._driver.commit(half, xtables.setup(self.plan, half, (), sources, listing))

    def _commit(self, family: int, lines: Sequence[str]) -> None:
        """Carry out a change; if that fails, because the chain is gone, say, make all anew that is to be held."""
        try:
            self._driver.commit(self.plan.halves[family], lines)
        except ActionError:
            self._set_up(family, self._held[family])

    def _wanted(self, bans: Sequence[Term]) -> dict[int, Sources]:
        """Return whom to keep out, and tell of those who cannot be."""
        found = sort(bans, self._clock())
        lost = [who for family in found.sources.keys() - self.plan.halves for who in found.sources[family]]
        for who in found.unfit + lost:
            self._report("ERROR", f"{self.name} cannot ban {who}: no address for chain {self.plan.parent}")
        return {family: sources for family, sources in found.sources.items() if family in self.plan.halves}
