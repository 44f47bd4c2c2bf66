"""What can go wrong, by whose fault it is.

Every error says its cause and, where we know one, the cure. A bad log line is none of these: it is counted.
Kept free of `dataclasses` (15 ms of import), because the command line clients load it at every call.
"""

from __future__ import annotations

from collections.abc import Sequence

from f2b.named import NamedTuple

LONGEST = 1000
"""Characters that are told of a piece of configuration: the megabyte that somebody pasted helps nobody."""


class Place(NamedTuple):
    """Where a piece of configuration stands. `line` counts from 1; 0 is "somewhere in this file"."""

    file: str
    line: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}" if self.line else self.file


class F2bError(Exception):
    """Anything that f2b reports to its user instead of showing a traceback."""


class ConfigError(F2bError):
    """The configuration is at fault: `what` is wrong at `place`, and `cure` is what to write instead."""

    def __init__(self, what: str, place: Place | None = None, cure: str = "") -> None:
        what = what if len(what) <= LONGEST else f"{what[: LONGEST // 2]} ... {what[-LONGEST // 2 :]}"
        super().__init__(what)
        self.what = what
        self.place = place
        self.cure = cure
        self.more: Sequence[ConfigError] = ()
        """What else was found wrong with the same piece of configuration."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        return f"{where}{self.what}" + (f"; {self.cure}" if self.cure else "")


def together(errors: Sequence[ConfigError]) -> ConfigError:
    """Return the first of several errors, which brings the others along."""
    errors[0].more = (*errors[0].more, *errors[1:])
    return errors[0]


class StoreError(F2bError):
    """The database cannot be opened, read or written."""


class ActionError(F2bError):
    """A firewall or an action refused; the ban stays in the ledger and is tried again."""


class SourceError(F2bError):
    """A log or the journal cannot be read."""


class ControlError(F2bError):
    """A request to the server failed; `status` is the exit code that says so (3: no server answers)."""

    def __init__(self, what: str, status: int = 1) -> None:
        super().__init__(what)
        self.status = status
