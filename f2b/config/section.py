"""A section of f2b.conf that is for what runs beside the server: its options, read and checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from f2b.config import convert
from f2b.config.model import Text
from f2b.errors import ConfigError, together

T = TypeVar("T")


class Section:
    """The options that are there; what is wrong with one is gathered."""

    def __init__(self, name: str, section: Mapping[str, Text]) -> None:
        self._name = name
        self._section = section
        self._asked: set[str] = set()
        self._errors: list[ConfigError] = []

    def text(self, name: str, default: str = "") -> str:
        """Return an option as it was written."""
        self._asked.add(name)
        return self._section[name].value.strip() if name in self._section else default

    def get(self, name: str, read: Callable[[str], T], default: T) -> T:
        """Return an option as `read` understands it, which raises ValueError if it does not."""
        text = self.text(name)
        if not text:
            return default
        try:
            return read(text)
        except ValueError as error:
            self.wrong(name, f"{name} = {text}: {error}")
            return default

    def wrong(self, name: str, what: str, cure: str = "") -> None:
        """Note that something is wrong with an option."""
        place = self._section[name].place if name in self._section else None
        self._errors.append(ConfigError(f"[{self._name}] {what}", place, cure))

    def need(self, name: str, whom: str) -> str:
        """Return an option without which another makes no sense."""
        text = self.text(name)
        if not text:
            self.wrong(whom, f"{whom} needs {name}")
        return text

    def end(self) -> None:
        """Raise what is wrong; an option that nobody asked for is misspelt."""
        for name in self._section.keys() - self._asked:
            self.wrong(name, f"there is no option {name}", convert.near(name, sorted(self._asked)))
        if self._errors:
            raise together(self._errors)
