"""How jails come and go, in the words of Fail2Ban's log: people's scripts read what a jail follows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
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
    moves(log, (), positions)
    log.info("jail", f"Jail '{spec.name}' started")


def moves(log: Log, before: Collection[str], positions: Mapping[str, Position | None]) -> None:
    """Write down which logs a jail reads no more, and which it reads from now on, and from where."""
    for path in before:
        if path not in positions:
            log.info("filter", f"Removed logfile: '{path}'")
    for path, position in positions.items():
        if path not in before:
            offset, first = (position.offset, position.first) if position else (0, "")
            log.info("filter", f"Added logfile: '{path}' (pos = {offset}, hash = {first or _first(path)})")


def tuned(log: Log, old: JailSpec, new: JailSpec) -> None:
    """Write down how a jail counts and bans by now that it was told to by hand."""
    known = _counts(old)
    for part, text in _counts(new):
        if (part, text) not in known:
            log.info(part, text)


def goes_on(log: Log, spec: JailSpec) -> None:
    """Write down that a reload lets a jail go on, and how it counts from now."""
    log.info("server", f"Reload jail '{spec.name}'")
    _settings(log, spec)
    log.info("server", f"Jail '{spec.name}' reloaded")


def ends(log: Log, name: str, lifted: Iterable[Ban]) -> None:
    """Write down that a jail is no more, and whom that lets in."""
    for ban in lifted:
        log.notice("actions", f"[{name}] Unban {ban.id}")
    log.info("jail", f"Jail '{name}' stopped")


def _settings(log: Log, spec: JailSpec) -> None:
    for part, text in _counts(spec):
        log.info(part, text)


def _counts(spec: JailSpec) -> list[tuple[str, str]]:
    """Return what is said of how a jail counts and bans, each with the part of Fail2Ban that would say it."""
    given = spec.filter.maxlines > 1 or "maxlines" in spec.filter.written
    found = [("filter", f"  maxLines: {spec.filter.maxlines}")] if given else []
    found += [("filter", f"  maxRetry: {spec.maxretry}"), ("filter", f"  findtime: {whole(spec.findtime)}")]
    found += [("actions", f"  banTime: {whole(spec.bantime)}")]
    found += [("jail", f"Set banTime.{item} = {value}") for item, value in _growth(spec)]
    return [*found, ("filter", f"  encoding: {spec.logencoding}")] if spec.logencoding != "auto" else found


def _growth(spec: JailSpec) -> Iterator[tuple[str, object]]:
    """Yield which options of growing bans were given, and what."""
    known = {"increment": spec.increment.enabled, "overalljails": spec.increment.overalljails}
    for item in ("increment", "factor", "formula", "multipliers", "maxtime", "rndtime", "overalljails"):
        text = spec.written.get(f"bantime.{item}")
        if text:
            yield item, known.get(item, text.value or None)


def _first(path: str) -> str:
    """Return the hash of the first line of a log that nothing was read of yet."""
    try:
        with Path(path).open("rb") as log:
            line = log.readline(MAX_LINE)
    except OSError:
        return ""
    return fingerprint(line) if line.endswith(b"\n") else ""
