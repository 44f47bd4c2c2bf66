"""What the server can be asked and told: the interface between it and whoever answers its control socket.

`daemon.server` satisfies `Desk`; `control` turns requests into calls of it. Every call may raise ControlError
(an unknown jail, an id that cannot be banned) with the sentence that the user reads.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Literal, Protocol, TypeVar

from f2b.ban.ledger import Ledger
from f2b.config.model import JailSpec, ServerSpec
from f2b.daemon.account import Account
from f2b.daemon.cause import Check
from f2b.daemon.feed import Feed
from f2b.events import Ban
from f2b.firewall.life import Query
from f2b.firewall.shell import Result
from f2b.named import NamedTuple
from f2b.value import dataclass

State = Literal["up", "idle", "waiting", "down"]
Finish = Callable[[Callable[[], object]], object]
Result_co = TypeVar("Result_co", covariant=True)
Steps = Generator[None, None, Result_co]
"""Work that is long: others may be answered after each step, and what it returns in the end is the answer."""


class Later(NamedTuple):
    """An answer that takes its time: `begin(finish)`, and `finish(result)` once `result()` can be asked for it."""

    begin: Callable[[Finish], object]


class Order(NamedTuple):
    """What the fleet wants done about somebody: a ban of another host, a ban for what all counted, or an end."""

    jail: str
    id: str
    """An address or a network."""
    end: float | None = None
    """When the ban is over; None is never."""
    origin: str = ""
    """The host that has banned."""
    failures: int = 0
    counted: bool = False
    """All hosts together have counted enough: it is this host's own ban, for its jail's bantime."""
    lifted: float | None = None
    """The ban is to end, if it began before this."""


@dataclass(frozen=True, slots=True)
class JailView:
    """One jail as it stands now."""

    name: str
    state: State
    """`waiting`: its log is missing; `idle`: it was told to rest; `down`: it cannot work. `reason` says why."""
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
    bans: Ledger
    """Those in force, in the order of banning; not copied, for there may be many, and they come and go."""
    banned_total: int
    lag: int
    """Bytes of its logs that are written and not read yet; 0 for a journal jail, for a journal does not tell."""


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
    fleet: Mapping[str, object] | None = None
    """What `f2b fleet run` said of the other hosts last; None if it does not run."""


class Desk(Protocol):
    """The server, seen from its control socket."""

    def view(self) -> ServerView:
        """Return everything at once."""
        ...

    def jail(self, name: str) -> JailView:
        """Return one jail. Raises ControlError if there is none of this name."""
        ...

    def judge(self, ids: Sequence[str], jail: str) -> None:
        """Raise ControlError if bans of these would lock out an administrator, or hit whom they must not hit."""
        ...

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> Sequence[Ban]:
        """Ban by hand, without asking the allow list; return the bans that are new.

        `jail` "" is the jail `manual`, made on first use. `duration` None is the jail's own. See `judge`.
        """
        ...

    def hits(self, ids: Sequence[str], jail: str) -> Sequence[str]:
        """Return in words whom else bans of these would hit, besides who is meant."""
        ...

    def allow(self, ids: Sequence[str], seconds: float = float("inf")) -> int:
        """Let no filter ban these addresses or networks for so long, and let them in; return how many were banned."""
        ...

    def disallow(self, ids: Sequence[str]) -> None:
        """Let filters ban these again."""
        ...

    def allowed(self) -> Mapping[str, float]:
        """Return who was allowed so, and until when."""
        ...

    def try_out(self, what: str, seconds: float, undo: Callable[[], object]) -> None:
        """Undo something in so many seconds, unless it is confirmed."""
        ...

    def confirm(self) -> Sequence[str]:
        """Keep all that would be undone; return what that is."""
        ...

    def portion(self, jail: str) -> int | None:
        """Return how many bans of a jail are best verified at once; None where all are as quick."""
        ...

    def verify(self, bans: Sequence[Ban], closely: bool) -> Sequence[Check]:
        """Ask the kernel for these bans, action by action; `closely`: look too at what may be in their way."""
        ...

    def account(self, key: str, jail: str) -> Account:
        """Return what a jail can say of an id. Raises ControlError if there is none of this name."""
        ...

    def directory(self) -> str:
        """Return the folder that the configuration was read from; empty if there is none."""
        ...

    def unban(self, ids: Sequence[str] | None, jail: str = "") -> int:
        """Lift bans, in one jail or in all, and forget their history; return how many were lifted.

        `ids` None is everybody. A network lifts every ban inside it.
        """
        ...

    def impose(self, orders: Sequence[Order]) -> Sequence[str]:
        """Carry out what the fleet wants; return for each order `banned`, nothing, or why it was refused."""
        ...

    def hear_fleet(self, said: Mapping[str, object], contact: float | None) -> None:
        """Remember what is said of the fleet, and when it was last heard of."""
        ...

    def attempt(self, jail: str, key: str, lines: Sequence[str]) -> bool:
        """Count a failure for each of these log lines, one at least; return False if the id is spared."""
        ...

    def change(self, spec: JailSpec) -> None:
        """Let a jail go on by this specification; running bans take its ban time. Raises ConfigError, and changes
        nothing, if that cannot work."""
        ...

    def add(self, spec: JailSpec) -> None:
        """Make a jail that rests until it is told to start. Raises ConfigError."""
        ...

    def start(self, jail: str) -> None:
        """Let a jail that rests read again, from where it stopped."""
        ...

    def rest(self, jail: str) -> None:
        """Let a jail read nothing for now; its bans end in their time."""
        ...

    def act(self, jail: str, action: str, verb: str) -> None:
        """Let one action `start`, `stop` or `flush`, or see whether it still stands (any other verb)."""
        ...

    def ask(self, jail: str, action: str, query: Query, answer: Callable[[Result], object]) -> None:
        """Ask a Python action something; call with the result, whose value is the answer."""
        ...

    def remove(self, jail: str) -> None:
        """Take a jail down with its bans, which come back when it does."""
        ...

    def undo_reload(self) -> Callable[[], object]:
        """Return what brings the configuration back that is in force now."""
        ...

    def reload(self, jail: str = "", unban: bool = False, restart: bool = False) -> Sequence[str]:
        """Read the configuration again; return its warnings. Raises ControlError, and changes nothing, if a
        running jail would become invalid. `restart` makes jails anew, even if nothing changed."""
        ...

    def configured(self, jail: str) -> bool:
        """Return whether the configuration enables a jail now."""
        ...

    def settings(self) -> ServerSpec:
        """Return what holds for the whole server, changes at run time included."""
        ...

    def tune(self, spec: ServerSpec) -> None:
        """Let this hold for the whole server from now on. Raises ControlError if it cannot."""
        ...

    def complain(self, text: str) -> None:
        """Write an error into the server's log."""
        ...

    def files(self, pattern: str) -> Sequence[str]:
        """Return the existing files that a path or a glob names."""
        ...

    def wait(self, seconds: float, call: Callable[[], object]) -> None:
        """Call in so many seconds; nobody waits for it."""
        ...

    def resolve(self, names: Sequence[str], call: Callable[[Sequence[str]], object]) -> None:
        """Look host names up and call with all their addresses."""
        ...

    def measures(self, closely: bool) -> Steps[Mapping[str, object]]:
        """Find out how the server does, in numbers; `closely`: what each firewall holds, too."""
        ...

    def now(self) -> float:
        """Return the time."""
        ...

    def feed(self) -> Feed:
        """Return what happened lately, to read and to wait for more."""
        ...

    def flush_log(self) -> bool:
        """Open the log again by its name, after logrotate moved it; return whether it is a file at all."""
        ...

    def stop(self, keep: bool = False, then: Callable[[], object] | None = None) -> None:
        """End the server once this request is answered; `keep` leaves the bans in the kernel.

        `then` is called when all is taken down, and nothing is left but to tell who waits for that.
        """
        ...
