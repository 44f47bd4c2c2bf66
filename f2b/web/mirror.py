"""All bans, as another process sees them: filled from the server's answer, kept by its events.

Pure: `follow.py` feeds it. Whoever shows bans (the pages) or hands them on (bouncers) reads them here, and asks the
server nothing. Every change has a number, so that a reader who knows where he stands is told only what came after.
"""

from __future__ import annotations

import sys
from collections import Counter, deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any, Literal

from f2b import net
from f2b.client import Event
from f2b.named import NamedTuple

KINDS = ("ban", "prolong", "unban")
"""The events that change who is banned."""
MOST_CHANGES = 20_000
"""How many changes are kept for who reads them: a reader that is further behind reads everything anew."""
FOR_EVER = float("inf")

Kind = Literal["ban", "prolong", "unban"]
Order = Literal["newest", "oldest", "ending", "address", "jail", "failures"]


class Banned(NamedTuple):
    """Somebody who is kept out, by one jail."""

    jail: str
    id: str
    """An address, a network, or what the jail's filter takes for one."""
    time: float
    """Seconds since 1970: of the ban."""
    end: float
    """When it is over; infinity if never."""
    failures: int
    """How many led to it; 0 if it was made by hand."""
    bancount: int
    """How many times this id was banned by this jail, this time included."""


class Change(NamedTuple):
    """One ban that began, has another end now, or is over."""

    number: int
    kind: Kind
    ban: Banned
    """As it is now; as it was, if it is over."""


class Page(NamedTuple):
    """Some of the bans that were asked for."""

    total: int
    """How many there are."""
    bans: Sequence[Banned]


class Mirror:
    """Who is banned, by jail. For one thread."""

    def __init__(self) -> None:
        self.filled = False
        """Whether it was ever told who is banned; before, being empty means nothing."""
        self.trouble = ""
        """Why the server cannot be asked now, so that this may be out of date; empty if it can."""
        self.number = 0
        """Of the latest change."""
        self._jails: dict[str, dict[str, Banned]] = {}
        self._lengths: dict[int, Counter[int]] = {4: Counter(), 6: Counter()}
        """How many networks of each prefix length there are, by family."""
        self._changes: deque[Change] = deque(maxlen=MOST_CHANGES)
        self._listeners: list[Callable[[], object]] = []

    # ---- what is told ----

    def fill(self, bans: Iterable[Banned]) -> Sequence[Change]:
        """Take these for all there are; return what that changed."""
        fresh: dict[str, dict[str, Banned]] = {}
        for ban in bans:
            fresh.setdefault(ban.jail, {})[ban.id] = ban
        held = list(self)
        over = [ban for ban in held if ban.id not in fresh.get(ban.jail, ())]
        changes = [change for ban in over if (change := self._remove(ban.jail, ban.id))]
        changes += [change for jail in fresh.values() for ban in jail.values() if (change := self._put(ban))]
        self.filled = True
        self._tell()
        return changes

    def apply(self, events: Iterable[Event]) -> Sequence[Change]:
        """Follow what happened; return what that changed. Being told twice of the same changes nothing."""
        changes = [change for event in events if (change := self._follow(event))]
        if changes:
            self._tell()
        return changes

    def _follow(self, event: Event) -> Change | None:
        if event.event not in KINDS or event.jail is None or event.id is None:
            return None
        if event.event == "unban":
            return self._remove(event.jail, event.id)
        return self._put(_ban_of(event, self._jails.get(event.jail, {}).get(event.id)))

    def _put(self, ban: Banned) -> Change | None:
        jail = self._jails.setdefault(ban.jail, {})
        before = jail.get(ban.id)
        if before == ban:
            return None
        anew = before is None or before.time != ban.time
        if before is None:
            self._count(ban.id, 1)
        elif anew:
            del jail[ban.id]  # a new ban stands behind all older ones
        jail[ban.id] = ban
        return self._note("ban" if anew else "prolong", ban)

    def _remove(self, jail: str, key: str) -> Change | None:
        ban = self._jails.get(jail, {}).pop(key, None)
        if ban is None:
            return None
        if not self._jails[jail]:
            del self._jails[jail]
        self._count(key, -1)
        return self._note("unban", ban)

    def _count(self, key: str, step: int) -> None:
        if "/" in key and net.network(key) == key:
            base, _, length = key.partition("/")
            self._lengths[net.family(base)][int(length)] += step

    def _note(self, kind: Kind, ban: Banned) -> Change:
        self.number += 1
        change = Change(self.number, kind, ban)
        self._changes.append(change)
        return change

    # ---- who wants to know ----

    def listen(self, call: Callable[[], object]) -> Callable[[], None]:
        """Call whenever something has changed, until what is returned here is called."""
        self._listeners.append(call)
        return lambda: self._listeners.remove(call)

    def _tell(self) -> None:
        for call in list(self._listeners):
            call()

    def since(self, number: int) -> Sequence[Change] | None:
        """Return the changes after a number, oldest first; None if some of them are no longer kept, or it is none."""
        missing = self.number - number
        if not 0 <= missing <= len(self._changes):
            return None
        changes = list(islice(reversed(self._changes), missing))
        changes.reverse()
        return changes

    # ---- who is banned ----

    def __len__(self) -> int:
        return sum(map(len, self._jails.values()))

    def __iter__(self) -> Iterator[Banned]:
        return chain.from_iterable(jail.values() for jail in self._jails.values())

    def counts(self) -> Mapping[str, int]:
        """Return how many each jail keeps out; a jail without any is not there."""
        return {name: len(jail) for name, jail in self._jails.items()}

    def of(self, key: str) -> Sequence[Banned]:
        """Return every ban of exactly this id."""
        return [ban for jail in self._jails.values() if (ban := jail.get(key))]

    def holding(self, address: str) -> Sequence[Banned]:
        """Return every ban of an address, or of a network that holds it."""
        lengths = [length for length, many in self._lengths.get(net.family(address), {}).items() if many]
        nets = [net.network(f"{address}/{length}") for length in sorted(lengths, reverse=True)]
        return [ban for key in (net.address(address) or address, *nets) if key for ban in self.of(key)]

    def page(
        self, search: str = "", jail: str = "", order: Order = "newest", offset: int = 0, limit: int = 50
    ) -> Page:
        """Return `limit` bans from `offset` on, of one jail or all, that fit what is searched for.

        That is a part of an id; or an address, for what keeps it out; or a network, for what is inside it.
        """
        bans = self._found(search.strip().lower(), self._of_jail(jail))
        return Page(len(bans), _sorted(bans, order)[offset : offset + limit])

    def _of_jail(self, jail: str) -> list[Banned]:
        return list(self._jails.get(jail, {}).values() if jail else self)

    def _found(self, search: str, bans: list[Banned]) -> list[Banned]:
        if not search:
            return bans
        wanted = net.network(search) if "/" in search else None
        if wanted and "/" in wanted:
            span, begin = net.span(wanted), net.beginning(wanted)
            return [ban for ban in bans if ban.id.startswith(begin) and _inside(ban.id, span)]
        found = [ban for ban in bans if search in ban.id.lower()]
        address = net.address(search)
        if address:
            jails = {ban.jail for ban in bans}
            found += [ban for ban in self.holding(address) if ban not in found and ban.jail in jails]
        return found


