"""Arguments read by hand, for commands that are called in loops and for the one that stays in memory.

click reads those of the others: it takes 28 ms and 2.3 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from getopt import GetoptError, gnu_getopt
from typing import Any

from f2b.control import client
from f2b.control.address import socket_path
from f2b.errors import ConfigError, ControlError, F2bError
from f2b.named import NamedTuple

WRONG_USAGE = 2
WHERE = {"c": "config=", "s": "socket="}
"""Options of every command that asks the server: where it is."""


class Usage(Exception):  # noqa: N818 - no error when help is asked for
    """The command line asks for help (then it says nothing), or makes no sense."""


class Given(NamedTuple):
    """A command line, understood."""

    values: dict[str, list[str]]
    """By long name, in their order; only what was given."""
    words: list[str]

    def value(self, name: str) -> str | None:
        """Return what an option says, the last time it was given; None if it was not."""
        return self.values[name][-1] if name in self.values else None

    def ask(self, request: str, **fields: object) -> Any:
        """Return the server's answer to a request. Raises ControlError."""
        return client.request(
            socket_path(self.value("socket"), self.value("config")), request, client.PATIENCE_S, **fields
        )


class Command(NamedTuple):
    """What a command understands."""

    name: str
    help: str
    options: Mapping[str, str]
    """Long names by their letters, `=` behind those with a value; a key that is no letter has none."""
    words: int = 0
    """At most so many."""

    def run(self, argv: Sequence[str], act: Callable[[Given], int]) -> int:
        """Carry the command out; errors become one line on stderr, and the exit code."""
        try:
            return act(self._read(argv))
        except Usage as usage:
            if usage.args:
                return fail(f"{usage}; see 'f2b {self.name} --help'", WRONG_USAGE)
            print(self.help, end="")
            return 0
        except F2bError as error:
            return fail(str(error), status_of(error))

    def _read(self, argv: Sequence[str]) -> Given:
        letters = {letter: name for letter, name in self.options.items() if len(letter) == 1}
        short = "h" + "".join(letter + ":" * name.endswith("=") for letter, name in letters.items())
        try:
            found, words = gnu_getopt(list(argv), short, ["help", *self.options.values()])
        except GetoptError as error:
            option = ("--" if len(error.opt) > 1 else "-") + error.opt
            lacks = "requires" in error.msg
            raise Usage(
                f"Option '{option}' requires an argument" if lacks else f"No such option '{option}'"
            ) from None
        given = Given({}, words)
        for option, value in found:
            name = option[2:] if option.startswith("--") else letters.get(option[1:], "help").rstrip("=")
            given.values.setdefault(name, []).append(value)
        if "help" in given.values:
            raise Usage
        if len(words) > self.words:
            raise Usage(f"Got unexpected extra argument ({words[self.words]})")
        return given


def status_of(error: F2bError) -> int:
    """Return the exit code that says whose fault an error is."""
    if isinstance(error, ControlError):
        return error.status
    return WRONG_USAGE if isinstance(error, ConfigError) else 1


def fail(what: str, status: int) -> int:
    """Say on stderr what went wrong; return the exit code."""
    print(f"f2b: {what}", file=sys.stderr)
    return status
