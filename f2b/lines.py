"""From bytes to lines: decoding, the date cut out, and the time that a line without one takes.

The step between source and filter. One LineReader for each log: what it knows of the last date is that log's.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Iterable, Iterator

from f2b.date.reader import DateReader
from f2b.errors import ConfigError
from f2b.events import Line
from f2b.runaway import Runaway

_ASCII = bytes(range(128)).decode()

Parts = tuple[str, str, "float | None"]
"""A `Line`, as a plain tuple."""

RECENT_S = 60
"""A line without a date belongs to the last one with a date if that is not older than this."""

BLANK_LOOKS = 3
"""In a log without any date so far, only so many of the lines that were passed over are asked for one."""

_MARKS = {
    "utf-16": ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")),
    "utf-32": ((codecs.BOM_UTF32_LE, "utf-32-le"), (codecs.BOM_UTF32_BE, "utf-32-be")),
}
"""Encodings whose byte order a mark at the start of the log may tell."""


class LineReader:
    """Makes the lines of one log."""

    def __init__(self, dates: DateReader, encoding: str = "auto") -> None:
        """Take the log's date reader and its encoding; `auto` is UTF-8. Raises ConfigError for an unknown one."""
        self.dates = dates
        self.undecodable: bytes | None = None
        """The last bytes that the encoding does not have. The caller tells, and may put None here again."""
        self.place = 0
        """Of the last line that `read` gave, in what it reads, from 0."""
        self.runaway: Runaway | None = None
        """The search that did not end, in the last line that `read` gave without a text."""
        self._use(_codec("utf-8" if encoding == "auto" else encoding))
        self._passed: tuple[bytes, int, int] | None = None
        """The piece of a chunk that was passed over before the present line."""
        self._date = ""  # the last one, as written
        self._time = float("-inf")

    def _use(self, encoding: str) -> None:
        self.encoding = encoding
        self.newline = newline(encoding)
        """The bytes of a line end: a source cuts chunks behind one, at a multiple of its length."""
        self.ascii = all(char.encode(encoding) == bytes((number,)) for number, char in enumerate(_ASCII))
        """Whether ASCII stands in the log as it is, so that it can be looked for in the bytes."""

    @property
    def last(self) -> float | None:
        """The last date that a line had; None if none had one so far."""
        return None if self._time == float("-inf") else self._time

    def lines(self, chunk: bytes, now: float) -> Iterator[Line]:
        """Yield the lines of a chunk of whole lines, read at `now` (epoch seconds)."""
        for text in self.texts(chunk):
            yield self.line(text, now)

    def texts(self, chunk: bytes) -> Iterator[str]:
        """Yield the decoded lines of a chunk of whole lines, without their ends."""
        for mark, encoding in _MARKS.get(self.encoding, ()):
            if chunk.startswith(mark):
                chunk = chunk[len(mark) :]
                self._use(encoding)
                break
        if not chunk:
            return
        if self.encoding == "utf-8":
            try:
                yield from chunk.decode().removesuffix("\n").split("\n")
                return
            except UnicodeDecodeError:
                pass
        if len(self.newline) == 1:
            yield from map(self.decode, chunk.removesuffix(self.newline).split(self.newline))
        else:  # the bytes of a line end may also stand across two characters
            yield from self.decode(chunk).removesuffix("\n").split("\n")

    def picked(self, chunk: bytes, starts: Iterable[int], now: float | None) -> Iterator[str]:
        """Yield some decoded lines of a chunk, those that begin at `starts`, to be read one by one.

        What is passed over has its dates all the same, for lines without one; `now` None: dates do not matter.
        """
        end = 0
        find, length, encoding = chunk.find, len(chunk), self.encoding
        for start in starts:
            self._passed = None if now is None else (chunk, end, start)
            end = find(b"\n", start)
            if end < 0:
                end = length
            try:
                text = chunk[start:end].decode(encoding)
            except UnicodeDecodeError:
                text = self.decode(chunk[start:end])
            yield text
        if now is not None:
            self._passed = chunk, end, len(chunk)
            self._catch_up(now)

    def decode(self, raw: bytes) -> str:
        """Return the text of some bytes; what the encoding does not have becomes U+FFFD and is remembered."""
        try:
            return raw.decode(self.encoding)
        except UnicodeDecodeError:
            self.undecodable = raw
            return raw.decode(self.encoding, "replace")

    def line(self, text: str, now: float) -> Line:
        """Return one line of text as filters want it, read at `now` (epoch seconds)."""
        return Line(*self.parts(text, now))

    def read(self, texts: Iterable[str], now: float, leave: Callable[[str], bool] | None = None) -> Iterator[Parts]:
        """Yield what `parts` says of lines, one by one; of one whose search does not end, there is no text.

        `leave` says which lines to leave out.
        """
        heads = self.dates.heads
        known, length = heads.at(now), heads.length
        for self.place, text in enumerate(texts):
            head = known.get(text[:length]) or heads.alike(text[:length])
            if head is not None and text[-1] > "\r":
                start, end, self._date, time, template = head
                template.hits += 1
                template.used = now
                self._time = time
                yield (f"{text[:start]}{text[end:]}\n" if start else text[end:] + "\n"), text, time
            elif leave is None or not leave(text):
                yield self._tried(text, now)
                heads = self.dates.heads
                known, length = heads.at(now), heads.length

    def _tried(self, text: str, now: float) -> Parts:
        try:
            return self.parts(text, now)
        except Runaway as runaway:
            self.runaway = runaway
            return "", text, None

    def parts(self, text: str, now: float) -> Parts:
        """Return what `line` does, as a plain tuple."""
        if text[-1:] in "\r\n":
            text = text.rstrip("\r\n")
        stamp = self.dates.read(text, now)
        if stamp is None:
            return self._undated(text, text, None, now)
        start, end, time, implied = stamp
        if time is None:
            return self._undated(text, text[:start] + text[end:], now if implied else None, now)
        self._date = text[start:end]
        self._time = time
        if start:
            return f"{text[:start]}{text[end:]}\n", text, time
        return text[end:] + "\n", text, time

    def time(self, raw: bytes, now: float) -> float | None:
        """Return when a line was written, if it says so and the search for that comes to an end."""
        try:
            return self.line(self.decode(raw), now).time
        except Runaway:
            return None

    def _undated(self, text: str, cut: str, time: float | None, now: float) -> Parts:
        """Return a line without a usable date: it takes the last one if that is recent, else `time`."""
        self._catch_up(now)
        if self._time > now - RECENT_S:
            return f"{text}\n", self._date + text, self._time
        return f"{cut}\n", text, time

    def _catch_up(self, now: float) -> None:
        """Find out the last date of what was passed over, from the last line on."""
        if self._passed is None:
            return
        (chunk, start, end), self._passed = self._passed, None
        looks = BLANK_LOOKS if self.dates.blank else end
        while end > start and looks:
            looks -= 1
            begin = chunk.rfind(b"\n", start, end - 1) + 1 or start
            text = self.decode(chunk[begin:end])
            try:
                stamp = self.dates.read(text.rstrip("\r\n"), now)
            except Runaway:
                stamp = None
            if stamp and stamp.time is not None:
                self._date, self._time = text[stamp.start : stamp.end], stamp.time
                return
            end = begin


def journal_line(text: str, time: float, stamp: str = "") -> Line:
    """Return a journal entry: its time comes from outside, `stamp` is that time as its log line shows it."""
    text = text.replace("\n", "\\n")
    return Line(f"{text}\n", stamp + text, time)


def _codec(encoding: str) -> str:
    """Return Python's name for an encoding. Raises ConfigError if there is none, or not one of text."""
    try:
        name = codecs.lookup(encoding).name
        if len(newline(name)) and not b"".decode(name):
            return "utf-8" if name == "utf-8-sig" else name
    except (LookupError, ValueError, TypeError):
        pass
    raise ConfigError(f"unknown encoding {encoding!r}", cure="write auto, utf-8, latin-1, ...")


def newline(encoding: str) -> bytes:
    """Return the bytes of a line end, without the mark that some encodings begin with. Raises LookupError."""
    return "\n\n".encode(encoding)[len("\n".encode(encoding)) :]
