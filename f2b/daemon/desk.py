"""What the server can be asked and told: the interface between it and whoever answers its control socket.

`daemon.server` satisfies `Desk`; `control` turns requests into calls of it. Every call may raise ControlError
(an unknown jail, an id that cannot be banned) with the sentence that the user reads.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from f2b.config.model import JailSpec
from f2b.events import Ban

State = Literal["up", "waiting", "down"]


@dataclass(frozen=True, slots=True)
class JailView:
    """One jail as it stands now."""

    name: str
    state: State
    """`waiting`: its log is missing; `down`: it cannot work, `reason` says why."""
    reason: str
    spec: JailSpec
    """As it is in force, changes at run time included."""
    backend: str
    """What really reads its logs: `inotify`, `polling` or `systemd`."""
    files: tuple[str, ...]
    """The logs it follows now; empty for a journal jail."""
    journalmatch: tuple[str, ...]
    failed: int
    """Ids with a counter entry now."""
    failed_total: int
    """Failures counted since the jail was created."""
    bans: tuple[Ban, ...]
    """Those in force, in the order of banning."""
    banned_total: int


@dataclass(frozen=True, slots=True)
class ServerView:
    """The whole server as it stands now."""

    version: str
    pid: int
    started: float
    enforcing: bool
    """Whether bans reach a firewall; False in a dry run."""
    reason: str
    """Why it does not enforce; empty if it does."""
    jails: tuple[JailView, ...]
    """In the order of their creation."""
    problems: tuple[str, ...]
    """What was wrong with the configuration, and which jails are down for it."""


class Desk(Protocol):
    """The server, seen from its control socket."""

    def view(self) -> ServerView:
        """Return everything at once."""
        ...

    def jail(self, name: str) -> JailView:
        """Return one jail. Raises ControlError if there is none of this name."""
        ...

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> int:
        """Ban by hand, without asking the allow list; return how many were not banned before.

        `jail` "" is the jail `manual`, made on first use. `duration` None is the jail's own.
        """
        ...

    def unban(self, ids: Sequence[str] | None, jail: str = "") -> int:
        """Lift bans, in one jail or in all, and forget their history; return how many were lifted.

        `ids` None is everybody. A network lifts every ban inside it.
        """
        ...

    def set_bantime(self, jail: str, seconds: float) -> None:
        """Change the jail's ban time, for running bans too."""
        ...

    def reload(self, jail: str = "", unban: bool = False) -> Sequence[str]:
        """Read the configuration again; return its warnings. Raises ControlError, and changes nothing, if a
        running jail would become invalid."""
        ...

    def flush_log(self) -> bool:
        """Open the log again by its name, after logrotate moved it; return whether it is a file at all."""
        ...

    def stop(self, keep: bool = False) -> None:
        """End the server once this request is answered; `keep` leaves the bans in the kernel."""
        ...
