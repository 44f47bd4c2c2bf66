"""The server's own bans as lines, for jails that count those (recidive) and have no log to read them from.

Such a jail gets what its log would say of each ban, so that its filter decides as it does with a log.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from f2b.config.jail import BANS
from f2b.config.model import JailSpec
from f2b.daemon.assemble import build_filter
from f2b.engine import Engine
from f2b.events import Ban, Effect, Line
from f2b.log import Log
from f2b.source.pattern import expand

_FORMS = (
    " fail2ban.actions        [{pid}]: {level:<7} [{jail}] {verb} {id}",
    " host fail2ban.actions[{pid}]: {level} [{jail}] {verb} {id}",
    "host fail2ban-server[{pid}]: fail2ban.actions [{pid}]: {level} [{jail}] {verb} {id}",
)
"""A line of the log without its date, in a file, through syslog and in the journal."""
_PROBE = {"pid": 1, "jail": "probe", "id": "192.0.2.1"}


class Witness:
    """Jails that hear of bans, and in which words."""

    def __init__(self, engine: Engine, log: Log) -> None:
        self._engine = engine
        self._log = log
        self._forms: dict[str, str] = {}

    def __contains__(self, name: str) -> bool:
        return name in self._forms

    def follow(self, spec: JailSpec) -> bool:
        """Let a jail hear of bans if it is meant to, or reads our log and has none; return whether it does."""
        if spec.backend != BANS and not self._misses_log(spec):
            return False
        form = next((form for form in _FORMS if _understands(spec, form)), "")
        if spec.backend != BANS and form:
            where = spec.logpath[0].pattern
            self._log.notice(
                "jail",
                f"[{spec.name}] {where} is not there, and the log is {self._log.target}: bans are counted as made",
            )
        elif not form:
            form = _FORMS[0] if spec.backend == BANS else ""
        if form:
            self._forms[spec.name] = form
        return bool(form)

    def leave(self, name: str) -> None:
        """Let a jail hear no more. Harmless if it does not."""
        self._forms.pop(name, None)

    def hear(self, effects: Sequence[Effect], now: float) -> list[Effect]:
        """Return what follows from bans for those who hear of them, what follows from that, and so on."""
        found: list[Effect] = []
        new = effects if self._forms else ()
        while new:
            bans = [effect for effect in new if isinstance(effect, Ban) and not effect.restored]
            new = [
                effect
                for ban in bans
                for name, form in self._forms.items()
                if name != ban.jail
                for effect in self._engine.entry(name, _line(form, ban.jail, ban.id), now, now, True)
            ]
            found += new
        return found

    def _misses_log(self, spec: JailSpec) -> bool:
        """Whether a jail that reads files has none, and our own log will not become one of them."""
        patterns = [log.pattern for log in spec.logpath]
        if not patterns or spec.backend == "systemd":
            return False
        if any(Path(path).exists() for pattern in patterns for path in expand(pattern)):
            return False
        return not any(fnmatchcase(self._log.target, pattern) for pattern in patterns)


def _line(form: str, jail: str, key: str) -> str:
    return form.format(pid=os.getpid(), level="NOTICE", jail=jail, verb="Ban", id=key)


def _understands(spec: JailSpec, form: str) -> bool:
    """Whether a jail's filter takes this for a ban, and what resembles it for none."""
    return _finds(spec, form, "NOTICE", "Ban") and not _finds(spec, form, "NOTICE", "Unban")


def _finds(spec: JailSpec, form: str, level: str, verb: str) -> bool:
    found, _ = build_filter(spec)
    text = form.format(level=level, verb=verb, **_PROBE)
    failures = found.feed(Line(f"{text}\n", text, 0.0)) if found else ()
    return any(failure.id == _PROBE["id"] for failure in failures)
