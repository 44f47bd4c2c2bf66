"""What the commands of an action can say of a ban: the values of its tags, each made when a command names it.

Names, forms and order are Fail2Ban's, odd ones too: people's scripts take them apart.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from f2b import net
from f2b.events import Ban
from f2b.named import NamedTuple
from f2b.value import dataclass, replace

HISTORY = ("ipfailures", "ipjailfailures", "ipmatches", "ipjailmatches")
"""Tags that tell of all bans of an id."""
_GROUPS = {"id": "fid", "port": "fport"}
"""Filter tags whose group has another name, as `<F-ID>` in a filter makes the group `fid`."""
_OF_A_LINE = ("nofail", "mlfgained", "mlfforget")
"""What a line says of itself; the failure of its session has no part in it."""


class Counts(NamedTuple):
    """What a jail has counted."""

    banned: int = 0
    banned_total: int = 0
    found: int = 0
    found_total: int = 0


def _nothing_counted() -> Counts:
    return Counts()


@dataclass(frozen=True, slots=True)
class Context:
    """What a command may say beyond its ban. What must be looked up is, where a command names its tag."""

    fq_hostname: str = "localhost"
    sh_hostname: str = "localhost"
    bantime: float = 600
    """The jail's own, for commands without a ban, in seconds."""
    ipv6: bool = True
    """Whether the inet6 family is made ready at start."""
    history: Callable[[Ban, bool], tuple[int, Sequence[str]]] | None = None
    """Failures and log lines of the ban's id that are on record, in all jails or (True) in the ban's only."""
    counts: Callable[[], Counts] = _nothing_counted


Values = Mapping[str, Callable[[], str]]
"""Dynamic tags, each with what makes its value."""


class Ticket(NamedTuple):
    """What a command is about."""

    family: str
    """`inet4`, `inet6`, `None` for an id that is no address, or nothing for a command about nobody."""
    values: Values
    caught: Callable[[str], str]
    """Returns what the filter caught in a group; "" if there is none."""


def family(ban: Ban) -> str:
    """Return the ban's address family as actions name it."""
    return {4: "inet4", 6: "inet6", 0: "None"}[net.family(ban.ip)]


def about(ban: Ban, context: Context, host_name: str = "None") -> Ticket:
    """Return what commands can say of a ban; `host_name` is what its address is called."""

    def record(own: bool) -> tuple[int, Sequence[str]]:
        return context.history(ban, own) if context.history else (ban.failures, ban.matches)

    values: dict[str, Callable[[], str]] = {
        "ip": lambda: ban.ip,
        "family": lambda: family(ban),
        "ip-rev": lambda: reverse(ban.ip),
        "ip-seen": lambda: seen(ban),
        "ip-host": lambda: host_name,
        "fid": lambda: ban.id,
        "failures": lambda: str(ban.failures),
        "ipfailures": lambda: str(record(False)[0]),
        "ipjailfailures": lambda: str(record(True)[0]),
        "matches": lambda: "\n".join(ban.matches),
        "ipmatches": lambda: "\n".join(record(False)[1]),
        "ipjailmatches": lambda: "\n".join(record(True)[1]),
        "time": lambda: _time(ban),
        "bantime": lambda: str(int(ban.duration)),
        "bancount": lambda: _count(ban),
        "restored": lambda: str(int(ban.restored)),
        "F-*": lambda: str(data(ban)),
        "raw-ticket": lambda: _dump(ban),
        "jail.banned": lambda: str(context.counts().banned),
        "jail.banned_total": lambda: str(context.counts().banned_total),
        "jail.found": lambda: str(context.counts().found),
        "jail.found_total": lambda: str(context.counts().found_total),
    }
    return Ticket(family(ban), values, lambda name: str(data(ban).get(name, "")))


def about_nobody(kind: str, context: Context, now: float) -> Ticket:
    """Return what commands about no ban (start, stop, flush, reload) can say; `kind` is their family."""
    empty = Ban("", "", now, context.bantime, count=0)
    told = about(empty, replace(context, counts=_nothing_counted))
    caught = told.caught if kind == "" else lambda _: ""
    return Ticket(kind, {**told.values, "family": lambda: kind}, caught)


def group(name: str) -> str:
    """Return which group of the filter `<F-NAME>` means."""
    return _GROUPS.get(name.lower(), name.lower())


def reverse(address: str) -> str:
    """Return the octets or nibbles in the order that reverse DNS wants, with a final dot; "" if it is no address."""
    raw = net.packed(address.partition("/")[0])
    if raw is None:
        return ""
    digits = address.split(".") if len(raw) == 4 else list(raw.hex())
    return ".".join(reversed(digits)) + "."


def seen(ban: Ban) -> str:
    """Return an address to report and to ask about: of a network that counts as one, who failed first in it."""
    if "/" not in ban.ip:
        return ban.ip
    caught = ban.captures.get("ip6") or ban.captures.get("ip4")
    return net.address(caught) or ban.ip if isinstance(caught, str) else ban.ip


def _time(ban: Ban) -> str:
    """Return the ban's time; Fail2Ban's database rounds it to whole seconds."""
    return str(round(ban.time) if ban.restored else float(ban.time))


def _count(ban: Ban) -> str:
    """Return the ban's number: Fail2Ban counts a ban again that it restores."""
    return str(ban.count + ban.restored)


def data(ban: Ban) -> dict[str, object]:
    """Return what a ticket of Fail2Ban's holds beside its id and times."""
    held: dict[str, object] = {"matches": list(ban.matches), "failures": ban.failures, **ban.captures}
    users: Sequence[object] = ban.captures.get("users", ())
    if "mlfid" in ban.captures:
        users = users or [user for user in (ban.captures.get("user"),) if user]
        for flag in _OF_A_LINE:
            held.pop(flag, None)
    if users:  # what is a set at first comes back from the database as a list's text
        held["users"] = str(list(users)) if ban.restored else set(users)
    return held if ban.host in (None, ban.id) else {**held, "ip": ban.host}


def _dump(ban: Ban) -> str:
    own = ban.restored or ban.own_time or ban.grown
    return (
        f"BanTicket: ip={ban.id} time={_time(ban)} bantime={int(ban.duration) if own else None} "
        f"bancount={_count(ban)} #attempts={ban.failures} matches={list(ban.matches)}"
    )
