"""Fail2Ban's command language, carried out on the server: what `fail2ban-client` and its kin ask for.

A command is a line in one of three tables. Its result has exactly the shape that Fail2Ban's server gives it, tuples
and lists told apart, because programs on the socket check them; what is printed of it is the client's matter.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence

from f2b import duration, net
from f2b.config.model import JailSpec
from f2b.control import FAIL2BAN_VERSION
from f2b.control.pickles import Raised
from f2b.control.protocol import WordsError
from f2b.daemon.desk import Desk, JailView
from f2b.errors import ControlError
from f2b.events import Ban

ALL = "--all"
_FOREVER = "9999-12-31 23:59:59"

Args = Sequence[str]


def answer(desk: Desk, words: Sequence[object]) -> object:
    """Carry a command out and return its result. Raises WordsError, or ControlError with the server's own reason."""
    name, *args = _texts(words)
    command = COMMANDS.get(name)
    if command is None:
        raise refusal("Invalid command")
    return command(desk, args)


def _texts(words: Sequence[object]) -> list[str]:
    """Return the command as flat text; lists within it (the options of a reload) join their neighbours."""
    # After a reload's options come the commands that Fail2Ban's client made of the configuration; we read that.
    words = words[:3] if words[:1] in (["reload"], ("reload",)) else words
    texts: list[str] = []
    for word in words:
        texts += map(str, word) if isinstance(word, (list, tuple)) else [str(word)]
    if not texts:
        raise _too_few()
    return texts


def refusal(what: str, kind: str = "Exception") -> WordsError:
    """Return the failure that Fail2Ban reports as a Python exception of type `kind`."""
    return WordsError(what, Raised("builtins", kind, (what,)))


def _nth(args: Args, at: int) -> str:
    if at >= len(args):
        raise _too_few()
    return args[at]


def _too_few() -> WordsError:
    raised = Raised("builtins", "IndexError", ("list index out of range",))
    return WordsError("Sorry but the command is invalid", raised)


def _no_jail(name: str) -> WordsError:
    raised = Raised("fail2ban.exceptions", "UnknownJailException", (name,))
    return WordsError(f"Sorry but the jail '{name}' does not exist", raised)


def _jail(desk: Desk, name: str) -> JailView:
    try:
        return desk.jail(name)
    except ControlError:
        raise _no_jail(name) from None


def _ids(words: Args) -> list[str]:
    return [net.network(word) or word for word in words]


# ---- the whole server ----------------------------------------------------------------------------------------


def _status(desk: Desk, args: Args) -> object:
    if len(args) > 2:
        raise refusal("Invalid command (no status)")
    if args:
        return _jail_status(_jail(desk, args[0]), args[1] if len(args) > 1 else "basic")
    names = sorted(jail.name for jail in desk.view().jails)
    return [("Number of jail", len(names)), ("Jail list", ", ".join(names))]


def _jail_status(jail: JailView, flavour: str) -> list[tuple[str, object]]:
    logs = ("Journal matches", list(jail.journalmatch)) if jail.spec.journal else ("File list", list(jail.files))
    bans: list[tuple[str, object]] = [("Currently banned", len(jail.bans)), ("Total banned", jail.banned_total)]
    if flavour != "short":
        bans.append(("Banned IP list", [ban.id for ban in jail.bans]))
    found = [("Currently failed", jail.failed), ("Total failed", jail.failed_total), logs]
    return [("Filter", found), ("Actions", bans)]


def _banned(desk: Desk, args: Args) -> object:
    held = [(jail.name, [ban.id for ban in jail.bans]) for jail in desk.view().jails]
    if not args:
        return [{name: ids} for name, ids in held]
    return [[name for name, ids in held if wanted in ids] for wanted in _ids(args)]


def _unban(desk: Desk, args: Args) -> object:
    if not args:
        raise refusal("Invalid command")
    return desk.unban(None if args[0] == ALL else _ids(args))


def _stop(desk: Desk, args: Args) -> object:
    if args:
        jail = _jail(desk, args[0])
        raise ControlError(f"jail {jail.name} cannot be stopped alone; disable it in the configuration and reload")
    desk.stop()
    return None


def _reload(desk: Desk, args: Args) -> object:
    names = [word for word in args if not word.startswith("--")]
    desk.reload(names[0] if names else "", unban="--unban" in args)
    return "OK"


# ---- one jail: get -------------------------------------------------------------------------------------------


def _get(desk: Desk, args: Args) -> object:
    name, item = _nth(args, 0), _nth(args, 1)
    jail = _jail(desk, name)
    get = GET.get(item)
    if get is not None:
        return get(jail, args[2:])
    if item.startswith("bantime."):
        return _increment(jail.spec, item[len("bantime.") :])
    raise refusal("Invalid command (no get action or not yet implemented)")


