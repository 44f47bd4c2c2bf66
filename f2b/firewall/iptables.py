"""Bans as rules of iptables: a chain for each jail, and in it a rule for each of the banned.

Whatever a verb changes is one transaction for each address family. Rules do not time out: they go when the server
lifts the ban, or, if it does not run then, when it starts again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Sequence

from f2b import net
from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Ahead, Reach, xtables
from f2b.firewall.nft import FAMILIES
from f2b.firewall.owner import fail2ban
from f2b.firewall.reach import ahead_of, reach_of
from f2b.firewall.whom import Sources, held_of, sort
from f2b.firewall.xtables import Driver, Half, Xtables

_FEW = 20
"""So many are taken out one by one: for each, iptables-nft looks through the whole chain."""
_NFT_FAMILIES = {4: FAMILIES["ip"], 6: FAMILIES["ip6"]}


def nft_tables(plan: Xtables) -> frozenset[tuple[int, str]]:
    """Return where the nft variant of iptables keeps the plan's rules."""
    return frozenset((_NFT_FAMILIES[family], half.table) for family, half in plan.halves.items())


def refuse_beside_fail2ban(half: Half, listing: Sequence[str]) -> None:
    """Raise ActionError if a Fail2Ban at work uses what we would."""
    pid = fail2ban() if xtables.removal(half, listing) else None
    if pid:
        what = half.chain or half.set
        raise ActionError(f"{what} is used by Fail2Ban (pid {pid}); stop it first (systemctl stop fail2ban)")


class Iptables:
    """A jail's bans in iptables. See `Firewall` for the verbs."""

    shared = True

    def __init__(
        self,
        name: str,
        plan: Xtables,
        clock: Callable[[], float],
        driver: Driver,
        report: Callable[[str, str], None],
        families: Collection[int],
    ) -> None:
        """`clock` gives seconds since the epoch; `families` are set up at start, others once somebody of theirs is
        banned; `report(level, text)` takes what no second try would mend."""
        self.name = name
        self.plan = plan
        self.tables = nft_tables(plan)
        self._clock = clock
        self._driver = driver
        self._report = report
        self._families = families
        self._held: dict[int, Sources] = {}
        """Who has a rule, by the families that are set up."""
        self._started = False

    def start(self, bans: Sequence[Ban]) -> None:
        """Make chains and rules with exactly `bans` in them; who is banned before and after is so in between."""
        wanted = self._wanted(bans)
        for family in sorted({*self._families, *self._held, *wanted} & self.plan.halves.keys()):
            self._set_up(family, wanted.get(family, {}))
        self._started = True

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

    def intact(self, bans: Sequence[Ban]) -> bool:
        """Return whether everything stands that start made, and each of these has its rule."""
        wanted = sort(bans, self._clock()).sources
        return all(
            xtables.stands(self.plan, half, (), wanted.get(family, {}), self._driver.listing(half))
            for family, half in self.plan.halves.items()
            if family in self._held
        )

    @property
    def reach(self) -> Reach:
        """Return which packets it keeps out."""
        return reach_of(self.plan)

    def held(self, bans: Sequence[Ban]) -> dict[str, float | None]:
        """Return which of these have a rule, and for how many seconds yet."""
        return held_of(bans, self.elements())

    def ahead(self, who: str) -> list[Ahead]:
        """Return the rules that let this address in before it comes to ours."""
        half = self.plan.halves.get(net.family(who))
        return ahead_of(self.plan, half, who, self._driver.listing(half)) if half else []

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

    def _set_up(self, family: int, sources: Sources) -> None:
        half = self.plan.halves[family]
        try:
            listing = self._driver.listing(half)
            if not self._started:
                refuse_beside_fail2ban(half, listing)
            self._driver.commit(half, xtables.setup(self.plan, half, (), sources, listing))
        except ActionError as error:
            if family in self._families:
                raise
            # A host without IPv6 need not keep it out, and must go on with the other family.
            self._report("ERROR", f"{self.name} cannot ban {', '.join(sources)}: {error}")
            return
        self._held[family] = dict(sources)

    def _commit(self, family: int, lines: Sequence[str]) -> None:
        """Carry out a change; if that fails, because the chain is gone, say, make all anew that is to be held."""
        try:
            self._driver.commit(self.plan.halves[family], lines)
        except ActionError:
            self._set_up(family, self._held[family])

    def _wanted(self, bans: Sequence[Ban]) -> dict[int, Sources]:
        """Return whom to keep out, and tell of those who cannot be."""
        found = sort(bans, self._clock())
        lost = [who for family in found.sources.keys() - self.plan.halves for who in found.sources[family]]
        for who in found.unfit + lost:
            self._report("ERROR", f"{self.name} cannot ban {who}: no address for chain {self.plan.parent}")
        return {family: sources for family, sources in found.sources.items() if family in self.plan.halves}
