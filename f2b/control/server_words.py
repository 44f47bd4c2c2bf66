"""Fail2Ban's `get` and `set` of what concerns the whole server: `get loglevel`, `set dbpurgeage 1d`, ..."""

from __future__ import annotations

from collections.abc import Callable

from f2b.config.model import ServerSpec
from f2b.control.refusal import Args, nth, number, refusal, seconds, whole
from f2b.daemon.desk import Desk
from f2b.errors import ControlError
from f2b.value import replace

OFF = "None"
"""The database's name when there is none."""


def set_item(desk: Desk, item: str, args: Args) -> object:
    """Change one item and return what is shown of it then. Raises WordsError."""
    before = desk.settings()
    after = CHANGES[item](before, args)
    if item == "dbfile" and after != before:
        if desk.view().jails:
            raise refusal("Cannot change database when there are jails present", "RuntimeError")
        raise refusal("the database is opened at start: set dbfile in fail2ban.conf", "RuntimeError")
    try:
        desk.tune(after)
    except ControlError as error:
        what = "Failed to change log target" if item == "logtarget" else str(error)
        raise refusal(what) from None
    return nth(args, 0) if item == "allowipv6" else SHOWN[item](after)


def _target(spec: ServerSpec, args: Args) -> ServerSpec:
    return replace(spec, logtarget=nth(args, 0))


def _thread(spec: ServerSpec, args: Args) -> ServerSpec:
    raise refusal(f"{type(nth(args, 0)).__name__!r} object has no attribute 'items'", "AttributeError")


def _ipv6(spec: ServerSpec, args: Args) -> ServerSpec:
    word = nth(args, 0).lower()
    return replace(spec, allowipv6="yes" if word == "yes" else "no" if word == "no" else "auto")


def _without_database(spec: ServerSpec, value: object) -> object:
    return None if spec.dbfile == OFF else value


CHANGES: dict[str, Callable[[ServerSpec, Args], ServerSpec]] = {
    "loglevel": lambda spec, args: replace(spec, loglevel=nth(args, 0).upper()),
    "logtarget": _target,
    "syslogsocket": lambda spec, args: replace(spec, syslogsocket=nth(args, 0)),
    "dbfile": lambda spec, args: replace(spec, dbfile=nth(args, 0)),
    "dbmaxmatches": lambda spec, args: replace(spec, dbmaxmatches=whole(args)),
    "dbpurgeage": lambda spec, args: replace(spec, dbpurgeage=seconds(args)),
    "allowipv6": _ipv6,
    "thread": _thread,
}

SHOWN: dict[str, Callable[[ServerSpec], object]] = {
    "loglevel": lambda spec: spec.loglevel.upper(),
    "logtarget": lambda spec: (spec.logtarget or "").partition("[")[0],
    "syslogsocket": lambda spec: spec.syslogsocket,
    "dbfile": lambda spec: _without_database(spec, spec.dbfile),
    "dbmaxmatches": lambda spec: _without_database(spec, spec.dbmaxmatches),
    "dbpurgeage": lambda spec: _without_database(spec, number(spec.dbpurgeage)),
    "thread": lambda spec: {"stacksize": 0},
}
