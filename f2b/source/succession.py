"""Which file continues which: looks at two files, or at one and a remembered position, and has `rotation` judge."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from f2b.errors import SourceError
from f2b.source import rotation
from f2b.source.handle import Handle, open_log
from f2b.source.position import Position, same_first

_NUMBERED = re.compile(r"(.*\D)(\d+)(\D*)")
_DATE = 6
"""Digits of a number that grows with time; shorter ones (`.1`, `.2`) are higher for older files."""


def take_over(old: Handle, new: Handle) -> bool:
    """Say whether `new` is a grown copy of `old` and, if so, let it go on where `old` was."""
    known = old.position
    same = same_first(known.first, new.first_line())
    if rotation.judge(known, rotation.Facts(new.ident[1], new.size, same, old.continues_in(new))) != "go on":
        return False
    new.move(known.offset)
    return True


def resume(known: Position, path: str, handle: Handle) -> Handle | None:
    """Move `handle`, open under `path`, to where a former server stopped; it stays at 0 if it is another file.

    Returns the file that the former server was reading, if that is beside it under another name now: read it first.
    """
    same = same_first(known.first, handle.first_line())
    predecessor = _predecessor(known, path, handle.unit) if known.inode not in (0, handle.ident[1]) else None
    intact = predecessor is None and handle.starts_line(known.offset)
    if rotation.judge(known, rotation.Facts(handle.ident[1], handle.size, same, intact)) == "go on":
        handle.move(known.offset)
    return predecessor


def _predecessor(known: Position, path: str, unit: bytes) -> Handle | None:
    try:
        with os.scandir(Path(os.path.realpath(path)).parent) as entries:
            paths = [entry.path for entry in entries if entry.inode() == known.inode and entry.is_file()]
        return _matching(known, paths, unit)
    except (OSError, SourceError):
        return None  # it may not be read: what was left in it is lost, the log itself is not


def _matching(known: Position, paths: list[str], unit: bytes) -> Handle | None:
    """Return the first of these files that holds what was read; an inode alone may have been used again."""
    for path in paths:
        handle = Handle(open_log(path), unit)
        if handle.size >= known.offset and same_first(known.first, handle.first_line()):
            handle.move(known.offset)
            return handle
        handle.close()
    return None


def between(old: Handle, path: str) -> Iterator[Handle]:
    """Yield the logs that bore the name `path` after `old` did, the oldest first, but bear it no longer.

    Several rotations may lie between two looks. These files are named as `old` is now, with other numbers, and each
    was written later; a copy of `old` is none of them.
    """
    try:
        found = _NUMBERED.fullmatch(old.path.name)
        if not found or not found[1].startswith(Path(os.path.realpath(path)).name.split(".")[0]):
            return
        modified = old.modified
        for sibling in _numbered(old.path.parent, *found.groups()):
            handle = Handle(open_log(str(sibling)), old.unit)
            if handle.modified < modified or handle.first_line() == old.first_line():
                handle.close()
                return
            modified = handle.modified
            yield handle
    except (OSError, SourceError):
        return


def _numbered(folder: Path, before: str, number: str, after: str) -> list[Path]:
    """Return the paths of this kind that are newer than the one with `number`, the oldest first."""
    grows = len(number) >= _DATE
    found: dict[int, Path] = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            match = _NUMBERED.fullmatch(entry.name)
            if match and (match[1], match[3]) == (before, after):
                found[int(match[2])] = folder / entry.name
    if grows:
        return [found[key] for key in sorted(found) if key > int(number)]
    return [found[key] for key in range(int(number) - 1, 0, -1) if key in found]
