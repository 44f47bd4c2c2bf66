"""How jails come and go, in the words of Fail2Ban's log: people's scripts read what a jail follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from f2b.config.model import JailSpec
from f2b.daemon.cohort import Reading
from f2b.events import Ban
from f2b.log import Log
from f2b.source.handle import MAX_LINE
from f2b.source.position import Position, fingerprint
from f2b.store.row import whole

_USES = {"inotify": ("pyinotify", "pyinotify"), "polling": ("poller", "polling"), "systemd": ("systemd", "systemd")}
"""Fail2Ban's two words for what reads the logs."""


def begins(log: Log, spec: JailSpec, reading: Reading, positions: Mapping[str, Position | None]) -> None:
    """Write down that a jail reads from now on: from where, and how it counts."""
    if reading.backend in _USES:
        uses, initiated = _USES[reading.backend]
        log.info("jail", f"Jail '{spec.name}' uses {uses} {{}}")
        log.info("jail", f"Initiated '{initiated}' backend")
    _settings(log, spec)
    for path, position in positions.items():
        offset, first = (position.offset, position.first) if position else (0, "")
        log.info("filter", f"Added logfile: '{path}' (pos = {offset}, hash = {first or _first(path)})")
    log.info("jail", f"Jail '{spec.name}' started")


def goes_on(log: Log, spec: JailSpec) -> None:
    """Write down that a reload lets a jail go on, and how it counts from now."""
    log.info("server", f"Reload jail '{spec.name}'")
    _settings(log, spec)
    log.info("server", f"Jail '{spec.name}' reloaded")


def ends(log: Log, name: str, paths: Iterable[str], lifted: Iterable[Ban]) -> None:
    """Write down that a jail reads no more, and whom that lets in."""
    for path in paths:
        log.info("filter", f"Removed logfile: '{path}'")
    for ban in lifted:
        log.notice("actions", f"[{name}] Unban {ban.id}")
    log.info("jail", f"Jail '{name}' stopped")


def _settings(log: Log, spec: JailSpec) -> None:
    if spec.filter.maxlines > 1:
        log.info("filter", f"  maxLines: {spec.filter.maxlines}")
    log.info("filter", f"  maxRetry: {spec.maxretry}")
    log.info("filter", f"  findtime: {whole(spec.findtime)}")
    log.info("actions", f"  banTime: {whole(spec.bantime)}")
    if spec.logencoding != "auto":
        log.info("filter", f"  encoding: {spec.logencoding}")


def _first(path: str) -> str:
    """Return the hash of the first line of a log that nothing was read of yet."""
    try:
        with Path(path).open("rb") as log:
            line = log.readline(MAX_LINE)
    except OSError:
        return ""
    return fingerprint(line) if line.endswith(b"\n") else ""
