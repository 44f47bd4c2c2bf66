"""What the pure part must be told: this host's addresses, those of names, and what list files hold."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b.config.model import Problem
from f2b.daemon import own
from f2b.daemon.banlist import Banlists
from f2b.daemon.lists import Lists
from f2b.daemon.reference import Reference
from f2b.daemon.resolve import Resolver
from f2b.engine import Engine
from f2b.events import Effect, Resolve
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop
from f2b.value import replace

PATIENCE_S = 3.0
"""How long a start waits for the addresses of ignoreip's host names."""
OWN_S = 30.0
"""How often this host's own addresses are asked for; all jails share the answer."""

Take = Callable[[Sequence[Effect]], object]


class Lookup:
    """Asks, and hands the answers to the jails."""

    def __init__(self, engine: Engine, loop: Loop, log: Log, take: Take, complete: Callable[[str], object]) -> None:
        """`complete` is called with a jail's name once it has all that its filter lacked."""
        self._complete = complete
        self._engine = engine
        self._loop = loop
        self._log = log
        self._take = take
        self._resolver = Resolver(loop)
        self._lists = Lists(log)
        self._banlists = Banlists(log)
        self._reference = Reference(lambda level, text: log.tell("filter", level, text))
        self.lacking: dict[str, list[Problem]] = {}
        """What the filters of jails cannot judge without, and is not there."""
        self._own: frozenset[str] = frozenset()
        self._asked = float("-inf")

    def refresh(self, jail: Jail) -> None:
        """Bring a jail's allow list and its filter's files up to date; names come from a cache for five minutes."""
        if jail.spec.ignoreself:
            jail.allow.owns(self._own_addresses())
        for name in jail.allow.names:
            self._resolver.resolve(name, jail.allow.resolved)
        for path in jail.allow.files:
            self._lists.refresh(path, jail.allow, "ignoreip")
        for path in jail.proxies.files:
            self._lists.refresh(path, jail.proxies, "proxies")
        lacked, lacks = self.lacking.pop(jail.name, []), self._reference.refresh(jail.filter)
        if lacks:
            self.lacking[jail.name] = [replace(problem, jail=jail.name) for problem in lacks]
        elif lacked:
            self._complete(jail.name)

    def listed(self, jail: Jail) -> list[Effect]:
        """Return what follows for a jail from what its banlists hold now."""
        return self._banlists.refresh(jail, self._loop.now())

    def forget(self, name: str) -> None:
        """A jail is gone."""
        self._banlists.forget(name)
        self.lacking.pop(name, None)

    def _own_addresses(self) -> frozenset[str]:
        now = self._loop.now()
        if abs(now - self._asked) >= OWN_S:
            self._asked = now
            self._own = own.addresses()
        return self._own

    @property
    def pending(self) -> bool:
        """Whether names are being looked up."""
        return bool(self._resolver.pending)

    def wait(self) -> None:
        """Wait a little for names: whoever they spare may be in the first lines read."""
        deadline = self._loop.now() + PATIENCE_S
        while self._resolver.pending and self._loop.now() < deadline:
            self._loop.turn(0.1)

    def resolve(self, effect: Resolve) -> None:
        """Look up who a failure's host name is; each of its addresses is then one failure."""

        def answer(name: str, addresses: tuple[str, ...]) -> None:
            jail = self._engine.jails.get(effect.jail)
            if jail is None:
                return
            if not addresses:
                self._log.warning("ipdns", f"Unable to find a corresponding IP address for {name}")
            elif jail.spec.filter.usedns == "warn":
                found = ", ".join(map(repr, addresses))
                self._log.warning("ipdns", f"Determined IP using DNS Lookup: {name} = {{{found}}}")
            self._take(jail.resolved(effect.failure, addresses, self._loop.now()))

        self._resolver.resolve(effect.name, answer)
