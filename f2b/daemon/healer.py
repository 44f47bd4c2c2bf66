"""Healing: when somebody else changes our tables in the kernel, everything is put back at once."""

from __future__ import annotations

from f2b.daemon.server import Server
from f2b.errors import ActionError
from f2b.firewall.monitor import Monitor
from f2b.firewall.netlink import Netlink
from f2b.firewall.nftables import Nftables
from f2b.log import Log
from f2b.loop import Loop

CALM_S = 0.2
"""A reload of a firewall is many changes: wait until they are through."""


class Healer:
    """Listens to the kernel's news of the ruleset."""

    def __init__(self, loop: Loop, log: Log, link: Netlink, server: Server) -> None:
        self._loop = loop
        self._log = log
        self._link = link
        self._server = server
        self._due = False

    def watch(self) -> None:
        """Begin to listen, if a jail keeps its bans in nftables at all."""
        if not self._tables():
            return
        try:
            monitor = Monitor(self._link)
        except ActionError as error:
            self._log.warning("actions", f"Changes of the firewall by others go unnoticed: {error}")
            return
        self._loop.watch(monitor.fileno(), lambda: self._heard(monitor))

    def _tables(self) -> set[str]:
        guards = self._server.outlet.guards.values()
        return {it.plan.table for guard in guards for it in guard.firewalls if isinstance(it, Nftables)}

    def _heard(self, monitor: Monitor) -> None:
        if monitor.foreign_change(self._tables()) and not self._due:
            self._due = True
            self._loop.after(CALM_S, self._mend)

    def _mend(self) -> None:
        self._due = False
        self._log.warning("actions", "The firewall was changed by somebody else; all bans are put back")
        self._server.restore()
