"""Giving memory back that only a start needed, or a storm; how much there is."""

from __future__ import annotations

import ctypes
import gc
import resource
from pathlib import Path

FIXED = 28 << 20
"""Bytes that the server takes with nobody counted and nobody banned."""
EACH = 1500
"""Bytes that somebody takes who is counted, or whose ban is kept, with the lines kept of him."""
BAN = 500
"""Bytes that the others take who are banned, here and in the kernel's set."""
FEWEST = 2_000
COUNTED, LINES = 4, 8
"""One part in so many of the rest is for who is counted, one for the lines of bans; all others are for bans."""


YOUNG, MIDDLE, NEVER = 2_000, 10, 1_000_000
"""So many new objects, and so many such searches, make Python search the new ones for garbage; all of them never.
With hundreds of thousands counted that takes 0.3 s, in which nobody is answered, and most garbage goes by itself.
"""
MANY = 3
"""So often 22,000 objects have come (YOUNG, MIDDLE) when it is time to search them: that takes 20 ms."""
LARGE = 128 << 10
"""Pieces of so many bytes come from the system one by one and go back at once; so does so much free at malloc's top.
Left to itself malloc raises both with the largest answer that was ever given (mallopt(3))."""
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def settle() -> None:
    """Keep what there is now out of every later search for garbage, and give the system what is free."""
    gc.freeze()
    gc.set_threshold(YOUNG, MIDDLE, NEVER)
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt:
        mallopt(_M_MMAP_THRESHOLD, LARGE)
        mallopt(_M_TRIM_THRESHOLD, LARGE)
    trim()


def filled() -> bool:
    """Whether so much came since the last search that it must not become much more."""
    return gc.get_count()[2] >= MANY


def search(whole: bool = False) -> None:
    """Search for garbage among what came since the last search, or among the whole, which must be seldom."""
    if whole:
        gc.unfreeze()
    gc.collect()
    gc.freeze()


def trim() -> None:
    """Give the system what is free.

    malloc keeps freed pieces below its top for itself (3 MB after 50,000 bans) until malloc_trim(3) is called, which
    not every libc has.
    """
    malloc_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if malloc_trim:
        malloc_trim(0)


def room(jails: int, most: int) -> int:
    """Return how many, `most` of all, may be counted at once in each of so many jails: memory may be limited."""
    return _fitting(COUNTED, jails, most, FEWEST)


def lines(jails: int, most: int) -> int:
    """Return of how many bans, `most` of all, the lines may be kept in each of so many jails."""
    return _fitting(LINES, jails, most, 100)


def _fitting(share: int, jails: int, most: int, fewest: int) -> int:
    limit = _limit()
    return most if limit is None else max(fewest, min(most, (limit - FIXED) // share // EACH // max(1, jails)))


def bans() -> float:
    """Return how many may be banned at once in all jails together; infinity where memory is not limited."""
    limit = _limit()
    if limit is None:
        return float("inf")
    rest = limit - FIXED
    return max(FEWEST, (rest - rest // COUNTED - rest // LINES) // BAN)


def _limit() -> int | None:
    """Return the least of what cgroups (version 1 or 2, as this process sees them) and ulimit allow, in bytes."""
    found = [resource.getrlimit(resource.RLIMIT_AS)[0]]
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        groups = []
    for line in groups:
        _, kinds, path = line.split(":", 2)
        if kinds in ("", "memory"):
            file = f"memory{path}/memory.limit_in_bytes" if kinds else f"{path}/memory.max"
            found += _allowed(f"/sys/fs/cgroup/{file}")
    return min((each for each in found if 0 < each < 1 << 40), default=None)


def _allowed(path: str) -> list[int]:
    try:
        return [int(Path(path).read_text())]
    except (OSError, ValueError):  # none there, or "max"
        return []
