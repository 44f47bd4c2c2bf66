"""The life of a command action: which commands a verb takes, in which order, and what follows when one fails.

Pure: each verb is a generator that yields a `Step`, is sent its `Result`, and returns whether it was done.
`firewall.worker` drives them with real shells, tests with a script. The order is Fail2Ban's: a family (`inet4`,
`inet6`, `None` for ids that are no address, or "" for an action without families) is started, gets items, is flushed
and stopped; a command that two families would word alike runs once, if it works.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator, Iterable, Sequence

from f2b.events import Ban
from f2b.firewall.life import Report, Routine
from f2b.firewall.render import Recipe
from f2b.firewall.shell import Command, HostName, Result, Step
from f2b.firewall.ticket import HISTORY, Context, about, about_nobody, family
from f2b.value import replace

_ERROR_OF = {"ban": "banning", "reban": "banning", "unban": "unbanning", "prolong": "prolonging ban of"}


class Lifecycle:
    """One action of one jail: what it has set up, and how to set up, use and clear it."""

    def __init__(
        self, recipe: Recipe, name: str, jail: str, context: Context, clock: Callable[[], float], report: Report
    ) -> None:
        self._name = name
        self._jail = jail
        self._context = context
        self._clock = clock
        self._report = report
        self._recipe = recipe
        families = ("inet4", "inet6") if context.ipv6 else ("inet4",)
        self._families = families if recipe.conditional else ("",)
        self._on_demand = recipe.flag("actionstart_on_demand", recipe.conditional)
        self._repairs_on_unban = recipe.flag("actionrepair_on_unban")
        self.norestored = recipe.flag("norestored")
        self.fault = ""
        self._started: dict[str, str] = {}
        """Families that are set up, each with the text that did it."""
        self._order: dict[str, None] = {}
        """Families that were ever set up, the first first."""
        self._filled: dict[str, None] = {}
        """Families that hold bans, in order."""
        self._lost: set[str] = set()
        """Families that were set up anew: their earlier bans are gone until somebody puts them back."""

    # ---- verbs ----------------------------------------------------------------------------------------------

    def start(self) -> Routine:
        """Set everything up, unless that waits for the first ban."""
        if self._on_demand:
            return True
        done = yield from self._start(self._families)
        self.fault = "" if done else f"{self._name}: its actionstart failed; the log says how"
        if not done:
            self._report("ERROR", f"Failed to start {self._where()}: {self._starting()}")
        return done

    def resume(self, bans: Sequence[Ban]) -> Routine:
        """Take for set up what these bans need, and what does not wait for any: another process did it."""
        yield from ()
        for kind in dict.fromkeys(map(family, bans)):
            self._filled[kind] = None
            self._is_up(self._home(kind))
        for kind in () if self._on_demand else self._families:
            self._is_up(kind)
        return True

    def ban(self, ban: Ban) -> Routine:
        """Keep somebody out."""
        return (yield from self._ban("ban", ban))

    def reban(self, ban: Ban) -> Routine:
        """Keep somebody out again whose ban got lost."""
        return (yield from self._ban("reban" if self._recipe.text("reban", family(ban)).strip() else "ban", ban))

    def prolong(self, ban: Ban) -> Routine:
        """Keep somebody out for longer."""
        return (yield from self._about("prolong", ban))

    def unban(self, ban: Ban) -> Routine:
        """Let somebody in. What is on record is read at once: who lifts a ban by hand also has it forgotten."""
        return self._unban(ban, self._remembering("unban", ban, self._context))

    def _unban(self, ban: Ban, context: Context) -> Routine:
        if family(ban) not in self._filled:
            return True
        return (yield from self._about("unban", ban, context))

    def flush(self, bans: Sequence[Ban], last: bool = False) -> Routine:
        """Let everybody in: at one stroke, or one by one if there is no actionflush."""
        if any(self._recipe.text("flush", kind).strip() for kind in ("", *self._families)):
            self._report("NOTICE", f"[{self._jail}] Flush ticket(s) with {self._name}")
            return self._flush(repair=not last or self._repairs_on_unban)
        counted = self._context.counts
        none_left = replace(self._context, counts=lambda: counted()._replace(banned=0))
        return self._one_by_one([self._unban(ban, self._remembering("unban", ban, none_left)) for ban in bans])

    def _one_by_one(self, routines: Iterable[Routine]) -> Routine:
        done = True
        for routine in routines:
            done = (yield from routine) and done
        return done

    def _flush(self, repair: bool) -> Routine:
        kinds = list(self._filled)
        self._filled.clear()
        failed = yield from self._each("flush", kinds)
        if failed:
            self._filled.update(dict.fromkeys(failed))  # so that it is tried again at the end
            self._report("ERROR", f"Failed to flush bans in {self._where()}: {self._failed('flushing')}")
            yield from self._all_stand(repair)
        return not failed

    def stop(self) -> Routine:
        """Take down what was set up; bans are gone already."""
        kinds = self._up()
        self._started.clear()
        self._filled.clear()
        failed = yield from self._each("stop", kinds)
        if failed:
            self._report("ERROR", f"Failed to stop {self._where()}: {self._failed('stopping')}")
        return not failed

    def reload(self) -> Routine:
        """Tell it that its configuration was read again."""
        return not (yield from self._each("reload", self._up()))

    def check(self) -> Routine:
        """See whether all that is set up still stands, and repair what does not."""
        return self._all_stand(repair=True)

    def _all_stand(self, repair: bool) -> Routine:
        done = True
        for kind in self._up():
            if not (yield from self._stands(kind, repair)):
                done = False
                if repair:
                    self._started.pop(kind, None)  # the next ban may try to set it up
        return done

    def take_lost(self, bans: Iterable[Ban]) -> list[Ban]:
        """Return those of `bans` that got lost in repairs since this was asked last."""
        lost, self._lost = self._lost, set()
        return [ban for ban in bans if self._home(family(ban)) in lost]

    # ---- steps ----------------------------------------------------------------------------------------------

    def _ban(self, verb: str, ban: Ban) -> Routine:
        kind = family(ban)
        if self._on_demand and kind not in self._started and not (yield from self._start(self._needed(kind))):
            self._report("ERROR", self._not_executed("ban", ban, self._starting()))
            return False
        done = yield from self._about(verb, ban)
        if done:
            self.fault = ""
            self._filled[kind] = None
            home = self._home(kind)
            self._is_up(home)
        return done

    def _home(self, kind: str) -> str:
        """Return the family whose set-up serves bans of `kind`."""
        return self._families[0] if kind == "None" else kind

    def _needed(self, kind: str) -> Iterable[str]:
        """Return what to set up for a ban: an id that is no address needs every family."""
        return [other for other in self._families if other not in self._started] if kind == "None" else (kind,)

    def _start(self, kinds: Iterable[str]) -> Routine:
        """Set families up."""
        done = True
        for kind in kinds:
            text = self._recipe.bare("start", kind).text
            if text in self._started.values() or (yield from self._run(self._for_nobody("start", kind))):
                self._is_up(kind)
            else:
                done = False
        return done

    def _about(self, verb: str, ban: Ban, context: Context | None = None) -> Routine:
        """Run a ban's command; if it fails, see to the action's health and run it once more."""
        command = yield from self._worded(verb, ban, context or self._context)
        if (yield from self._run(command)):
            return True
        if (yield from self._stands(self._home(family(ban)), repair=verb != "unban" or self._repairs_on_unban)) and (
            yield from self._run(command, told=True)
        ):
            return True
        self._report("ERROR", self._not_executed(verb, ban, f"Error {_ERROR_OF[verb]} {ban.ip}"))
        return False

    def _remembering(self, verb: str, ban: Ban, context: Context) -> Context:
        """Return a context that knows now what a command will want to know of a ban's history."""
        scopes = {tag.startswith("ipjail") for tag in HISTORY if self._recipe.names(tag, verb, family(ban))}
        if not (scopes and context.history):
            return context
        found = {own: context.history(ban, own) for own in scopes}
        return replace(context, history=lambda _, own: found[own])

    def _worded(self, verb: str, ban: Ban, context: Context) -> Generator[Step, Result, Command]:
        """Return a ban's command; whose name it tells is asked for first."""
        name = "None"
        if self._recipe.names("ip-host", verb, family(ban)):
            answer = yield HostName(ban.ip)
            name = answer.output if answer.ok else name
        return self._recipe.command(verb, about(ban, context, name))

    def _stands(self, kind: str, repair: bool) -> Routine:
        """Ask actioncheck, and repair if it says no and `repair` allows it."""
        check = self._recipe.bare("check", kind)
        if (yield from self._run(check)):
            return True
        if not repair:
            self._report("ERROR", "Invariant check failed. Unban is impossible.")
            return False
        self._report("ERROR", "Invariant check failed. Trying to restore a sane environment")
        if (yield from self._repair(kind)) and (yield from self._run(check, told=True)):
            return True
        self._report("CRITICAL", "Unable to restore environment")
        return False

    def _repair(self, kind: str) -> Routine:
        repair = self._recipe.bare("repair", kind)
        if repair.text.strip():
            self._lose([kind])
            done = yield from self._run(repair)
            if done:
                self._is_up(kind)
            return done
        # What one command set up, another takes down whole: for all who share it.
        start = self._recipe.bare("start", kind).text
        together = [other for other, text in self._started.items() if text == start]
        self._lose(together)
        if together:
            yield from self._each("stop", [kind])
        done = yield from self._start([kind])
        if done:
            for other in together:
                self._is_up(other)
        return done

    def _is_up(self, kind: str) -> None:
        self._order[kind] = None
        self._started[kind] = self._recipe.bare("start", kind).text

    def _up(self) -> list[str]:
        """Return the families that are set up."""
        return [kind for kind in self._order if kind in self._started]

    def _lose(self, kinds: Collection[str]) -> None:
        """Count these families as not set up, and their bans as gone."""
        self._lost.update(kinds)
        for kind in kinds:
            self._started.pop(kind, None)
        for kind in [kind for kind in self._filled if self._home(kind) in kinds]:
            del self._filled[kind]

    def _each(self, verb: str, kinds: Collection[str]) -> Generator[Step, Result, list[str]]:
        """Run a verb for each family, the same text until it works; return those for which it failed."""
        texts = {kind: self._recipe.bare(verb, kind).text for kind in kinds}
        worked: dict[str, bool] = {}
        for kind, text in texts.items():
            if not worked.get(text):
                worked[text] = yield from self._run(self._for_nobody(verb, kind), told=text in worked)
        return [kind for kind, text in texts.items() if not worked[text]]

    def _run(self, command: Command, told: bool = False) -> Routine:
        """Run one command; an empty one is done at once. `told`: its failure was told already."""
        if not command.text.strip():
            return True
        result = yield command
        if not result.ok and not told:
            self._report("ERROR", f"[{self._jail}] {self._name} -- exec: {command.text}")
            if result.output:
                self._report("ERROR", f"[{self._jail}] {self._name} -- output: {result.output!r}")
            self._report("ERROR", f"[{self._jail}] {self._name} -- {result.reason(self.timeout)}")
        return result.ok

    # ---- words ----------------------------------------------------------------------------------------------

    @property
    def timeout(self) -> float:
        """Seconds that one command may take."""
        return self._recipe.timeout

    def _for_nobody(self, verb: str, kind: str) -> Command:
        return self._recipe.command(verb, about_nobody(kind, self._context, self._clock()))

    def _where(self) -> str:
        return f"jail '{self._jail}' action '{self._name}'"

    def _failed(self, what: str) -> str:
        return f"Error {what} action Jail('{self._jail}')/{self._name}: 'Script error'"

    def _starting(self) -> str:
        return self._failed("starting")

    def _not_executed(self, verb: str, ban: Ban, why: str) -> str:
        info = {"ip": ban.ip, "family": family(ban), "fid": ban.id}
        return f"Failed to execute {verb} {self._where()} info 'ActionInfo({info})': {why}"
