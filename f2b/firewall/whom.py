"""Whom a ban keeps out, as iptables and ipset are told: an address, or a network. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from f2b.events import Ban
from f2b.firewall.ruleset import target
from f2b.net import BITS, unpacked

Sources = dict[str, float]
"""Addresses and networks, with the times at which their bans end."""
_HALVES = {4: ("0.0.0.0/1", "128.0.0.0/1"), 6: ("::/1", "8000::/1")}
"""Everybody: neither iptables-save nor ipset knows a network of length 0."""


class Sorted(NamedTuple):
    """Bans by address family."""

    sources: dict[int, Sources]
    unfit: list[str]
    """Ids that are no address and have none."""


def sort(bans: Iterable[Ban], now: float = float("-inf")) -> Sorted:
    """Return whom these bans keep out after `now`."""
    sources: dict[int, Sources] = {}
    unfit: list[str] = []
    for ban in bans:
        found = target(ban.id) or target(ban.ip)  # an id that is no address may have one beside it
        if found is None:
            unfit.append(ban.id)
            continue
        kind, key = found
        tail = "" if kind.length == BITS[kind.family] else f"/{kind.length}"
        names = _HALVES[kind.family] if kind.length == 0 else (unpacked(key) + tail,)
        if ban.end > now:
            sources.setdefault(kind.family, {}).update(dict.fromkeys(names, ban.end))
    return Sorted(sources, unfit)
