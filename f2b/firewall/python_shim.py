"""What a Python action finds where it looks for Fail2Ban: `from fail2ban.server.action import ActionBase`, and kin.

Written from the contract that action files rely on, not from Fail2Ban's text. Whether a Fail2Ban is installed makes
no difference: these names are ours as soon as the first Python action is loaded. docs/actions.md lists what is there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from types import ModuleType
from typing import Any

from f2b import net

LEVELS = {10: "DEBUG", 20: "INFO", 25: "NOTICE", 30: "WARNING", 40: "ERROR", 50: "CRITICAL"}

Tell = Callable[[str, str, str], object]
"""Writes (part, level, text) into the server's log; any thread may call it."""


def _mute(part: str, level: str, text: str) -> None:
    """Drop what an action says that was made without a server."""


class Logger:
    """`_logSys`: what an action says, in the server's log."""

    tell: Tell = staticmethod(_mute)
    """Where all of them write; set once, by `install`."""

    def __init__(self, name: str) -> None:
        self.name = name

    def log(self, level: int, text: object, *args: object, exc_info: object = None, **_: object) -> None:
        """Write a line; `args` fill its `%s`."""
        if exc_info:
            error = exc_info if isinstance(exc_info, BaseException) else sys.exc_info()[1]
            text, args = "%s: %s: %s", (_filled(text, args), type(error).__name__, error)
        known = [number for number in LEVELS if number <= level]
        self.tell(self.name, LEVELS[max(known, default=10)], _filled(text, args))

    def debug(self, text: object, *args: object, **more: Any) -> None:
        """Say what only somebody looking for a fault wants to know."""
        self.log(10, text, *args, **more)

    def info(self, text: object, *args: object, **more: Any) -> None:
        """Say what happens."""
        self.log(20, text, *args, **more)

    def notice(self, text: object, *args: object, **more: Any) -> None:
        """Say what matters."""
        self.log(25, text, *args, **more)

    def warning(self, text: object, *args: object, **more: Any) -> None:
        """Say what may go wrong."""
        self.log(30, text, *args, **more)

    warn = warning

    def error(self, text: object, *args: object, **more: Any) -> None:
        """Say what went wrong."""
        self.log(40, text, *args, **more)

    def critical(self, text: object, *args: object, **more: Any) -> None:
        """Say what keeps the action from working."""
        self.log(50, text, *args, **more)

    def exception(self, text: object, *args: object, **more: Any) -> None:
        """Say what went wrong, with what was raised."""
        self.log(40, text, *args, **{"exc_info": True, **more})

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - the standard logger's name
        """Say yes: the server's log knows what it holds back."""
        return True

    def getEffectiveLevel(self) -> int:  # noqa: N802 - the same
        """Return the lowest level."""
        return 10


def _filled(text: object, args: tuple[object, ...]) -> str:
    try:
        return (
            str(text) % (args[0] if len(args) == 1 and isinstance(args[0], Mapping) else args) if args else str(text)
        )
    except (TypeError, ValueError):
        return f"{text} {args!r}"


class ActionBase:
    """What Python actions derive from. Every method may be overridden, and does nothing if it is not."""

    def __init__(self, jail: Any, name: str) -> None:
        self._jail = jail
        self._name = name
        self._logSys = Logger(type(self).__name__)

    @property
    def _prolongable(self) -> bool:
        """Whether `prolong` is to be called."""
        return False

    def start(self) -> None:
        """Set up, as the jail starts."""

    def stop(self) -> None:
        """Clean up, as the jail stops."""

    def ban(self, aInfo: Any) -> None:  # noqa: N803 - the name by which actions know it
        """Keep somebody out."""

    def reban(self, aInfo: Any) -> None:  # noqa: N803
        """Keep somebody out again whose ban got lost."""
        self.ban(aInfo)

    def unban(self, aInfo: Any) -> None:  # noqa: N803
        """Let somebody in."""


class CallingMap(MutableMapping[str, Any]):
    """A mapping whose values may be functions: they are called, once, when somebody asks for them."""

    immutable = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._given = dict(*args, **kwargs)
        self.data = dict(self._given)
        self.storage: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        value = self.data[key]
        if callable(value):
            value = self.data[key] = value()
        return value

    def __setitem__(self, key: str, value: Any) -> None:
        self.data[key] = value

    def __delitem__(self, key: str) -> None:
        del self.data[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.data)

    def __len__(self) -> int:
        return len(self.data)

    def __contains__(self, key: object) -> bool:
        return key in self.data

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.data!r})"

    def getRawItem(self, key: str) -> Any:  # noqa: N802 - the name by which actions know it
        """Return a value without calling it."""
        return self.data[key]

    def reset(self) -> None:
        """Forget all changes."""
        self.data = dict(self._given)
        self.storage = {}

    def copy(self) -> CallingMap:
        """Return one that changes by itself."""
        return type(self)(self.data)


class ActionInfo(CallingMap):
    """What an action is told of a ban."""


class IPAddr(str):
    """An id as actions know it: text that knows which family it is of."""

    @property
    def isIPv4(self) -> bool:  # noqa: N802 - the name by which actions know it
        """Whether it is an IPv4 address or network."""
        return net.family(self) == 4

    @property
    def isIPv6(self) -> bool:  # noqa: N802
        """Whether it is an IPv6 address or network."""
        return net.family(self) == 6

    @property
    def isValid(self) -> bool:  # noqa: N802
        """Whether it is an address or a network at all."""
        return net.family(self) != 0

    @property
    def familyStr(self) -> str | None:  # noqa: N802
        """`inet4`, `inet6` or None."""
        return {4: "inet4", 6: "inet6"}.get(net.family(self))

    @property
    def ntoa(self) -> str:
        """Its text."""
        return str(self)


class Actions:
    """`jail.actions`, as far as actions ask for it."""

    def __init__(self, bantime: float) -> None:
        self._bantime = bantime

    def getBanTime(self) -> int:  # noqa: N802 - the name by which actions know it
        """Return the jail's ban time in seconds."""
        return int(self._bantime)


class Jail:
    """The jail that an action is made for, as far as actions ask for it."""

    def __init__(self, name: str, bantime: float) -> None:
        self.name = name
        self.actions = Actions(bantime)

    def __repr__(self) -> str:
        return f"Jail({self.name!r})"

    def getName(self) -> str:  # noqa: N802 - the name by which actions know it
        """Return its name."""
        return self.name


_NAMES: Mapping[str, Mapping[str, object]] = {
    "fail2ban": {},
    "fail2ban.server": {},
    "fail2ban.server.action": {"ActionBase": ActionBase, "CallingMap": CallingMap},
    "fail2ban.server.actions": {"ActionBase": ActionBase, "CallingMap": CallingMap, "ActionInfo": ActionInfo},
    "fail2ban.server.ipdns": {"IPAddr": IPAddr},
    "fail2ban.helpers": {"getLogger": Logger},
    "fail2ban.version": {"version": "1.1.0"},
}


def install(tell: Tell) -> None:
    """Let actions find us under Fail2Ban's names, and their words the server's log."""
    Logger.tell = staticmethod(tell)
    for name, content in _NAMES.items():
        module = ModuleType(name, "Fail2Ban's names for Python actions, by f2b.")
        module.__dict__.update(content)
        module.__path__ = []  # a package: what is not there is told as such
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
