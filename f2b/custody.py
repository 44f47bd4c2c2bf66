"""Custody: who is banned by a jail and for how long, and whom it must never ban.

The last step of a line's way: `jail` decides that somebody failed too often, or somebody bans by hand. The ledger
changes here; what follows leaves as effects.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from f2b.ban.collateral import Others
from f2b.ban.counter import Tally
from f2b.ban.growth import Even, Growth, worth
from f2b.ban.history import Past
from f2b.ban.ledger import Ledger
from f2b.ban.packed import Remnant
from f2b.ban.protected import Protected, Protection, nobody
from f2b.ban.surge import Surge
from f2b.config.model import JailSpec
from f2b.events import (
    FLEET,
    PERMANENT,
    AlreadyBanned,
    Ban,
    Collateral,
    Effect,
    Expired,
    Held,
    Increased,
    Known,
    Prolonged,
    Spared,
    Surged,
)
from f2b.value import replace

if TYPE_CHECKING:
    from f2b.config.formula import Chance

PROTECT = "it stands in protect"
SAME_S = 1.0
"""Ends of bans that are so near are the same: whole seconds are all that some databases keep."""
TOLD = 1000
"""So many of those whom no filter may ban are told of once each; then it is begun anew."""


class Custody:
    """Imposes the bans of one jail."""

    def __init__(
        self,
        spec: JailSpec,
        past: Past | None = None,
        chance: Chance | None = None,
        protection: Protection = nobody,
        others: Others | None = None,
    ) -> None:
        """Take what `Jail` takes. Raises ConfigError for a wrong formula."""
        self.ledger = Ledger()
        self.total = 0
        """How many were let in."""
        self._spec = spec
        self._past = past or Past()
        self._chance = chance or Even()
        self._growth = Growth(spec.increment, self._chance)
        self._protection = protection
        self._protected = Protected(dict.fromkeys(spec.protect, PROTECT))
        self._surge = Surge(spec.maxbans)
        self._spared: dict[str, str] = {}
        """Who was said to be spared, and why."""
        self._others = others or Others()
        self._warned: dict[str, bool] = {}
        """Whose ban was said to hit others, and whether it was refused for that."""

    # ---- who must not be banned ----

    def protects(self, key: str) -> str:
        """Return why no filter may ban an address, or a network; empty if it may."""
        return self._protected.why(key) or self._protection(self._spec.protectgroups).why(key)

    def touches_protected(self, network: str) -> bool:
        """Return whether a network holds somebody whom no filter may ban."""
        return self._protected.touches(network) or self._protection(self._spec.protectgroups).touches(network)

    def _spare(self, key: str, why: str) -> list[Effect]:
        """Tell once of each whom no filter may ban."""
        if self._spared.get(key) == why:
            return []
        if len(self._spared) >= TOLD:
            self._spared.clear()
        self._spared[key] = why
        return [Spared(self._spec.name, key, why)]

    # ---- who else is hit ----

    def hits(self, key: str, now: float) -> list[str]:
        """Return in words whom a ban would hit besides the attacker; nothing if the jail is not to care."""
        return [] if self._spec.collateral == "no" else self._others.hit(key, now)

    def refuses(self, network: str) -> bool:
        """Return whether no filter may ban a network, for the others in it."""
        return self._spec.collateral == "refuse" and self._others.touches(network)

    def _hit(self, key: str, now: float, refuse: bool) -> tuple[list[Effect], bool]:
        """Return what is to be told of those whom a new ban hits, once each, and whether it is refused for them."""
        whom = self.hits(key, now) if self.ledger.get(key) is None else []
        refused = refuse and bool(whom)
        if not whom or self._warned.get(key) is refused:
            return [], refused
        if len(self._warned) >= TOLD:
            self._warned.clear()
        self._warned[key] = refused
        return [Collateral(self._spec.name, key, tuple(whom), refused)], refused

    # ---- bans ----

    def known(self, key: str, time: float) -> list[Known]:
        """Return what is to be said of a failure of somebody who was banned in this jail before."""
        earlier = self._past.of(key).get(self._spec.name)
        if earlier is None or time <= earlier.time:
            return []
        maxretry = self._spec.maxretry
        return [Known(self._spec.name, key, time, earlier.bans, worth(earlier.bans, maxretry), maxretry)]

    def sentence(self, tally: Tally, now: float) -> list[Effect]:
        """Ban whoever failed too often, unless nobody may."""
        seen, spec = tally.seen, self._spec
        why = self.protects(seen.id) or (self.protects(seen.host) if seen.host and seen.host != seen.id else "")
        if why:
            return self._spare(seen.id, why)
        told, refused = self._hit(seen.host or seen.id, now, spec.collateral == "refuse")
        if refused:
            return told
        return [*told, *self._unless_too_many(tally, now)]

    def _unless_too_many(self, tally: Tally, now: float) -> list[Effect]:
        seen, spec = tally.seen, self._spec
        alarm: list[Effect] = []
        if self.ledger.get(seen.id) is None and self._surge.over(now):
            if self._surge.alarms(now):
                alarm = [Surged(spec.name, spec.maxbans, seen.id, spec.holdbans)]
            if spec.holdbans:
                return alarm
        captures, host = seen.captures, seen.host
        ban = Ban(spec.name, seen.id, tally.last, spec.bantime, tally.failures, tally.matches, captures, host)
        return [*alarm, *self._impose(ban, now)]

    def ban(self, key: str, now: float, duration: float | None = None) -> list[Effect]:
        """Ban by hand; who is banned already stays so for longer, if this ban ends later."""
        own = duration is not None
        length = self._spec.bantime if duration is None else duration
        told, _ = self._hit(key, now, refuse=False)
        return [*told, *self._impose(Ban(self._spec.name, key, now, length, own_time=own), now)]

    def adopt(self, ban: Ban) -> list[Effect]:
        """Take over a ban of another host as it is; who is banned already stays so for longer, if this ends later."""
        present = self.ledger.get(ban.id)
        if present is None:
            return [self.enter(ban)]
        if ban.end <= present.end + SAME_S:
            return []
        length = PERMANENT if ban.duration < 0 else ban.end - present.time
        captures = {**present.captures, **ban.captures}
        longer = replace(present, duration=length, own_time=True, captures=captures)
        self.ledger.put(longer)
        return [Prolonged(longer, ban.time - present.time)]

    def prospect(self, key: str, now: float) -> Ban:
        """Return the ban that an id would get now, with its length; nothing comes into force."""
        ban = Ban(self._spec.name, key, now, self._spec.bantime)
        return self._growth.grown(ban, self._past.of(key))[0] if self._spec.increment.enabled else ban

    def _impose(self, ban: Ban, now: float) -> list[Effect]:
        present = self.ledger.get(ban.id)
        told: list[Increased] = []
        if present is None and self._spec.increment.enabled:
            ban, told = self._growth.grown(ban, self._past.of(ban.id))
        if ban.end <= now or _never(ban.duration):
            return [Expired(self._spec.name, ban.id)]
        if present is None:
            return [self.enter(ban), *told]
        after = ban.time - present.time
        if ban.end <= present.end:
            return [AlreadyBanned(present, after)]
        length = ban.end - present.time if ban.duration >= 0 else PERMANENT
        captures = {name: value for name, value in present.captures.items() if name != FLEET}
        longer = replace(present, duration=length, own_time=present.own_time or ban.own_time, captures=captures)
        self.ledger.put(longer)
        return [Prolonged(longer, after)]

    def enter(self, ban: Ban) -> Ban:
        """Let a new ban in as it is; return it."""
        self.ledger.put(ban)
        self.total += 1
        return ban

    def hold(self, wanted: Collection[str], spared: int, now: float) -> list[Effect]:
        """Keep out, from now on, exactly these of all that a list may name, which names so many to be spared, too."""
        gone = tuple(ban for ban in self.ledger if ban.listed and ban.id not in wanted)
        for ban in gone:
            self.ledger.lift(ban.id)
        came = []
        for key in sorted(wanted):
            present = self.ledger.get(key)
            if present is None or not present.listed:
                came.append(Ban(self._spec.name, key, now, PERMANENT, own_time=True, listed=True))
                self.ledger.put(came[-1])
        return [Held(self._spec.name, tuple(came), gone, len(wanted), spared)] if came or gone else []

    def restore(self, bans: Sequence[Remnant]) -> None:
        """Let bans of an earlier server in."""
        self.ledger.take(self._spec.name, bans)
        self.total += len(bans)

    # ---- changes ----

    def change(self, spec: JailSpec) -> list[Effect]:
        """Go on by a new specification, with the same bans. Raises ConfigError, with nothing changed."""
        growth = Growth(spec.increment, self._chance)
        old, self._spec, self._growth = self._spec, spec, growth
        if spec.protect != old.protect:
            self._protected = Protected(dict.fromkeys(spec.protect, PROTECT))
        if spec.maxbans != old.maxbans:
            self._surge = Surge(spec.maxbans)
        return self._retime(spec.bantime) if spec.bantime != old.bantime else []

    def _retime(self, seconds: float) -> list[Effect]:
        moved = [replace(ban, duration=seconds) for ban in self.ledger if not (ban.own_time or ban.grown)]
        for ban in moved:
            self.ledger.put(ban)
        return [Prolonged(ban) for ban in moved]


def _never(duration: float) -> bool:
    """Whether a ban of this length makes no sense; only PERMANENT is negative on purpose."""
    return duration < 0 and duration != PERMANENT
