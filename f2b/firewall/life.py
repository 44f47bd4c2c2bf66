"""What every action with a queue of its own can do, whatever its steps are: commands, programs, Python calls."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import Protocol, TypeGuard

from f2b.events import Ban
from f2b.firewall import Firewall
from f2b.firewall.shell import Result, Step
from f2b.named import NamedTuple

Routine = Generator[Step, Result, bool]
"""Yields steps, is sent their results, and returns whether it was done."""
Report = Callable[[str, str], None]
"""Tells (level, text)."""


class Query(NamedTuple):
    """What somebody asks of an action while it runs."""

    verb: str
    """`get` or `set` a property, list its `properties` or `methods`. A method that is set is called."""
    name: str = ""
    value: str = ""
    """What to set; the keywords of a call as JSON, or nothing."""


class Asked(Firewall, Protocol):
    """An action of which questions can be asked."""

    def ask(self, query: Query, answer: Callable[[Result], object]) -> None:
        """Call with the answer as its value when the queue gets there; a failure says why there is none."""
        ...


def can_be_asked(firewall: Firewall) -> TypeGuard[Asked]:
    """Say whether an action answers questions."""
    return hasattr(firewall, "ask")


class Life(Protocol):
    """One action of one jail: which steps each verb takes."""

    @property
    def norestored(self) -> bool:
        """Whether it wants to hear of new bans only, not of those that a database brought back."""
        ...

    @property
    def fault(self) -> str:
        """Why it cannot work at all; empty if it can."""
        ...

    def start(self) -> Routine:
        """Set up."""
        ...

    def resume(self, bans: Sequence[Ban]) -> Routine:
        """Go on where another process stopped, with these out already."""
        ...

    def ban(self, ban: Ban) -> Routine:
        """Keep somebody out."""
        ...

    def reban(self, ban: Ban) -> Routine:
        """Keep somebody out again whose ban got lost."""
        ...

    def prolong(self, ban: Ban) -> Routine:
        """Keep somebody out for longer."""
        ...

    def unban(self, ban: Ban) -> Routine:
        """Let somebody in."""
        ...

    def flush(self, bans: Sequence[Ban], last: bool = False) -> Routine:
        """Let everybody in; `bans` says whom. `last`: then it is stopped, so what fails need not be repaired."""
        ...

    def stop(self) -> Routine:
        """Take down what was set up."""
        ...

    def reload(self) -> Routine:
        """Hear that the configuration was read again."""
        ...

    def check(self) -> Routine:
        """See whether it still stands, and repair it."""
        ...

    def take_lost(self, bans: Iterable[Ban]) -> list[Ban]:
        """Return those of `bans` that got lost in repairs since this was asked last."""
        ...
