"""Do bans bite? The kernel is asked after each, and when somebody banned is seen all the same, it is said why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from f2b.ban.ledger import Ledger
from f2b.daemon import cause
from f2b.daemon.cause import Check, Remark, Traffic
from f2b.daemon.traffic import traffic
from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Firewall, Proven, is_proven
from f2b.firewall.dry import Dry
from f2b.firewall.nftables import SAMPLE
from f2b.log import Log
from f2b.loop import Loop, Timer

SOON_S = 1.0
"""How long after a ban the kernel is asked: many bans are one question."""
SHARE = 50
"""Asking may take one part in so many of the time."""
AGAIN_S = 3600.0
"""Nobody is told of twice within this time."""
PAUSE_S = 60.0
"""Nor two of one jail: what is wrong is likely to be the same."""


class Doubt:
    """Whether one jail's bans bite."""

    def __init__(
        self,
        jail: str,
        ledger: Ledger,
        firewalls: Callable[[], Sequence[Firewall]],
        failing: Mapping[str, str],
        restore: Callable[[Collection[str]], None],
        loop: Loop,
        log: Log,
    ) -> None:
        """`failing`: why a firewall does not work now, by its name; `restore` brings the firewalls of these names
        back to what the ledger says."""
        self._jail = jail
        self._ledger = ledger
        self._firewalls = firewalls
        self._failing = failing
        self._restore = restore
        self._loop = loop
        self._log = log
        self._fresh: list[Ban] = []
        """The newest bans that nobody has asked for yet."""
        self._timer: Timer | None = None
        self._pause_s = SOON_S
        self._told: dict[str, float] = {}
        """Who was told of, and when."""

    def close(self) -> None:
        """Ask nothing more."""
        if self._timer:
            self._timer.cancel()

    # ---- after a ban ----

    def banned(self, bans: Sequence[Ban]) -> None:
        """Ask soon whether these are in force."""
        if not self._proven():
            return
        self._fresh = [*self._fresh, *bans[-SAMPLE:]][-SAMPLE:]
        if self._timer is None:
            self._timer = self._loop.after(self._pause_s, self._ask)

    def _ask(self) -> None:
        self._timer = None
        began = self._loop.elapsed()
        bans, self._fresh = self._still(self._fresh), []
        lost = [it.name for it in self._proven() if it.name not in self._failing and not self._has(it, bans)]
        self._pause_s = max(SOON_S, SHARE * (self._loop.elapsed() - began))
        if lost:
            what = "bans are not in force, though the kernel took them; all are put back"
            self._log.warning("actions", f"[{self._jail}] {', '.join(lost)}: {what}")
            self._restore(lost)

    def _still(self, bans: Sequence[Ban]) -> list[Ban]:
        """Return those that are to be in force for a while yet."""
        late = self._loop.now() + 1
        now = (self._ledger.get(ban.id) for ban in bans)
        return [ban for ban in now if ban and ban.end > late]

    def _has(self, firewall: Proven, bans: Sequence[Ban]) -> bool:
        try:
            return firewall.intact(bans)
        except ActionError:
            return True  # it cannot be asked, and why, the next ban will tell

    # ---- seen all the same ----

    def seen(self, ban: Ban) -> None:
        """Say why somebody banned may still get through; not too often."""
        now = self._loop.elapsed()
        self._told = {who: when for who, when in self._told.items() if now - when < AGAIN_S}
        recent = max(self._told.values(), default=now - PAUSE_S)
        if self._proven() and ban.id not in self._told and now - recent >= PAUSE_S:
            self._told[ban.id] = now
            self._loop.soon(lambda: self._explain(ban.id))

    def _explain(self, key: str) -> None:
        ban = self._ledger.get(key)
        for check in self._proofs([ban], True) if ban else ():
            causes = "; or ".join(map(str, check.remarks or (cause.UNSEEN,)))
            who = f"{key} is banned for {self._loop.now() - check.ban.time:.0f} s already and still seen"
            self._log.warning("actions", f"[{self._jail}] {who}: {check.action}: {causes}")

    # ---- asked ----

    def checks(self, bans: Sequence[Ban], closely: bool = False) -> list[Check]:
        """Ask for these bans, and put back what is lost; `closely`: see too what the banned do and what lets them."""
        dry = [it.name for it in self._firewalls() if isinstance(it, Dry)]
        found = self._proofs(bans, closely)
        found += [Check(ban, name, False, remarks=(cause.DRY,)) for name in dry for ban in bans]
        if not found:
            names = ", ".join(it.name for it in self._firewalls()) or "no action"
            found = [Check(ban, names, None, remarks=(cause.COMMANDS,)) for ban in bans]
        return found

    def _proofs(self, bans: Sequence[Ban], closely: bool) -> list[Check]:
        """Ask every firewall that can tell."""
        seen = {who: traffic(who) for who in {ban.ip for ban in bans}} if closely else {}
        return [check for it in self._proven() for check in self._proof(it, bans, seen)]

    def _proof(self, firewall: Proven, bans: Sequence[Ban], seen: Mapping[str, Traffic]) -> list[Check]:
        try:
            if firewall.name in self._failing:
                raise ActionError(self._failing[firewall.name])
            held = firewall.held(bans)
            stands = firewall.intact(())
            remarks = {ban.id: _remarks(firewall, ban, ban.id in held and stands, seen.get(ban.ip)) for ban in bans}
        except ActionError as error:
            why = Remark(str(error), "f2b tries again every 15 s")
            return [Check(ban, firewall.name, False, remarks=(why,)) for ban in bans]
        if not stands or any(ban.id not in held and cause.reaches(ban, firewall.reach) for ban in bans):
            self._restore([firewall.name])
        return [
            Check(ban, firewall.name, stands and ban.id in held, held.get(ban.id), remarks[ban.id]) for ban in bans
        ]

    def _proven(self) -> list[Proven]:
        return [firewall for firewall in self._firewalls() if is_proven(firewall)]


def _remarks(firewall: Proven, ban: Ban, in_force: bool, seen: Traffic | None) -> tuple[Remark, ...]:
    if not in_force:
        return (cause.lost(ban, firewall.reach),)
    return tuple(cause.in_the_way(firewall.reach, firewall.ahead(ban.ip), seen)) if seen else ()
