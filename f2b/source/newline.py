"""Where lines end in bytes, whatever the encoding: a newline is one byte, or a unit of two or four."""

from __future__ import annotations

from f2b import lines


def newline(encoding: str) -> bytes:
    """Return the bytes of a newline; one that means nothing to Python counts as ASCII-compatible."""
    try:
        return lines.newline(encoding)
    except (LookupError, UnicodeError):
        return b"\n"


def end(data: bytes, unit: bytes) -> int:
    """Return where the last whole line of `data` ends, 0 if there is none.

    In UTF-16 and UTF-32 the bytes of a newline may also lie across two characters; those do not count.
    """
    width = len(unit)
    at = data.rfind(unit)
    while at > 0 and at % width:
        at = data.rfind(unit, 0, at + width - 1)
    return at + width if at >= 0 else 0


def first(data: bytes, unit: bytes) -> int:
    """Return where the first line of `data` ends, 0 if it does not."""
    width = len(unit)
    at = data.find(unit)
    while at > 0 and at % width:
        at = data.find(unit, at + 1)
    return at + width if at >= 0 else 0
