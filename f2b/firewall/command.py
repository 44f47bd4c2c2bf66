"""The action of an action file: shell commands, run in a queue of their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from f2b.config.model import ActionSpec
from f2b.firewall.life import Report
from f2b.firewall.lifecycle import Lifecycle
from f2b.firewall.process import Process
from f2b.firewall.queued import LIMIT, QueuedAction
from f2b.firewall.render import Recipe
from f2b.firewall.shell import Command, HostName, Program, Result, Step
from f2b.firewall.ticket import Context
from f2b.firewall.turns import Turns
from f2b.firewall.worker import Running
from f2b.loop import Loop

Names = Callable[[str, Callable[[str], object]], object]
"""Looks up what an address is called and answers in the loop, with "" if it has no name."""


class Question:
    """A host name that is being looked up. Nothing can hurry that, but who asked need not wait any longer."""

    def __init__(
        self, loop: Loop, step: HostName, names: Names, timeout: float, done: Callable[[Result], object]
    ) -> None:
        self._loop = loop
        self._done: Callable[[Result], object] | None = done
        self._timer = loop.after(timeout, self.kill)
        names(step.address, self._came)

    def kill(self) -> None:
        """Go on without an answer."""
        self._came("")

    def _came(self, name: str) -> None:
        self._timer.cancel()
        done, self._done = self._done, None
        if done:  # an answer that was known may come before the worker expects it
            self._loop.soon(partial(done, Result(0 if name else 1, name)))


def command_action(
    spec: ActionSpec,
    jail: str,
    loop: Loop,
    report: Report,
    context: Context,
    names: Names,
    limit: int = LIMIT,
    turns: Turns | None = None,
) -> QueuedAction:
    """Return what runs the commands of an action file, one at a time with all others of `turns`.

    Raises ActionError if its options cannot be used.
    """
    recipe = Recipe({"name": jail, "actname": spec.name, **spec.options}, context)
    life = Lifecycle(recipe, spec.name, jail, context, loop.now, report)
    return QueuedAction(
        spec.name, jail, life, partial(begin, loop, recipe.timeout, names, turns=turns), loop, report, limit
    )


def begin(
    loop: Loop,
    timeout: float,
    names: Names,
    step: Step,
    done: Callable[[Result], object],
    turns: Turns | None = None,
) -> Running:
    """Begin with a step that is a command or what a command must know first; each may take `timeout` seconds."""
    if isinstance(step, HostName):
        return Question(loop, step, names, timeout, done)
    assert isinstance(step, Command | Program)
    start = partial(Process, loop, step, timeout)
    return turns.begin(start, done) if turns else start(done)
