"""A Python action, written for Fail2Ban: a file of action.d whose `Action` is made and called as Fail2Ban would.

All of its code runs in threads of `python_pool`, one call of an action at a time, in the order of its queue.
"""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Generator, Iterable, Sequence
from types import CodeType, ModuleType
from typing import Any

from f2b import bundle, net
from f2b.config.model import ActionSpec
from f2b.errors import ActionError, ConfigError, Place
from f2b.events import Ban
from f2b.firewall.life import Query, Report, Routine
from f2b.firewall.python_pool import Errand, Pool
from f2b.firewall.python_shim import ActionInfo, IPAddr, Jail
from f2b.firewall.queued import QueuedAction
from f2b.firewall.shell import Call, Result, Step
from f2b.firewall.ticket import Context, about, data

TIMEOUT_S = 60.0
"""How long one call of an action may take; Fail2Ban's number for commands."""
NUMBERS = (
    *("failures", "ipfailures", "ipjailfailures", "bantime", "bancount", "restored"),
    *("jail.banned", "jail.banned_total", "jail.found", "jail.found_total"),
)
"""What Python actions are told as numbers."""
NEEDED = ("start", "stop", "ban", "unban")


class Python:
    """One Python action of one jail; satisfies `Life`."""

    def __init__(self, code: CodeType, spec: ActionSpec, jail: Jail, context: Context, report: Report) -> None:
        self._code = code
        self._spec = spec
        self._jail = jail
        self._context = context
        self._report = report
        self._action: Any = None
        self.fault = ""

    @property
    def norestored(self) -> bool:
        """Whether the action says that it wants new bans only."""
        return bool(getattr(self._action, "norestored", False))

    # ---- verbs ----

    def start(self) -> Routine:
        """Load and make the action, then let it set up."""
        made = yield Call("loading", self._make)
        self._action = made.value
        if not made.ok:
            self.fault = f"{self._spec.name} cannot be loaded: {self._reason(made)}"
            self._report("ERROR", f"[{self._jail.name}] {self.fault}")
            return False
        return (yield from self._told("start", f"Failed to start {self._where()}"))

    def resume(self, bans: Sequence[Ban]) -> Routine:
        """Load and make the action, and let it set up: what it keeps in this process it cannot have elsewhere."""
        return (yield from self.start())

    def ban(self, ban: Ban) -> Routine:
        """Keep somebody out."""
        return (yield from self._about("ban", ban))

    def reban(self, ban: Ban) -> Routine:
        """Keep somebody out again whose ban got lost."""
        return (yield from self._about("reban" if self._has("reban") else "ban", ban))

    def prolong(self, ban: Ban) -> Routine:
        """Keep somebody out for longer, if the action cares."""
        if not (getattr(self._action, "_prolongable", False) and self._has("prolong")):
            return True
        return (yield from self._about("prolong", ban))

    def unban(self, ban: Ban) -> Routine:
        """Let somebody in. What is on record is read at once: who lifts a ban by hand also has it forgotten."""
        return self._informed("unban", inform(ban, self._context))

    def flush(self, bans: Sequence[Ban], last: bool = False) -> Routine:
        """Let everybody in: by `flush` if there is one and it says that it did, else one by one."""
        return self._flush([self.unban(ban) for ban in bans])

    def _flush(self, routines: Sequence[Routine]) -> Routine:
        if self._has("flush"):
            self._report("NOTICE", f"[{self._jail.name}] Flush ticket(s) with {self._spec.name}")
            result = yield from self._call("flush")
            if not result.ok:
                self._tell(f"Failed to flush bans in {self._where()}", result)
            if result.value:
                return True
        done = True
        for routine in routines:
            done = (yield from routine) and done
        return done

    def stop(self) -> Routine:
        """Let the action clean up."""
        return (yield from self._told("stop", f"Failed to stop {self._where()}"))

    def reload(self) -> Routine:
        """Hand the parameters over again to an action that wants them."""
        if not (self._has("reload") and self._has("clearAllParams")):
            return True
        return (yield from self._told("reload", f"Failed to reload {self._where()}", **self._spec.options))

    def check(self) -> Routine:
        """Let the action look whether it still works."""
        if not self._has("consistencyCheck"):
            return True
        return (yield from self._told("consistencyCheck", f"Failed to check {self._where()}"))

    def take_lost(self, bans: Iterable[Ban]) -> list[Ban]:
        """Return nobody: what a Python action repairs, it repairs itself."""
        return []

    def ask(self, query: Query, answer: Callable[[Result], object]) -> Routine:
        """Answer what is asked of the action; the result's value is the answer, a failure says why there is none."""
        result = yield Call(query.verb, lambda: self._answered(query))
        answer(result)
        return result.ok

    # ---- steps ----

    def _about(self, verb: str, ban: Ban) -> Routine:
        return (yield from self._informed(verb, inform(ban, self._context)))

    def _informed(self, verb: str, info: ActionInfo) -> Routine:
        plain = {name: str(info[name]) for name in ("ip", "family", "fid", "failures")}
        return (yield from self._told(verb, f"Failed to execute {verb} {self._where()} info '{plain}'", info))

    def _told(self, method: str, failed: str, *args: Any, **kwargs: Any) -> Routine:
        """Call a method; say that it failed. An action that could not be loaded has been told of already."""
        if self._action is None:
            return False
        result = yield from self._call(method, *args, **kwargs)
        if not result.ok:
            self._tell(failed, result)
        return result.ok

    def _call(self, method: str, *args: Any, **kwargs: Any) -> Generator[Step, Result, Result]:
        action = self._action
        return (yield Call(method, lambda: getattr(action, method)(*args, **kwargs)))

    def _has(self, method: str) -> bool:
        return callable(getattr(self._action, method, None))

    # ---- what threads do ----

    def _make(self) -> Any:
        """Run the file and make its action, as `Action(jail, name, **parameters)`."""
        # A name of its own: an action called telegram.py may want to import the package of that name.
        name = f"action.d/{self._spec.file}:{self._jail.name}/{self._spec.name}"
        module = ModuleType(name)
        module.__file__ = self._code.co_filename
        sys.modules[name] = module  # dataclasses and pickles look their module up there
        exec(self._code, module.__dict__)
        kind = getattr(module, "Action", None)
        if kind is None:
            raise ActionError("it defines no Action; write Action = YOURCLASS at its end")
        action = kind(self._jail, self._spec.name, **self._spec.options)
        missing = [method for method in NEEDED if not callable(getattr(action, method, None))]
        if missing:
            raise ActionError(f"its Action has no method {', '.join(missing)}; derive it from ActionBase")
        return action

    def _answered(self, query: Query) -> object:
        action = self._action
        if query.verb in ("properties", "methods"):
            names = [name for name in dir(action) if not name.startswith("_")]
            return [name for name in names if callable(getattr(action, name)) == (query.verb == "methods")]
        found = getattr(action, query.name, None)
        if query.verb == "set" and callable(found):
            return found(**json.loads(query.value or "{}"))
        if query.verb == "set":
            setattr(action, query.name, query.value)
        return getattr(action, query.name)

    # ---- words ----

    def _tell(self, failed: str, result: Result) -> None:
        self._report("ERROR", f"{failed}: {self._reason(result)}")

    def _reason(self, result: Result) -> str:
        return result.reason(TIMEOUT_S) if result.timed_out else result.output

    def _where(self) -> str:
        return f"jail '{self._jail.name}' action '{self._spec.name}'"