def _increment(spec: JailSpec, item: str) -> object:
    """Fail2Ban knows only what was set, and says None of everything else."""
    steps = spec.increment
    values: Mapping[str, object] = {
        "increment": steps.enabled or None,
        "factor": steps.factor if steps.factor != "1" else None,
        "formula": steps.formula or None,
        "multipliers": " ".join(map(str, steps.multipliers)) or None,
        "maxtime": None if steps.maxtime is None else number(steps.maxtime),
        "rndtime": number(steps.rndtime) or None,
        "overalljails": steps.overalljails or None,
    }
    return values.get(item)


def _get_banip(jail: JailView, args: Args) -> object:
    bans = sorted(jail.bans, key=lambda ban: ban.end)
    return [_with_time(ban) for ban in bans] if "--with-time" in args[:1] else [ban.id for ban in bans]


def _with_time(ban: Ban) -> str:
    end = _FOREVER if ban.duration < 0 else _local(ban.end)
    return f"{ban.id} \t{_local(ban.time)} + {int(ban.duration)} = {end}"


def _local(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


def _get_banned(jail: JailView, args: Args) -> object:
    ids = [ban.id for ban in jail.bans]
    if not args:
        return ids
    found = [int(wanted in ids) for wanted in _ids(args)]
    return found if len(found) > 1 else found[0]


def number(seconds: float) -> float:
    """Return whole seconds as the int that Fail2Ban prints."""
    return int(seconds) if seconds == int(seconds) else seconds


# ---- one jail: set -------------------------------------------------------------------------------------------


def _set(desk: Desk, args: Args) -> object:
    name, item = _nth(args, 0), _nth(args, 1)
    _jail(desk, name)
    change = SET.get(item)
    if change is None:
        raise refusal(f"Invalid command '{item}' (no set action or not yet implemented)")
    return change(desk, name, args[2:])


def _set_banip(desk: Desk, jail: str, args: Args) -> object:
    return desk.ban(_ids(args), jail) if args else 0


def _set_unbanip(desk: Desk, jail: str, args: Args) -> object:
    report = _nth(args, 0) == "--report-absent"
    ids = _ids(args[1:] if report else args)
    absent = [wanted for wanted in ids if not desk.unban([wanted], jail)] if report else []
    if absent:
        raise refusal(f"not banned: {absent}", "ValueError")
    return len(ids) if report else desk.unban(ids, jail)


def _set_bantime(desk: Desk, jail: str, args: Args) -> object:
    try:
        seconds = duration.seconds(_nth(args, 0))
    except ValueError as error:
        raise refusal(str(error), "ValueError") from None
    desk.set_bantime(jail, seconds)
    return number(desk.jail(jail).spec.bantime)


# ---- the tables ----------------------------------------------------------------------------------------------

COMMANDS: dict[str, Callable[[Desk, Args], object]] = {
    "ping": lambda desk, args: "pong",
    "version": lambda desk, args: FAIL2BAN_VERSION,
    "server-status": lambda desk, args: "Server ready",
    "echo": lambda desk, args: list(args),
    "status": _status,
    "banned": _banned,
    "unban": _unban,
    "get": _get,
    "set": _set,
    "reload": _reload,
    "flushlogs": lambda desk, args: "rolled over" if desk.flush_log() else "flushed",
    "stop": _stop,
}

GET: dict[str, Callable[[JailView, Args], object]] = {
    "banip": _get_banip,
    "banned": _get_banned,
    "bantime": lambda jail, args: number(jail.spec.bantime),
    "findtime": lambda jail, args: number(jail.spec.findtime),
    "maxretry": lambda jail, args: jail.spec.maxretry,
    "maxmatches": lambda jail, args: jail.spec.maxmatches,
    "maxlines": lambda jail, args: jail.spec.filter.maxlines,
    "usedns": lambda jail, args: jail.spec.filter.usedns,
    "logpath": lambda jail, args: list(jail.files),
    "logtimezone": lambda jail, args: jail.spec.logtimezone,
    "ignoreself": lambda jail, args: jail.spec.ignoreself,
    "ignoreip": lambda jail, args: list(jail.spec.ignoreip),
    "ignorecommand": lambda jail, args: jail.spec.ignorecommand,
    "actions": lambda jail, args: [action.name for action in jail.spec.actions],
}

SET: dict[str, Callable[[Desk, str, Args], object]] = {
    "banip": _set_banip,
    "unbanip": _set_unbanip,
    "bantime": _set_bantime,
}
