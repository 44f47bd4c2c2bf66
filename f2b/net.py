"""Addresses and networks: their one canonical text, their family, and fast membership.

Everything that travels through f2b names an address by its canonical text, as Fail2Ban does: `192.0.2.1`,
`2001:db8::1`, an IPv4-mapped IPv6 address as its IPv4 address, a network as `base/length`.
"""

from __future__ import annotations

import re

# inet_pton is a pure function that happens to live in socket; it is 15 times as fast as ipaddress. `_socket` is where
# it is made: all of `socket` takes 4 ms to import.
from _socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from itertools import takewhile

BITS = {4: 32, 6: 128}
_MAPPED = b"\0" * 10 + b"\xff\xff"
_HOST_BITS_LOST = re.compile(r"1*0*")


def packed(text: str) -> bytes | None:
    """Return the 4 or 16 bytes of an address (an IPv4-mapped one gives 4), or None if it is none.

    Zones (`%eth0`), leading zeros and short forms such as `127.1` are no addresses here.
    """
    try:
        if ":" not in text:
            return inet_pton(AF_INET, text)
        raw = inet_pton(AF_INET6, text)
    except (OSError, ValueError):  # ValueError: an embedded NUL, or a lone surrogate
        return None
    return raw[12:] if raw.startswith(_MAPPED) else raw


def unpacked(raw: bytes) -> str:
    """Return the canonical text of 4 or 16 bytes."""
    return inet_ntop(AF_INET if len(raw) == 4 else AF_INET6, raw)


def address(text: str) -> str | None:
    """Return the canonical text of an address, or None if `text` is none."""
    raw = packed(text)
    return None if raw is None else unpacked(raw)


def network(text: str) -> str | None:
    """Return the canonical text of `address/length` or `address/netmask`, or None if it is neither.

    Bits beyond the length are cleared. A network of a single address is that address, as in Fail2Ban.
    """
    base, slash, tail = text.partition("/")
    if not slash:
        return address(base)
    raw = packed(base)
    if raw is None:
        return None
    bits = 8 * len(raw)
    length = _length(tail, bits)
    if length is None:
        return None
    if length >= bits:
        return unpacked(raw)
    kept = int.from_bytes(raw, "big") >> (bits - length) << (bits - length)
    return f"{unpacked(kept.to_bytes(bits // 8, 'big'))}/{length}"


def _length(text: str, bits: int) -> int | None:
    """Return the prefix length that `text` names by number or by netmask."""
    if text.isascii() and text.isdigit():
        return min(int(text[:4]), bits)
    mask = packed(text)
    if mask is None or len(mask) * 8 != bits:
        return None
    digits = f"{int.from_bytes(mask, 'big'):0{bits}b}"
    return digits.count("1") if _HOST_BITS_LOST.fullmatch(digits) else None


def family(text: str) -> int:
    """Return 4 or 6 for an address or a network, 0 for anything else (a raw failure id, say)."""
    raw = packed(text.partition("/")[0])
    return 0 if raw is None else 4 if len(raw) == 4 else 6


def span(text: str) -> tuple[int, int, int] | None:
    """Return (family, first, last) of an address or a network as numbers, or None if it is neither."""
    base, _, tail = text.partition("/")
    raw = packed(base)
    if raw is None:
        return None
    bits = 8 * len(raw)
    length = _length(tail, bits) if tail else bits
    if length is None:
        return None
    first = int.from_bytes(raw, "big") >> (bits - length) << (bits - length)
    return (4 if bits == 32 else 6), first, first + (1 << (bits - length)) - 1


def beginning(text: str) -> str:
    """Return what the texts of all addresses and networks inside a network begin with; empty if there is no telling.

    Of IPv6 it is the groups before the first that may be left out (RFC 5952).
    """
    base, _, tail = text.partition("/")
    if not tail:
        return text
    mark, bits = (":", 16) if ":" in base else (".", 8)
    groups = base.split(mark)[: int(tail) // bits]
    if mark == ":":
        groups = list(takewhile(lambda group: group not in ("", "0"), groups))
    return "".join(group + mark for group in groups)


class NetSet:
    """A set of addresses and networks that says quickly whether, and why, it holds an address.

    One dictionary for each prefix length in use: a look-up costs the same with ten entries and ten thousand.
    """

    __slots__ = ("_nets", "_steps")

    def __init__(self, entries: Iterable[str] = ()) -> None:
        self._nets: dict[tuple[int, int], dict[int, str]] = {}
        for entry in entries:
            self._add(entry)
        self._steps = {bits: list(self._sorted(bits)) for bits in (32, 128)}
        """By the bits of an address: how many of them a length leaves out, and its networks; the longest first."""

    def _sorted(self, bits: int) -> Iterator[tuple[int, dict[int, str]]]:
        for length in sorted((length for size, length in self._nets if size == bits), reverse=True):
            yield bits - length, self._nets[bits, length]

    def _add(self, entry: str) -> None:
        base, _, tail = entry.partition("/")
        raw = packed(base)
        length = None if raw is None else _length(tail, 8 * len(raw)) if tail else 8 * len(raw)
        if raw is None or length is None:
            raise ValueError(f"{entry!r} is neither an address nor a network")
        bits = 8 * len(raw)
        self._nets.setdefault((bits, length), {})[int.from_bytes(raw, "big") >> (bits - length)] = entry

    def __bool__(self) -> bool:
        return bool(self._nets)

    def holder(self, text: str) -> str | None:
        """Return the narrowest entry that holds the address, as it was given, or None."""
        raw = packed(text) if self._nets else None
        if raw is None:
            return None
        number = int.from_bytes(raw, "big")
        for free, nets in self._steps[8 * len(raw)]:
            entry = nets.get(number >> free)
            if entry is not None:
                return entry
        return None

    def __contains__(self, text: str) -> bool:
        return self.holder(text) is not None


class Spans:
    """Addresses and networks as stretches that do not touch: says quickly whether a network has anything of them."""

    __slots__ = ("_firsts", "_lasts")

    def __init__(self, entries: Iterable[str]) -> None:
        """What is neither address nor network is passed over."""
        self._firsts: dict[int, list[int]] = {4: [], 6: []}
        self._lasts: dict[int, list[int]] = {4: [], 6: []}
        for family, first, last in sorted(found for found in map(span, entries) if found):
            firsts, lasts = self._firsts[family], self._lasts[family]
            if lasts and first <= lasts[-1] + 1:
                lasts[-1] = max(lasts[-1], last)
            else:
                firsts.append(first)
                lasts.append(last)

    def __contains__(self, text: str) -> bool:
        found = span(text)
        if found is None:
            return False
        family, first, last = found
        after = bisect_left(self._lasts[family], first)
        return after < len(self._lasts[family]) and self._firsts[family][after] <= last
