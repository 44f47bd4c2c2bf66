"""What a replay brought about, gathered: bans and how long they lasted, and who logged in."""

from __future__ import annotations

import time as wall
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping

from f2b import net
from f2b.events import Ban, Effect, Failure, Found, Ignored, Prolonged, Unban
from f2b.named import NamedTuple

COUNTED = ("found", "ignored", "bans", "unbans")


class Login(NamedTuple):
    """Somebody logged in."""

    time: float
    host: str
    user: str
    """Empty if nobody knows."""


class Logins:
    """Who logged in, as far as filters know successes (`okregex`, `loginregex`, `okstatus`)."""

    def __init__(self) -> None:
        self._known: dict[str, list[Login]] = defaultdict(list)

    def hear(self, jail: str, failure: Failure) -> None:
        """Take note of what a jail's filter found, if it is a success."""
        if failure.attempts < 0 and failure.time is not None:
            user = failure.captures.get("user", "")
            host = failure.host or failure.id
            self._known[host].append(Login(failure.time, host, user if isinstance(user, str) else ""))

    def of(self, key: str) -> list[Login]:
        """Return the logins of an id: an address, or those inside of a network."""
        if "/" not in key:
            return self._known.get(key, [])
        return [login for host, logins in self._known.items() if _inside(host, key) for login in logins]

    def on_that_day(self, ban: Ban) -> Login | None:
        """Return a login of somebody banned, on the day of the ban, local time."""
        day = _day(ban.time)
        return next((login for login in self.of(ban.id) if _day(login.time) == day), None)


def _inside(host: str, network: str) -> bool:
    one, other = net.span(host), net.span(network)
    return one is not None and other is not None and one[0] == other[0] and other[1] <= one[1] <= other[2]


def _day(time: float) -> tuple[int, int]:
    local = wall.localtime(time)
    return local.tm_year, local.tm_yday


class Played:
    """The bans of a replay, in their order, each as long as it became."""

    def __init__(self, jails: Iterable[str]) -> None:
        self.counts: Mapping[str, Counter[str]] = {name: Counter(dict.fromkeys(COUNTED, 0)) for name in jails}
        """How often what happened, by jail."""
        self._bans: dict[tuple[str, str, float], Ban] = {}

    @property
    def bans(self) -> list[Ban]:
        """The bans."""
        return list(self._bans.values())

    def take(self, effect: Effect) -> None:
        """Take note of one effect."""
        if isinstance(effect, Found):
            self.counts[effect.jail]["found"] += 1
        elif isinstance(effect, Ignored):
            self.counts[effect.jail]["ignored"] += 1
        elif isinstance(effect, Ban):
            self.counts[effect.jail]["bans"] += 1
            self._keep(effect)
        elif isinstance(effect, Prolonged):
            self._keep(effect.ban)
        elif isinstance(effect, Unban):
            self.counts[effect.ban.jail]["unbans"] += 1

    def _keep(self, ban: Ban) -> None:
        self._bans[ban.jail, ban.id, ban.time] = ban
