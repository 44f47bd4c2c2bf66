"""The native firewalls of one process, and what they share: a link to nftables, iptables' programs, ipset's sets."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from functools import cached_property

from f2b.errors import ActionError
from f2b.firewall import Firewall, xtables
from f2b.firewall.kernel import Kernel
from f2b.firewall.nft import FAMILIES, Table
from f2b.firewall.nftables import Nftables
from f2b.firewall.owner import fail2ban
from f2b.firewall.plan import Plan
from f2b.firewall.restore import Restore
from f2b.firewall.sets import Sets
from f2b.firewall.xtables import Driver, Half, Xtables

Report = Callable[[str, str], None]
"""Tells (level, text)."""


class Native:
    """Makes native firewalls."""

    def __init__(self, clock: Callable[[], float], families: Collection[int]) -> None:
        """`clock` gives seconds since the epoch; `families` are those that this host speaks."""
        self.kernel = Kernel()
        self.restore = Restore()
        self.sets = Sets(self.kernel.link)
        self._clock = clock
        self._families = families
        self._plans: list[Xtables] = []

    def make(self, name: str, plan: Plan | Xtables, report: Report) -> Firewall:
        """Return what carries a plan out. Raises ActionError if this host cannot."""
        if isinstance(plan, Plan):
            return Nftables(name, plan, self._clock, self.kernel, report)
        self._plans.append(plan)
        driver: Driver = self._iptc if plan.driver == "iptc" else self.restore
        if any(half.set for half in plan.halves.values()):
            from f2b.firewall.ipset import Ipset

            return Ipset(name, plan, self._clock, driver, self.sets, report, self._families)
        from f2b.firewall.iptables import Iptables

        return Iptables(name, plan, self._clock, driver, report, self._families)

    def sweep(self, gone: Collection[str], moved: Collection[str]) -> None:
        """Take out what an earlier server left behind, under the names that chains and sets have by default.

        `gone`: jails that are no longer configured; `moved`: those whose bans are in nftables now, and were elsewhere
        maybe. Raises ActionError.
        """
        if gone:
            self.kernel.sweep(gone)
        names = [f"f2b-{jail}" for jail in (*gone, *moved)]
        used = {name for plan in self._plans for half in plan.halves.values() for name in (half.chain, half.set)}
        tables = {(half.program, half.table) for plan in self._plans for half in plan.halves.values()}
        for program, table in sorted(tables | self._usual()) if names and not fail2ban() else ():
            for name in names:
                self._sweep(program, table, name, used)

    def _usual(self) -> set[tuple[str, str]]:
        """Return where iptables keeps rules, if there are any."""
        family = {"iptables": FAMILIES["ip"], "ip6tables": FAMILIES["ip6"]}
        held = [
            program for program, number in family.items() if self.kernel.standing(Table(number, "filter")).present
        ]
        return {(program, "filter") for program in held if installed(f"{program}-save")}

    def _sweep(self, program: str, table: str, name: str, used: Collection[str]) -> None:
        rules = Half(program, table, "", chain=name, fixed={name: ()})
        for half in (rules, Half(program, table, "", set=name), Half(program, table, "", set=f"{name}6")):
            if name in used:
                return
            lines = xtables.removal(half, self.restore.listing(half))
            self.restore.commit(half, lines)
            for kept in half.sets if lines else ():
                self.sets.destroy(kept)

    @cached_property
    def _iptc(self) -> Driver:
        try:
            from f2b.firewall.iptc import Iptc
        except ImportError as error:
            raise ActionError(f"iptc cannot be used: {error}; install it with pip install 'f2b[iptc]'") from error
        return Iptc()


def installed(program: str) -> bool:
    """Say whether a shell command would find a program."""
    if "/" in program:
        return os.access(program, os.X_OK)
    folders = os.environ.get("PATH", os.defpath).split(os.pathsep)
    return any(os.access(f"{folder}/{program}", os.X_OK) for folder in folders)
