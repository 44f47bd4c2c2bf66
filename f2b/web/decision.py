"""Bans as CrowdSec's bouncers take them: decisions, what they ask for, and what changes for one of them. Pure.

Bouncers keep and delete by value (an address, or a network), whichever decision it was. So here is one decision a
value, however many jails ban it: the ban that lasts longest. The format is that of CrowdSec's local API, published as
localapi_swagger.yaml; durations are Go's (`3h59m57.123s`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from hashlib import blake2b

from f2b import net
from f2b.named import NamedTuple
from f2b.web.mirror import FOR_EVER, Banned, Mirror

ORIGIN = "f2b"
TYPE = "ban"
IP, RANGE = "Ip", "Range"
LONGEST_S = 2_147_483.0
"""The longest time of an element in an ipset, where firewall bouncers put decisions; longer bans are told again."""
RENEW_S = 86_400.0
"""So long before what was told is over, it is told again that the ban goes on."""
UNSURE = 0.0
"""In place of an end: the bouncer may know of it or not."""

Held = Mapping[str, float]
"""What a bouncer holds: until when, by value."""
Query = Mapping[str, str]


class QueryError(ValueError):
    """What was asked for makes no sense."""


class Wanted(NamedTuple):
    """Which decisions are asked for."""

    nets: bool = True
    """Networks are."""
    addresses: bool = True
    origin: bool = True
    """Ours are, and bans."""
    containing: tuple[str, ...] = ()
    """One of these is in the scenario's name."""
    without: tuple[str, ...] = ()
    """None of these is."""

    def takes(self, jail: str) -> bool:
        """Return whether decisions of a jail are asked for."""
        name = scenario(jail).lower()
        if not self.origin or (self.containing and not any(word in name for word in self.containing)):
            return False
        return not any(word in name for word in self.without)


class Delta(NamedTuple):
    """What a bouncer must be told."""

    new: Sequence[Banned]
    over: Sequence[str]
    """Values that it holds and should not."""
    first: float
    """When the first of what it should hold ends."""


def wanted(query: Query) -> Wanted:
    """Return what a query's filters say; those of live and of streaming bouncers are named differently."""
    scopes = _words(query, "scopes") or _words(query, "scope")
    origins, types = _words(query, "origins"), _words(query, "type")
    return Wanted(
        not scopes or RANGE.lower() in scopes,
        not scopes or IP.lower() in scopes,
        (not origins or ORIGIN in origins) and (not types or TYPE in types),
        _words(query, "scenarios_containing"),
        _words(query, "scenarios_not_containing"),
    )


def _words(query: Query, name: str) -> tuple[str, ...]:
    return tuple(word.strip().lower() for word in query.get(name, "").split(",") if word.strip())


def asked(mirror: Mirror, query: Query, now: float) -> Sequence[Banned]:
    """Return the decisions that fit a query, the longest first. Raises QueryError."""
    fitting = _fitting(mirror, query)
    return sorted(_best(fitting, wanted(query), now).values(), key=lambda ban: ban.end, reverse=True)


def _fitting(mirror: Mirror, query: Query) -> Iterable[Banned]:
    """Return the bans of what is named: by `ip`, `range`, or `value`; of everybody if nothing is."""
    whole = query.get("contains", "true").lower() != "false"
    for name, canonical in (("ip", net.address), ("range", net.network)):
        text = query.get(name, "")
        if text:
            key = canonical(text)
            if key is None:
                raise QueryError(f"invalid {name}: {text:.100}")
            return _around(mirror, key) if whole else _inside(mirror, key)
    value = query.get("value", "")
    return mirror.of(net.network(value) or value) if value else mirror


def _around(mirror: Mirror, key: str) -> Iterable[Banned]:
    """Return the bans that hold all of an address or network."""
    span = net.span(key)
    assert span
    for ban in mirror.holding(key.partition("/")[0]):
        held = net.span(ban.id)
        if held and held[1] <= span[1] and span[2] <= held[2]:
            yield ban


def _inside(mirror: Mirror, key: str) -> Iterable[Banned]:
    """Return the bans of an address, or of whatever lies in a network."""
    return mirror.page(key, limit=len(mirror)).bans if "/" in key else mirror.of(key)


def delta(bans: Iterable[Banned], want: Wanted, held: Held, now: float) -> Delta:
    """Return what must be told to whoever holds this."""
    best = _best(bans, want, now, held)
    new = [ban for ban in best.values() if _due(held.get(ban.id, UNSURE), ban.end, now)]
    over = [value for value in held if value not in best]
    return Delta(new, over, min((ban.end for ban in best.values()), default=FOR_EVER))


def _best(bans: Iterable[Banned], want: Wanted, now: float, known: Container[str] = ()) -> dict[str, Banned]:
    """Return the longest ban of each value that is wanted. What is no address is nothing for a bouncer.

    `known`: values of which it is known that they are addresses or networks.
    """
    best: dict[str, Banned] = {}
    jails: dict[str, bool] = {}
    for ban in bans:
        takes = jails.get(ban.jail)
        if takes is None:
            takes = jails[ban.jail] = want.takes(ban.jail)
        if not takes or ban.end <= now or not (want.nets if "/" in ban.id else want.addresses):
            continue
        other = best.get(ban.id)
        if other is None:
            if ban.id not in known and not net.span(ban.id):
                continue
        elif other.end >= ban.end:
            continue
        best[ban.id] = ban
    return best


def _due(told: float, end: float, now: float) -> bool:
    """Return whether a bouncer must hear of a ban that it was told to keep until then."""
    if end <= told + 1.0:
        return False
    return told < now + RENEW_S or end <= now + LONGEST_S


def until(ban: Banned, now: float) -> float:
    """Return until when a bouncer is told to keep it: never longer than every bouncer can."""
    return min(ban.end, now + LONGEST_S)


# ---- as JSON ----------------------------------------------------------------------------------------------


def scenario(jail: str) -> str:
    """Return a jail as scenarios are named: author, slash, name."""
    return f"{ORIGIN}/{jail}"


def number(value: str) -> int:
    """Return the decision's id: the same for a value at any time; 48 bits, which every language's numbers hold."""
    return int.from_bytes(blake2b(value.encode(), digest_size=6).digest(), "big")


def span(seconds: float) -> str:
    """Return a duration in Go's notation, to the millisecond (time.Duration's String)."""
    whole = round(seconds * 1000)
    sign, whole = ("-", -whole) if whole < 0 else ("", whole)
    minutes, rest = divmod(whole, 60_000)
    hours, minutes = divmod(minutes, 60)
    text = f"{rest / 1000:.3f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{text}"
    return f"{sign}{minutes}m{text}" if minutes else sign + text


def writer(now: float) -> Callable[[Banned], str]:
    """Return what writes a decision as JSON. Written by hand: the standard encoder takes three times as long."""
    names: dict[str, str] = {}

    def write(ban: Banned) -> str:
        name = names.get(ban.jail)
        if name is None:
            name = names[ban.jail] = json.dumps(scenario(ban.jail))
        return _json(ban.id, span(until(ban, now) - now), name)

    return write


def ended(value: str) -> str:
    """Return a decision that is over as JSON. Bouncers look at its value."""
    return _json(value, "-1s", f'"{ORIGIN}"')


def _json(value: str, lasting: str, name: str) -> str:
    scope = RANGE if "/" in value else IP
    return (
        f'{{"duration":"{lasting}","id":{number(value)},"origin":"{ORIGIN}","scenario":{name},'
        f'"scope":"{scope}","type":"{TYPE}","value":"{value}"}}'
    )
