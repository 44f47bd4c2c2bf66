"""Who may do what in a browser: sessions, the token, marks in forms. Time and random bytes are handed in. Pure."""

from __future__ import annotations

import hmac
from collections import deque
from collections.abc import Callable

from f2b import net

SESSION_S = 8 * 3600.0
"""A session ends when nobody came for so long."""
MOST_SESSIONS = 1000
TRIES, WITHIN_S = 5, 60.0
"""So many wrong tokens from one address in so long: then no more of its tokens are looked at."""
MOST_ADDRESSES = 10_000
"""Whose wrong tokens are remembered."""
SHORTEST = 16
"""Characters of a token: fewer could be found by trying."""
PREFIX6 = 64
"""Whoever has one IPv6 address has all of these."""


class Door:
    """The token and the sessions that it opened."""

    def __init__(self, token: str, random: Callable[[int], bytes]) -> None:
        """`token` empty: nobody gets in. `random` returns so many bytes that nobody can guess."""
        self._token = token.encode()
        self._random = random
        self._key = random(32)
        self._sessions: dict[str, float] = {}
        """When each was last used, the latest last."""
        self._said: dict[str, str] = {}
        """What each is to be told on its next page."""
        self._failed: dict[str, deque[float]] = {}
        """When whoever failed last did."""

    @property
    def lockable(self) -> bool:
        """Whether there is a token at all."""
        return bool(self._token)

    def visitor(self) -> str:
        """Return a name for a browser that comes for the first time."""
        return self._random(24).hex()

    def mark(self, visitor: str) -> str:
        """Return what a form must carry that this visitor sends: no other site can know it."""
        return hmac.new(self._key, visitor.encode(), "sha256").hexdigest()

    def is_marked(self, visitor: str, mark: str) -> bool:
        """Return whether a form is from one of this visitor's pages."""
        return bool(visitor) and hmac.compare_digest(self.mark(visitor).encode(), mark.encode())

    def wait(self, address: str, now: float) -> float:
        """Return for how many seconds no token of this address is looked at; 0 if it is."""
        failed = self._failed.get(_who(address))
        if not failed or len(failed) < TRIES:
            return 0.0
        return max(0.0, failed[0] + WITHIN_S - now)

    def opens(self, token: str, address: str, now: float) -> bool:
        """Return whether this is the token; a wrong one is remembered of that address."""
        if self._token and hmac.compare_digest(self._token, token.encode(errors="replace")):
            return True
        who = _who(address)
        failed = self._failed.pop(who, None) or deque(maxlen=TRIES)
        failed.append(now)
        self._failed[who] = failed
        if len(self._failed) > MOST_ADDRESSES:
            del self._failed[next(iter(self._failed))]
        return False

    def admit(self, now: float) -> str:
        """Return a new session's name."""
        visitor = self.visitor()
        self._sessions[visitor] = now
        if len(self._sessions) > MOST_SESSIONS:
            self.leave(next(iter(self._sessions)))
        return visitor

    def is_in(self, visitor: str, now: float) -> bool:
        """Return whether this is a session; it goes on then."""
        used = self._sessions.pop(visitor, None)
        if used is None or now - used > SESSION_S:
            self._said.pop(visitor, None)
            return False
        self._sessions[visitor] = now
        return True

    def leave(self, visitor: str) -> None:
        """End a session."""
        self._sessions.pop(visitor, None)
        self._said.pop(visitor, None)

    def say(self, visitor: str, what: str) -> None:
        """Keep what a session is to be told on its next page."""
        if visitor in self._sessions:
            self._said[visitor] = what

    def said(self, visitor: str) -> str:
        """Return what it is to be told, once."""
        return self._said.pop(visitor, "")


def _who(address: str) -> str:
    """Return whose tries count as one: all of loopback, all of an IPv6 network."""
    if net.family(address) == 6:
        return net.network(f"{address}/{PREFIX6}") or address
    return "loopback" if address.startswith("127.") else address
