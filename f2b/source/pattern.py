"""Which files a `logpath` means, and which folders tell when that changes."""

from __future__ import annotations

import glob
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path, PurePath

COMPRESSED = (".gz", ".xz", ".bz2", ".zst", ".lz4", ".Z", ".zip")
"""What a rotator leaves behind is no log to follow, even where a glob covers it."""


def expand(pattern: str) -> Sequence[str]:
    """Return the paths that `pattern` means now, in order; a path without wildcards is meant even if missing.

    `**` is no more than `*` and dot files are hidden, as in Fail2Ban.
    """
    if not glob.has_magic(pattern):
        return (pattern,)
    return sorted(path for path in glob.glob(pattern) if not path.endswith(COMPRESSED))  # noqa: PTH207 - text


def means(pattern: str, path: str) -> bool:
    """Say whether `expand` would name this file: without a look at the disk, where there may be thousands beside."""
    if not glob.has_magic(pattern):
        return path == pattern
    wanted, found = PurePath(pattern).parts, PurePath(path).parts
    hidden = any(name.startswith(".") and not part.startswith(".") for name, part in zip(found, wanted, strict=False))
    fits = len(found) == len(wanted) and not hidden and all(map(fnmatchcase, found, wanted))
    return fits and not path.endswith(COMPRESSED)


def folders(pattern: str) -> set[str]:
    """Return the folders in which a new entry may be, or lead to, a match."""
    found: set[str] = set()
    head = Path(pattern).parent
    while glob.has_magic(str(head)):
        found.update(path for path in expand(str(head)) if Path(path).is_dir())
        head = head.parent
    return found | {str(head)}


def concerns(pattern: str, path: str) -> bool:
    """Say whether what happens to `path` may change what `pattern` means: it matches, or a folder on the way does."""
    wanted, found = PurePath(pattern).parts, PurePath(path).parts
    return len(found) <= len(wanted) and all(map(fnmatchcase, found, wanted))
