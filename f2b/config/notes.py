"""What is wrong with a configuration, gathered while it is read, so that all of it is told at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from f2b.config.interpolation import Scope
from f2b.config.model import Problem, Severity, Text
from f2b.config.text import Value
from f2b.errors import ConfigError

T = TypeVar("T")


class Notes:
    """The problems of one jail, or of the whole if `jail` is empty."""

    def __init__(self, jail: str = "") -> None:
        self._jail = jail
        self._problems: dict[Problem, None] = {}

    @property
    def problems(self) -> list[Problem]:
        """Return them in the order in which they were found."""
        return list(self._problems)

    @property
    def broken(self) -> bool:
        """Whether there is an error among them."""
        return any(problem.severity == "error" for problem in self._problems)

    def add(self, error: ConfigError, severity: Severity = "error") -> None:
        """Note a problem, once, and those that come along with it."""
        self._problems[Problem(severity, error.what, error.cure, error.place, self._jail)] = None
        for other in error.more:
            self.add(other, severity)

    def attempt(self, read: Callable[[], T], default: T, severity: Severity = "error") -> T:
        """Return what `read` returns; if it raises ConfigError, note that and return `default`."""
        try:
            return read()
        except ConfigError as error:
            self.add(error, severity)
            return default


class Options:
    """The options of one section, each with its default; what is wrong with one goes to `notes`."""

    def __init__(self, scope: Scope, notes: Notes) -> None:
        self._scope = scope
        self._notes = notes

    def written(self, names: Iterable[str], severity: Severity = "error") -> dict[str, Text]:
        """Return those of the options that are there, as text."""
        values = {name: self.value(name, severity) for name in names}
        return {name: Text(value.text, value.place) for name, value in values.items() if value is not None}

    def value(self, name: str, severity: Severity = "error") -> Value | None:
        """Return an option, or None if it is not there or wrong."""
        return self._notes.attempt(lambda: self._scope.get(name), None, severity)

    def text(self, name: str, default: str = "") -> str:
        """Return an option's text."""
        value = self.value(name)
        return default if value is None else value.text

    def get(self, name: str, convert: Callable[[Value], T], default: T, severity: Severity = "error") -> T:
        """Return an option, converted."""
        value = self.value(name)
        return default if value is None else self._notes.attempt(lambda: convert(value), default, severity)
