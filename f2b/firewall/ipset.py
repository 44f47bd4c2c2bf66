"""Bans as members of ipset's sets, which time out when a ban ends; rules of iptables look at the sets.

A set of addresses for each family, and beside it one of networks once a network is banned. A set is filled beside the
old one and swapped with it, rules change in one transaction: no packet passes in between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import islice

from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Term, xtables
from f2b.firewall.halves import Halves
from f2b.firewall.ipset_wire import LONGEST_S
from f2b.firewall.nftables import LEASE_S, SAMPLE
from f2b.firewall.sets import Sets, Shape
from f2b.firewall.whom import Sources, sort
from f2b.firewall.xtables import MAX_SET_NAME, NETS, Driver, Half, Xtables


class Ipset(Halves):
    """A jail's bans in ipset. See `Firewall` for the verbs."""

    def __init__(
        self,
        name: str,
        plan: Xtables,
        clock: Callable[[], float],
        driver: Driver,
        sets: Sets,
        report: Callable[[str, str], None],
        families: Collection[int],
    ) -> None:
        """As every `Halves`; `sets` is shared by everything in this process."""
        super().__init__(name, plan, clock, driver, report, families)
        self._sets = sets
        self._used: dict[int, frozenset[str]] = {}
        """Which sets are there."""

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out until they end; for who is banned already, this end counts from now on."""
        for family, sources in self._wanted(bans).items():
            held = self._held.get(family, {})
            held.update(sources)
            parts = self._parts(family, sources)
            if parts.keys() <= self._used.get(family, frozenset()):
                self._change(family, self._sets.add, parts)
            else:
                self._set_up(family, held)

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in again."""
        for family, sources in sort(bans).sources.items():
            if family not in self._used:
                continue
            for who in sources:
                self._held[family].pop(who, None)
            parts = self._parts(family, sources)
            self._change(family, self._sets.remove, {name: parts[name] for name in parts.keys() & self._used[family]})

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in; `bans` does not matter here."""
        for family, used in list(self._used.items()):
            try:
                for name in used:
                    self._sets.flush(name)
                self._held[family].clear()
            except ActionError:
                self._set_up(family, {})

    def stop(self, keep: bool) -> None:
        """Take out rules and sets; with `keep`, leave all in force."""
        for family in () if keep else sorted({*self._families, *self._used} & self.plan.halves.keys()):
            half = self.plan.halves[family]
            self._driver.commit(half, xtables.removal(half, self._driver.listing(half)))
            for name in half.sets:
                self._sets.destroy(name)
        self._held.clear()
        self._used.clear()
        self._started = False

    def intact(self, bans: Sequence[Term]) -> bool:
        """Return whether everything stands that start made, and the sets have as many members as there are bans; for
        some of these they are asked one by one."""
        wanted, _ = self._fit(bans)
        return all(
            xtables.stands(self.plan, half, self._used[family], (), self._driver.listing(half))
            and all(self._holds(name, who) for name, who in self._parts(family, wanted.get(family, {})).items())
            for family, half in self.plan.halves.items()
            if family in self._used
        )

    def elements(self) -> dict[str, float | None]:
        """Return who is in the sets, and for how many seconds yet; None is for ever."""
        names = [name for used in self._used.values() for name in sorted(used) if self._sets.header(name)]
        return {
            who: float(left) if left else None for name in names for who, left in self._sets.members(name).items()
        }

    # ---- what there is to do ----

    def _make(self, family: int, half: Half, listing: Sequence[str], sources: Sources) -> None:
        parts = self._parts(family, sources)
        for name in half.sets:
            present = self._sets.header(name)
            if present and present.shape != _shape(half, name, family):
                self._driver.commit(half, xtables.removal(half, listing))
                listing = self._driver.listing(half)
                self._sets.destroy(name)
        for name, members in parts.items():
            self._sets.fill(name, _shape(half, name, family), members)
        self._driver.commit(half, xtables.setup(self.plan, half, parts, (), listing))
        for name in half.sets:
            if name not in parts:
                self._sets.destroy(name)
        self._used[family] = frozenset(parts)

    def _change(
        self, family: int, act: Callable[[str, dict[str, int]], None], parts: Mapping[str, dict[str, int]]
    ) -> None:
        """Change the sets; if that fails, because one is gone, say, make all anew that is to be held."""
        try:
            for name, members in parts.items():
                act(name, members)
        except ActionError:
            self._set_up(family, self._held[family])

    def _parts(self, family: int, sources: Sources) -> dict[str, dict[str, int]]:
        """Return who belongs in which set, for how many seconds. The set of addresses is always among them."""
        half, now = self.plan.halves.get(family), self._clock()
        if half is None:
            return {}
        parts: dict[str, dict[str, int]] = {half.set: {}}
        for who, end in sources.items():
            left_s = LEASE_S if math.isinf(end) else min(LONGEST_S, max(1, math.ceil(end - now)))
            parts.setdefault(half.set + NETS if "/" in who else half.set, {})[who] = left_s
        return parts

    def _holds(self, name: str, members: Collection[str]) -> bool:
        header = self._sets.header(name)
        full = header is not None and header.members >= len(members)
        return full and all(self._sets.holds(name, who) for who in islice(members, SAMPLE))

    def _wanted(self, bans: Sequence[Term]) -> dict[int, Sources]:
        """Return whom to keep out, and tell of those who cannot be."""
        wanted, lost = self._fit(bans)
        for who in lost:
            self._report("ERROR", f"{self.name} cannot ban {who}: there is no set that could hold it")
        return wanted

    def _fit(self, bans: Sequence[Term]) -> tuple[dict[int, Sources], list[str]]:
        found = sort(bans, self._clock())
        lost = list(found.unfit)
        wanted: dict[int, Sources] = {}
        for family, sources in found.sources.items():
            half = self.plan.halves.get(family)
            room = half is not None and len(half.set + NETS) <= MAX_SET_NAME
            fit = {who: end for who, end in sources.items() if half and (room or "/" not in who)}
            lost += sources.keys() - fit.keys()
            if fit:
                wanted[family] = fit
        return wanted, lost


def _shape(half: Half, name: str, family: int) -> Shape:
    return Shape("hash:ip" if name == half.set else "hash:net", family)
