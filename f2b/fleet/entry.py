"""What hosts tell each other: bans and unbans, signed, and who may be believed. Pure: time is handed in.

An entry is a JSON text and its HMAC-SHA256 with the key that all hosts share. Redis is not trusted: whoever can
write there can neither make an entry nor change one. He can put an old one in again; against that stand the time at
which it was signed, which must be near the time that Redis gave it, and the memory of what was seen within that time.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import NamedTuple

from f2b import net

WINDOW_S = 300.0
"""How far the clocks of hosts and Redis may be apart."""
SHORTEST_KEY = 16
"""Characters."""
FOREVER = float("inf")
_LONGEST = 4096
_LONGEST_NAME = 255
_VERSION = 1

BAN, UNBAN, HOST = "ban", "unban", "host"
Sealed = Mapping[bytes, bytes]
"""An entry as it stands in Redis: `body` and `mac`."""


class ForgedError(ValueError):
    """Nobody who has the key has made this, or it makes no sense."""


class Entry(NamedTuple):
    """One thing that a host tells all others."""

    kind: str
    """`ban` or `unban`; `host` is what a host says of itself."""
    jail: str
    id: str
    """An address or a network."""
    made: float
    """When it came about; of two that contradict each other the later one holds."""
    end: float
    """When the ban is over, or when nobody need remember the unban; FOREVER is never."""
    origin: str
    """The host that has banned by itself."""
    failures: int
    host: str
    """The host that signed."""
    sent: float
    """When it was signed."""
    nonce: str
    """With `host`, tells it from all others; the same again is the same thing, sent once more."""


def seal(entry: Entry, key: bytes) -> dict[bytes, bytes]:
    """Return an entry as it goes to Redis."""
    said = {"v": _VERSION, **entry._asdict(), "end": None if entry.end == FOREVER else entry.end}
    body = json.dumps(said, separators=(",", ":")).encode("ascii")
    return {b"body": body, b"mac": mac(body, key)}


def mac(body: bytes, key: bytes) -> bytes:
    """Return the signature of some bytes."""
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()


def opened(sealed: Sealed, key: bytes) -> Entry:
    """Return the entry. Raises ForgedError."""
    body = sealed.get(b"body", b"")
    if len(body) > _LONGEST or not hmac.compare_digest(sealed.get(b"mac", b""), mac(body, key)):
        raise ForgedError("its signature is not of our key")
    try:
        return _entry(json.loads(body))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise ForgedError("it is signed, but no entry; is another version of f2b at work?") from None


def _entry(said: dict[str, object]) -> Entry:
    if said.pop("v") != _VERSION:
        raise ValueError
    end = said.pop("end")
    entry = Entry(end=FOREVER if end is None else _number(end), **said)  # type: ignore[arg-type]  # looked at below
    names = (entry.kind, entry.jail, entry.id, entry.origin, entry.host, entry.nonce)
    if not all(isinstance(name, str) and len(name) <= _LONGEST_NAME for name in names):
        raise ValueError
    if entry.kind not in (BAN, UNBAN, HOST) or (entry.kind != HOST and not _usable(entry)):
        raise ValueError
    return entry._replace(made=_number(entry.made), sent=_number(entry.sent), failures=int(_number(entry.failures)))


def _usable(entry: Entry) -> bool:
    """Whether it names somebody who can be banned, and a jail that cannot be mistaken for another."""
    return net.network(entry.id) == entry.id and bool(entry.jail) and entry.made <= entry.sent + 1


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < FOREVER:
        raise ValueError
    return value


class Memory:
    """Which entries of the stream were seen, as long as they could be put in again."""

    def __init__(self) -> None:
        self._seen: dict[tuple[str, str], float] = {}
        """When Redis took it, by host and nonce; in this order."""

    def __len__(self) -> int:
        return len(self._seen)

    def refusal(self, entry: Entry, stamp: float) -> str:
        """Note an entry that Redis took at `stamp` (seconds); return why it does not count, empty if it does."""
        if abs(stamp - entry.sent) > WINDOW_S:
            return "old"
        name = (entry.host, entry.nonce)
        if name in self._seen:
            return "seen"
        self._seen[name] = stamp
        self._forget(stamp - 2 * WINDOW_S)
        return ""

    def _forget(self, before: float) -> None:
        while self._seen:
            oldest = next(iter(self._seen))
            if self._seen[oldest] >= before:
                return
            del self._seen[oldest]
