"""One round: everything that is new is read, what follows is done, and the server ends (`f2b scan --once`).

The server is the same that stays; what differs is told here: where the round before ended, when there is nothing more
to read, and that bans outlive it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from f2b.config.model import ActionSpec, JailSpec
from f2b.daemon.assemble import Maker
from f2b.daemon.outlet import Read
from f2b.daemon.server import Server
from f2b.daemon.watchdog import unread
from f2b.errors import StoreError
from f2b.events import Ban
from f2b.firewall import Firewall
from f2b.firewall.queued import QueuedAction
from f2b.loop import Loop
from f2b.store import Store
from f2b.value import dataclass

LAST = "scan"
"""Under this name the database notes when the latest round was."""
LOOK_S = 0.1
"""Seconds between two looks whether anything is left to do."""
CALM = 2
"""So many of them must find nothing."""
PATIENCE_S = 120.0
"""A round ends, with a warning, if something is left but nothing has moved for so long."""


@dataclass(frozen=True, slots=True)
class Earlier:
    """What the rounds before left."""

    gap_s: float
    """How long ago the last one was; 0 if there was none."""
    over: Mapping[str, Sequence[Ban]]
    """By jail, the bans that have ended since."""


def earlier(store: Store, jails: Sequence[JailSpec], now: float) -> Earlier:
    """Return what earlier rounds left. Raises StoreError."""
    noted = store.noted("", LAST)
    if not noted:
        return Earlier(0.0, {})
    before = float(noted)
    over = {}
    for spec in jails:
        steps = spec.increment
        bans = store.restore(spec.name, before, spec.bantime, steps.enabled, steps.maxtime)
        over[spec.name] = [ban.ban(spec.name) for ban in bans if ban.end <= now]
    return Earlier(max(0.0, now - before), over)


def lasting(make: Maker, before: Earlier) -> Maker:
    """Return a maker of firewalls whose bans outlive the process; those of the kernel do anyway."""

    def made(action: ActionSpec, spec: JailSpec) -> Firewall:
        firewall = make(action, spec)
        if isinstance(firewall, QueuedAction):
            firewall.last(before.over.get(spec.name, ()))
        return firewall

    return made


@dataclass(frozen=True, slots=True)
class Tally:
    """What a round did."""

    failures: int
    bans: int
    unbans: int
    logs: int
    left: str
    """What could not be finished; empty if all was."""


class Round:
    """Drives a server until it has done all there is to do."""

    def __init__(self, server: Server, store: Store, before: Earlier, loop: Loop) -> None:
        self._server = server
        self._store = store
        self._before = before
        self._loop = loop

    def run(self, start: Callable[[], object]) -> Tally:
        """Start the server, let it read all that is new, and note how far it came."""
        now = self._loop.now()
        over = self._tell_over()
        start()
        begun = self._counts()
        left = self._drain()
        failures, bans, held = (after - before for after, before in zip(self._counts(), begun, strict=True))
        self._save(now)
        logs = len({tail.path for tail in self._server.intake.tails()})
        return Tally(failures, bans, bans - held + over, logs, left)

    def _counts(self) -> tuple[int, int, int]:
        """Return how many failures were counted, how many were banned, and how many are, in all jails."""
        jails = self._server.engine.jails.values()
        each = [(jail.counter.total, jail.banned_total, len(jail.ledger)) for jail in jails]
        return sum(one[0] for one in each), sum(one[1] for one in each), sum(one[2] for one in each)

    def _tell_over(self) -> int:
        """Write down who has been let in since the last round, by the kernel or by this round; return how many."""
        for name, bans in self._before.over.items():
            for ban in bans:
                self._server.log.notice("actions", f"[{name}] Unban {ban.id}")

        return sum(map(len, self._before.over.values()))

    def _drain(self) -> str:
        """Let the server work until nothing is left; return what could not be finished."""
        calm, moved, state = 0, self._loop.elapsed(), self._state()
        while calm < CALM:
            self._wait()
            left = self._left()
            calm = 0 if left else calm + 1
            new = self._state()
            if new != state:
                state, moved = new, self._loop.elapsed()
            if left and self._loop.elapsed() - moved > PATIENCE_S:
                return left
        return ""

    def _wait(self) -> None:
        until = self._loop.elapsed() + LOOK_S
        while (left := until - self._loop.elapsed()) > 0:
            self._loop.turn(left)

    def _state(self) -> object:
        positions = [(tail.path, tail.position) for tail in self._server.intake.tails()]
        return positions, self._counts(), [guard.busy for guard in self._server.outlet.guards.values()]

    def _left(self) -> str:
        """Return what is still to be done; empty if nothing is."""
        server = self._server
        behind = next((tail.path for tail in server.intake.tails() if unread(tail)), "")
        if behind:
            return f"{behind} is not read to its end"
        if server.intake.behind:
            return "the journal is not read to its end"
        if server.waiting:
            return "host names, or ignorecommand, have not answered"
        return "an action is not through with its commands" if server.busy else ""

    def _save(self, now: float) -> None:
        """Note how far each log was read, also one that nothing came of, and when."""
        reads = [
            Read(name, path, position)
            for name in self._server.engine.jails
            for path, position in self._server.intake.positions(name).items()
            if position is not None
        ]
        self._server.outlet.carry([], reads)
        try:
            self._store.note("", LAST, repr(now))
        except StoreError as error:
            self._server.outlet.store_failed(error)
