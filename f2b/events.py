"""The values that travel: lines in, failures, and what follows from them.

What is made for every line is a tuple; what happens rarely (a ban, say) is a frozen dataclass. Times are seconds
since the epoch, durations are seconds, addresses are canonical text (`f2b.net`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from f2b.named import NamedTuple
from f2b.value import dataclass, field

PERMANENT = -1
"""A ban of this length never ends by itself."""

SUCCESS = -1
"""The `attempts` of what is a success: it clears the failures of its host, or of its user there."""
LOGIN = -2
"""The `attempts` of what only tells that somebody logged in; it clears nothing."""

FLEET = "fleet"
"""The name under which a ban's captures hold the host that it comes from, as long as that is all there is to it."""

Captures = Mapping[str, str | Sequence[str]]
"""What a filter's named groups caught, under Fail2Ban's names: `user`, `ip4`, `dns`, `mlfid`, ..."""


class Line(NamedTuple):
    """One line of a log, ready for a filter."""

    text: str
    """What filters search: the line without its date, ending with exactly one newline."""
    raw: str
    """The whole line, date included, without its line end."""
    time: float | None
    """When it was written; None if the line does not say and no line shortly before it did."""


class Failure(NamedTuple):
    """An attempt that a filter found. The jail decides what becomes of it."""

    id: str
    """Who did it: an address, a network, or what `<F-ID>` caught. A host name while `unresolved`."""
    host: str | None
    """The address (`<ip>` in actions), where it is known and may differ from the id."""
    time: float | None
    """When; None if no line of it had a usable date."""
    matches: tuple[str, ...]
    """The log lines that led to it, oldest first."""
    captures: Captures
    attempts: int = 1
    """What it counts for against maxretry, or SUCCESS, or LOGIN."""
    unresolved: str = ""
    """A host name that must be resolved first: each of its addresses is then one failure."""
    by_hand: bool = False
    """Somebody told us of it; no log did."""
    then: tuple[Callable[[Failure], Sequence[Failure]], ...] = ()
    """Who is still to judge it, in this order, once its addresses are known."""


# ---- effects: what the core wants done or told -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Found:
    """A failure was counted."""

    jail: str
    id: str
    """Whom it was counted for."""
    time: float
    seen: str = ""
    """Who it was, where a whole network is counted as one."""
    by_hand: bool = False


@dataclass(frozen=True, slots=True)
class Forgiven:
    """A success cleared failures that were counted for an id."""

    jail: str
    id: str
    """Whom they were counted for."""
    seen: str
    """Who succeeded."""
    user: str
    """As whom; empty if nobody knows."""
    failures: int
    """How many no longer count."""


@dataclass(frozen=True, slots=True)
class Known:
    """A failure counts for more, because its id was banned before."""

    jail: str
    id: str
    time: float
    bans: int
    """How often it was banned before."""
    worth: int
    """What the failure counts for."""
    maxretry: int


@dataclass(frozen=True, slots=True)
class Ignored:
    """A failure was not counted: the allow list holds its id. `by` is Fail2Ban's word for the reason."""

    jail: str
    id: str
    by: str


@dataclass(frozen=True, slots=True)
class Spared:
    """Somebody is not banned although he failed often enough: this would lock out whom it must not."""

    jail: str
    id: str
    why: str


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody logged in, for the first time within an hour."""

    jail: str
    id: str
    """The address."""
    time: float
    user: str
    """Empty if nobody knows."""


@dataclass(frozen=True, slots=True)
class Collateral:
    """A ban hits others than the attacker, too."""

    jail: str
    id: str
    """Who is banned, or would be."""
    whom: tuple[str, ...]
    """Who else, in words."""
    refused: bool
    """So it does not come into force."""


@dataclass(frozen=True, slots=True)
class Surged:
    """A jail bans more in a minute than its `maxbans`."""

    jail: str
    maxbans: int
    id: str
    """Whose ban was the first too many."""
    held: bool
    """It is not banned, nor are others until it is calmer."""


@dataclass(frozen=True, slots=True)
class Ban:
    """Somebody is to be kept out from `time` for `duration` seconds."""

    jail: str
    id: str
    time: float
    """The time of the last failure: the ban's end counts from it."""
    duration: float
    """Seconds, or PERMANENT."""
    failures: int = 0
    """How many attempts led to it, never scaled down; 0 for a ban by hand."""
    matches: tuple[str, ...] = ()
    captures: Captures = field(default_factory=dict)
    host: str | None = None
    count: int = 1
    """How many times this id was banned in this jail, this time included."""
    own_time: bool = False
    """Its duration is its own, given by hand: a change of the jail's bantime does not touch it."""
    grown: bool = False
    """Its duration grew by the jail's increments: no change of the jail's bantime touches that either."""
    restored: bool = False
    """It was in force already before the server started."""
    listed: bool = False
    """A `banlist` names it: it ends when the list no longer does, and the database does not know it."""

    @property
    def end(self) -> float:
        """When it is over; infinity for a permanent one."""
        return float("inf") if self.duration < 0 else self.time + self.duration

    @property
    def ip(self) -> str:
        """What actions know as `<ip>`."""
        return self.host or self.id


