"""What a jail can say of one id: what it saw of it, how it counts and bans it, and what the next failure would do.

Pure: read from the jail when `f2b explain` asks. What the kernel holds is `doubt`'s business.
"""

from __future__ import annotations

from collections.abc import Iterator

from f2b import net
from f2b.ban.counter import Tally
from f2b.config.model import Increment
from f2b.events import Ban
from f2b.jail import Jail
from f2b.named import NamedTuple
from f2b.trace import Step


class Next(NamedTuple):
    """What leads to a ban from here."""

    more: int
    """So many more failures."""
    before: float | None
    """If they come before then; None: within one findtime of each other."""
    ban: Ban
    """The ban that would follow."""


class Account(NamedTuple):
    """One id in one jail."""

    jail: Jail
    counted: str
    """Whom its failures are counted for: itself, or a network."""
    steps: tuple[Step, ...]
    """The latest failures of it that are kept, oldest first."""
    since: float | None
    """When the oldest failure that is kept came in, whoever's; None if there was none."""
    tally: Tally | None
    worth: int
    """What one failure counts for."""
    ban: Ban | None
    spared: str
    """By what the allow list spares it, in Fail2Ban's word; empty if it does not."""
    protected: str
    """Why no filter may ban it; empty if they may."""
    next: Next | None
    """None if it is banned, or nothing leads to a ban."""


def account(jail: Jail, key: str, now: float) -> Account:
    """Return what a jail can say of an id: an address, a network, a host name."""
    counted = jail.counted_as(key)
    kept = jail.trace.steps()
    tally = jail.counter.tally(counted)
    ban = next(_bans(jail, key, counted), None)
    spared, protected = jail.why_spared(key), jail.protects(key)
    worth = jail.worth(counted, now)
    ahead = None if ban or spared or protected or not net.family(key) else _next(jail, counted, tally, worth, now)
    steps = tuple(_of(kept, key, counted))
    since = kept[0].read if kept else None
    return Account(jail, counted, steps, since, tally, worth, ban, spared, protected, ahead)


def _bans(jail: Jail, key: str, counted: str) -> Iterator[Ban]:
    """Yield the bans that keep an id out, or are inside it: its own first."""
    for one in dict.fromkeys((key, counted)):
        found = jail.ledger.get(one)
        if found:
            yield found
    if "/" in key or not net.family(key):
        return
    for one in jail.ledger.ids():
        found = jail.ledger.get(one) if "/" in one and net.network(one) and key in net.NetSet([one]) else None
        if found:
            yield found


def _of(steps: list[Step], key: str, counted: str) -> Iterator[Step]:
    inside = net.NetSet([key]) if "/" in key and net.network(key) else None
    for step in steps:
        own = key in (step.id, step.counted, step.why) or counted == step.counted
        if own or (inside is not None and step.id in inside):
            yield step


def _next(jail: Jail, key: str, tally: Tally | None, worth: int, now: float) -> Next:
    spec = jail.spec
    have, before = _standing(tally, spec.findtime, now)
    more = max(1, -(-(spec.maxretry - have) // worth))
    return Next(more, before, jail.prospect(key, now))


def _standing(tally: Tally | None, findtime: float, now: float) -> tuple[int, float | None]:
    """Return what counts now, and until when it does so in full; see `ban.counter`."""
    if tally is None or tally.last <= now - findtime:
        return 0, None
    if tally.first >= now - findtime:
        return tally.retry, tally.first + findtime
    return round(tally.retry / (now - tally.first) * findtime), None


def rule(steps: Increment) -> str:
    """Return how bans grow, in the options' words; empty if they do not."""
    if not steps.enabled:
        return ""
    how = "each twice as long as the one before"
    if steps.multipliers:
        how = f"bantime.multipliers {' '.join(map(str, steps.multipliers))}"
    elif steps.formula:
        how = f"bantime.formula {steps.formula}"
    factor = f", bantime.factor {steps.factor}" if steps.factor != "1" else ""
    most = f", {steps.maxtime:g} s at most" if steps.maxtime else ""
    more = f", and up to {steps.rndtime:g} s by chance" if steps.rndtime else ""
    return f"{how}{factor}{most}{more}"
