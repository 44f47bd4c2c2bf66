"""The options of a filter of a type, read and checked: what is wrong with them is gathered, each with its place.

Between `config`, which hands over text, and the types. What a type does not ask for is no option of it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from f2b import net
from f2b.config import convert
from f2b.config.model import FilterSpec, Problem, Text
from f2b.config.text import Value
from f2b.errors import ConfigError, Place
from f2b.filter.rule import Rule, ignoring

COMMON = frozenset({"mode", "name"})
"""What jails hand to every filter, whatever its type."""
MAXHOSTS = 100_000
"""So many hosts a type remembers unless `maxhosts` says otherwise."""
_SEPARATOR = re.compile(r"[\s,]+")
_STATUS = re.compile(r"(!?)(\d{3})(?:-(\d{3}))?")
_STATUSES = frozenset(range(1000))

T = TypeVar("T")


class Options:
    """What one filter file, and the jail that uses it, say for a type."""

    def __init__(self, spec: FilterSpec) -> None:
        self.spec = spec
        self.problems: list[Problem] = []
        self._asked: set[str] = set()

    # ---- what is there ----

    def given(self, name: str) -> Text | None:
        """Return an option that is there and not empty."""
        self._asked.add(name)
        text = self.spec.options.get(name)
        return text if text is not None and text.value.strip() else None

    def place(self, name: str) -> Place:
        """Return where an option stands, or where the filter does."""
        text = self.spec.options.get(name)
        return text.place if text else self.spec.place

    def fault(self, name: str, what: str, cure: str, place: Place | None = None) -> None:
        """Note what is wrong with an option."""
        self.problems.append(Problem("error", f"{name}: {what}", cure, place or self.place(name)))

    def doubt(self, name: str, what: str, cure: str) -> None:
        """Note what is probably not meant so."""
        self.problems.append(Problem("warning", f"{name}: {what}", cure, self.place(name)))

    def require(self, name: str, cure: str) -> bool:
        """Return whether an option is there; note it if not."""
        if self.given(name) is None:
            self.problems.append(
                Problem("error", f"filtertype = {self.spec.type} needs {name}", cure, self.spec.place)
            )
            return False
        return True

    def finish(self) -> None:
        """Note every option that nobody asked for. Names that begin with `_` are variables."""
        known = self._asked | COMMON
        for name, text in self.spec.options.items():
            if name not in known and not name.startswith("_"):
                cure = convert.near(name, sorted(known)) or f"it has {', '.join(sorted(self._asked)) or 'none'}"
                what = f"filtertype = {self.spec.type} has no option {name!r}"
                self.problems.append(Problem("error", what, cure, text.place))

    # ---- values ----

    def words(self, name: str) -> list[Text]:
        """Return the items of a short list: apart by line ends, blanks or commas."""
        return [Text(word, line.place) for line in self.lines(name) for word in _SEPARATOR.split(line.value) if word]

    def lines(self, name: str) -> list[Text]:
        """Return the items of a list with one a line."""
        text = self.given(name)
        return lines(text) if text else []

    def regexes(self, name: str, ignorecase: bool = False, excusing: bool = False) -> tuple[Rule, ...]:
        """Return regexes, one a line. `excusing`: while one rests, for it ran away, it matches everything."""
        return self.rules(name, self.lines(name), ignorecase, excusing)

    def rules(
        self, name: str, texts: Sequence[Text], ignorecase: bool = False, excusing: bool = False
    ) -> tuple[Rule, ...]:
        """Return these texts as regexes."""
        found = []
        for text in texts:
            try:
                whole = Text(f"(?i){text.value}", text.place) if ignorecase else text
                found.append(ignoring(whole) if excusing else Rule(whole))
            except ConfigError as error:
                self.fault(name, error.what, error.cure, text.place)
        return tuple(found)

    def seconds(self, name: str, default: float) -> float:
        """Return a time, in seconds."""
        found = self._converted(name, convert.seconds, default)
        if found > 0 or found == default:
            return found
        self.fault(name, f"{found:g} seconds cannot be", "write a time such as 10m")
        return default

    def integer(self, name: str, default: int, least: int = 1, most: int | None = None) -> int:
        """Return a whole number."""
        found = self._converted(name, convert.integer, default)
        if found < least or (most is not None and found > most):
            self.fault(name, f"{found} cannot be", f"write {least} to {most}" if most else f"write {least} or more")
            return default
        return found

    def number(self, name: str, default: float, least: float = 0.0, most: float | None = None) -> float:
        """Return a number that may have a fraction."""
        found = self._converted(name, _number, default)
        if not least <= found <= (float("inf") if most is None else most):
            self.fault(name, f"{found:g} cannot be", f"write {least:g} to {most:g}" if most else f"from {least:g} on")
            return default
        return found

    def boolean(self, name: str, default: bool) -> bool:
        """Return whether the word means yes."""
        return self._converted(name, convert.boolean, default)

    def choice(self, name: str, choices: Sequence[str], default: str) -> str:
        """Return one of a few words."""
        text = self.given(name)
        if text is None:
            return default
        if text.value.lower() not in choices:
            self.fault(name, f"{text.value!r} is unknown", f"write {' or '.join(choices)}")
            return default
        return text.value.lower()

    def statuses(self, name: str) -> frozenset[int] | None:
        """Return the HTTP status codes of a list with ranges (`400-499`) and exclusions (`!404`); None if absent."""
        words = self.words(name)
        if not words:
            return None
        listed: set[int] = set()
        excluded: set[int] = set()
        for word in words:
            found = _STATUS.fullmatch(word.value)
            if found is None or (found[3] and found[3] < found[2]):
                self.fault(name, f"{word.value!r} is no status", "write 404, 400-499 or !404", word.place)
                continue
            codes = range(int(found[2]), int(found[3] or found[2]) + 1)
            (excluded if found[1] else listed).update(codes)
        return frozenset((listed or _STATUSES) - excluded)

    def networks(self, name: str) -> net.NetSet:
        """Return addresses and networks."""
        found = []
        for word in self.words(name):
            network = net.network(word.value)
            if network is None:
                self.fault(name, f"{word.value!r} is no address", "write 192.0.2.1 or 192.0.2.0/24", word.place)
            else:
                found.append(network)
        return net.NetSet(found)

    @property
    def maxhosts(self) -> int:
        """How many hosts are remembered."""
        return self.integer("maxhosts", MAXHOSTS)

    def _converted(self, name: str, read: Callable[[Value], T], default: T) -> T:
        text = self.given(name)
        if text is None:
            return default
        try:
            return read(Value(text.value, (text.place,)))
        except ConfigError as error:
            self.fault(name, error.what, error.cure)
            return default


def lines(text: Text) -> list[Text]:
    """Return the lines of an option that are not empty, without blanks around them, each with its place."""
    written = text.value.split("\n")
    places = text.places if len(text.places) == len(written) else (text.place,) * len(written)
    return [Text(line.strip(), place) for line, place in zip(written, places, strict=True) if line.strip()]


def _number(value: Value) -> float:
    try:
        return float(value.text)
    except ValueError:
        raise ConfigError(f"{value.text!r} is no number", value.place, "write a number such as 0.5") from None
