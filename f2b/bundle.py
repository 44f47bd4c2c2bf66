"""Where f2b itself lies: in folders, or all of it in one file (a zipapp), out of which no file can be opened."""

from __future__ import annotations

import os
import sys
from functools import cache
from zipimport import zipimporter

_LOADER: object = __spec__.loader
FILE = _LOADER.archive if isinstance(_LOADER, zipimporter) else ""
"""The zipapp; "" if there is none."""


def read(path: str, most: int = -1) -> bytes:
    """Return the content of a file, wherever it lies, or its first `most` bytes. Raises OSError."""
    if isinstance(_LOADER, zipimporter) and holds(path):
        return _LOADER.get_data(path)[: most if most >= 0 else None]
    with open(path, "rb") as opened:  # noqa: PTH123 - its path is one inside of a file, too
        return opened.read(most)


def holds(path: str) -> bool:
    """Return whether the zipapp has a file of this path, which begins with its own."""
    return path in _paths()


def files(folder: str) -> list[str]:
    """Return the paths of the files that the zipapp has right in a folder."""
    return [path for path in _paths() if os.path.dirname(path) == folder]  # noqa: PTH120 - the same


def again(program: str, module: str) -> list[str]:
    """Return the command that runs a program of f2b's, `python -m MODULE`, as this one is run."""
    return [sys.executable, FILE, f"--as={program}"] if FILE else [sys.executable, "-m", module]


@cache
def _paths() -> frozenset[str]:
    if not FILE:
        return frozenset()
    from zipfile import ZipFile  # late: 10 ms that only a zipapp pays

    with ZipFile(FILE) as archive:
        return frozenset(f"{FILE}/{name}" for name in archive.namelist())