@dataclass(frozen=True, slots=True)
class Increased:
    """A ban just begun is for somebody who was banned before; it would have been for `base` seconds else."""

    ban: Ban
    bans: int
    """How often before."""
    last: float
    """When the latest of those began."""
    base: float
    fault: str = ""
    """Why no longer time could be computed."""


@dataclass(frozen=True, slots=True)
class Prolonged:
    """A ban ends at another time now: its id offended again, or the jail's bantime was changed."""

    ban: Ban
    after: float | None = None
    """Seconds from the ban to the new offence; None if there was none."""


@dataclass(frozen=True, slots=True)
class AlreadyBanned:
    """A banned id reached maxretry again without ending later, `after` seconds after its ban: does the ban bite?"""

    ban: Ban
    after: float


@dataclass(frozen=True, slots=True)
class Held:
    """A jail's banlist has changed: some come in at once, others may go."""

    jail: str
    came: tuple[Ban, ...]
    gone: tuple[Ban, ...]
    total: int
    """How many its list keeps out now."""
    spared: int
    """How many of the list are not kept out, because the allow list wants them or somebody in them."""


@dataclass(frozen=True, slots=True)
class Expired:
    """A ban would have been over already (old lines of a log, say); nothing is done."""

    jail: str
    id: str


@dataclass(frozen=True, slots=True)
class Unban:
    """A ban ends. `forget`: by somebody's hand, so its history goes too."""

    ban: Ban
    forget: bool = False
    by: str = ""
    """Whose word it was, if another host's: `fleet`."""


@dataclass(frozen=True, slots=True)
class Forget:
    """What is on record of an id's bans in a jail is to go, though it is not banned.

    If `id` is None everybody is let in at one stroke, and nothing stays on record.
    """

    jail: str
    id: str | None


@dataclass(frozen=True, slots=True)
class Resolve:
    """The host name of a failure must be resolved before it counts. Answered by `Jail.resolved`."""

    jail: str
    name: str
    failure: Failure
    live: bool


@dataclass(frozen=True, slots=True)
class Judge:
    """Whether somebody is to be spared must be asked (`ignorecommand`). Answered by `Jail.judged`."""

    jail: str
    failure: Failure
    ban: Ban | None = None
    """It is in force already, from an earlier server, and goes if its id is to be spared."""


@dataclass(frozen=True, slots=True)
class Warned:
    """Something its administrator should know of."""

    jail: str
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Broke:
    """A jail could not make anything of a line because of a fault of ours; the line is lost to it, no more."""

    jail: str
    line: str
    error: str


@dataclass(frozen=True, slots=True)
class RanAway:
    """A search of a line did not come to an end and was given up; the line is lost to the jail."""

    jail: str
    line: str
    what: str
    """The pattern, and where it stands."""
    rests: bool
    """It was once too often: the pattern is set aside for a while."""


Effect = (
    Broke
    | RanAway
    | Found
    | Forgiven
    | Known
    | Ignored
    | Spared
    | Arrived
    | Collateral
    | Surged
    | Ban
    | Increased
    | Prolonged
    | AlreadyBanned
    | Expired
    | Held
    | Unban
    | Forget
    | Resolve
    | Judge
    | Warned
)
