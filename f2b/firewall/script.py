"""An action that runs a program of the administrator's: no shell, the event as JSON on stdin and in the environment.

Pure, as `lifecycle` is. Nothing of a log can become an option of the shell or a command here: a tag in `script` fills
its own word and no other.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from f2b import net
from f2b.errors import ActionError
from f2b.events import Ban
from f2b.firewall.life import Report, Routine
from f2b.firewall.render import Recipe, clean
from f2b.firewall.shell import HostName, Program, Result
from f2b.firewall.ticket import Context, Ticket, about, about_nobody

EVENTS = ("start", "ban", "prolong", "unban", "reload", "stop")
USUAL = "ban unban"
"""The events that a script hears of if it does not say which."""


class Script:
    """One script of one jail; satisfies `Life`."""

    def __init__(
        self,
        options: Mapping[str, str],
        name: str,
        jail: str,
        context: Context,
        clock: Callable[[], float],
        report: Report,
    ) -> None:
        """Raises ActionError if the options make no sense."""
        self._recipe = Recipe({"name": jail, "actname": name, **options}, context)
        self._name = name
        self._jail = jail
        self._context = context
        self._clock = clock
        self._report = report
        self._events = options.get("events", USUAL).split()
        self.timeout = self._recipe.timeout
        self.norestored = self._recipe.flag("norestored")
        self.fault = ""
        wrong = sorted({*self._events} - {*EVENTS})
        if wrong:
            raise ActionError(f"events: {' '.join(wrong)} is none; use some of {', '.join(EVENTS)}")
        words = self._recipe.words("script", Ticket("", {}, lambda _: ""))
        if not words:
            raise ActionError("script: it is empty; give a program and what it is called with")
        self.program = words[0]

    def start(self) -> Routine:
        """Tell that the jail starts."""
        return (yield from self._nobody("start"))

    def resume(self, bans: Sequence[Ban]) -> Routine:
        """Tell nothing: another process did."""
        yield from ()
        return True

    def ban(self, ban: Ban) -> Routine:
        """Tell of a ban."""
        return (yield from self._about("ban", ban))

    def reban(self, ban: Ban) -> Routine:
        """Tell of a ban again that failed or got lost."""
        return (yield from self._about("ban", ban))

    def prolong(self, ban: Ban) -> Routine:
        """Tell that a ban ends later than was told."""
        return (yield from self._about("prolong", ban))

    def unban(self, ban: Ban) -> Routine:
        """Tell that a ban has ended."""
        return (yield from self._about("unban", ban))

    def flush(self, bans: Sequence[Ban], last: bool = False) -> Routine:
        """Tell of each ban that it has ended."""
        done = True
        for ban in bans:
            done = (yield from self.unban(ban)) and done
        return done

    def stop(self) -> Routine:
        """Tell that the jail stops."""
        return (yield from self._nobody("stop"))

    def reload(self) -> Routine:
        """Tell that the configuration was read again."""
        return (yield from self._nobody("reload"))

    def check(self) -> Routine:
        """Do nothing: a script sets nothing up that could be lost."""
        yield from ()
        return True

    def take_lost(self, bans: Iterable[Ban]) -> list[Ban]:
        """Return nobody."""
        return []

    def _about(self, event: str, ban: Ban) -> Routine:
        if event not in self._events:
            return True
        name = "None"
        if "<ip-host>" in self._recipe.option("script"):
            asked = yield HostName(ban.ip)
            name = asked.output if asked.ok else name
        ticket = about(ban, self._context, name)
        return (yield from self._run(event, ticket, _facts(ban)))

    def _nobody(self, event: str) -> Routine:
        if event not in self._events:
            return True
        now = self._clock()
        ticket = about_nobody("", self._context, now)
        return (yield from self._run(event, ticket, {"time": now}))

    def _run(self, event: str, ticket: Ticket, facts: Mapping[str, object]) -> Routine:
        whole = {"event": event, "jail": self._jail, "action": self._name, **facts}
        environ = {f"F2B_{name.upper()}": clean(_text(value)) for name, value in _flat(whole)}
        words = self._recipe.words("script", ticket)
        result = yield Program(words, environ, json.dumps(whole) + "\n")
        if not result.ok:
            self._tell(event, words, result)
        return result.ok

    def _tell(self, event: str, words: Sequence[str], result: Result) -> None:
        who = f"[{self._jail}] {self._name}"
        self._report("ERROR", f"{who} -- {event}: {words[0]} {result.reason(self.timeout)}")
        if result.output:
            self._report("ERROR", f"{who} -- output: {result.output!r}")


def _facts(ban: Ban) -> dict[str, object]:
    return {
        "ip": ban.ip,
        "id": ban.id,
        "family": {4: "inet4", 6: "inet6", 0: None}[net.family(ban.ip)],
        "time": ban.time,
        "bantime": ban.duration,
        "until": None if math.isinf(ban.end) else ban.end,
        "failures": ban.failures,
        "bancount": ban.count,
        "restored": ban.restored,
        "matches": list(ban.matches),
        "captures": {name: value if isinstance(value, str) else list(value) for name, value in ban.captures.items()},
    }


def _flat(facts: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield names and values; what the filter caught as `capture_NAME`."""
    for name, value in facts.items():
        if isinstance(value, Mapping):
            yield from ((f"capture_{inner}", value[inner]) for inner in value)
        else:
            yield name, value


def _text(value: object) -> str:
    """Return a value as the environment has it: nothing for None, 1 or 0, one line for each of several."""
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return "" if value is None else str(int(value)) if isinstance(value, bool) else str(value)
