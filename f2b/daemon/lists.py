"""The files that `ignoreip = file:PATH` and `proxies` name, read again whenever they change."""

from __future__ import annotations

from pathlib import Path

from f2b.ban.allow import AllowList, words
from f2b.log import Log

Sign = tuple[int, int, int]


class Lists:
    """What each file holds."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._known: dict[str, tuple[Sign | None, list[str]]] = {}

    def refresh(self, path: str, known: AllowList, whose: str) -> None:
        """Hand what a file holds now to a list that names it. A file that is gone holds nobody."""
        found = sign(path)
        if path not in self._known or self._known[path][0] != found:
            self._known[path] = (found, self._read(path, whose))
        known.loaded(path, self._known[path][1])

    def _read(self, path: str, whose: str) -> list[str]:
        try:
            return words(Path(path).read_text(encoding="utf-8", errors="replace"))
        except OSError as error:
            self._log.warning("filter", f"{whose} file {path}: {error.strerror}; it names nobody until it is there")
            return []


def sign(path: str) -> Sign | None:
    """Return what changes when a file does, or None if there is none."""
    try:
        found = Path(path).stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino, found.st_size
