"""An action file at work: who is banned, whose ban waits, and what to do about either.

What must happen is queued at once and carried out while the server goes on; a slow, hanging or failing command
delays only what stands behind it in this one queue. `lifecycle` says which commands, `worker` has them run.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from f2b.config.model import ActionSpec
from f2b.events import Ban
from f2b.firewall.lifecycle import Lifecycle, Report, Routine
from f2b.firewall.render import Context, Recipe
from f2b.firewall.worker import Worker
from f2b.loop import Loop

LIMIT = 100_000
"""Bans that may wait. Who is banned, waits and is unbanned leaves the queue, so only an action that cannot keep up
with the bans in force gets there."""
CHECK_PAUSE = 3.0
"""Seconds between two looks whether an action still stands; Fail2Ban's number."""


class CommandAction:
    """One action of one jail that runs shell commands; satisfies `Firewall`.

    What fails is told through `report(level, text)`. `context` says what commands may ask for beyond their ban.
    Raises ActionError if the action's options cannot be used.
    """

    def __init__(
        self,
        spec: ActionSpec,
        jail: str,
        loop: Loop,
        report: Report,
        context: Context | None = None,
        limit: int = LIMIT,
    ) -> None:
        self.name = spec.name
        self._jail = jail
        self._loop = loop
        self._report = report
        self._context = context or Context(os.uname().nodename, os.uname().nodename)
        self._limit = limit
        recipe = self._recipe(spec)
        self._life = Lifecycle(recipe, spec.name, jail, self._context, loop.now, report)
        self._worker = Worker(loop, recipe.timeout)
        self._norestored = recipe.flag("norestored")
        self._waiting: OrderedDict[str, tuple[int, Ban]] = OrderedDict()
        """Bans that nobody has begun with, and their tickets in the queue, by id."""
        self._held: dict[str, Ban] = {}
        """Bans that were carried out or tried, and are not to be lifted yet."""
        self._failed: set[str] = set()
        """Those of them that could not be carried out."""
        self._checked = float("-inf")

    def _recipe(self, spec: ActionSpec) -> Recipe:
        return Recipe({"name": self._jail, "actname": spec.name, **spec.options}, self._context)

    # ---- the five verbs -------------------------------------------------------------------------------------

    def start(self, bans: Sequence[Ban]) -> None:
        """Set up, then ban those restored from the database, unless the action wants new ones only."""
        self._worker.add(self._life.start)
        self.ban(bans)

    def ban(self, bans: Sequence[Ban]) -> None:
        """Keep these out. Who is out already is prolonged if the ban ends later now."""
        for ban in bans:
            self._ban(ban)

    def unban(self, bans: Sequence[Ban]) -> None:
        """Let these in. A ban that still waits is only forgotten."""
        for ban in bans:
            self._forget(ban.id)
            if ban.id in self._held:
                held = self._held.pop(ban.id)
                self._failed.discard(ban.id)
                self._do(partial(self._life.unban, held))

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in: at one stroke, or one by one if the action has no actionflush."""
        while self._waiting:
            self._forget(next(iter(self._waiting)))
        if not self._life.flushes:
            self.unban(list(self._held.values()))
            return
        self._held.clear()
        self._failed.clear()
        self._report("NOTICE", f"[{self._jail}] Flush ticket(s) with {self.name}")
        self._do(self._life.flush)

    def stop(self, keep: bool) -> None:
        """Let everybody in and take down what was set up; a shell command's bans cannot be kept."""
        self.flush(())
        self._worker.add(self._life.stop)

    # ---- beyond the protocol --------------------------------------------------------------------------------

    def seen(self, ban: Ban) -> None:
        """A banned id was seen again, well after its ban: try a failed ban once more, or see what became of it."""
        now = self._loop.now()
        if ban.id in self._failed:
            self._ban(ban)
        elif abs(now - self._checked) >= CHECK_PAUSE:
            self._checked = now
            self._do(self._life.check)

    def reload(self, spec: ActionSpec) -> None:
        """Use the commands of `spec` from now on, for bans in force too. Raises ActionError, changing nothing."""
        recipe = self._recipe(spec)
        self._life.adopt(recipe)
        self._worker.timeout = recipe.timeout
        self._norestored = recipe.flag("norestored")
        self._worker.add(self._life.reload)

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for is done."""
        return self._worker.idle

    def drain(self, done: Callable[[], object]) -> None:
        """Call `done` once, from the loop, when everything that was asked for is done."""
        self._worker.drain(done)

    def abandon(self) -> None:
        """Give up what is not done yet, and tell it: the server ends now."""
        if self._worker.left:
            self._report(
                "ERROR", f"[{self._jail}] Action '{self.name}' was ended with {self._worker.left} job(s) left"
            )
        self._waiting.clear()
        self._worker.abandon()

    # ---- one ban --------------------------------------------------------------------------------------------

    def _ban(self, ban: Ban) -> None:
        waiting = self._waiting.get(ban.id)
        held = self._held.get(ban.id)
        if waiting:
            self._waiting[ban.id] = (waiting[0], ban)
        elif self._is_spared(ban):
            self._held[ban.id] = ban
        elif held is None or ban.id in self._failed:
            self._await(ban)
        elif ban.end > held.end:
            self._held[ban.id] = ban
            self._do(partial(self._life.prolong, ban))

    def _is_spared(self, ban: Ban) -> bool:
        """Whether this action wants to hear of new bans only, and this is none."""
        return ban.restored and self._norestored

    def _await(self, ban: Ban) -> None:
        if len(self._waiting) >= self._limit:
            oldest = next(iter(self._waiting))
            self._forget(oldest)
            late = f"cannot keep up: {self._limit} bans wait, that of {oldest} is dropped"
            self._report("ERROR", f"[{self._jail}] Action '{self.name}' {late}")
        self._waiting[ban.id] = (self._worker.add(partial(self._carry_out, ban.id)), ban)

    def _forget(self, who: str) -> None:
        """Take a waiting ban out of the queue; harmless if there is none."""
        if who in self._waiting:
            self._worker.cancel(self._waiting.pop(who)[0])

    def _carry_out(self, who: str) -> Routine:
        ban = self._waiting.pop(who)[1]
        self._held[who] = ban
        done = yield from self._healing(lambda: self._life.ban(ban), who)
        self._mark(who, done)
        return done

    def _mark(self, who: str, done: bool) -> None:
        """Remember whether a ban could be carried out, unless it was lifted meanwhile."""
        if done or who not in self._held:
            self._failed.discard(who)
        else:
            self._failed.add(who)

    # ---- repairs --------------------------------------------------------------------------------------------

    def _do(self, job: Callable[[], Routine]) -> None:
        self._worker.add(partial(self._healing, job))

    def _healing(self, job: Callable[[], Routine], but: str = "") -> Routine:
        """Carry out a job; if the action had to be set up anew for it, put everybody back in, except `but`."""
        done = yield from job()
        held = [ban for ban in self._held.values() if ban.id != but and not self._is_spared(ban)]
        lost = self._life.take_lost(held)
        if lost:
            self._report("NOTICE", f"[{self._jail}] Reban {len(lost)} id(s), action '{self.name}'")
            self._worker.add(partial(self._put_back, [ban.id for ban in lost]))
        return done

    def _put_back(self, ids: Sequence[str]) -> Routine:
        """Ban those again who got lost; after the first failure the others wait until they are seen again."""
        done = True
        for who in ids:
            if done and who in self._held:
                done = yield from self._life.reban(self._held[who])
            self._mark(who, done)
        self._life.take_lost(())  # lost once more meanwhile: the action is broken, and going on would never end
        return done
