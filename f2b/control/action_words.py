"""Fail2Ban's `get` and `set` of a jail's actions: `get sshd action mail actionban`, `set sshd addaction mail`, ...

Whoever may write to the socket may not thereby run commands as root: what could become part of one is only taken
with `allowactions = yes`.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from f2b.config.convert import boolean
from f2b.config.model import ActionSpec, JailSpec, Text
from f2b.config.text import Value
from f2b.control.jail_words import apply
from f2b.control.refusal import Args, no_action, nth, number, refusal, seconds
from f2b.control.regex_words import SAID
from f2b.daemon.desk import Desk, Finish, JailView, Later
from f2b.errors import ConfigError
from f2b.firewall.life import Query
from f2b.firewall.shell import Result
from f2b.value import replace

_COMMANDS = (
    *("actionban", "actioncheck", "actionflush", "actionreban", "actionreload", "actionrepair", "actionstart"),
    *("actionstop", "actionunban"),
)
_OWN = ("ESCAPE_CRE", "ESCAPE_VN_CRE", "banEpoch", "timeout")
_METHODS = (
    *("ban", "clearAllParams", "consistencyCheck", "escapeTag", "executeCmd", "flush", "invalidateBanEpoch"),
    *("prolong", "reban", "reload", "replaceDynamicTags", "replaceTag", "start", "stop", "unban"),
)
"""What Fail2Ban's class of command actions has: programs ask for these lists."""
_VERBS = ("start", "stop", "flush", "reload", "consistencyCheck")
"""Those that can be called; they say True."""
_NEEDS = {
    **dict.fromkeys(("ban", "prolong", "reban", "unban"), "aInfo"),
    "escapeTag": "value",
    "executeCmd": "realCmd",
    "replaceTag": "query",
    "replaceDynamicTags": "realCmd",
}
"""The argument without which a method cannot be called."""
PYTHON = "python"
_TIMEOUT = "60"
"""Seconds, Fail2Ban's."""


def guard(desk: Desk) -> None:
    """Raise WordsError unless commands may be set over the socket."""
    written = desk.settings().options.get("allowactions")
    try:
        allowed = written is not None and boolean(Value(written.value, (written.place,)))
    except ConfigError:
        allowed = False
    if not allowed:
        raise refusal("the socket sets no commands; write allowactions = yes under [Definition] of f2b.conf")


# ---- asking --------------------------------------------------------------------------------------------------


def properties(desk: Desk, view: JailView, args: Args) -> object:
    """Return the names of an action's properties."""
    action = _action(view.spec, nth(args, 0))
    if action.type == PYTHON:
        return _asked(desk, view, action, Query("properties"))
    given = [name.partition("=")[0] for name in (*action.written, "actname", "name") if name in action.options]
    return sorted({*_COMMANDS, *_OWN, *given})


def methods(desk: Desk, view: JailView, args: Args) -> object:
    """Return the names of an action's methods."""
    action = _action(view.spec, nth(args, 0))
    return _asked(desk, view, action, Query("methods")) if action.type == PYTHON else list(_METHODS)


def get_property(desk: Desk, view: JailView, args: Args) -> object:
    """Return one property of an action."""
    action, key = _action(view.spec, nth(args, 0)), nth(args, 1)
    return _asked(desk, view, action, Query("get", key)) if action.type == PYTHON else _shown(action, key)


def _asked(desk: Desk, view: JailView, action: ActionSpec, query: Query) -> Later:
    """Return what a Python action will answer."""

    def begin(finish: Finish) -> None:
        desk.ask(view.name, action.name, query, lambda result: finish(lambda: _said(result)))

    return Later(begin)


def _said(result: Result) -> object:
    if not result.ok:
        raise refusal(result.output or "it took too long")
    plain = isinstance(result.value, (str, int, float, list, tuple, dict, type(None)))
    return result.value if plain else str(result.value)


def _shown(action: ActionSpec, key: str) -> object:
    value = action.options.get(key)
    if key == "timeout":
        return number(seconds([value or _TIMEOUT]))
    if value is None and key not in _COMMANDS:
        raise refusal(f"'CommandAction' object has no attribute {key!r}", "AttributeError")
    return value or ""


def _action(spec: JailSpec, name: str) -> ActionSpec:
    for action in spec.actions:
        if action.name == name:
            return action
    raise no_action(name)


# ---- changing ------------------------------------------------------------------------------------------------


def add(desk: Desk, view: JailView, args: Args) -> object:
    """Give a jail one action more, which does nothing yet."""
    name = nth(args, 0)
    if any(action.name == name for action in view.spec.actions):
        raise refusal(f"Action {name} already exists", "ValueError")
    if len(args) > 1:
        guard(desk)
        raise refusal("actions in Python are read from the configuration only")
    new = ActionSpec(name, "", SAID)
    apply(desk, replace(view.spec, actions=(*view.spec.actions, new)))
    return name


def drop(desk: Desk, view: JailView, args: Args) -> object:
    """Take an action away from a jail, with its bans."""
    gone = _action(view.spec, nth(args, 0))
    apply(desk, replace(view.spec, actions=tuple(one for one in view.spec.actions if one is not gone)))
    return None


def set_property(desk: Desk, view: JailView, args: Args) -> object:
    """Change a property of an action, or call one of its methods."""
    action, key = _action(view.spec, nth(args, 0)), nth(args, 1)
    if action.type == PYTHON and key not in _VERBS:
        guard(desk)
        return _asked(desk, view, action, Query("set", key, nth([*args, ""], 2)))
    if key in _METHODS:
        return _call(desk, view.name, action.name, key, args[2:])
    value = nth(args, 2)
    if key == "timeout":
        value = str(seconds([value]))
    else:
        guard(desk)
    changed = replace(action, options={**action.options, key: value}, written={**action.written, key: _text(value)})
    actions = tuple(changed if one is action else one for one in view.spec.actions)
    apply(desk, replace(view.spec, actions=actions))
    return _shown(changed, key)


def _text(value: str) -> Text:
    return Text(value, SAID)


def _call(desk: Desk, jail: str, action: str, method: str, args: Args) -> object:
    try:
        given = json.loads(args[0]) if args else {}
    except ValueError as error:
        raise refusal(str(error), "ValueError") from None
    needed = _NEEDS.get(method)
    call = f"CommandAction.{method}()"
    if needed and needed not in given:
        raise refusal(f"{call} missing 1 required positional argument: {needed!r}", "TypeError")
    if needed:
        guard(desk)
        raise refusal(f"{call} is Fail2Ban's own matter; ban with 'set {jail} banip'")
    if given:
        raise refusal(f"{call} got an unexpected keyword argument {next(iter(given))!r}", "TypeError")
    if method not in _VERBS:
        return None
    desk.act(jail, action, method)
    return True


GET: dict[str, Callable[[Desk, JailView, Args], object]] = {
    "action": get_property,
    "actionproperties": properties,
    "actionmethods": methods,
}
