"""Whom a ban keeps out, as iptables and ipset are told: an address, or a network. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from f2b.firewall import Term
from f2b.firewall.ruleset import target
from f2b.named import NamedTuple
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


def sort(bans: Iterable[Term], now: float = float("-inf")) -> Sorted:
    """Return whom these bans keep out after `now`."""
    sources: dict[int, Sources] = {}
    unfit: list[str] = []
    for ban in bans:
        family, names = whom(ban)
        if not family:
            unfit.append(ban.id)
        elif ban.end > now:
            sources.setdefault(family, {}).update(dict.fromkeys(names, ban.end))
    return Sorted(sources, unfit)


def whom(ban: Term) -> tuple[int, tuple[str, ...]]:
    """Return the family, and the addresses or networks, that a ban keeps out; 0 if it is about none."""
    found = target(ban.id) or target(ban.ip)  # an id that is no address may have one beside it
    if found is None:
        return 0, ()
    kind, key = found
    tail = "" if kind.length == BITS[kind.family] else f"/{kind.length}"
    return kind.family, _HALVES[kind.family] if kind.length == 0 else (unpacked(key) + tail,)


def held_of(bans: Iterable[Term], elements: Mapping[str, float | None]) -> dict[str, float | None]:
    """Return which bans are in force, by their ids, and for how long yet, where `elements` are kept out."""
    held: dict[str, float | None] = {}
    for ban in bans:
        names = whom(ban)[1]
        if names and all(name in elements for name in names):
            held[ban.id] = elements[names[0]]
    return held
