"""What the whole fleet knows of bans: who is banned by whom until when, and who was let in again. Pure.

The order in which entries come does not matter, nor how often each comes: of what one host says, and of a ban and an
unban, the later word holds; of several hosts' bans the one that ends last. So all hosts come to the same result.
"""

from __future__ import annotations

from collections.abc import Iterator

from f2b.fleet.entry import BAN, Entry
from f2b.named import NamedTuple

Key = tuple[str, str]
"""The jail of this host, and who it is about."""
NEVER = float("-inf")


class Claim(NamedTuple):
    """A ban, as one host has made it."""

    origin: str
    jail: str
    """As that host calls it."""
    made: float
    end: float
    failures: int


class _Case:
    """One address in one jail."""

    __slots__ = ("claims", "lifted", "remembered")

    def __init__(self) -> None:
        self.claims: dict[tuple[str, str], Claim] = {}
        self.lifted: dict[str, float] = {}
        """When it was let in last, by the jail's name elsewhere."""
        self.remembered = NEVER
        """Until when that must be known."""


class Book:
    """Keeps what entries say. `quorum`: so many hosts must have banned by themselves before it counts here."""

    def __init__(self, host: str, quorum: int = 1) -> None:
        self._host = host
        self._quorum = quorum
        self._cases: dict[Key, _Case] = {}

    def __len__(self) -> int:
        return len(self._cases)

    def __iter__(self) -> Iterator[Key]:
        return iter(self._cases)

    def put(self, key: Key, entry: Entry) -> None:
        """Take note of an entry about somebody."""
        case = self._cases.setdefault(key, _Case())
        if entry.kind == BAN:
            _claim(case, entry)
        else:
            _lift(case, entry)

    def verdict(self, key: Key, now: float) -> Claim | None:
        """Return the ban that is to be in force here; None if there is none."""
        claims = self.claims(key, now)
        origins = {claim.origin for claim in claims}
        if len(origins) < self._quorum:
            claims = [claim for claim in claims if claim.origin == self._host]
        return max(claims, key=lambda claim: claim.end, default=None)

    def claims(self, key: Key, now: float) -> list[Claim]:
        """Return all bans of somebody that are in force anywhere."""
        case = self._cases.get(key)
        return [claim for claim in case.claims.values() if claim.end > now] if case else []

    def lifted(self, key: Key) -> float:
        """Return when somebody was let in last; NEVER if he was not."""
        case = self._cases.get(key)
        return max(case.lifted.values(), default=NEVER) if case else NEVER

    def lifts(self, key: Key) -> dict[str, float]:
        """Return the same by the jails' names elsewhere."""
        case = self._cases.get(key)
        return dict(case.lifted) if case else {}

    def latest(self, key: Key) -> float:
        """Return the time of the last that is known of somebody; NEVER if nothing is."""
        case = self._cases.get(key)
        if case is None:
            return NEVER
        return max([*case.lifted.values(), *(claim.made for claim in case.claims.values())], default=NEVER)

    def remembered(self, key: Key) -> float:
        """Return until when an unban must be known."""
        return self._cases[key].remembered

    def names(self, key: Key) -> set[str]:
        """Return what other hosts call the jail in which somebody is banned."""
        case = self._cases.get(key)
        return {claim.jail for claim in case.claims.values()} if case else set()

    def purge(self, now: float) -> None:
        """Forget what is over."""
        for key, case in list(self._cases.items()):
            for name in [name for name, claim in case.claims.items() if claim.end <= now]:
                del case.claims[name]
            if case.remembered <= now:
                case.lifted.clear()
            if not case.claims and not case.lifted:
                del self._cases[key]


def _claim(case: _Case, entry: Entry) -> None:
    if entry.made <= case.lifted.get(entry.jail, NEVER):
        return
    name = (entry.origin, entry.jail)
    present = case.claims.get(name)
    if present is None or (entry.made, entry.end) > (present.made, present.end):
        case.claims[name] = Claim(entry.origin, entry.jail, entry.made, entry.end, entry.failures)


def _lift(case: _Case, entry: Entry) -> None:
    case.lifted[entry.jail] = max(entry.made, case.lifted.get(entry.jail, NEVER))
    case.remembered = max(case.remembered, entry.end)
    for name, claim in list(case.claims.items()):
        if claim.jail == entry.jail and claim.made <= entry.made:
            del case.claims[name]
