"""Bans kept small: those of which there may be a hundred thousand, in a third of the memory.

What led to a restored ban stays in the database, so all that is left of it are numbers and flags. These are kept as
bytes and become a `Ban` again for whoever asks; all others are kept as they are, and of those only the newest: of the
older ones, too, the database tells what led to them. The ledger keeps its bans here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial
from struct import Struct, error
from types import MappingProxyType

from f2b.events import FLEET, Ban, Captures
from f2b.named import NamedTuple
from f2b.value import replace

FULL = 10_000
"""Bans whose lines are kept here: some 1.2 kB each."""
_FORM = Struct("<ddIIB")
"""Time, duration, failures, count, flags."""
_SPAN = Struct("<dd")
"""The first two of them."""
_NOTHING: Captures = MappingProxyType({})
_NEVER = float("inf")
_OWN, _GROWN, _RESTORED, _LISTED, _HOST, _WHOLE_TIME, _WHOLE_DURATION = (1 << bit for bit in range(7))
"""The last three: its host is its id, and which numbers are ints."""


class Brief(NamedTuple):
    """As much of a ban as lists tell: made in a fraction of the time that a `Ban` takes."""

    jail: str
    id: str
    time: float
    duration: float
    failures: int
    times: int
    """How many times this id was banned in this jail, this time included."""
    restored: bool
    listed: bool
    fleet: object
    """The host of the fleet that it comes from; None if that is not so."""


class Term(NamedTuple):
    """As much of a ban as the kernel must know: made quicker still, for at a start it is told of all."""

    id: str
    ip: str
    """What actions know as `<ip>`."""
    end: float
    """When it is over; infinity for a permanent one."""


_term = partial(tuple.__new__, Term)
"""`Term._make`, at a fifth of its price."""


class Remnant(NamedTuple):
    """A ban of an earlier server, as much of it as is kept: what led to it stays in the database."""

    id: str
    time: float
    duration: float
    failures: int
    times: int
    """How many times this id was banned in this jail, this time included."""
    own_time: bool
    host: str | None

    @property
    def end(self) -> float:
        """When it is over; infinity for a permanent one."""
        return _NEVER if self.duration < 0 else self.time + self.duration

    def ban(self, jail: str) -> Ban:
        """Return it as the ban that it is."""
        key, time, duration, failures, times, own_time, host = self
        return Ban(jail, key, time, duration, failures, (), _NOTHING, host, times, own_time, restored=True)


remnant = partial(tuple.__new__, Remnant)
"""The same for these."""


class Bans:
    """Bans of one jail by their ids, in the order in which these came."""

    def __init__(self) -> None:
        self._kept: dict[str, Ban | bytes] = {}
        self.full = FULL
        """How many are kept as they are."""
        self._full: dict[str, None] = {}
        """Those that are not packed, oldest first."""
        self._jail = ""
        """Whose the packed ones are."""

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Ban]:
        for key, kept in self._kept.items():
            yield kept if isinstance(kept, Ban) else self._unpacked(key, kept)

    def ids(self) -> Iterator[str]:
        """Yield who is banned."""
        return iter(self._kept)

    def put(self, ban: Ban) -> None:
        """Add a ban, or replace the one of the same id."""
        self._jail = self._jail or ban.jail
        packed = _packed(ban) if ban.jail == self._jail else None
        self._kept[ban.id] = packed or ban
        self._full.pop(ban.id, None)
        if packed is None:
            self._full[ban.id] = None
            if len(self._full) > self.full:
                self._slim(next(iter(self._full)))

    def take(self, jail: str, remnants: Iterable[Remnant]) -> None:
        """Put the bans of these, thousands perhaps: none is made that would at once be packed."""
        self._jail = self._jail or jail
        for one in remnants:
            key, time, duration, failures, times, own_time, host = one
            packed = None
            if (host == key or host is None) and jail == self._jail and key not in self._full:
                flags = _RESTORED | _OWN * own_time | _HOST * (host is not None)
                packed = _pack(time, duration, failures, times, flags)
            if packed is None:
                self.put(one.ban(jail))
            else:
                self._kept[key] = packed

    def get(self, key: str) -> Ban | None:
        """Return the ban of an id, if there is one."""
        kept = self._kept.get(key)
        return self._unpacked(key, kept) if isinstance(kept, bytes) else kept

    def brief(self, key: str) -> Brief | None:
        """Return what lists tell of the ban of an id, if there is one."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if isinstance(kept, Ban):
            told = kept.time, kept.duration, kept.failures, kept.count, kept.restored, kept.listed
            return Brief(kept.jail, key, *told, kept.captures.get(FLEET))
        time, duration, failures, count, flags = _FORM.unpack(kept)
        time = int(time) if flags & _WHOLE_TIME else time
        duration = int(duration) if flags & _WHOLE_DURATION else duration
        restored, listed = flags & _RESTORED != 0, flags & _LISTED != 0
        return Brief(self._jail, key, time, duration, failures, count, restored, listed, None)

    def restored(self) -> Iterator[str]:
        """Yield who was banned already before the server started."""
        for key, kept in self._kept.items():
            if kept[-1] & _RESTORED if isinstance(kept, bytes) else kept.restored:
                yield key

    def terms(self) -> Iterator[Term]:
        """Yield who is banned, and until when."""
        span = _SPAN.unpack_from
        for key, kept in self._kept.items():
            if isinstance(kept, bytes):  # nearly all: their address is their id
                time, duration = span(kept)
                yield _term((key, key, _NEVER if duration < 0 else time + duration))
            else:
                yield Term(key, kept.ip, kept.end)

    def pop(self, key: str) -> Ban | None:
        """Remove the ban of an id, and return it if there was one."""
        kept = self._kept.pop(key, None)
        self._full.pop(key, None)
        return self._unpacked(key, kept) if isinstance(kept, bytes) else kept

    def _slim(self, key: str) -> None:
        """Keep no longer what led to a ban."""
        del self._full[key]
        ban = self._kept[key]
        if isinstance(ban, Ban) and ban.jail == self._jail:
            slim = replace(ban, matches=(), captures=_NOTHING)
            self._kept[key] = _packed(slim) or slim

    def _unpacked(self, key: str, kept: bytes) -> Ban:
        time, duration, failures, count, flags = _FORM.unpack(kept)
        return Ban(
            self._jail,
            key,
            int(time) if flags & _WHOLE_TIME else time,
            int(duration) if flags & _WHOLE_DURATION else duration,
            failures,
            host=key if flags & _HOST else None,
            count=count,
            own_time=bool(flags & _OWN),
            grown=bool(flags & _GROWN),
            restored=bool(flags & _RESTORED),
            listed=bool(flags & _LISTED),
        )


def _packed(ban: Ban) -> bytes | None:
    """Return all but jail and id of a ban; None if there is more to it than fits."""
    host = ban.host
    if ban.matches or ban.captures or (host is not None and host != ban.id):
        return None
    flags = (
        _OWN * ban.own_time
        | _GROWN * ban.grown
        | _RESTORED * ban.restored
        | _LISTED * ban.listed
        | _HOST * (host is not None)
    )
    return _pack(ban.time, ban.duration, ban.failures, ban.count, flags)


def _pack(time: float, duration: float, failures: int, count: int, flags: int) -> bytes | None:
    """Return these as bytes, if they fit; the last two flags are found here."""
    if isinstance(time, int):
        flags |= _WHOLE_TIME
    if isinstance(duration, int):
        flags |= _WHOLE_DURATION
    try:
        packed = _FORM.pack(time, duration, failures, count, flags)
        exact = float(time) == time and float(duration) == duration
    except (error, OverflowError):
        return None  # numbers that nobody meant, from somebody's database
    return packed if exact else None
