"""Who must not be locked out, as it is now: asked at every ban, so what is known is kept until something changes."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence

from f2b.ban.protected import Protected
from f2b.daemon import own, route, session
from f2b.loop import Loop

ROUTES_S = 30.0
"""How often the default gateways and this host's own addresses are looked up."""
FRESH_S = 0.1
"""How long what was seen of sessions holds: in a storm of bans nobody logs in between two."""
Allowed = Mapping[str, float]
"""Who was allowed by hand, and until when; infinity is for good."""


class Guardian:
    """Knows administrators' sessions, gateways, own addresses, and who was allowed by hand."""

    def __init__(self, loop: Loop) -> None:
        self._loop = loop
        self._allowed: Allowed = {}
        self._gateways: frozenset[str] = frozenset()
        self._own: frozenset[str] = frozenset()
        self._looked = float("-inf")
        self._asked = float("-inf")
        self._stamp: object = None
        self._known: dict[tuple[bool, bool, tuple[str, ...]], Protected] = {}
        """By whether gateways and own addresses count, and by the groups of administrators, as of `_stamp`."""

    def allow(self, allowed: Allowed) -> None:
        """Protect these from now on, and no others by hand."""
        self._allowed = allowed
        self._known.clear()

    def protected(self, groups: Sequence[str], gateways: bool, own: bool) -> Protected:
        """Return who is protected now, where members of these groups are administrators.

        `gateways` and `own`: whether gateways and this host's own addresses are, too.
        """
        now = self._loop.now()
        if abs(now - self._asked) >= FRESH_S:
            self._asked = now
            self._look_again(now)
        key = gateways, own, tuple(groups)
        if key not in self._known:
            self._known[key] = Protected(self._reasons(*key))
        return self._known[key]

    def gateways(self) -> frozenset[str]:
        """Return the default gateways."""
        self._look_for_gateways(self._loop.now())
        return self._gateways

    def _look_again(self, now: float) -> None:
        self._look_for_gateways(now)
        stamp = session.stamp()
        over = any(end <= now for end in self._allowed.values())
        if stamp != self._stamp or over:
            self._stamp = stamp
            self._allowed = {key: end for key, end in self._allowed.items() if end > now}
            self._known.clear()

    def _look_for_gateways(self, now: float) -> None:
        if abs(now - self._looked) >= ROUTES_S:
            self._looked = now
            self._gateways, self._own = route.gateways(), own.addresses()
            self._known.clear()

    def _reasons(self, gateways: bool, own: bool, groups: Collection[str]) -> dict[str, str]:
        found = dict.fromkeys(self._own if own else (), "it is this host's own address")
        found |= dict.fromkeys(self._gateways if gateways else (), "it is the default gateway")
        for user, address in session.sessions():
            if _administers(user, groups):
                found[address] = f"{user} is logged in from it"
        return found | dict.fromkeys(self._allowed, "it was allowed with `f2b allow`")


def _administers(user: str, groups: Collection[str]) -> bool:
    """Say whether this is root or a member of one of these groups; who is not known here is not."""
    import grp  # needed only while somebody is logged in
    import pwd

    try:
        found = pwd.getpwuid(int(user)) if user.isdigit() else pwd.getpwnam(user)
    except KeyError:
        return False
    if found.pw_uid == 0:
        return True
    for number in os.getgrouplist(found.pw_name, found.pw_gid):
        try:
            if grp.getgrgid(number).gr_name in groups:
                return True
        except KeyError:  # a group without a name
            continue
    return False
