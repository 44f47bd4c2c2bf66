"""How jails come and go, in the words of Fail2Ban's log: people's scripts read what a jail follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from f2b.config.model import JailSpec
from f2b.daemon.cohort import Reading
from f2b.log import Log
from f2b.source.position import Position
from f2b.store.row import whole

_USES = {"inotify": ("pyinotify", "pyinotify"), "polling": ("poller", "polling"), "systemd": ("systemd", "systemd")}
"""Fail2Ban's two words for what reads the logs."""


def begins(log: Log, spec: JailSpec, reading: Reading, positions: Mapping[str, Position | None]) -> None:
    """Write down that a jail reads from now on: from where, and how it counts."""
    if reading.backend in _USES:
        uses, initiated = _USES[reading.backend]
        log.info("jail", f"Jail '{spec.name}' uses {uses} {{}}")
        log.info("jail", f"Initiated '{initiated}' backend")
    log.info("filter", f"  maxRetry: {spec.maxretry}")
    log.info("filter", f"  findtime: {whole(spec.findtime)}")
    log.info("actions", f"  banTime: {whole(spec.bantime)}")
    for path, position in positions.items():
        offset, first = (position.offset, position.first) if position else (0, "")
        log.info("filter", f"Added logfile: '{path}' (pos = {offset}, hash = {first})")
    log.info("jail", f"Jail '{spec.name}' started")


def ends(log: Log, name: str, paths: Iterable[str]) -> None:
    """Write down that a jail reads no more."""
    for path in paths:
        log.info("filter", f"Removed logfile: '{path}'")
    log.info("jail", f"Jail '{name}' stopped")
