"""What the back ends that use iptables share: each address family is a half of its own, which may fail alone."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence

from f2b import net
from f2b.errors import ActionError
from f2b.firewall import Ahead, Reach, Term, xtables
from f2b.firewall.nft import FAMILIES
from f2b.firewall.owner import fail2ban
from f2b.firewall.reach import ahead_of, reach_of
from f2b.firewall.whom import Sources, held_of
from f2b.firewall.xtables import Driver, Half, Xtables

_NFT_FAMILIES = {4: FAMILIES["ip"], 6: FAMILIES["ip6"]}


class Halves(ABC):
    """A jail's bans, family by family."""

    shared = True
    piecemeal = False

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
        self.tables = frozenset((_NFT_FAMILIES[family], half.table) for family, half in plan.halves.items())
        """Where the nft variant of iptables keeps the plan's rules."""
        self._clock = clock
        self._driver = driver
        self._report = report
        self._families = families
        self._held: dict[int, Sources] = {}
        """Who is kept out, by the families that are set up."""
        self._started = False

    @abstractmethod
    def elements(self) -> Mapping[str, float | None]:
        """Return whom the kernel keeps out, and for how many seconds yet; None is for ever."""

    @abstractmethod
    def _wanted(self, bans: Sequence[Term]) -> Mapping[int, Sources]:
        """Return whom to keep out, and tell of those who cannot be."""

    @abstractmethod
    def _make(self, family: int, half: Half, listing: Sequence[str], sources: Sources) -> None:
        """Make everything of a family with exactly these kept out, whatever of it stands in `listing`."""

    def start(self, bans: Sequence[Term]) -> None:
        """Make everything, with exactly `bans` in force; who is banned before and after is so in between."""
        wanted = self._wanted(bans)
        for family in sorted({*self._families, *self._held, *wanted} & self.plan.halves.keys()):
            self._set_up(family, wanted.get(family, {}))
        self._started = True

    @property
    def reach(self) -> Reach:
        """Return which packets it keeps out."""
        return reach_of(self.plan)

    def held(self, bans: Sequence[Term]) -> dict[str, float | None]:
        """Return which of these the kernel keeps out, and for how many seconds yet."""
        return held_of(bans, self.elements())

    def ahead(self, who: str) -> list[Ahead]:
        """Return the rules that let this address in before it comes to ours."""
        half = self.plan.halves.get(net.family(who))
        return ahead_of(self.plan, half, who, self._driver.listing(half)) if half else []

    def _set_up(self, family: int, sources: Sources) -> None:
        half = self.plan.halves[family]
        try:
            listing = self._driver.listing(half)
            if not self._started:
                _refuse_beside_fail2ban(half, listing)
            self._make(family, half, listing, sources)
        except ActionError as error:
            if family in self._families:
                raise
            # A host without IPv6 need not keep it out, and must go on with the other family.
            self._report("ERROR", f"{self.name} cannot ban {', '.join(sources)}: {error}")
        else:
            self._held[family] = dict(sources)


def _refuse_beside_fail2ban(half: Half, listing: Sequence[str]) -> None:
    """Raise ActionError if a Fail2Ban at work uses what we would."""
    pid = fail2ban() if xtables.removal(half, listing) else None
    if pid:
        what = half.chain or half.set
        raise ActionError(f"{what} is used by Fail2Ban (pid {pid}); stop it first (systemctl stop fail2ban)")
