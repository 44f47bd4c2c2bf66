"""Filters that match nothing although their logs grow: told once, with what the lines look like instead.

A service that was updated may word its log otherwise from one day to the next; its jail then protects nothing, and
looks well. Nothing is counted for this while lines are read: now and then it is looked at how far the logs have come
and when the jail found something last. The sample of lines is read from the disk when there is something to tell.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from f2b.daemon.intake import Intake
from f2b.duration import human
from f2b.engine import Engine, line_reader
from f2b.errors import StoreError
from f2b.jail import Jail
from f2b.log import Log
from f2b.loop import Loop, Timer
from f2b.named import NamedTuple
from f2b.runaway import Runaway
from f2b.store import Store

LOOK_S = 600.0
"""How often it is looked, or four times within the shortest `deadafter`."""
NOTE = "silence"
"""Under this name the database notes since when a jail has found nothing, and whether that was told."""
SAMPLE = 64 << 10
"""Bytes at the end of a log whose lines are the sample."""
FILES = 3
FORMS = 3
"""So many of the most frequent forms are told."""
SHOWN = 120
"""Characters of each."""


class State(NamedTuple):
    """One jail."""

    since: float
    """When it found something last, or was first looked at."""
    mark: object
    """How far its logs were read at the last look."""
    grown: bool
    """Whether they have grown since."""
    told: str
    """What was told of it; empty if nothing was."""


class Silence:
    """All jails."""

    def __init__(self, engine: Engine, intake: Intake, store: Store, loop: Loop, log: Log) -> None:
        self._engine = engine
        self._intake = intake
        self._store = store
        self._loop = loop
        self._log = log
        self._states: dict[str, State] = {}
        self._timer: Timer | None = None

    @property
    def troubles(self) -> list[str]:
        """What is so now, in sentences for people."""
        return [state.told for name, state in self._states.items() if state.told and name in self._engine.jails]

    def start(self) -> None:
        """Begin to look."""
        self._look()

    def stop(self) -> None:
        """Look no more."""
        if self._timer:
            self._timer.cancel()

    def _look(self) -> None:
        now = self._loop.now()
        jails = [jail for jail in self._engine.jails.values() if jail.spec.deadafter > 0]
        self._states = {jail.name: self._state(jail, now) for jail in jails}
        shortest = min((jail.spec.deadafter for jail in jails), default=LOOK_S)
        self._timer = self._loop.after(min(LOOK_S, shortest / 4), self._look)

    def _state(self, jail: Jail, now: float) -> State:
        state = self._states.get(jail.name) or self._noted(jail.name, now)
        mark = self._intake.mark(jail.name)
        state = state._replace(mark=mark, grown=state.grown or (state.mark is not None and mark != state.mark))
        latest = jail.trace.latest
        if latest is not None and latest > state.since:
            if state.told:
                self._log.notice("filter", f"[{jail.name}] its filter matches again")
            state = State(latest, mark, False, "")
            self._note(jail.name, state)
        elif not state.told and state.grown and now - state.since >= jail.spec.deadafter:
            state = state._replace(told=self._words(jail, now - state.since))
            self._log.warning("filter", state.told)
            self._note(jail.name, state)
        return state

    def _noted(self, name: str, now: float) -> State:
        try:
            since, _, told = self._store.noted(name, NOTE).partition(" ")
            found = State(float(since), None, False, told)
        except (StoreError, ValueError):
            found = State(now, None, False, "")
            self._note(name, found)
        return found

    def _note(self, name: str, state: State) -> None:
        try:
            self._store.note(name, NOTE, f"{state.since:.0f} {state.told}")
        except StoreError:
            return  # told by who writes what matters more; it is found out again

    def _words(self, jail: Jail, seconds: float) -> str:
        files = self._intake.view(jail.name).files
        logs = ", ".join(files[:FILES]) or "the journal"
        what = f"[{jail.name}] its filter has matched nothing for {human(round(seconds) or 1)}, though {logs} grows"
        found = list(_forms(jail, files))
        like = f"; most lines look like {'; '.join(found)}" if found else ""
        cure = f"f2b draft {files[0]}" if files else "f2b explain --line"
        return f"{what}{like}. If that should match: {cure}; if all is well: deadafter = 0"


def _forms(jail: Jail, files: tuple[str, ...]) -> Iterator[str]:
    """Yield what the last lines of some logs look like, the most frequent first."""
    from f2b.filter.form import forms  # few servers ever need it

    for form in forms(text for path in files[:FILES] for text in _sample(jail, path))[:FORMS]:
        shown = str(form).strip()
        yield f"{shown[:SHOWN]!r} ({form.lines})"


def _sample(jail: Jail, path: str) -> Iterator[str]:
    reader = line_reader(jail.spec)
    try:
        with Path(path).open("rb") as file:
            start = max(0, file.seek(0, 2) - SAMPLE)
            file.seek(start)
            data = file.read(SAMPLE)
    except OSError:
        return
    for text in list(reader.texts(data))[1 if start else 0 :]:
        try:
            cut = reader.line(text, Loop.now()).text.strip()
        except Runaway:
            continue
        if cut:
            yield cut
