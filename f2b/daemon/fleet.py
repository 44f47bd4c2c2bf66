"""What the fleet wants of this server: bans of other hosts, and their ends; and what is known of the fleet.

`f2b fleet run` follows the other hosts and orders here what follows. What it orders goes by the same allow list and
the same protection as what a filter finds: other hosts can lock nobody out whom no filter of this host may ban.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

from f2b import duration
from f2b.daemon import assemble
from f2b.daemon.desk import Order
from f2b.daemon.server import Server
from f2b.events import FLEET, PERMANENT, Ban, Captures, Effect
from f2b.jail import Jail

SILENT_S = 60.0
"""Without contact to Redis for so long, something is wrong."""
BANNED, NOTHING = "banned", ""
"""What becomes of an order; anything else is why it was refused."""
_MOST_ORIGINS = 10_000


class Fleet:
    """Carries out what is ordered, and remembers what was said last."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._said: Mapping[str, object] = {}
        self._contact: float | None = None
        self._origins: dict[str, Captures] = {}
        """One mapping for all bans of a host: there may be many."""

    def impose(self, orders: Sequence[Order]) -> list[str]:
        """Carry orders out at one stroke; return what became of each."""
        now = self._server.loop.now()
        results, effects = [], list[Effect]()
        for order in orders:
            result, followed = self._carry(order, now)
            results.append(result)
            effects += followed
        if effects:
            self._server.take(effects)
        return results

    def _carry(self, order: Order, now: float) -> tuple[str, list[Effect]]:
        if order.jail == assemble.MANUAL and order.jail not in self._server.engine.jails:
            self._server.add(assemble.manual())
        jail = self._server.engine.jails.get(order.jail)
        if jail is None:
            return f"there is no jail {order.jail!r} here", []
        if order.lifted is not None:
            return NOTHING, [*jail.lift(order.id, order.lifted, FLEET)]
        why = _refusal(jail, order.id, now)
        if why:
            return why, []
        effects = jail.ban(order.id, now) if order.counted else jail.adopt(self._ban(order, now))
        return BANNED if any(isinstance(effect, Ban) for effect in effects) else NOTHING, effects

    def _ban(self, order: Order, now: float) -> Ban:
        if len(self._origins) >= _MOST_ORIGINS:
            self._origins.clear()
        captures = self._origins.setdefault(order.origin, MappingProxyType({FLEET: order.origin}))
        length = PERMANENT if order.end is None else order.end - now
        return Ban(order.jail, order.id, now, length, order.failures, captures=captures, own_time=True)

    # ---- what is known ----

    def note(self, said: Mapping[str, object], contact: float | None) -> None:
        """Remember what the satellite says of the fleet, and when it last heard of Redis."""
        self._said, self._contact = said, contact

    def report(self) -> Mapping[str, object] | None:
        """Return that; None if there is no satellite."""
        return {**self._said, "contact": self._contact} if self._said else None

    def troubles(self) -> tuple[str, ...]:
        """Return what is wrong, in words."""
        if not self._said:
            return ()
        silent = self._server.loop.now() - (self._contact or 0.0)
        if silent < SILENT_S:
            return ()
        since = f"for {duration.human(int(silent))}" if self._contact else "yet"
        return (f"fleet: no contact with Redis {since}, so this host bans alone; look at 'f2b fleet run'",)


def _refusal(jail: Jail, key: str, now: float) -> str:
    """Return why nobody of another host's may be banned here; empty if he may."""
    spared = jail.why_spared(key)
    if spared:
        return f"the allow list spares it ({spared})"
    why = jail.protects(key)
    if not why and jail.spec.collateral == "refuse" and (whom := jail.custody.hits(key, now)):
        why = f"it would also hit {', '.join(whom)}"
    return why
