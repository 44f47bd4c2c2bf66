"""Which of this server's events are told to the other hosts. Pure.

What they have brought about is not told again, nor a ban that says no more than the book knows of this host.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from f2b import net
from f2b.events import FLEET
from f2b.fleet.book import NEVER, Book, Key
from f2b.fleet.entry import BAN, FOREVER, UNBAN, Entry
from f2b.fleet.setting import Jails

KINDS = ("ban", "prolong", "unban")
SAME_S = 1.0
REMEMBER_S, REMEMBER_LONG_S = 86400.0, 30 * 86400.0
"""How long an unban is remembered: for who was away then, and still has the ban; longer if that was for ever."""
_STEP_S = 1e-5
_LONGEST_JAIL = 200

Said = Mapping[str, Any]
"""An event of the server."""


class Herald:
    """Speaks for one host."""

    def __init__(self, host: str, share: Jails, book: Book) -> None:
        self._host = host
        self._share = share
        self._book = book

    def entries(self, events: Sequence[Said], now: float) -> list[Entry]:
        """Return what the others are to hear."""
        found = []
        for event in events:
            for key, entry in self._told(event, now):
                self._book.put(key, entry)
                found.append(entry)
        return found

    def _told(self, event: Said, now: float) -> Iterator[tuple[Key, Entry]]:
        if event["event"] not in KINDS or net.network(event["id"]) != event["id"]:
            return
        key = (event["jail"], event["id"])
        if event["event"] == "unban":
            yield from self._unban(key, event, now)
        elif self.shares(event["jail"]) and not event["restored"]:
            end = FOREVER if event["until"] is None else event["until"]
            if end > now and FLEET not in event["captures"] and self._is_news(key, end, now):
                yield key, self._ban(key, self._after(key, now), end, event["failures"], event["cursor"], now)

    def shares(self, jail: str) -> bool:
        """Return whether bans of a jail are told."""
        return self._share.hold(jail) and jail.isprintable() and len(jail) <= _LONGEST_JAIL

    def _is_news(self, key: Key, end: float, now: float) -> bool:
        claims = self._book.claims(key, now)
        known = max((claim.end for claim in claims), default=NEVER)
        return end > known + SAME_S or all(claim.origin != self._host for claim in claims)

    def claim(self, ban: Said, now: float) -> None:
        """Note in the book a ban of the server's list that it does not know."""
        key = (ban["jail"], ban["id"])
        end = FOREVER if ban["end"] is None else ban["end"]
        if ban["time"] <= self._book.lifted(key) or not self.shares(key[0]):
            return
        if all(end > claim.end + SAME_S for claim in self._book.claims(key, now)):
            made = max(min(ban["time"], now), self._book.latest(key) + _STEP_S)
            entry = self._ban(key, made, end, ban["failures"], "", now)
            self._book.put(key, entry._replace(origin=ban["fleet"] or self._host))

    def all(self, now: float, nonce: Callable[[], str]) -> Iterator[Entry]:
        """Yield all that the book holds, as this host would tell it now."""
        for key in self._book:
            for claim in self._book.claims(key, now):
                about = (claim.jail, key[1], claim.made, claim.end, claim.origin, claim.failures)
                yield Entry(BAN, *about, self._host, now, nonce())
            for name, made in self._book.lifts(key).items():
                end = self._book.remembered(key)
                yield Entry(UNBAN, name, key[1], made, end, self._host, 0, self._host, now, nonce())

    def _ban(self, key: Key, made: float, end: float, failures: int, nonce: str, now: float) -> Entry:
        return Entry(BAN, key[0], key[1], made, end, self._host, failures, self._host, now, nonce)

    def _unban(self, key: Key, event: Said, now: float) -> Iterator[tuple[Key, Entry]]:
        if not event["by_hand"] or event.get("by"):
            return
        names = self._book.names(key) | ({key[0]} if self.shares(key[0]) else set())
        remember = REMEMBER_LONG_S if event["until"] is None else max(REMEMBER_S, event["until"] - now)
        made = self._after(key, now)
        for name in sorted(names):
            nonce = f"{event['cursor']} {name}"
            yield key, Entry(UNBAN, name, key[1], made, now + remember, self._host, 0, self._host, now, nonce)

    def _after(self, key: Key, now: float) -> float:
        """Return the time of what happens now: later than all that is known of it, however clocks are set."""
        return max(now, self._book.latest(key) + _STEP_S)
