"""Failures of one address on all hosts, as they stand in Redis: a sorted set by time, each of them signed. Pure."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from f2b.fleet.entry import mac
from f2b.named import NamedTuple

_LENGTH = 24
"""Hexadecimal digits of a signature: nobody guesses 96 bits."""


class Failure(NamedTuple):
    """One failure in a jail."""

    jail: str
    id: str
    time: float
    nonce: str
    """Tells it from all others of its host."""


def member(failure: Failure, host: str, key: bytes) -> bytes:
    """Return how a failure stands in the set; the same failure again is the same member."""
    text = f"{failure.time!r} {host} {failure.nonce}".encode()
    return text + b" " + _signature(text, failure.jail, failure.id, key)


def count(members: Iterable[bytes], jail: str, id_: str, since: float, key: bytes) -> int:
    """Return how many failures of an address a set holds since a time; those that are forged do not count."""
    return sum(_counts(each, jail, id_, since, key) for each in members)


def _counts(each: bytes, jail: str, id_: str, since: float, key: bytes) -> bool:
    text, _, signature = each.rpartition(b" ")
    if not hmac.compare_digest(signature, _signature(text, jail, id_, key)):
        return False
    return float(text.partition(b" ")[0]) >= since


def _signature(text: bytes, jail: str, id_: str, key: bytes) -> bytes:
    return mac(b"\0".join((b"failure", jail.encode(), id_.encode(), text)), key)[:_LENGTH]
