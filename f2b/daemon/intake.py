"""Where the lines come in: which jail reads which log, from where, and how each source does.

A log that several jails read is followed once, as long as all of them are to read it from the same place; a jail that
comes later (after a reload, say) and must catch up gets followers of its own until the next start.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from f2b.config.jail import BANS
from f2b.config.model import JailSpec
from f2b.daemon.cohort import Cohort, Reading, polls
from f2b.daemon.outlet import Heard, Read
from f2b.daemon.progress import Progress
from f2b.daemon.witness import Witness
from f2b.engine import Engine, date_key
from f2b.errors import StoreError
from f2b.events import Effect
from f2b.log import Log
from f2b.loop import Loop
from f2b.source.entry import Entry, place
from f2b.source.journal import Journal
from f2b.source.pattern import expand
from f2b.source.position import Position
from f2b.source.tail import Tail
from f2b.source.turn import Turns
from f2b.store import Store

FLAGS = "F2B_SYSTEMD_DEFAULT_FLAGS"
"""Fail2Ban's variable in the environment: `journalflags` of jails that have none."""

Take = Callable[[Sequence[Effect], Sequence[Read | Heard]], object]


class Intake:
    """All sources of all jails."""

    def __init__(self, engine: Engine, store: Store, loop: Loop, log: Log, take: Take) -> None:
        self._engine = engine
        self._store = store
        self._loop = loop
        self._log = log
        self._progress = Progress(loop, take)
        self._turns = Turns(loop)
        self._witness = Witness(engine, log)
        self._cohorts: list[Cohort] = []
        self._journals: dict[str, Journal] = {}

    def follow(self, spec: JailSpec) -> None:
        """Let a jail read its logs, or the journal, from where an earlier server stopped."""
        if self._witness.follow(spec):
            return
        if spec.journal:
            self._follow_journal(spec)
        elif spec.logpath:
            known = self._known(spec)
            cohort = next((each for each in self._cohorts if each.fits(spec, known)), None)
            if cohort is None:
                cohort = Cohort(self._engine, self._loop, self._log, self._progress.note, self._turns, polls(spec))
                self._cohorts.append(cohort)
            cohort.add(spec, known)

    def leave(self, name: str) -> None:
        """Let a jail read no longer."""
        self._progress.save()
        self._witness.leave(name)
        journal = self._journals.pop(name, None)
        if journal:
            journal.close()
        for cohort in [cohort for cohort in self._cohorts if name in cohort.jails]:
            cohort.remove(name)
            if not cohort.jails:
                cohort.close()
                self._cohorts.remove(cohort)

    def close(self) -> None:
        """Read nothing any more."""
        for name in [*self._journals, *(name for cohort in self._cohorts for name in cohort.jails)]:
            self.leave(name)

    @property
    def behind(self) -> bool:
        """Whether a journal still has entries from before the start."""
        return any(not journal.live and not journal.trouble for journal in self._journals.values())

    def tails(self) -> list[Tail]:
        """Return every log that is followed."""
        return [tail for cohort in self._cohorts for tail in cohort.tails()]

    def positions(self, name: str) -> dict[str, Position | None]:
        """Return how far each log of a jail was read; None if it is still to be begun."""
        return {tail.path: tail.position for tail in self._tails(name)}

    def lag(self, name: str) -> int:
        """Return how many bytes of a jail's logs are written and not read yet; a journal does not tell."""
        return sum(tail.lag for tail in self._tails(name))

    def _tails(self, name: str) -> list[Tail]:
        files = set(self.view(name).files)
        tails = [tail for cohort in self._cohorts if name in cohort.jails for tail in cohort.tails()]
        return [tail for tail in tails if tail.path in files]

    def mark(self, name: str) -> object:
        """Return what changes as a jail's logs, or the journal for it, grow; None while one is still to be begun."""
        if name in self._journals:
            return self._journals[name].cursor or None
        found = self.positions(name)
        return None if None in found.values() else found

    def view(self, name: str) -> Reading:
        """Return how a jail's sources do."""
        for cohort in self._cohorts:
            if name in cohort.jails:
                return cohort.view(name)
        if name in self._journals:
            match = self._engine.jails[name].spec.filter.journalmatch
            return Reading("systemd", (), match, self._journals[name].trouble)
        return Reading(BANS if name in self._witness else "none", (), (), "")

    def hear(self, effects: Sequence[Effect]) -> list[Effect]:
        """Return what follows from bans for the jails that have no log but these."""
        return self._witness.hear(effects, self._loop.now())

    def _known(self, spec: JailSpec) -> dict[str, Position]:
        try:
            paths = [path for log in spec.logpath for path in expand(log.pattern)]
            found = {path: self._store.position(spec.name, path) for path in paths}
        except StoreError as error:
            self._log.error("database", f"[{spec.name}] {error}; its logs are read from findtime ago")
            return {}
        return {path: position for path, position in found.items() if position}

    def _follow_journal(self, spec: JailSpec) -> None:
        name = spec.name

        def on_entries(entries: Sequence[Entry], live: bool) -> None:
            now = self._loop.now()
            effects: list[Effect] = []
            for entry in entries:
                effects += self._engine.entry(name, entry.text, entry.time, now, live)
            self._progress.note(effects, [Heard(name, entries[-1].cursor, entries[-1].time)])

        def tell(trouble: str) -> None:
            if trouble:
                self._log.warning("filter", f"[{name}] {trouble}")
            else:
                self._log.info("filter", f"[{name}] the journal can be read now")

        cursor, since = self._heard(spec)
        self._journals[name] = Journal(
            self._loop,
            spec.filter.journalmatch,
            on_entries,
            tell,
            cursor,
            since,
            place(spec.backend_options, os.environ.get(FLAGS, "")),
            self._turns,
        )

    def _heard(self, spec: JailSpec) -> tuple[str, float]:
        """Return the cursor and the time after which a jail is to read, findtime ago at the earliest."""
        since = self._loop.now() - spec.findtime - self._engine.jails[spec.name].gap_s
        try:
            heard = self._store.journal_time(spec.name) or 0.0
            cursor = self._store.cursor(spec.name)  # there is none if Fail2Ban was the last to read
        except StoreError:
            return "", since
        return (cursor, heard) if heard > since else ("", since)


def reads(spec: JailSpec) -> tuple[object, ...]:
    """Return what decides where a jail's lines come from, and how they are read."""
    return spec.journal, spec.logpath, spec.filter.journalmatch, spec.backend_options, polls(spec), date_key(spec)
