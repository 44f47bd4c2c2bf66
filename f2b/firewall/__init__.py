"""Keeping people out: the five verbs that every back end knows."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeGuard

from f2b.events import Ban
from f2b.firewall.effort import Effort
from f2b.named import NamedTuple


class Firewall(Protocol):
    """One action of one jail. Kernel back ends act at once; command actions queue and report failures later.

    Every verb is idempotent: banning who is banned already, or lifting what is not there, is no error.
    Raises ActionError when the back end refuses; whoever called tells it and tries again.
    """

    name: str
    """`actname`: unique in the jail."""

    def start(self, bans: Sequence[Ban]) -> None:
        """Make ready, with exactly `bans` (those restored from the database) in force afterwards."""

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out, all in one batch."""

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in again."""

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in; `bans` says whom, for back ends that cannot do it in one stroke."""

    def stop(self, keep: bool) -> None:
        """Take everything out again; with `keep`, leave bans in force for the next start."""


class Term(Protocol):
    """As much of a ban as a back end asks for that acts at once: whom, and until when; `Ban` has it, too."""

    @property
    def id(self) -> str:
        """Who is banned."""
        ...

    @property
    def ip(self) -> str:
        """His address, where the id is none."""
        ...

    @property
    def end(self) -> float:
        """When it is over, in seconds since the epoch; infinity for a permanent one."""
        ...


class Prompt(Firewall, Protocol):
    """A back end that acts at once."""

    def start(self, bans: Sequence[Term]) -> None:
        """As every back end; of each ban it asks no more than this."""


class Queued(Firewall, Protocol):
    """A back end that does its work later, in a queue of its own: commands, say."""

    @property
    def lasting(self) -> bool:
        """Whether its bans stay in force when this process ends."""
        ...

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for is done."""
        ...

    @property
    def moves(self) -> int:
        """How many steps it has done so far: one that is not idle must do another sooner or later."""
        ...

    @property
    def fault(self) -> str:
        """Why it cannot work at all; empty if it can. What it did later than it was asked raises no error."""
        ...

    @property
    def effort(self) -> Effort:
        """What its steps have cost so far."""
        ...

    def reload(self) -> None:
        """The configuration was read again, and this action goes on as it was."""

    def seen(self, ban: Ban) -> None:
        """A banned id was seen again, well after its ban: look what became of it."""

    def abandon(self) -> None:
        """Give up what is not done yet, and tell it: the server ends now."""


class Watched(Prompt, Protocol):
    """A back end whose bans others may take out of the kernel."""

    tables: Collection[tuple[int, str]]
    """Where in nftables, by family and name, others' changes may be at its cost."""
    shared: bool
    """Whether others work in these tables too, and most of their changes do no harm."""

    def intact(self, bans: Sequence[Term]) -> bool:
        """Return whether all that `start` made still stands, with each of `bans` in force. Raises ActionError."""
        ...


class Reach(NamedTuple):
    """Which packets of the banned an action keeps out."""

    families: frozenset[int]
    """4, 6."""
    protocols: tuple[int, ...]
    """By number; none is every protocol."""
    ports: tuple[tuple[int, int], ...]
    """Ranges; none is every port."""
    hook: str
    """Where it looks at them, in nft's words: `input`, `prerouting`, `forward`."""
    translated: bool
    """It sees the ports that address translation has put, not those that the sender wrote."""
    new_only: bool = False
    """Only the first packet of a connection."""


class Ahead(NamedTuple):
    """A rule of others that lets packets of the banned in before ours is asked."""

    rule: str
    """As iptables-save has it."""
    running: bool
    """Only those of connections that stand already."""


class Proven(Watched, Protocol):
    """Such a back end that can tell of each ban whether it is in force, and what it reaches."""

    @property
    def piecemeal(self) -> bool:
        """Whether it can be asked for some bans without listing all."""
        ...

    @property
    def reach(self) -> Reach:
        """Which packets it keeps out."""
        ...

    def held(self, bans: Sequence[Term]) -> Mapping[str, float | None]:
        """Return which of these the kernel keeps out, by their ids, and for how many seconds yet; None is for ever.

        Raises ActionError if it cannot be asked.
        """
        ...

    def ahead(self, who: str) -> Sequence[Ahead]:
        """Return rules of others that come before ours and let this address in. Raises ActionError."""
        ...


# `isinstance` would ask for every attribute by `inspect`, which takes 10 ms and 1 MB to import.


def is_queued(firewall: Firewall) -> TypeGuard[Queued]:
    """Say whether it works in a queue of its own."""
    return hasattr(firewall, "abandon")


def is_prompt(firewall: Firewall) -> TypeGuard[Prompt]:
    """Say whether it acts at once."""
    return not is_queued(firewall)


def is_watched(firewall: Firewall) -> TypeGuard[Watched]:
    """Say whether others may take its bans out of the kernel."""
    return hasattr(firewall, "intact")


def is_proven(firewall: Firewall) -> TypeGuard[Proven]:
    """Say whether it can tell of each ban whether it is in force."""
    return hasattr(firewall, "held")
