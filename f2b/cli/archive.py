"""Old logs for a replay: compressed or not, each line with its time, all of them merged in the order of time."""

from __future__ import annotations

import bz2
import gzip
import lzma
from collections.abc import Iterable, Iterator, Mapping
from heapq import merge
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from f2b.errors import SourceError
from f2b.events import Line
from f2b.lines import LineReader
from f2b.runaway import Runaway
from f2b.source.newline import end

CHUNK = 256 * 1024
UNDATED = 10_000
"""So many lines before the first date are kept for later; a log that goes on so has no dates."""

_PACKED: Mapping[str, ModuleType] = {".gz": gzip, ".xz": lzma, ".bz2": bz2}


class Record(NamedTuple):
    """A line of an old log."""

    time: float
    """When it counts as written; never before the lines above it."""
    log: int
    """Which log it is from: equal times go in the order of the logs."""
    line: Line


def merged(logs: Iterable[Iterator[Record]]) -> Iterator[Record]:
    """Yield the lines of all logs in the order of time."""
    return merge(*logs, key=lambda record: record.time)


def records(path: Path, number: int, reader: LineReader, now: float) -> Iterator[Record]:
    """Yield the lines of a log, dated as read at `now`. Raises SourceError.

    A line without a date takes the last date of its log. Those before the first date take the time of the file, so
    they come last.
    """
    try:
        written, last, latest = path.stat().st_mtime, None, float("-inf")
        early: list[Line] = []
        for line in _lines(path, reader, now):
            if line.time is None and last is None and len(early) < UNDATED:
                early.append(line)
                continue
            last = line.time if line.time is not None else last
            time = written if last is None else last
            latest = max(latest, time)
            yield Record(latest, number, line._replace(time=time))
        for line in early:
            yield Record(max(latest, written), number, line._replace(time=written))
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise SourceError(f"cannot read {path}: {getattr(error, 'strerror', None) or error}") from None


def _lines(path: Path, reader: LineReader, now: float) -> Iterator[Line]:
    for text in _texts(path, reader):
        try:
            yield reader.line(text, now)
        except Runaway:  # of a date pattern: the line has no date then
            yield Line(f"{text}\n", text, None)


def _texts(path: Path, reader: LineReader) -> Iterator[str]:
    packed = _PACKED.get(path.suffix)
    with packed.open(path) if packed else path.open("rb") as file:
        rest = b""
        while chunk := file.read(CHUNK):
            chunk = rest + chunk
            cut = end(chunk, reader.newline)
            rest = chunk[cut:]
            yield from reader.texts(chunk[:cut])
        yield from reader.texts(rest)
