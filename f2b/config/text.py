"""The .conf dialect: one file's text to sections, options and values, each line of which knows where it stands.

First on a setting's way, before `layer` puts files upon each other. Written by hand: configparser, whose dialect this
is (Fail2Ban reads with it), tells no line numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from f2b.errors import ConfigError, Place
from f2b.named import NamedTuple

DEFAULT = "DEFAULT"
"""The section whose options every other section has too."""

MOST = 10_000
"""How many options a section of one file may have."""

MOST_FAULTS = 1000
"""With more lines that are not understood a file is read no further."""

_HEADER = re.compile(r"\[(.+)\]")
_OPTION = re.compile(r"(.*?)\s*[=:]\s*(.*)$", re.DOTALL)
_INLINE_COMMENT = re.compile(r"(?:^|(?<=\s));")


class Value(NamedTuple):
    """A piece of configuration: its text, and the place of each of its lines."""

    text: str
    places: tuple[Place, ...]

    @property
    def place(self) -> Place:
        """Where it begins."""
        return self.places[0]

    def cut(self, start: int, stop: int | None = None) -> Value:
        """Return the characters from `start` to `stop`, places kept."""
        text = self.text[start:stop]
        if len(self.places) == 1:
            return Value(text, self.places)
        first = self.text.count("\n", 0, start)
        return Value(text, self.places[first : first + text.count("\n") + 1])

    def stripped(self) -> Value:
        """Return it without blanks around it."""
        start = len(self.text) - len(self.text.lstrip())
        return self.cut(start, max(start, len(self.text.rstrip())))

    def lines(self) -> list[Value]:
        """Return its lines without blanks around them, empty ones left out."""
        pairs = zip(self.text.split("\n"), self.places, strict=True)
        return [Value(line.strip(), (place,)) for line, place in pairs if line.strip()]


def joined(parts: Iterable[Value]) -> Value:
    """Return the parts as one value. A line made of several stands where the first that is not blank stood."""
    text: list[str] = []
    places: list[Place] = []
    blank = True  # so far, the line that is being put together
    for part in parts:
        if blank and places:
            places.pop()
        places.extend(part.places if blank else part.places[1:])
        text.append(part.text)
        last_line = part.text.rpartition("\n")[2]
        blank = not last_line.strip() and (blank or len(part.places) > 1)
    return Value("".join(text), tuple(places))


def by_lines(value: Value, mark: str, change: Callable[[Value], Value]) -> Value:
    """Return `value` with each line changed that holds `mark`; the whole would take the square of the time."""
    if len(value.places) == 1:
        return change(value)
    parts: list[Value] = []
    for text, place in zip(value.text.split("\n"), value.places, strict=True):
        line = Value(text, (place,))
        parts += [Value("\n", (parts[-1].places[-1], place))] if parts else []
        parts.append(change(line) if mark in text else line)
    return joined(parts)


class Fault(NamedTuple):
    """A line that is not understood. `section` is where it stands, empty before the first header."""

    what: str
    cure: str
    place: Place
    section: str

    def error(self) -> ConfigError:
        """Return it as what can be raised."""
        return ConfigError(self.what, self.place, self.cure)


class Page(NamedTuple):
    """What one file says."""

    file: str
    sections: dict[str, dict[str, Value]]
    """Option names in lower case, sections and options in the order of the file."""
    headers: dict[str, Place]
    faults: list[Fault]


def parse(text: str, file: str) -> Page:
    """Return what `text`, the content of `file`, says. Never raises: `faults` holds what was not understood.

    The dialect is that of Python's configparser as Fail2Ban sets it up: `#` and `;` comment lines, ` ;` inline.
    """
    reader = _Reader(file)
    if text.startswith("\ufeff"):
        text = text[1:]
        reader.fault(1, "the file begins with a byte order mark", "save it as UTF-8 without one")
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
        reader.line(number, line)
        if reader.hopeless:
            page = reader.page()
            page.faults.append(Fault("this is no configuration; the rest is not read", "", Place(file, number), ""))
            return page
    return reader.page()


class _Reader:
    """Reads a file line by line."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._sections: dict[str, dict[str, list[tuple[str, int]]]] = {}
        self._headers: dict[str, Place] = {}
        self._faults: list[Fault] = []
        self._full: set[str] = set()
        self._section = ""
        self._open: list[tuple[str, int]] | None = None
        """The option that an indented line continues."""
        self._indent = 0

    def fault(self, number: int, what: str, cure: str) -> None:
        """Remember that a line is not understood."""
        self._faults.append(Fault(what, cure, Place(self._file, number), self._section))

    @property
    def hopeless(self) -> bool:
        """Whether this is no configuration at all."""
        return len(self._faults) > MOST_FAULTS

    def line(self, number: int, line: str) -> None:
        """Take the next line."""
        if line.lstrip()[:1] in ("#", ";"):
            return
        comment = _INLINE_COMMENT.search(line) if ";" in line else None
        content = (line[: comment.start()] if comment else line).strip()
        if not content:
            if self._open is not None:
                self._open.append(("", number))
            return
        indent = len(line) - len(line.lstrip())
        if self._open is not None and indent > self._indent:
            self._open.append((content, number))
            return
        self._indent = indent
        header = _HEADER.match(content)
        if header:
            self._begin(number, header[1])
        else:
            self._option(number, content)

    def _begin(self, number: int, section: str) -> None:
        self._open = None
        self._section = section
        if section in self._sections and section != DEFAULT:
            first = self._headers[section].line
            self.fault(number, f"section [{section}] begins twice, first in line {first}", "join the two")
        self._sections.setdefault(section, {})
        self._headers.setdefault(section, Place(self._file, number))

    def _option(self, number: int, content: str) -> None:
        match = _OPTION.match(content)
        # A line that is no option must not leave the next, indented one to the option before it.
        self._open = []
        if not self._section:
            self.fault(number, f"{content!r} stands before the first [section]", "put a [section] line above it")
        elif not match or not match[1]:
            self.fault(number, f"{content!r} is no option", "write NAME = VALUE, or indent it to continue a value")
        else:
            name = match[1].lower()
            options = self._sections[self._section]
            if len(options) == MOST:
                self._overfull(number)
                return
            if name in options:
                first = options[name][0][1]
                self.fault(number, f"option {name!r} is given twice, first in line {first}", "remove one of them")
            self._open = options[name] = [(match[2], number)]

    def _overfull(self, number: int) -> None:
        """Say once of a section that it holds too much."""
        if self._section not in self._full:
            self._full.add(self._section)
            self.fault(number, "this section has no end", f"no more than {MOST:,} options can stand in one section")

    def page(self) -> Page:
        """Return what was read."""
        sections = {
            section: {name: self._value(lines) for name, lines in options.items()}
            for section, options in self._sections.items()
        }
        return Page(self._file, sections, self._headers, self._faults)

    def _value(self, lines: list[tuple[str, int]]) -> Value:
        if len(lines) == 1:  # nearly always
            return Value(lines[0][0], (Place(self._file, lines[0][1]),))
        while len(lines) > 1 and not lines[-1][0]:
            lines.pop()
        return Value("\n".join(text for text, _ in lines), tuple(Place(self._file, number) for _, number in lines))
