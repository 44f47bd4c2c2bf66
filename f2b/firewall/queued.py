"""An action at work that takes its time: who is banned, whose ban waits, and what to do about either.

What must happen is queued at once and carried out while the server goes on; a slow, hanging or failing step delays
only what stands behind it in this one queue. `life.Life` says which steps, `worker` has them done.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial

from f2b.events import Ban
from f2b.firewall.effort import Effort
from f2b.firewall.life import Life, Report, Routine
from f2b.firewall.worker import Begin, Worker
from f2b.loop import Loop
from f2b.named import NamedTuple

LIMIT = 100_000
"""Bans that may wait. Who is banned, waits and is unbanned leaves the queue, so only an action that cannot keep up
with the bans in force gets there."""
CHECK_PAUSE = 3.0
"""Seconds between two looks whether an action still stands; Fail2Ban's number."""


class Waiting(NamedTuple):
    """A ban that nobody has begun with."""

    ticket: int
    """Its place in the queue."""
    ban: Ban
    longer: Ban
    """The same ban, as it was prolonged meanwhile."""


class QueuedAction:
    """One action of one jail, done in an ordered queue of its own; satisfies `Firewall` and `Queued`.

    `life` says what its steps are, `begin` does one. What fails is told through `report(level, text)`.
    """

    def __init__(
        self, name: str, jail: str, life: Life, begin: Begin, loop: Loop, report: Report, limit: int = LIMIT
    ) -> None:
        self.name = name
        self._jail = jail
        self._life = life
        self._worker = Worker(loop, begin)
        self._loop = loop
        self._report = report
        self._limit = limit
        self._waiting: OrderedDict[str, Waiting] = OrderedDict()
        """Bans that nobody has begun with, by id."""
        self._held: dict[str, Ban] = {}
        """Bans that were carried out or tried, and are not to be lifted yet."""
        self._failed: set[str] = set()
        """Those of them that could not be carried out."""
        self._checked = float("-inf")
        self._over: Sequence[Ban] | None = None
        """Bans that ended while no process ran, if bans are to stay in force between processes."""

    # ---- the five verbs -------------------------------------------------------------------------------------

    def start(self, bans: Sequence[Ban]) -> None:
        """Set up, then ban those restored from the database, unless the action wants new ones only."""
        earlier = [*self._over, *(ban for ban in bans if ban.restored)] if self._over is not None else []
        if earlier:
            self._worker.add(partial(self._life.resume, earlier))
            self._held = {ban.id: ban for ban in earlier}
            self.unban(self._over or ())
            self._over = []
        else:
            self._worker.add(self._life.start)
        self.ban(bans)

    def last(self, over: Sequence[Ban]) -> None:
        """Let bans stay in force when this process ends, and go on with those of the one before.

        `over`: of those, the bans that ended since.
        """
        self._over = over

    @property
    def lasting(self) -> bool:
        """Whether bans stay in force when this process ends."""
        return self._over is not None

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
                self._begin_with(self._life.unban(held))

    def flush(self, bans: Sequence[Ban]) -> None:
        """Let everybody in, by whatever way the action has for that."""
        self._flush(last=False)

    def _flush(self, last: bool) -> None:
        while self._waiting:
            self._forget(next(iter(self._waiting)))
        held = list(self._held.values())
        self._held.clear()
        self._failed.clear()
        self._begin_with(self._life.flush(held, last))

    def stop(self, keep: bool) -> None:
        """Let everybody in and take down what was set up; only `last` makes bans of such an action outlive us."""
        if keep and self.lasting and (self._held or self._waiting):
            return
        self._flush(last=True)
        self._worker.add(self._life.stop)

    # ---- beyond the protocol --------------------------------------------------------------------------------

    def follow(self, former: QueuedAction) -> None:
        """Begin when `former`, which had this name, has done all: its stop would else take down our start."""
        self._worker.follow(former._worker)

    def seen(self, ban: Ban) -> None:
        """A banned id was seen again, well after its ban: try a failed ban once more, or see what became of it."""
        now = self._loop.now()
        if ban.id in self._failed:
            self._ban(ban)
        elif abs(now - self._checked) >= CHECK_PAUSE:
            self._checked = now
            self._do(self._life.check)

    def reload(self) -> None:
        """Tell the action that the configuration was read again, and that it goes on as it was."""
        self._worker.add(self._life.reload)

    @property
    def idle(self) -> bool:
        """Whether everything that was asked for is done."""
        return self._worker.idle

    @property
    def moves(self) -> int:
        """How many steps it has begun so far."""
        return self._worker.moves

    @property
    def effort(self) -> Effort:
        """What its steps have cost so far."""
        return self._worker.effort

    @property
    def fault(self) -> str:
        """Why it cannot work at all; empty if it can."""
        return self._life.fault

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
            self._waiting[ban.id] = waiting._replace(longer=ban)
        elif held is None or ban.id in self._failed:
            self._await(ban)
        elif ban.end > held.end:
            self._held[ban.id] = ban
            self._do(partial(self._life.prolong, ban))

    def _is_spared(self, ban: Ban) -> bool:
        """Whether this action wants to hear of new bans only, and this is none."""
        return ban.restored and self._life.norestored

    def _await(self, ban: Ban) -> None:
        if len(self._waiting) >= self._limit:
            oldest = next(iter(self._waiting))
            self._forget(oldest)
            late = f"cannot keep up: {self._limit} bans wait, that of {oldest} is dropped"
            self._report("ERROR", f"[{self._jail}] Action '{self.name}' {late}")
        self._waiting[ban.id] = Waiting(self._worker.add(partial(self._carry_out, ban.id)), ban, ban)

    def _forget(self, who: str) -> None:
        """Take a waiting ban out of the queue; harmless if there is none."""
        if who in self._waiting:
            self._worker.cancel(self._waiting.pop(who).ticket)

    def _carry_out(self, who: str) -> Routine:
        """Ban as it was decided, and prolong that if it ends later by now: the order in which Fail2Ban does it."""
        _, ban, longer = self._waiting.pop(who)
        self._held[who] = ban
        spared = self._is_spared(ban)
        done = spared or (yield from self._healing(lambda: self._life.ban(ban), who))
        self._mark(who, done)
        if self._held.get(who) is ban:  # neither lifted nor prolonged meanwhile
            self._held[who] = longer
            if done and not spared and longer.end > ban.end:
                self._do(partial(self._life.prolong, longer))
        return done

    def _mark(self, who: str, done: bool) -> None:
        """Remember whether a ban could be carried out, unless it was lifted meanwhile."""
        if done or who not in self._held:
            self._failed.discard(who)
        else:
            self._failed.add(who)

    # ---- repairs --------------------------------------------------------------------------------------------

    def _begin_with(self, routine: Routine) -> None:
        """Queue a routine that exists already, since it had to see things as they are now."""
        self._do(lambda: routine)

    def _do(self, job: Callable[[], Routine]) -> None:
        self._worker.add(partial(self._healing, job))

    def _healing(self, job: Callable[[], Routine], but: str = "") -> Routine:
        """Carry out a job; if the action had to be set up anew for it, put everybody back in, except `but`.

        Who was not in before is only put in if that was of use.
        """
        done = yield from job()
        spared = {but} if done else {but, *self._failed}
        held = [ban for ban in self._held.values() if ban.id not in spared and not self._is_spared(ban)]
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
