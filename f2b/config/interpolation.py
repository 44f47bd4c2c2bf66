"""`%(option)s`: options that stand for other options.

Third on a setting's way: `Scope` is how every option of a section is looked up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.config.text import DEFAULT, Value, by_lines, joined
from f2b.errors import ConfigError, Place

DEEPEST = 10
"""How many options may stand for one another in a chain; Fail2Ban's (configparser's) limit."""

LONGEST = 1_000_000
"""Characters that a value may grow to."""
ALL = 5_000_000
"""Characters that all values of a section may grow to together."""
MOST = 50_000
"""How many replacements one value may take: ten options that stand for ten others each would never end."""

MOST_DOUBTS = 10
"""For so many unknown options of a section one is looked for that may have been meant: it takes its time."""

_PERCENT = re.compile(r"%(?:%|\(([^)]+)\)s)?")

Sections = Mapping[str, Mapping[str, Value]]


class Scope:
    """Looks options up in one section, in what all sections share, and before both in `variables`.

    `known` holds what later files replaced. `injected` are values that are taken as they are.
    """

    def __init__(
        self,
        sections: Sections,
        section: str,
        variables: Mapping[str, Value] | None = None,
        known: Sections | None = None,
        injected: Mapping[str, Value] | None = None,
    ) -> None:
        self._sections = sections
        self._section = section
        self._own = sections.get(section, {})
        self._default = sections.get(DEFAULT, {})
        self._variables = variables or {}
        self._known = (known or {}).get(section, {}) if section != DEFAULT else {}
        self._injected = injected or {}
        self._replaced = 0
        """Replacements in the value that is being worked out."""
        self._done: dict[str, tuple[Value, int]] = {}
        """What options stand for, and how long the chain behind each is: many may stand for the same one."""
        self._reached = 0
        """The deepest link of the present chain that stands for something else."""
        self._doubted = 0
        self._length = 0
        """Characters that replacing has made so far."""

    def get(self, option: str) -> Value | None:
        """Return an option with everything replaced, or None if there is none. Raises ConfigError."""
        name = option.lower()
        if name in self._injected:
            return self._injected[name]
        raw = self._raw(name)
        return None if raw is None else self.interpolated(raw)

    def options(self) -> list[str]:
        """Return the names of all options of the section, the shared ones after its own."""
        return [*self._own, *(name for name in self._default if name not in self._own)]

    def interpolated(self, value: Value, depth: int = 1) -> Value:
        """Return `value` with every `%(option)s` replaced. Raises ConfigError."""
        if "%" not in value.text:
            return value
        if depth == 1:
            self._replaced = 0
        if depth > DEEPEST:
            cure = f"no more than {DEEPEST} options can stand for one another in a chain"
            raise ConfigError("this %(...)s refers to itself", value.place, cure)
        self._reached = max(self._reached, depth)
        return by_lines(value, "%", lambda line: self._line(line, depth))

    def _line(self, value: Value, depth: int) -> Value:
        """Replace what one line refers to: no `%(option)s` goes over its end."""
        parts: list[Value] = []
        position = length = 0
        for match in _PERCENT.finditer(value.text):
            parts.append(value.cut(position, match.start()))
            position = match.end()
            parts.append(self._replacement(value.cut(match.start(), position), match[1], depth))
            length += len(parts[-1].text)
            self._length += len(parts[-1].text)
            self._replaced += 1
            if length > LONGEST or self._replaced > MOST or self._length > ALL:
                cure = "look at what its options stand for"
                raise ConfigError("this %(...)s is replaced without end", value.place, cure)
        parts.append(value.cut(position))
        return joined(parts)

    def _replacement(self, token: Value, name: str | None, depth: int) -> Value:
        if name is None:
            if token.text == "%":
                raise ConfigError("a single % means nothing", token.place, "write %% for a percent sign")
            return token.cut(0, 1)
        name = name.lower()
        if name == "__name__":
            return Value(self._section, token.places)
        if name in self._injected:
            return self._injected[name]
        raw = self._raw(name)
        if raw is None:
            raise self._unknown(name, token.place)
        value, below = self._done.get(name, (None, 0))
        if value is None or depth + below > DEEPEST:
            before, self._reached = self._reached, depth
            value = self.interpolated(raw, depth + 1)
            below, self._reached = self._reached - depth, before
            self._done[name] = value, below
        self._reached = max(self._reached, depth + below)
        return value

    def _raw(self, name: str) -> Value | None:
        for options in (self._variables, self._own, self._default):
            if name in options:
                return options[name]
        section, slash, option = name.partition("/")
        if not slash:
            return None
        if section == "known":
            return self._known.get(option) or self._default.get(option)
        if section == "default":
            return self._default.get(option)
        if section not in self._sections:
            return None
        return self._sections[section].get(option) or self._default.get(option)

    def _unknown(self, name: str, place: Place) -> ConfigError:
        import difflib  # only needed once something is wrong

        self._doubted += 1
        choice = [*self._variables, *self._own, *self._default] if self._doubted <= MOST_DOUBTS else []
        near = difflib.get_close_matches(name, choice, 1, 0.75)
        cure = f"did you mean %({near[0]})s?" if near else f"give {name!r} a value, or write %% for a percent sign"
        return ConfigError(f"%({name})s stands for an option that is not there", place, cure)
