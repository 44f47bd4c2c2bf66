"""Old logs for a replay: compressed or not, in the order of rotation; the lines that matter, each with its time."""

from __future__ import annotations

import bz2
import glob as names
import gzip
import lzma
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from heapq import merge
from pathlib import Path
from types import ModuleType

from f2b.errors import SourceError
from f2b.events import Line
from f2b.filter import Filter
from f2b.filter.access import glimpse
from f2b.filter.over import Glance, glance
from f2b.lines import LineReader, Parts
from f2b.sieve import BULK, Sieve
from f2b.source.newline import end

CHUNK = 256 * 1024
UNDATED = 10_000
"""So many lines before the first date are kept for later; a log that goes on so has no dates."""
ALL = -1
"""The mask of a line that all filters are to see."""

_PACKED: Mapping[str, ModuleType] = {".gz": gzip, ".xz": lzma, ".bz2": bz2}
_ROTATED = re.compile(
    r"(?P<base>.+?)(?:[.-](?P<date>\d{4}-?\d\d-?\d\d\S*?|\d{9,})|\.(?P<number>\d{1,5}))(?:\.(?:gz|xz|bz2))?"
)
"""What logrotate makes of a name: `auth.log.2.gz`, `auth.log-20261121`."""

Record = tuple[float, int, Line, int]
"""A line of an old log: when it counts as written (never before those above it), which log it is from (equal times go
in the order of the logs), the line, and whom it matters to, as a mask."""
Progress = Callable[[int], object]


def merged(logs: Sequence[Iterator[Record]]) -> Iterator[Record]:
    """Yield the lines of all logs in the order of time."""
    return logs[0] if len(logs) == 1 else merge(*logs)


def found(pattern: str) -> list[Path]:
    """Return the logs that a path or a glob names, packed ones too, oldest first."""
    if not names.has_magic(pattern) or Path(pattern).exists():
        return [Path(pattern)]
    return in_order(path for path in map(Path, names.glob(pattern)) if path.is_file())  # noqa: PTH207 - text


