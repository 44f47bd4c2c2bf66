"""Asks `ignorecommand` whether somebody is to be spared, without making the server wait.

A few commands run at a time; who asks the same as somebody who waits shares his answer.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from f2b.engine import Engine
from f2b.errors import ActionError
from f2b.events import Ban, Effect, Judge
from f2b.firewall.process import Process
from f2b.firewall.render import Recipe
from f2b.firewall.shell import Command, Result
from f2b.firewall.ticket import Context, about
from f2b.log import Log
from f2b.loop import Loop

AT_ONCE = 4
"""Commands that run beside each other."""
TIMEOUT_S = 60.0
"""Seconds that one may take, as in Fail2Ban."""
MOST = 10_000
"""Commands that wait; what more there is to ask is answered with no."""
SPARED, NOT_SPARED = 0, 1
"""Exit statuses that are answers; every other one is a failure of the command."""

Take = Callable[[Sequence[Effect]], object]
Question = tuple[str, Command]
"""A jail, and what it wants to run."""


class Inquiry:
    """All questions of all jails."""

    def __init__(self, engine: Engine, loop: Loop, log: Log, take: Take) -> None:
        self._engine = engine
        self._loop = loop
        self._log = log
        self._take = take
        self._asked: OrderedDict[Question, list[Judge]] = OrderedDict()
        """Who waits for the answer to a question; the first few of them run."""
        self._running: dict[Question, Process] = {}
        self._recipes: dict[str, Recipe] = {}

    def ask(self, asked: Judge) -> None:
        """Put a question; the jail hears the answer from the loop."""
        command = self._command(asked)
        question = (asked.jail, command) if command else None
        if question is None or (question not in self._asked and len(self._asked) >= MOST):
            self._loop.soon(partial(self._answer, [asked], False))
            return
        self._asked.setdefault(question, []).append(asked)
        self._run()

    @property
    def pending(self) -> bool:
        """Whether an answer is still to come."""
        return bool(self._asked)

    def close(self) -> None:
        """Ask no more."""
        self._asked.clear()
        for process in self._running.values():
            process.kill()

    def _command(self, asked: Judge) -> Command | None:
        """Return what to run; values from logs reach the shell as variables only."""
        jail = self._engine.jails.get(asked.jail)
        if jail is None or not jail.spec.ignorecommand:
            return None
        text, failure = jail.spec.ignorecommand, asked.failure
        time = self._loop.now() if failure.time is None else failure.time
        length, matches, captures = jail.spec.bantime, failure.matches, failure.captures
        ban = Ban(jail.name, failure.id, time, length, 1, matches, captures, failure.host, count=0)
        try:
            recipe = self._recipes.get(text) or self._recipes.setdefault(text, Recipe({"actionban": text}, Context()))
        except ActionError as error:
            self._log.error("filter", f"[{jail.name}] ignorecommand: {error}")
            return None
        return recipe.command("ban", about(ban, Context()))

    def _run(self) -> None:
        for question in self._asked:
            if len(self._running) >= AT_ONCE:
                return
            if question not in self._running:
                self._running[question] = Process(self._loop, question[1], TIMEOUT_S, partial(self._came, question))

    def _came(self, question: Question, result: Result) -> None:
        del self._running[question]
        if result.timed_out or result.status not in (SPARED, NOT_SPARED):
            self._log.error("filter", f"[{question[0]}] ignorecommand: {question[1].text}")
            self._log.error("filter", f"[{question[0]}] ignorecommand: {result.reason(TIMEOUT_S)} {result.output}")
        self._answer(self._asked.pop(question, []), result.ok)
        self._run()

    def _answer(self, waiting: Sequence[Judge], spared: bool) -> None:
        effects: list[Effect] = []
        for asked in waiting:
            jail = self._engine.jails.get(asked.jail)
            if jail:
                effects += jail.judged(asked, spared, self._loop.now())
        self._take(effects)
