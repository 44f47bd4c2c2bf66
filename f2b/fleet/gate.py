"""Who is let in: entries as they come from Redis, looked at before anything of them counts. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection

from f2b import net
from f2b.fleet.book import Book, Key
from f2b.fleet.entry import WINDOW_S, Entry, ForgedError, Memory, Taken, opened
from f2b.fleet.setting import Jails, Spec

WIDEST = {4: 16, 6: 32}
"""Prefix lengths: no host may ban a wider network on all others."""
_SAID = {
    "old": "an entry was signed at another time than Redis took it; is a clock wrong, or does somebody replay it?",
    "seen": "an entry came a second time; it counts once",
}


class Gate:
    """Guards one host's book. `tell` hears of those who are turned away: their kind, and why."""

    def __init__(self, spec: Spec, host: str, key: bytes, book: Book, tell: Callable[[str, str], object]) -> None:
        self.jails: Collection[str] = ()
        """Those that this host has."""
        self._spec = spec
        self._host = host
        self._key = key
        self._book = book
        self._tell = tell
        self._memory = Memory()

    def take(self, taken: Taken) -> Key | None:
        """Note an entry of the stream in the book; return about whom it is, None if it does not concern this host."""
        entry = self._opened(taken.text)
        if entry is None:
            return None
        why = self._memory.refusal(entry, taken.stamp)
        if why:
            self._tell(why, f"{_SAID[why]} (signed by {entry.host}, about {entry.id})")
            return None
        return self._noted(entry)

    def remember(self, taken: Taken) -> None:
        """Only remember that an entry of the stream is no news."""
        entry = self._opened(taken.text)
        if entry:
            self._memory.refusal(entry, taken.stamp)

    def register(self, text: bytes, now: float) -> Entry | None:
        """Note what still holds in the book; return it."""
        entry = self._opened(text)
        if entry and entry.sent <= now + WINDOW_S:
            self._noted(entry)
            return entry
        return None

    def usable(self, jail: str, id_: str, jails: Jails) -> bool:
        """Return whether somebody in a jail can be a matter of these jails."""
        return jails.hold(jail) and net.network(id_) == id_

    def _opened(self, text: bytes) -> Entry | None:
        try:
            return opened(text, self._key)
        except ForgedError as error:
            self._tell("forged", f"an entry in Redis was not taken: {error}")
            return None

    def _noted(self, entry: Entry) -> Key | None:
        jail = self._jail(entry)
        if jail is None:
            return None
        if _width(entry.id) < WIDEST[net.family(entry.id) or 4]:
            self._tell("wide", f"{entry.host} wants {entry.id} banned, which is too wide; nobody is")
            return None
        key = (jail, entry.id)
        self._book.put(key, entry)
        return key

    def _jail(self, entry: Entry) -> str | None:
        """Return into which jail an entry goes here."""
        own = entry.host == self._host and self._spec.share.hold(entry.jail)
        if not own and not self._spec.accept.hold(entry.jail):
            return None
        return entry.jail if entry.jail in self.jails else self._spec.jail or None


def _width(id_: str) -> int:
    _, slash, length = id_.partition("/")
    return int(length) if slash else 128
