"""The log that a filter is tried on: a file, the journal, stdin, or the text itself. Read in chunks, never whole."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from f2b.config.spec import only
from f2b.config.text import Value
from f2b.errors import Place, SourceError
from f2b.events import Line
from f2b.lines import LineReader, journal_line
from f2b.named import NamedTuple

CHUNK = 256 * 1024
FIRST_CHUNK = 32 * 1024
JOURNAL = "systemd-journal"

Kind = Literal["file", "journal", "stdin", "text"]


class Sample(NamedTuple):
    """A LOG argument, understood."""

    kind: Kind
    text: str
    """The path, the text, or `systemd-journal` with options in brackets."""

    def chunks(self, reader: LineReader, finished: bool = False) -> Iterator[bytes]:
        """Yield the log in chunks of whole lines, the first one small; not for `text`, and not for the journal.

        `finished`: leave out a file's last line while it has no end. Raises SourceError.
        """
        try:
            with self._opened() as file:
                yield from _whole_lines(file, reader, finished and self.kind == "file")
        except OSError as error:
            raise SourceError(f"cannot read {self.text}: {error.strerror}") from None

    @contextmanager
    def _opened(self) -> Iterator[BinaryIO]:
        if self.kind == "stdin":
            yield sys.stdin.buffer
            return
        with Path(self.text).open("rb", buffering=0) as file:
            yield file

    def entries(self, reader: LineReader, match: Sequence[str]) -> Iterator[tuple[int, Line]]:
        """Yield the journal's entries that `match` selects, and their numbers, from 1. Raises SourceError."""
        import subprocess  # with it a tenth of a start that most commands do not need

        from f2b.source import entry, journalctl

        spec = only(Value(self.text, (Place("the command line"),)))
        where = entry.place({name: value.text for name, value in spec.options.items()})
        try:
            process = subprocess.Popen(journalctl.command(where, match, follow=False), stdout=subprocess.PIPE)
        except OSError as error:
            raise SourceError(f"cannot run journalctl: {error.strerror}; the journal is read through it") from None
        with process:
            assert process.stdout is not None
            found = (journalctl.decode(line) for line in process.stdout)
            for number, one in enumerate(filter(None, found), 1):
                stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(one.time))
                yield number, journal_line(one.text, one.time, f"{stamp}.{int(one.time % 1 * 1e6):06d} ")
        if process.returncode:
            raise SourceError("journalctl failed; its own words stand above")


def understood(log: str, stdin: bool = True) -> Sample:
    """Return what a LOG argument means: an existing file, the journal, `-` (if `stdin`), else the text itself."""
    if stdin and log == "-":
        return Sample("stdin", log)
    if os.path.exists(log) and not os.path.isdir(log):  # noqa: PTH110, PTH112 - Path raises for a text that is too long
        return Sample("file", log)
    return Sample("journal" if re.match(JOURNAL + r"(\[|$)", log) else "text", log)


def _whole_lines(file: BinaryIO, reader: LineReader, finished: bool) -> Iterator[bytes]:
    """Yield a file in chunks of whole lines; the last may lack its end, unless only `finished` ones are wanted."""
    rest, size = b"", FIRST_CHUNK
    while chunk := file.read(size):
        chunk, size = rest + chunk, CHUNK
        cut = _line_end(chunk, reader.newline)
        rest = chunk[cut:]
        if cut:
            yield chunk[:cut]
    if rest and finished:
        print("warning: the log's last line has no end yet and is left out, as in Fail2Ban", file=sys.stderr)
    elif rest:
        yield rest


def _line_end(chunk: bytes, newline: bytes) -> int:
    """Return where the last whole line of a chunk ends, 0 if there is none."""
    at = chunk.rfind(newline)
    while at >= 0 and at % len(newline):  # these bytes lie across two characters
        at = chunk.rfind(newline, 0, at + len(newline) - 1)
    return at + len(newline) if at >= 0 else 0