def rotated(path: Path) -> list[Path]:
    """Return a log with its predecessors beside it, oldest first."""
    around = path.parent.iterdir() if path.parent.is_dir() else ()
    before = [one for one in around if (name := _ROTATED.fullmatch(one.name)) and name["base"] == path.name]
    return in_order([*before, path])


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Return logs in the order in which they were written, as far as their names tell; each once."""
    return sorted(dict.fromkeys(paths), key=_age)


def _age(path: Path) -> tuple[str, str, int, str, int]:
    """Return what sorts a series: dated logs, then numbered ones from the highest, then the one still written."""
    name = _ROTATED.fullmatch(path.name)
    if name is None:
        return str(path.parent), path.name, 2, "", 0
    if name["date"]:
        return str(path.parent), name["base"], 0, name["date"], 0
    return str(path.parent), name["base"], 1, "", -int(name["number"])


class Watcher:
    """A filter of a log, or several that look for the same: how they find the lines that matter to them."""

    def __init__(self, filter_: Filter, reader: LineReader, bit: int) -> None:
        self.bit = bit
        """The bits of all of them in masks."""
        self.dull = glance(filter_)
        """What tells that a line does not matter, where a glance can tell."""
        self._needs = filter_.needs()
        self._sieve = None if self._needs is None else Sieve(reader, [filter_])

    def looks_like(self, other: Watcher) -> bool:
        """Return whether another wants the same lines, as far as it can be told."""
        return self.dull is other.dull is None and self._needs == other._needs

    def starts(self, chunk: bytes) -> list[int] | None:
        """Return where the lines that it wants begin, if texts that they hold tell it; None: each is to be seen."""
        found = None if self._sieve is None else self._sieve.starts(chunk)
        return None if found is None else [start for start, _ in found]


class Archive:
    """One log, and the filters that read it."""

    def __init__(self, path: Path, reader: LineReader, filters: Sequence[Filter]) -> None:
        """The filters' bits in masks are 1, 2, 4, ..."""
        self.lines = 0
        """How many were read."""
        self._path = path
        self._reader = reader
        self._watchers: list[Watcher] = []
        for at, filter_ in enumerate(filters):
            watcher = Watcher(filter_, reader, 1 << at)
            alike = next((one for one in self._watchers if one.looks_like(watcher)), None)
            if alike is None:
                self._watchers.append(watcher)
            else:
                alike.bit |= watcher.bit

    def records(self, number: int, now: float, progress: Progress) -> Iterator[Record]:
        """Yield the lines that matter, dated as read at `now`; `number` is the log's. Raises SourceError.

        A line without a date takes the last date of its log. Those before the first date take the time of the file,
        so they come last. `progress` hears how many bytes were taken from the disk.
        """
        try:
            yield from self._records(number, now, progress)
        except (OSError, EOFError, lzma.LZMAError) as error:
            reason = getattr(error, "strerror", None) or error
            raise SourceError(f"cannot read {self._path}: {reason}") from None

    def _records(self, number: int, now: float, progress: Progress) -> Iterator[Record]:
        written, latest, reader = self._path.stat().st_mtime, float("-inf"), self._reader
        early: list[tuple[Line, int]] = []
        for parts, mask in self._parts(now, progress):
            line = Line(*parts) if parts[0] else Line(f"{parts[1]}\n", *parts[1:])
            time = line.time
            if time is None:
                time = reader.last
                if time is None and len(early) < UNDATED:
                    early.append((line, mask))
                    continue
                line = line._replace(time=written if time is None else time)
                time = line.time or written
            if time > latest:
                latest = time
            yield latest, number, line, mask
        for line, mask in early:
            yield max(latest, written), number, line._replace(time=written), mask

    def _parts(self, now: float, progress: Progress) -> Iterator[tuple[Parts, int]]:
        packed = _PACKED.get(self._path.suffix)
        with self._path.open("rb") as raw, packed.open(raw) if packed else raw as file:
            rest, taken = b"", 0
            while chunk := file.read(CHUNK):
                at = raw.tell()
                progress(at - taken)
                taken = at
                chunk = rest + chunk
                cut = end(chunk, self._reader.newline)
                rest = chunk[cut:]
                yield from self._wanted(chunk[:cut], now)
            yield from self._wanted(rest, now)

    def _wanted(self, chunk: bytes, now: float) -> Iterator[tuple[Parts, int]]:
        """Yield the lines of a chunk that somebody wants to see, with the mask of who does."""
        reader = self._reader
        if len(chunk) < BULK or not (reader.ascii and reader.dates.steady):
            texts = list(reader.texts(chunk))
            self.lines += len(texts)
            for parts in reader.read(texts, now):
                yield parts, ALL
            return
        self.lines += chunk.count(b"\n") + (chunk[-1:] != b"\n")
        masks: dict[int, int] = {}
        looks: list[tuple[int, Glance | None]] = []
        for one in self._watchers:
            starts = one.starts(chunk)
            if starts is None:
                looks.append((one.bit, one.dull))
            for start in starts or ():
                masks[start] = masks.get(start, 0) | one.bit
        if looks:
            _look(chunk, reader.texts(chunk), looks, masks)
        order = sorted(masks)
        for start, parts in zip(order, reader.read(reader.picked(chunk, order, now), now), strict=True):
            yield parts, masks[start]


def _look(
    chunk: bytes, texts: Iterable[str], looks: Sequence[tuple[int, Glance | None]], masks: dict[int, int]
) -> None:
    """Add to the masks of lines, by where they begin, those who do not find them dull."""
    always = sum(bit for bit, dull in looks if dull is None)
    everybody = sum(bit for bit, _ in looks)
    glances = [(bit, dull) for bit, dull in looks if dull is not None]
    start, even = 0, chunk.isascii()
    for text in texts:
        mask = always
        if glances:
            seen = glimpse(text)
            if seen is None:
                mask = everybody
            else:
                for bit, dull in glances:
                    if not dull(seen):
                        mask |= bit
        if mask:
            masks[start] = masks.get(start, 0) | mask
        start = start + len(text) + 1 if even else chunk.find(b"\n", start) + 1
