"""How `fail2ban-client` prints the server's answers: to the letter, because scripts read it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

Words = Sequence[str]


def render(command: Words, result: Any) -> str:
    """Return what is printed for the result of a command. Anything without a layout prints as Python shows it."""
    layout = _COMMANDS.get(command[0])
    return layout(command, result) if layout else str(result)


def _item(command: Words, result: Any) -> str:
    """Lay out `get JAIL ITEM` and `set JAIL ITEM ...`."""
    layout = _ITEMS.get((command[0], command[2])) if len(command) > 2 else None
    return layout(command, result) if layout else str(result)


# ---- status --------------------------------------------------------------------------------------------------


def _status(command: Words, result: Any) -> str:
    head = f"Status for the jail: {command[1]}" if len(command) > 1 else "Status"
    return "\n".join([head, *_tree(result)])


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


_COMMANDS: dict[str, Callable[[Words, Any], str]] = {
    "ping": lambda command, result: f"Server replied: {result}",
    "stop": lambda command, result: "Jail stopped" if len(command) > 1 else "Shutdown successful",
    "echo": lambda command, result: " ".join(map(str, result)),
    "flushlogs": lambda command, result: f"logs: {result}",
    "status": _status,
    "get": _item,
    "set": _item,
}

_ITEMS: dict[tuple[str, str], Callable[[Words, Any], str]] = {
    ("get", "banip"): _banip,
    ("get", "logpath"): _logpath,
    ("get", "ignoreip"): _ignoreip,
    ("get", "actions"): _actions,
}