def _sorted(bans: list[Banned], order: Order) -> list[Banned]:
    """Sort in place. Nearly all of them stand in the order of their bans, so that this takes little."""
    if order in ("newest", "oldest"):
        bans.sort(key=lambda ban: ban.time, reverse=order == "newest")
    elif order == "ending":
        bans.sort(key=lambda ban: ban.end)
    elif order == "failures":
        bans.sort(key=lambda ban: ban.failures, reverse=True)
    elif order == "jail":
        bans.sort(key=lambda ban: ban.jail)
    else:
        bans.sort(key=lambda ban: _place(ban.id))
    return bans


def _place(key: str) -> tuple[int, bytes, str]:
    """Return what addresses are sorted by: IPv4 first, then IPv6, then what is none."""
    raw = net.packed(key.partition("/")[0])
    return (len(raw), raw, key) if raw else (99, b"", key)


def _inside(key: str, span: tuple[int, int, int] | None) -> bool:
    """Return whether an id is an address or a network inside this stretch."""
    found = net.span(key)
    return bool(found and span and found[0] == span[0] and span[1] <= found[1] and found[2] <= span[2])


def banned(said: Mapping[str, Any]) -> Banned:
    """Return a ban of the server's answer to `banned`."""
    end = said["end"]
    return Banned(
        sys.intern(said["jail"]),
        said["id"],
        said["time"],
        FOR_EVER if end is None else end,
        said["failures"],
        said["count"],
    )


def _ban_of(event: Event, before: Banned | None) -> Banned:
    """Return the ban that an event tells of; one that is prolonged began when it began."""
    details = event.details
    until = details["until"]
    time = before.time if before and event.event == "prolong" else event.time
    end = FOR_EVER if until is None else until
    return Banned(sys.intern(event.jail or ""), event.id or "", time, end, details["failures"], details["bancount"])
