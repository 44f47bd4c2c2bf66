"""Has this host's server do what the book says, no more than `maxbans` bans of other hosts a minute."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from f2b.ban.surge import MINUTE_S
from f2b.daemon.fleet import BANNED
from f2b.fleet.book import NEVER, Book, Key
from f2b.fleet.entry import FOREVER
from f2b.fleet.link import Link
from f2b.named import NamedTuple

MOST = 500
"""Orders in a request."""
PAUSE_S = 1.0
SLACK_S = 1.0

Order = Mapping[str, Any]


class _Due(NamedTuple):
    key: Key
    order: Order
    foreign: bool
    """It is a ban of another host."""


class Hand:
    """Gives orders to one server. `tell` hears what is refused, by kind and in words."""

    def __init__(self, link: Link, book: Book, host: str, maxbans: int, tell: Callable[[str, str], object]) -> None:
        self._link = link
        self._book = book
        self._host = host
        self._maxbans = maxbans
        self._tell = tell
        self._due: dict[Key, bool] = {}
        """About whom there is something to order; whether there is news of him."""
        self._wake = asyncio.Event()
        self._imposed: deque[float] = deque()
        """When bans of others came into force, in the last minute."""

    def want(self, keys: Iterable[Key], news: bool) -> None:
        """See to it that these are banned here, or not, as the book says. `news`: it was just told of them."""
        for key in keys:
            self._due[key] = news or self._due.get(key, False)
        if self._due:
            self._wake.set()

    async def run(self) -> None:
        """Go on for ever. Raises ControlError if the server is away; what is still due is forgotten then."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._due:
                if not await self._some():
                    self._tell("maxbans", f"more than {self._maxbans} bans of other hosts in a minute; others wait")
                    await asyncio.sleep(PAUSE_S)

    def forget(self) -> None:
        """Nothing is due any more: all of it will be wanted anew."""
        self._due.clear()

    async def _some(self) -> bool:
        """Give as many orders as may be given now; return whether there were any."""
        now = time.time()
        while self._imposed and not 0 <= now - self._imposed[0] < MINUTE_S:
            self._imposed.popleft()
        chosen = list(islice(self._choose(now, self._maxbans - len(self._imposed)), MOST))
        for due in chosen:
            del self._due[due.key]
        orders = [due for due in chosen if due.order]
        if orders:
            results = await self.give([due.order for due in orders])
            new = sum(due.foreign and result == BANNED for due, result in zip(orders, results, strict=True))
            self._imposed.extend([now] * new)
        return bool(chosen)

    def _choose(self, now: float, room: int) -> Iterable[_Due]:
        for key, news in self._due.items():
            due = self._what(key, news, now)
            room -= due.foreign
            if room >= 0 or not due.foreign:
                yield due

    def _what(self, key: Key, news: bool, now: float) -> _Due:
        about = {"jail": key[0], "id": key[1]}
        claim = self._book.verdict(key, now)
        if claim:
            end = None if claim.end == FOREVER else claim.end
            order = {**about, "end": end, "origin": claim.origin, "failures": claim.failures}
            return _Due(key, order, claim.origin != self._host)
        lifted = self._book.lifted(key)
        if lifted == NEVER:
            return _Due(key, {}, False)
        # What is told right now concerns the ban that stands. Later there may be one of this host's own.
        return _Due(key, {**about, "lifted": now + SLACK_S if news else lifted + SLACK_S}, False)

    async def give(self, orders: list[Order]) -> list[str]:
        """Give orders, and return what became of each. Raises ControlError."""
        answer = await self._link.ask("impose", orders=orders)
        results: list[str] = answer["results"]
        for order, result in zip(orders, results, strict=True):
            if result not in (BANNED, ""):
                self._tell(f"refused {order['id']}", f"[{order['jail']}] {order['id']} is not banned here: {result}")
        return results
