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

from f2b import net
from f2b.named import NamedTuple

WINDOW_S = 300.0
"""How far the clocks of hosts and Redis may be apart."""
SHORTEST_KEY = 16
"""Characters."""
FOREVER = float("inf")
_LONGEST = 4096
_LONGEST_NAME = 255
_VERSION = 1
_MAC = 64
"""Hexadecimal digits of an HMAC-SHA256."""

BAN, UNBAN = "ban", "unban"


class ForgedError(ValueError):
    """Nobody who has the key has made this, or it makes no sense."""


def mac(body: bytes, key: bytes) -> bytes:
    """Return the signature of some bytes."""
    return hmac.new(key, body, hashlib.sha256).hexdigest().encode()


def sign(said: Mapping[str, object], key: bytes) -> bytes:
    """Return what a host says as it goes to Redis: the signature, and JSON."""
    body = json.dumps(said, separators=(",", ":")).encode("ascii")
    return mac(body, key) + body


def signed(text: bytes, key: bytes) -> dict[str, object]:
    """Return what a host has said. Raises ForgedError."""
    if len(text) > _LONGEST or not hmac.compare_digest(text[:_MAC], mac(text[_MAC:], key)):
        raise ForgedError("its signature is not of our key")
    try:
        found = json.loads(text[_MAC:])
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ForgedError(_STRANGE)
    return found


_STRANGE = "it is signed, but makes no sense; is another version of f2b at work?"


class Entry(NamedTuple):
    """One thing that a host tells all others."""

    kind: str
    """`ban` or `unban`."""
    jail: str
    """As the host calls it that told of it first."""
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


class Taken(NamedTuple):
    """An entry as it stands in the stream."""

    position: str
    stamp: float
    """When Redis took it, seconds."""
    text: bytes


def seal(entry: Entry, key: bytes) -> bytes:
    """Return an entry as it goes to Redis."""
    return sign({"v": _VERSION, **entry._asdict(), "end": None if entry.end == FOREVER else entry.end}, key)


def opened(text: bytes, key: bytes) -> Entry:
    """Return the entry. Raises ForgedError."""
    said = signed(text, key)
    try:
        return _entry(said)
    except (ValueError, TypeError, KeyError):
        raise ForgedError(_STRANGE) from None


def _entry(said: dict[str, object]) -> Entry:
    if said.pop("v") != _VERSION:
        raise ValueError
    end = said.pop("end")
    entry = Entry(end=FOREVER if end is None else number(end), **said)  # type: ignore[arg-type]  # looked at below
    names = (entry.kind, entry.jail, entry.id, entry.origin, entry.host, entry.nonce)
    if not all(isinstance(name, str) and 0 < len(name) <= _LONGEST_NAME and name.isprintable() for name in names):
        raise ValueError
    made, sent = number(entry.made), number(entry.sent)
    if entry.kind not in (BAN, UNBAN) or net.network(entry.id) != entry.id or made > sent + WINDOW_S:
        raise ValueError
    return entry._replace(failures=int(number(entry.failures)))


def number(value: object) -> float:
    """Return what came as a number. Raises ValueError if it is none."""
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
