"""Healing: when somebody else takes our bans out of the kernel, everything is put back.

The kernel tells of every change of nftables, and of iptables' nft variant, at once. It tells nothing of ipset and of
iptables' legacy variant: those are looked at every so often.
"""

from __future__ import annotations

from collections.abc import Mapping, Set

from f2b.daemon.guard import Guard
from f2b.errors import ActionError
from f2b.firewall.monitor import Monitor
from f2b.firewall.native import Native
from f2b.log import Log
from f2b.loop import Loop, Timer

CALM_S = 0.2
"""A reload of a firewall is many changes: wait until they are through."""
CHECK_S = 30.0
"""How often everything is looked at, news or not."""

Tables = Set[tuple[int, str]]


class Healer:
    """Listens to the kernel's news of the ruleset, and looks for itself."""

    def __init__(
        self, loop: Loop, log: Log, native: Native, guards: Mapping[str, Guard], period_s: float = CHECK_S
    ) -> None:
        self._loop = loop
        self._log = log
        self._native = native
        self._guards = guards
        self._period_s = period_s
        self._changed: set[tuple[int, str]] | None = set()
        """The tables that others changed since the last look; None: any may be."""
        self._due = False
        self._monitor: Monitor | None = None
        self._deaf = False
        """Whether it was told that nothing can be heard."""
        self._next_look: Timer | None = None

    def watch(self) -> None:
        """Begin to listen and to look."""
        if self._monitor is None and any(guard.watched for guard in self._guards.values()):
            self._listen()
        self._next_look = self._loop.after(self._period_s, self._look)

    def close(self) -> None:
        """End it."""
        if self._next_look:
            self._next_look.cancel()
        if self._monitor:
            self._loop.unwatch(self._monitor.fileno())
            self._monitor.close()

    def _listen(self) -> None:
        try:
            monitor = self._monitor = Monitor(self._native.kernel.link, self._native.restore.pids)
        except ActionError as error:
            if not self._deaf:
                self._log.warning("actions", f"Changes of the firewall by others are noticed late: {error}")
            self._deaf = True
            return
        self._loop.watch(monitor.fileno(), lambda: self._heard(monitor))

    def _heard(self, monitor: Monitor) -> None:
        news = monitor.foreign_changes()
        if news is None or self._changed is None:
            self._changed = None
        else:
            self._changed |= {table for guard in self._guards.values() for table in guard.tables if table in news}
        if self._changed != set() and not self._due:
            self._due = True
            self._loop.after(CALM_S, self._mend)

    def _mend(self) -> None:
        changed, self._changed = self._changed, set()
        self._due = False
        self._heal(changed)

    def _look(self) -> None:
        self._native.restore.pids.clear()  # were there no news of them, they would become ever more
        self._heal(None)
        self.watch()

    def _heal(self, changed: Tables | None) -> None:
        """Put back what is not as it should be, as far as it is kept in the tables `changed`; None: wherever."""
        with self._native.restore.once():
            damaged = {guard: names for guard in self._guards.values() if (names := guard.damaged(changed))}
        if damaged:
            self._log.warning("actions", "The firewall was changed by somebody else; all bans are put back")
        for guard, names in damaged.items():
            guard.restore(names)
