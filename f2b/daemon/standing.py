"""Errors, and jails that work or no longer do, as events: what no line of a log brings.

Errors are heard from the log. Whether a jail works is looked at when it comes or goes, after each error, and now and
then, for actions find out late that they cannot do their work.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from f2b.daemon.feed import Feed, Told
from f2b.log import Log
from f2b.loop import Loop, Timer

LOOK_S = 5.0
SILENT = "transmitter"
"""Who asked for what failed has heard of it, and nobody else need."""
GONE = "it was stopped"

_WHOSE = re.compile(r"\[(?P<jail>[^]]+)\] (?P<what>.*)|.* jail '(?P<named>[^']+)'.*", re.DOTALL)
_DETAIL = " -- "
"""In what a command printed before it failed; the failure itself is told in a line of its own."""


class Standing:
    """Which jails work."""

    def __init__(self, feed: Feed, failing: Callable[[], Mapping[str, str]], loop: Loop, log: Log) -> None:
        """`failing` returns all jails, with why each does not work; empty if it does."""
        self._feed = feed
        self._failing = failing
        self._loop = loop
        self._known: dict[str, str] = {}
        self._soon = False
        self._timer: Timer | None = None
        log.grave = self._hear

    def start(self) -> None:
        """Look from now on."""
        self._look()
        self._timer = self._loop.after(LOOK_S, self.start)

    def stop(self) -> None:
        """Look no more: what goes down now goes with the server."""
        if self._timer:
            self._timer.cancel()

    def look_soon(self) -> None:
        """Look when the present turn is over."""
        if not self._soon:
            self._soon = True
            self._loop.soon(self._look)

    def _hear(self, part: str, text: str) -> None:
        if part == SILENT or (part == "actions" and _DETAIL in text):
            return
        whose = _WHOSE.fullmatch(text)
        jail = (whose["jail"] or whose["named"]) if whose else ""
        what = (whose["what"] if whose else "") or text
        self._feed.note([Told("error", jail, what)], self._loop.now())
        self.look_soon()

    def _look(self) -> None:
        self._soon = False
        before, self._known = self._known, dict(self._failing())
        told = [Told("down", name, GONE) for name in before if name not in self._known and not before[name]]
        for name, why in self._known.items():
            if bool(why) != bool(before.get(name, not why)):
                told.append(Told("down", name, why) if why else Told("up", name, ""))
        self._feed.note(told, self._loop.now())
