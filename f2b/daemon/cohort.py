"""Jails that read the same logs from the same place, and so read them together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from f2b.config.model import JailSpec
from f2b.daemon.outlet import Heard, Read
from f2b.engine import Engine, line_reader
from f2b.events import Effect
from f2b.log import Log
from f2b.loop import Loop
from f2b.named import NamedTuple
from f2b.source.files import Files
from f2b.source.newline import newline
from f2b.source.pattern import expand, means
from f2b.source.position import Position
from f2b.source.tail import Tail
from f2b.source.turn import Turns

Note = Callable[[Sequence[Effect], Sequence[Read | Heard]], object]


class Reading(NamedTuple):
    """How a jail's sources do."""

    backend: str
    files: tuple[str, ...]
    journalmatch: tuple[str, ...]
    waiting: str
    """Why nothing can be read yet; empty if something can."""


class Cohort:
    """Jails whose logs are followed together."""

    def __init__(self, engine: Engine, loop: Loop, log: Log, note: Note, turns: Turns, polling: bool) -> None:
        self.jails: dict[str, JailSpec] = {}
        self._engine = engine
        self._loop = loop
        self._log = log
        self._note = note
        self._polling = polling
        self._known: dict[str, Position] = {}
        self._read: dict[str, list[str]] = {}
        """Which jails read a log, by its path, once something of it was read."""
        self._files = Files(loop, self._on_chunk, self._tell, self._opened, polling, turns=turns)

    def fits(self, spec: JailSpec, known: Mapping[str, Position]) -> bool:
        """Say whether this jail starts where these do, and reads in the same way."""
        if polls(spec) != self._polling:
            return False
        unit = newline(spec.logencoding)
        for other in self.jails.values():
            shared = {log.pattern for log in spec.logpath} & {log.pattern for log in other.logpath}
            if shared and (newline(other.logencoding) != unit or set(other.logpath) != set(spec.logpath)):
                return False
        paths = [path for log in spec.logpath for path in expand(log.pattern)]
        return all(
            path not in self._read and (path not in self._files.tails or self._known.get(path) == known.get(path))
            for path in paths
        )

    def add(self, spec: JailSpec, known: Mapping[str, Position]) -> None:
        """Let a jail that `fits` read along."""
        self.jails[spec.name] = spec
        self._known.update(known)
        for log in spec.logpath:
            self._files.add(log.pattern, log.tail, newline(spec.logencoding), known)

    def remove(self, name: str) -> None:
        """Let a jail read no longer."""
        spec = self.jails.pop(name)
        for path, names in self._read.items():
            if name in names:
                names.remove(name)
                self._engine.leave(path, name, self)
        wanted = {log.pattern for other in self.jails.values() for log in other.logpath}
        for pattern in {log.pattern for log in spec.logpath} - wanted:
            self._files.remove(pattern)

    def close(self) -> None:
        """Read nothing any more."""
        self._files.close()

    def tails(self) -> list[Tail]:
        """Return every log that is followed."""
        return list(self._files.tails.values())

    def view(self, name: str) -> Reading:
        """Return how a jail's logs do."""
        spec = self.jails[name]
        mine = [log.pattern for log in spec.logpath]
        files = tuple(path for pattern in mine for path in self._files.paths(pattern))
        troubles = {
            path: trouble
            for path, trouble in self._files.troubles.items()
            if any(path == pattern or fnmatchcase(path, pattern) for pattern in mine)
        }
        readable = [path for path in files if path not in troubles]
        return Reading(self._files.backend, files, (), "" if readable else "; ".join(troubles.values()))

    def _listeners(self, path: str) -> list[str]:
        """Return the jails that read `path`; they are made known to the engine when its first lines come."""
        names = self._read.get(path)
        if names is None:
            names = self._read[path] = self._meant(path)
            for name in names:
                self._engine.listen(path, name, self)
        return names

    def _meant(self, path: str) -> list[str]:
        return [name for name, spec in self.jails.items() if any(means(log.pattern, path) for log in spec.logpath)]

    def _on_chunk(self, path: str, chunk: bytes, position: Position, live: bool) -> None:
        names = self._listeners(path)
        effects = self._engine.feed(path, chunk, self._loop.now(), live, self)
        self._note(effects, [Read(name, path, position) for name in names])

    def _opened(self, tail: Tail) -> None:
        """Skip what is older than any jail's findtime, by bisection: a log of years costs a few reads."""
        specs = [self.jails[name] for name in self._meant(tail.path)]
        if not specs:
            return
        now = self._loop.now()
        reader = line_reader(specs[0])
        reach = max(spec.findtime + self._engine.jails[spec.name].gap_s for spec in specs)
        tail.seek(now - reach, lambda line: reader.time(line, now))

    def _tell(self, path: str, trouble: str) -> None:
        """A log that cannot be read matters if a jail has no other: `logpath` often names what other systems have."""
        if not path:
            self._log.warning("filter", trouble)
        elif trouble:
            matters = any(self.view(name).waiting for name in self._meant(path))
            self._log.tell("filter", "WARNING" if matters else "INFO", trouble)
        else:
            self._log.info("filter", f"{path} can be read now")


def polls(spec: JailSpec) -> bool:
    """Whether a jail's logs are to be looked at, since the kernel may not tell of changes."""
    return spec.backend == "polling"
