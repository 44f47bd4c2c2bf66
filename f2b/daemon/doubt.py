"""Do bans bite? The kernel is asked after each, and when somebody banned is seen all the same, it is said why."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence

from f2b.ban.ledger import Ledger
from f2b.daemon import cause
from f2b.daemon.cause import Check, Remark, Traffic
from f2b.daemon.traffic import traffic
from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall import Firewall, Proven, Watched
from f2b.firewall.dry import Dry
from f2b.log import Log
from f2b.loop import Loop, Timer

SOON_S = 1.0
"""How long after a ban the kernel is asked: many bans are one question."""
SHARE = 50
"""Asking may take one part in so many of the time."""
SAMPLE = 100
"""The kernel is asked for so many of the newest bans."""
AGAIN_S = 3600.0
"""Nobody is told of twice within this time."""
PAUSE_S = 60.0
"""Nor two of one jail: what is wrong is likely to be the same."""

_DRY = Remark("this is a dry run", "set an action that bans, or leave --dry-run out")
_COMMANDS = Remark(
    "it runs commands of its own, which cannot be asked",
    "use an action that f2b carries out itself (docs/firewalls.md)",
)


class Doubt:
    """Whether one jail's bans bite."""

    def __init__(
        self,
        jail: str,
        ledger: Ledger,
        firewalls: Callable[[], Sequence[Firewall]],
        restore: Callable[[Collection[str]], None],
        loop: Loop,
        log: Log,
    ) -> None:
        """`restore` brings the firewalls of these names back to what the ledger says."""
        self._jail = jail
        self._ledger = ledger
        self._firewalls = firewalls
        self._restore = restore
        self._loop = loop
        self._log = log
        self._fresh: list[Ban] = []
        """The newest bans that nobody has asked for yet."""
        self._timer: Timer | None = None
        self._pause_s = SOON_S
        self._told: dict[str, float] = {}
        """Who was told of, and when."""
        self._lost_told = -PAUSE_S

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
        missing = {it.name: gone for it in self._proven() if (gone := self._missing(it, bans))}
        self._pause_s = max(SOON_S, SHARE * (self._loop.elapsed() - began))
        if missing:
            self._put_back(missing)

    def _still(self, bans: Sequence[Ban]) -> list[Ban]:
        """Return those that are to be in force for a while yet."""
        late = self._loop.now() + 1
        now = (self._ledger.get(ban.id) for ban in bans)
        return [ban for ban in now if ban and ban.end > late]

    def _missing(self, firewall: Proven, bans: Sequence[Ban]) -> list[str]:
        try:
            held = firewall.held(bans)
        except ActionError:
            return []  # whatever it is, the next ban will tell
        reach = firewall.reach
        return [ban.id for ban in bans if ban.id not in held and cause.reaches(ban, reach)]

    def _put_back(self, missing: Mapping[str, Sequence[str]]) -> None:
        now = self._loop.elapsed()
        if now - self._lost_told >= PAUSE_S:
            self._lost_told = now
            for name, ids in missing.items():
                some = f"{ids[0]} and {len(ids) - 1} more are" if len(ids) > 1 else f"{ids[0]} is"
                what = f"{some} not in force, though the kernel took the ban; all bans are put back"
                self._log.warning("actions", f"[{self._jail}] {name}: {what}")
        self._restore(missing)

    # ---- seen all the same ----

    def seen(self, ban: Ban) -> None:
        """Say why somebody banned may still get through; not too often."""
        now = self._loop.now()
        recent = max(self._told.values(), default=0.0)
        if not self._proven() or 0 <= now - recent < PAUSE_S or 0 <= now - self._told.get(ban.id, 0.0) < AGAIN_S:
            return
        self._told = {who: when for who, when in self._told.items() if 0 <= now - when < AGAIN_S}
        self._told[ban.id] = now
        self._loop.soon(lambda: self._explain(ban.id))

    def _explain(self, key: str) -> None:
        ban = self._ledger.get(key)
        for check in self.checks([ban], closely=True) if ban else ():
            likely = check.remarks or (cause.unseen(),)
            since = self._loop.now() - check.ban.time
            causes = "; or ".join(map(str, likely))
            who = f"{key} is banned for {since:.0f} s already and still seen"
            self._log.warning("actions", f"[{self._jail}] {who}: {check.action}: {causes}")
            if not check.held:
                self._restore([check.action])

    # ---- asked ----

    def checks(self, bans: Sequence[Ban], closely: bool = False) -> list[Check]:
        """Ask every firewall that can tell for these bans; `closely`: see too what they do and what lets them."""
        proven, dry = self._proven(), [it for it in self._firewalls() if isinstance(it, Dry)]
        seen = {ban.id: traffic(ban.ip) if closely else Traffic() for ban in bans}
        found = [check for it in proven for check in self._checks(it, bans, seen if closely else {})]
        found += [Check(ban, it.name, False, remarks=(_DRY,)) for it in dry for ban in bans]
        if not found:
            names = ", ".join(it.name for it in self._firewalls()) or "no action"
            found = [Check(ban, names, None, remarks=(_COMMANDS,)) for ban in bans]
        return found

    def _checks(self, firewall: Proven, bans: Sequence[Ban], seen: Mapping[str, Traffic]) -> list[Check]:
        try:
            held = firewall.held(bans)
            stands = not isinstance(firewall, Watched) or firewall.intact(())
        except ActionError as error:
            why = Remark(str(error), "f2b tries again every 15 s")
            return [Check(ban, firewall.name, None, remarks=(why,)) for ban in bans]
        found = []
        for ban in bans:
            if ban.id not in held:
                found.append(Check(ban, firewall.name, False, remarks=(cause.lost(ban, firewall.reach),)))
                continue
            if not stands:
                found.append(Check(ban, firewall.name, False, remarks=(cause.gone(),)))
                continue
            remarks = self._remarks(firewall, ban, seen[ban.id]) if ban.id in seen else []
            found.append(Check(ban, firewall.name, True, held[ban.id], tuple(remarks)))
        return found

    def _remarks(self, firewall: Proven, ban: Ban, seen: Traffic) -> list[Remark]:
        try:
            return cause.in_the_way(firewall.reach, firewall.ahead(ban.ip), seen)
        except ActionError as error:
            return [Remark(str(error), "f2b tries again every 15 s")]

    def _proven(self) -> list[Proven]:
        return [firewall for firewall in self._firewalls() if isinstance(firewall, Proven)]
