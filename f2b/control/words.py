"""Fail2Ban's command language, carried out on the server: what `fail2ban-client` and its kin ask for.

A command is a line in a table. Its result has exactly the shape that Fail2Ban's server gives it, tuples and lists
told apart, because programs on the socket check them; what is printed of it is the client's matter. `server_words`,
`jail_words` and `action_words` hold what `get` and `set` know.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b import net
from f2b.config.jail import BACKENDS
from f2b.config.model import FilterSpec, JailSpec
from f2b.control import FAIL2BAN_VERSION, action_words, jail_words, report, server_words
from f2b.control.protocol import STREAMS
from f2b.control.refusal import Args, jail_exists, no_jail, nth, refusal, too_few
from f2b.control.regex_words import SAID
from f2b.daemon.desk import Desk, Finish, JailView, Later
from f2b.errors import ConfigError, ControlError

ALL = "--all"
_THEIRS = ["pyinotify", "gamin", "polling", "systemd"]
"""Backends that Fail2Ban names."""


def answer(desk: Desk, words: Sequence[object]) -> object:
    """Carry a command out and return its result, or `Later`. Raises WordsError, or ControlError with the reason."""
    if words and words[0] in STREAMS:
        return _stream(desk, words)
    if words and words[0] == "multi-set":
        return _multi_set(desk, words[1:])
    name, *args = [str(word) for word in words] or [""]
    command = COMMANDS.get(name)
    if not words:
        raise too_few()
    if command is None:
        raise refusal("Invalid command")
    return command(desk, args)


def _jail(desk: Desk, name: str) -> JailView:
    try:
        return desk.jail(name)
    except ControlError:
        raise no_jail(name) from None


def _ids(words: Args) -> list[str]:
    return [net.network(word) or word for word in words]


# ---- asking --------------------------------------------------------------------------------------------------


def _status(desk: Desk, args: Args) -> object:
    if len(args) > 2:
        raise refusal("Invalid command (no status)")
    flavour = args[1] if len(args) > 1 else "basic"
    if args[:1] == [ALL]:
        return report.everything(desk.view().jails, flavour)
    return report.jail(_jail(desk, args[0]), flavour) if args else report.jails(desk.view().jails)


def _banned(desk: Desk, args: Args) -> object:
    views = desk.view().jails
    if not args:
        return [{view.name: report.ids(view)} for view in views]
    return [[view.name for view in views if view.bans.get(wanted)] for wanted in _ids(args)]


def _statistics(desk: Desk, args: Args) -> object:
    return report.statistics(desk.view().jails)


def _sleep(desk: Desk, args: Args) -> object:
    try:
        seconds = float(nth(args, 0))
    except ValueError as error:
        raise refusal(str(error), "ValueError") from None
    return Later(lambda finish: desk.wait(seconds, lambda: finish(lambda: None)))


def _complain(desk: Desk, args: Args) -> object:
    desk.complain(nth(args, 0))
    return None


# ---- letting in ----------------------------------------------------------------------------------------------


def _unban(desk: Desk, args: Args) -> object:
    if not args:
        raise refusal("Invalid command")
    return desk.unban(None) if args[0] == ALL else _lift(desk, args, "", lambda ids: desk.unban(ids))


def _lift(desk: Desk, words: Args, jail: str, lift: Callable[[list[str]], object]) -> object:
    """Lift bans; a host name stands for its addresses, unless it is banned as it is."""
    held = [view.bans for view in desk.view().jails if jail in ("", view.name)]
    ids = _ids(words)
    names = [word for word in ids if word and not net.family(word) and not any(bans.get(word) for bans in held)]
    if not names:
        return lift(ids)

    def begin(finish: Finish) -> None:
        desk.resolve(names, lambda addresses: finish(lambda: lift([*ids, *addresses])))

    return Later(begin)


def _unbanip(desk: Desk, view: JailView, args: Args) -> object:
    report_absent = nth(args, 0) == "--report-absent"
    if not report_absent:
        return _lift(desk, args, view.name, lambda ids: desk.unban(ids, view.name))

    def lift(ids: list[str]) -> object:
        absent = [wanted for wanted in ids if not desk.unban([wanted], view.name)]
        if absent:
            raise refusal(f"not banned: {absent}", "ValueError")
        return len(ids)

    return _lift(desk, args[1:], view.name, lift)


# ---- jails come and go ---------------------------------------------------------------------------------------


def _add(desk: Desk, args: Args) -> object:
    name, backend = nth(args, 0), args[1] if len(args) > 1 else "auto"
    if name == ALL:
        raise refusal(f"Reserved name {name!r}", "ValueError")
    if backend.lower() not in BACKENDS:
        known = f"Must be among {_THEIRS} or 'auto'"
        raise refusal(f"Unknown backend {backend}. {known}", "ValueError")
    if any(view.name == name for view in desk.view().jails):
        raise jail_exists(name)
    spec = JailSpec(name, SAID, FilterSpec("", SAID), backend=backend.lower(), journal=backend.lower() == "systemd")
    try:
        desk.add(spec)
    except ConfigError as error:
        raise refusal(error.what) from None
    return name


def _start(desk: Desk, args: Args) -> object:
    desk.start(_jail(desk, nth(args, 0)).name)
    return None


def _stop(desk: Desk, args: Args) -> object:
    if not args:
        return Later(lambda finish: desk.stop(then=lambda: finish(lambda: None)))
    names = [view.name for view in desk.view().jails] if args[0] == ALL else [_jail(desk, args[0]).name]
    for name in names:
        desk.remove(name)
    return None


def _stream(desk: Desk, words: Sequence[object]) -> object:
    """Read the configuration again: ours, whatever the client made of its own."""
    if len(words) == 1:
        raise too_few()
    if words[0] == "server-stream":
        desk.reload()
        return None
    texts = [text for word in words[1:3] for text in (word if isinstance(word, (list, tuple)) else [word])]
    args = [str(word) for word in (*texts, *words[3:]) if isinstance(word, str)]
    names = [word for word in args if not word.startswith("--")]
    name = names[0] if names else ""
    if name and not any(view.name == name for view in desk.view().jails):
        if "--if-exists" not in args:
            raise no_jail(name)
        if not desk.configured(name):
            return "OK"
    desk.reload(name, unban="--unban" in args, restart="--restart" in args)
    return "OK"


# ---- get and set ---------------------------------------------------------------------------------------------


def _get(desk: Desk, args: Args) -> object:
    name = nth(args, 0)
    if name in server_words.SHOWN:
        return server_words.SHOWN[name](desk.settings())
    item = nth(args, 1)
    action = action_words.GET.get(item)
    if not action and not jail_words.shows(item):
        raise refusal("Invalid command (no get action or not yet implemented)")
    view = _jail(desk, name)
    return action(desk, view, args[2:]) if action else jail_words.get_item(view, item, args[2:])


def _set(desk: Desk, args: Args) -> object:
    name = nth(args, 0)
    if name in server_words.CHANGES:
        return server_words.set_item(desk, name, args[1:])
    item = nth(args, 1)
    change = SET.get(item)
    if not change and not jail_words.changes(item):
        raise refusal(f"Invalid command '{item}' (no set action or not yet implemented)")
    view = _jail(desk, name)
    if item == "ignorecommand":
        action_words.guard(desk)
    return change(desk, view, args[2:]) if change else jail_words.set_item(desk, view, item, args[2:])


def _multi_set(desk: Desk, words: Sequence[object]) -> object:
    """Set one thing several times: `multi-set JAIL addfailregex [...]`, `multi-set JAIL action NAME [[...], ...]`."""
    if len(words) < 3:
        raise too_few()
    args, last = words[:-1], words[-1]
    if not isinstance(last, (list, tuple)):
        args, last = words[:2], words[2:]
    for value in last:
        more = value if isinstance(value, (list, tuple)) else [value]
        found = _set(desk, [str(word) for word in (*args, *more)])
        if isinstance(found, Later):
            found.begin(lambda result: None)
    return True


def _idle(desk: Desk, view: JailView, args: Args) -> object:
    word = nth(args, 0)
    if word not in ("on", "off"):
        raise refusal("Invalid idle option, must be 'on' or 'off'")
    if word == "on":
        desk.rest(view.name)
    else:
        desk.start(view.name)
    return word == "on"


def _attempt(desk: Desk, view: JailView, args: Args) -> object:
    if not args:
        raise refusal("Filter.addAttempt() missing 1 required positional argument: 'ip'", "TypeError")
    return int(desk.attempt(view.name, net.network(args[0]) or args[0], args[1:]))


COMMANDS: dict[str, Callable[[Desk, Args], object]] = {
    "ping": lambda desk, args: "pong",
    "version": lambda desk, args: FAIL2BAN_VERSION,
    "server-status": lambda desk, args: "Server ready",
    "echo": lambda desk, args: list(args),
    "sleep": _sleep,
    "config-error": _complain,
    "status": _status,
    "stats": _statistics,
    "statistic": _statistics,
    "statistics": _statistics,
    "banned": _banned,
    "unban": _unban,
    "get": _get,
    "set": _set,
    "add": _add,
    "start": _start,
    "flushlogs": lambda desk, args: "rolled over" if desk.flush_log() else "flushed",
    "stop": _stop,
}

SET: dict[str, Callable[[Desk, JailView, Args], object]] = {
    "idle": _idle,
    "banip": lambda desk, view, args: len(desk.ban(_ids(args), view.name)) if args else 0,
    "unbanip": _unbanip,
    "attempt": _attempt,
    "action": action_words.set_property,
    "addaction": action_words.add,
    "delaction": action_words.drop,
}
