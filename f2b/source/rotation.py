"""What became of a log since we read it: the same file, a new one under its name, or cut short. Pure.

rename, create    other inode, other content        switch: the old one to its end, then the new one
copytruncate      same inode, shorter or rewritten  start over: what was cut off is gone
rsync, editors    other inode, same content         go on, in the new file at the old offset
"""

from __future__ import annotations

from typing import Literal

from f2b.named import NamedTuple
from f2b.source.position import Position

Verdict = Literal["go on", "switch", "start over"]

LATE = 60.0
"""Seconds that a renamed log is still read after it last changed: not every writer reopens at once."""


class Facts(NamedTuple):
    """What the file under a log's name is now."""

    inode: int
    size: int
    same_first: bool
    """Its first line is the one that was there when the position was taken."""
    same_before: bool = True
    """The bytes before the position's offset are those that were read."""


def judge(known: Position, named: Facts) -> Verdict:
    """Say how to read on in the file that bears the log's name now."""
    intact = named.size >= known.offset and named.same_first and named.same_before
    if intact:
        # A file that was empty is recognised by its inode alone: any new log begins empty.
        return "go on" if known.first or known.inode in (0, named.inode) else "switch"
    return "start over" if known.inode in (0, named.inode) else "switch"


def over(changed: float, now: float, followed: bool, gone: bool, late: float = LATE) -> bool:
    """Say whether a renamed log, read to its end, can be let go.

    `changed` is when it was last written, renamed or unlinked; `followed` says that the file now under its name has
    been begun, `gone` that it has no name at all. A clock that was set back keeps nothing open for ever.
    """
    return (followed or gone) and abs(now - changed) > late