class Caller:
    """Makes the calls of one action, one at a time: who hangs in one gets no second."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._last: Errand | None = None

    def __call__(self, step: Step, done: Callable[[Result], object]) -> Errand:
        """Begin with a call."""
        assert isinstance(step, Call)
        if self._last and not self._last.over:
            return self._pool.refuse(step, f"it still hangs in {self._last.call.what}", done)
        self._last = self._pool.begin(step, TIMEOUT_S, done)
        return self._last


class PythonAction(QueuedAction):
    """A Python action that can be asked, too."""

    def __init__(self, life: Python, jail: str, name: str, pool: Pool, report: Report) -> None:
        super().__init__(name, jail, life, Caller(pool), pool.loop, report)
        self._python = life

    def ask(self, query: Query, answer: Callable[[Result], object]) -> None:
        """Ask for properties and methods; `answer` is called from the loop, when the queue gets there."""
        self._worker.add(lambda: self._python.ask(query, answer))


def python_action(
    spec: ActionSpec, jail: str, bantime: float, pool: Pool, report: Report, context: Context
) -> PythonAction:
    """Return what runs a Python action. Raises ConfigError if the file cannot be read, or is no Python."""
    life = Python(_compiled(spec.place), spec, Jail(jail, bantime), context, report)
    return PythonAction(life, jail, spec.name, pool, report)


def _compiled(place: Place) -> CodeType:
    try:
        return compile(bundle.read(place.file), place.file, "exec", dont_inherit=True)
    except OSError as error:
        raise ConfigError(f"it cannot be read: {error.strerror}", place, "look at its permissions") from None
    except SyntaxError as error:
        raise ConfigError(f"this is no Python: {error.msg}", Place(place.file, error.lineno or 0)) from None
    except ValueError as error:  # a NUL in it
        raise ConfigError(f"this is no Python: {error}", place) from None


def inform(ban: Ban, context: Context) -> ActionInfo:
    """Return what a Python action is told of a ban: the tags of commands, as numbers and text."""
    values: dict[str, Any] = {name: text() for name, text in about(ban, context).values.items()}
    values |= {name: int(values[name]) for name in NUMBERS}
    values |= {
        "ip": IPAddr(ban.ip),
        "fid": IPAddr(ban.id),
        "family": {4: "inet4", 6: "inet6"}.get(net.family(ban.ip)),
        "time": round(ban.time) if ban.restored else float(ban.time),
        "ip-host": lambda: host_name(ban.ip),
        "F-*": data(ban),
    }
    return ActionInfo(values)


def host_name(address: str) -> str | None:
    """Return what an address is called, None if it has no name. May take seconds: for threads."""
    try:
        return socket.gethostbyaddr(address)[0]
    except (OSError, UnicodeError):
        return None
