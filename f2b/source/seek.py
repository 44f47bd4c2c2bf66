"""Where a log's last minutes begin: bisection by the times of its lines. Pure; reading is handed in."""

from __future__ import annotations

from collections.abc import Callable

from f2b.source import newline

PROBE = 50
"""Lines looked at for a date, from one place."""
WINDOW = 16 * 1024
"""Bytes read at one place; grows where lines are longer."""
WIDEST = 1 << 20
NEAR = 4096
"""Stop when this few bytes are left: reading them is cheaper than another probe."""


def seek(
    size: int,
    read_at: Callable[[int, int], bytes],
    time_of: Callable[[bytes], float | None],
    target: float,
    low: int = 0,
    unit: bytes = b"\n",
) -> int:
    """Return the start of a line, at or before the first one in [low, size) whose time is `target` or later.

    `low` must be a line's start. `read_at(offset, length)` returns bytes, `time_of(line)` a line's time or None.
    Lines that are not in order of time may be missed, as in Fail2Ban; lines without a time belong to the one before.
    """
    high = size
    while high - low > NEAR:
        width = len(unit)
        middle = (low + high) // 2 // width * width
        probe = _probe(middle, high, read_at, time_of, unit)
        if probe is None or probe[1] >= target:
            high = middle
        else:
            low = probe[0]
    return low


def _probe(
    start: int, high: int, read_at: Callable[[int, int], bytes], time_of: Callable[[bytes], float | None], unit: bytes
) -> tuple[int, float] | None:
    """Return the start and the time of the first dated line that begins in (start, high), None if there is none."""
    length = WINDOW
    while True:
        data = read_at(start, length)
        end = newline.end(data, unit)
        at = newline.first(data, unit)
        if end > at or len(data) < length or length >= WIDEST:
            break
        length *= 4
    for _ in range(PROBE):
        length = newline.first(data[at:end], unit)
        if not length or start + at >= high:
            return None
        time = time_of(data[at : at + length])
        if time is not None:
            return start + at, time
        at += length
    return None
