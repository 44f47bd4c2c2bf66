"""Long lists in answers: made as they are read, some rows at a time, while the server goes on with its work.

Requests put a `Roll` into their result where others put a list; `protocol` and `pickles` write it in slices.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

from f2b.ban.ledger import Ledger
from f2b.ban.packed import Brief

SLICE = 128
"""Rows that are made in one go."""
_WEIGHT = 70
"""Bytes that an id takes here, so far as nobody else keeps it any longer."""
_ROW = (
    '{"jail":%s,"listed":%s,"fleet":%s,"id":%s,"time":%s,"duration":%s,"end":%s,'
    '"failures":%s,"count":%s,"restored":%s}'
)
"""A ban, as JSON: what `testimony.shown` says of one, and before it whose it is."""
_FLAG = ("false", "true")
_INFINITY = float("inf")
_quoted = json.encoder.encode_basestring_ascii


class Roll:
    """A list of texts, or of JSON objects (`rows`), that is made while it is written; it can be read once."""

    def __init__(self, items: Iterable[str], count: int, rows: bool = False) -> None:
        """`items` are at most `count`; `rows` are JSON already."""
        self._items = iter(items)
        self.rows = rows
        self.weight = _WEIGHT * count
        """Bytes that are kept for what is not written yet."""

    def slices(self) -> Iterator[Sequence[str]]:
        """Yield what has not been read yet, some rows at a time."""
        while part := list(islice(self._items, SLICE)):
            yield part

    def json(self) -> Iterator[str]:
        """Yield the list as JSON, piece by piece."""
        before = "["
        for part in self.slices():
            yield before + ",".join(part if self.rows else map(_quoted, part))
            before = ","
        yield "[]" if before == "[" else "]"


def weight(value: object) -> int:
    """Return what all rolls inside an answer weigh."""
    if isinstance(value, Roll):
        return value.weight
    if isinstance(value, dict):
        return sum(map(weight, value.values()))
    return sum(map(weight, value)) if isinstance(value, (list, tuple)) else 0


def bans(ledgers: Iterable[Ledger], wanted: Iterable[Sequence[str]] | None = None) -> Roll:
    """Return the bans of these ledgers, or those that are `wanted` of each, as JSON objects.

    Who is let in before his row is made is left out.
    """
    held = list(ledgers)
    ids = [list(ledger.ids()) for ledger in held] if wanted is None else list(wanted)
    found = (ledger.brief(key) for ledger, keys in zip(held, ids, strict=True) for key in keys)
    return Roll((_row(brief) for brief in found if brief), sum(map(len, ids)), rows=True)


def _row(ban: Brief) -> str:
    """Return a ban as JSON."""
    jail, key, time, duration, failures, count, restored, listed, fleet = ban
    numbers: tuple[object, ...] = (time, duration, None if duration < 0 else time + duration, failures, count)
    if type(failures) is type(count) is int and abs(time) + abs(duration) < _INFINITY:
        numbers = (time, duration, "null", failures, count) if duration < 0 else numbers
    else:  # what nobody meant, from somebody's database
        numbers = tuple(map(json.dumps, numbers))
    whence = "null" if fleet is None else json.dumps(fleet)
    return _ROW % (_quoted(jail), _FLAG[listed], whence, _quoted(key), *numbers, _FLAG[restored])
