"""Whom a ban hits besides the attacker: everybody behind a proxy, a CDN or a gateway, in a network, or at an address
from which somebody logged in lately.

All jails share what is known of that. Pure: times, gateways and what lists of proxies hold are handed in.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator, Sequence

from f2b import net
from f2b.ban.allow import AllowList
from f2b.duration import human
from f2b.named import NamedTuple

DAY_S = 86400.0
"""How long a login counts."""
MOST = 10_000
"""So many addresses with a login are remembered: the latest."""
AGAIN_S = 3600.0
"""A login from the same address is news again after so long."""
ONE_HOST = 64
"""An IPv6 network of so many bits is one customer's, and its ban nothing that is to be warned of."""
FREE = {4: 16, 6: 80}
"""Logins are kept together by networks with so many bits free: a /16, a /48."""
NAMED = 3
"""So many of those who logged in are named."""


class Arrival(NamedTuple):
    """Somebody logged in."""

    address: str
    user: str
    """Empty if the log does not say."""
    time: float


class Arrivals:
    """The latest login from each address."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._latest: OrderedDict[str, Arrival] = OrderedDict()
        """In the order in which they were heard of."""
        self._places: dict[tuple[int, int], dict[str, int]] = {}
        """Their addresses with their numbers, by family and what the numbers begin with,"""
        self._unplaced: dict[str, bytes] = {}
        """but for these, since nobody has asked for a network yet: most hosts have no jail that does."""

    def __len__(self) -> int:
        return len(self._latest)

    def note(self, one: Arrival) -> bool:
        """Take in a login if it is news: its address had none within an hour before; return whether it is."""
        address = one.address
        known = self._latest.get(address)
        if known is not None:
            if one.time < known.time + AGAIN_S:
                return False
            self._latest.move_to_end(address)
        else:
            raw = net.packed(address)
            if raw is None:
                return False
            self._unplaced[address] = raw
            if len(self._latest) >= self._most:
                self._forget()
        self._latest[address] = one
        return True

    def inside(self, key: str, now: float = float("-inf")) -> list[Arrival]:
        """Return the logins of the last day from an address, or from anywhere in a network, the latest first.

        Without `now` some may be a little older.
        """
        if "/" not in key:
            found = [self._latest[key]] if key in self._latest else []
        else:
            found = [self._latest[address] for address in self._within(key)]
        return sorted((one for one in found if now - one.time < DAY_S), key=lambda one: -one.time)

    def _within(self, network: str) -> Iterator[str]:
        span = net.span(network)
        if span is None:
            return
        self._place()
        family, first, last = span
        begin, end = _stretch(family, first)[1], _stretch(family, last)[1]
        if end - begin < len(self._places):
            stretches = ((family, at) for at in range(begin, end + 1))
        else:
            stretches = (one for one in self._places if one[0] == family and begin <= one[1] <= end)
        known = (each for stretch in stretches for each in self._places.get(stretch, {}).items())
        found = sorted((number, address) for address, number in known if first <= number <= last)
        yield from (address for _, address in found)

    def _place(self) -> None:
        for address, raw in self._unplaced.items():
            number = int.from_bytes(raw, "big")
            self._places.setdefault(_stretch(4 if len(raw) == 4 else 6, number), {})[address] = number
        self._unplaced.clear()

    def purge(self, now: float) -> None:
        """Forget what no longer counts."""
        while self._latest and now - next(iter(self._latest.values())).time >= DAY_S:
            self._forget()

    def _forget(self) -> None:
        """Forget who was heard of first."""
        address, _ = self._latest.popitem(last=False)
        if self._unplaced.pop(address, None) is not None:
            return
        family, number, _ = net.span(address) or (4, 0, 0)
        stretch = _stretch(family, number)
        del self._places[stretch][address]
        if not self._places[stretch]:
            del self._places[stretch]


def _stretch(family: int, number: int) -> tuple[int, int]:
    return family, number >> FREE[family]


class Others:
    """Those whom no ban is meant for: what all jails know of them together."""

    def __init__(self, gateways: Callable[[], Collection[str]] = frozenset) -> None:
        """`gateways` returns this host's default gateways."""
        self.arrivals = Arrivals()
        self._gateways = gateways
        self._named: dict[str, tuple[str, ...]] = {}
        """By jail, which proxies it names."""
        self._lists: dict[tuple[str, ...], AllowList] = {}

    def proxies(self, jail: str, entries: Sequence[str]) -> AllowList:
        """Let a jail name addresses, networks and files of proxies; return what files are to be handed to."""
        named = self._named[jail] = tuple(entries)
        used = {*self._named.values()}
        self._lists = {key: known for key, known in self._lists.items() if key in used}
        if named not in self._lists:
            self._lists[named] = AllowList(named)
        return self._lists[named]

    def hit(self, key: str, now: float) -> list[str]:
        """Return in words who would be hit by a ban of an address or a network; nothing if nobody is known."""
        return [*self._of_place(key), *self._of_logins(key, now)] if net.family(key) else []

    def touches(self, network: str) -> bool:
        """Return whether a ban of a network would hit anybody that is known."""
        return any(self._of_place(network)) or bool(self.arrivals.inside(network))

    def _of_place(self, key: str) -> Iterator[str]:
        _, slash, length = key.partition("/")
        if slash:
            free = net.BITS[net.family(key)] - int(length)
            if net.family(key) == 4 or int(length) < ONE_HOST:
                yield f"all {1 << free:,} addresses of the network" if free < 32 else f"a whole IPv6 /{length}"
        if any(gateway in net.Spans([key]) for gateway in self._gateways()):
            yield "all who come by the default gateway"
        if any(known.touches(key) if slash else known.why(key) for known in self._lists.values()):
            yield "all who come by a proxy that `proxies` names"

    def _of_logins(self, key: str, now: float) -> Iterator[str]:
        logins = self.arrivals.inside(key, now)
        for one in logins[:NAMED]:
            whence = f" from {one.address}" if "/" in key else ""
            ago = human(max(1, round(now - one.time)))
            yield f"{one.user or 'somebody'}, who logged in{whence} {ago} ago"
        if len(logins) > NAMED:
            yield f"{len(logins) - NAMED} more who logged in within a day"
