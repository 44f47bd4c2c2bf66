"""How `fail2ban-client` prints the server's answers: to the letter, because scripts read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Words = Sequence[str]
Layout = Callable[[Words, Any], str]


def render(command: Words, result: Any) -> str:
    """Return what is printed for the result of a command. Anything without a layout prints as Python shows it."""
    layout = _COMMANDS.get(command[0])
    return layout(command, result) if layout else str(result)


def _item(command: Words, result: Any) -> str:
    """Lay out `get JAIL ITEM` and `set JAIL ITEM ...`, and those of the whole server."""
    layout = _SERVER.get(command[1])
    if layout is None and len(command) > 2:
        layout = _ITEMS.get(command[2]) or _ITEMS_OF.get((command[0], command[2]))
    return layout(command, result) if layout else str(result)


def _statistics(command: Words, result: Any) -> str:
    from f2b.cli import compat_table  # late: nobody else draws tables

    return compat_table.render(command, result)


# ---- status --------------------------------------------------------------------------------------------------


def _status(command: Words, result: Any) -> str:
    if len(command) > 1 and command[1] == "--all":
        return _all(result)
    if command[2:3] == ["stats"]:
        return str(result)
    head = f"Status for the jail: {command[1]}" if len(command) > 1 else "Status"
    return "\n".join([head, *_tree(result)])


def _all(result: Any) -> str:
    """Lay out `status --all`: the server's own, and each jail's under its name."""
    *pairs, jails = result
    if not jails:
        return "\n".join(["Status", *_tree(pairs)])
    lines = ["Status", *(f"|- {name}:\t{value}" for name, value in pairs), "`- Status for the jails:"]
    for at, (name, status) in enumerate(jails.items(), 1):
        branch, trunk = ("`- ", "   ") if at == len(jails) else ("|- ", "|  ")
        lines.append(f"   {branch}Jail: {name}")
        lines += [f"   {trunk}{line}" for line in (_tree(status) if _is_tree(status) else [str(status)])]
    return "\n".join(lines)


def _tree(pairs: Sequence[Sequence[Any]]) -> list[str]:
    lines = []
    for at, (name, value) in enumerate(pairs, 1):
        branch, trunk = ("`- ", "   ") if at == len(pairs) else ("|- ", "|  ")
        if _is_tree(value):
            lines.append(branch + name)
            lines += [trunk + line for line in _tree(value)]
        else:
            text = " ".join(map(str, value)) if isinstance(value, list) else value
            lines.append(f"{branch}{name}:\t{text}")
    return lines


def _is_tree(value: Any) -> bool:
    """Tell pairs of a name and a value from a plain list (JSON has no tuples)."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], list)


# ---- one jail ------------------------------------------------------------------------------------------------


def _banip(command: Words, result: Any) -> str:
    separator = command[3] if len(command) > 3 else " "
    return ("\n" if separator == "--with-time" else separator).join(result)


def _branches(head: str, items: Sequence[Any]) -> str:
    return "\n".join([head, *(f"|- {item}" for item in items[:-1]), f"`- {items[-1]}"])


def _logpath(command: Words, result: Any) -> str:
    return _branches("Current monitored log file(s):", result) if result else "No file is currently monitored"


def _ignoreip(command: Words, result: Any) -> str:
    if not result:
        return "No IP address/network is ignored"
    return _branches("These IP addresses/networks are ignored:", result)


def _actions(command: Words, result: Any) -> str:
    jail = command[1]
    return (
        f"The jail {jail} has the following actions:\n{', '.join(result)}"
        if result
        else f"No actions for jail {jail}"
    )


def _regexes(command: Words, result: Any) -> str:
    if not result:
        return "No regular expression is defined"
    return _branches(
        "The following regular expression are defined:", [f"[{at}]: {one}" for at, one in enumerate(result)]
    )


def _journalmatch(command: Words, result: Any) -> str:
    if not result:
        return "No journal match filter set"
    return "Current match filter:\n" + " + ".join(" ".join(group) for group in result)


def _datepattern(command: Words, result: Any) -> str:
    if result is None:
        return "Current date pattern set to: Not set/required"
    text, name = result
    return f"Current date pattern set to: {name if text is None else f'{text} ({name})'}"


def _named(kind: str) -> Layout:
    return lambda command, result: (
        f"The jail {command[1]} action {command[3]} has the following {kind}:\n{', '.join(result)}"
    )


# ---- the server ----------------------------------------------------------------------------------------------


def _headed(head: str, form: str = "{}", off: str = "") -> Layout:
    """Return the layout of a value under its own head; `off` is said where there is none."""
    return lambda command, result: off if off and result is None else f"{head}\n`- {form.format(result)}"


_NO_DATABASE = "Database currently disabled"

_COMMANDS: dict[str, Layout] = {
    "ping": lambda command, result: f"Server replied: {result}",
    "add": lambda command, result: f"Added jail {result}",
    "start": lambda command, result: "Jail started",
    "stop": lambda command, result: "Jail stopped" if len(command) > 1 else "Shutdown successful",
    "echo": lambda command, result: " ".join(map(str, result)),
    "flushlogs": lambda command, result: f"logs: {result}",
    "status": _status,
    "stats": _statistics,
    "statistics": _statistics,
    "get": _item,
    "set": _item,
}

_SERVER: dict[str, Layout] = {
    "loglevel": lambda command, result: f"Current logging level is {result!r}",
    "logtarget": _headed("Current logging target is:"),
    "syslogsocket": _headed("Current syslog socket is:"),
    "dbfile": _headed("Current database file is:", off=_NO_DATABASE),
    "dbpurgeage": _headed("Current database purge age is:", "{}seconds", _NO_DATABASE),
}

_ITEMS: dict[str, Layout] = {
    **dict.fromkeys(("logpath", "addlogpath", "dellogpath"), _logpath),
    **dict.fromkeys(("ignoreip", "addignoreip", "delignoreip"), _ignoreip),
    **dict.fromkeys(("failregex", "addfailregex", "delfailregex"), _regexes),
    **dict.fromkeys(("ignoreregex", "addignoreregex", "delignoreregex"), _regexes),
    **dict.fromkeys(("journalmatch", "addjournalmatch", "deljournalmatch"), _journalmatch),
    "logencoding": lambda command, result: f"Current log encoding is set to:\n{result}",
    "datepattern": _datepattern,
}
"""Printed alike by `get` and `set`."""

_ITEMS_OF: dict[tuple[str, str], Layout] = {
    ("get", "banip"): _banip,
    ("get", "actions"): _actions,
    ("get", "actionproperties"): _named("properties"),
    ("get", "actionmethods"): _named("methods"),
}
