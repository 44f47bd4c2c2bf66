"""Writing, rotating, truncating, restarting and reading in any order: each line comes out once."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from f2b.source.tail import Tail


class Generation:
    """One file that bears, or bore, the log's name, as its writer knows it."""

    def __init__(self, path: Path) -> None:
        self.fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self.inode = os.fstat(self.fd).st_ino
        self.lines: list[bytes] = []
        """Those in the file that must come out."""
        self.pending = b""
        self.known = False
        """The reader looked while it bore the name, so that nothing written to it may be lost."""
        self.truncated = False

    def write(self, data: bytes) -> None:
        os.write(self.fd, data)
        self.pending += data
        if data.endswith(b"\n"):
            self.lines.append(self.pending)
            self.pending = b""


class Rotations(RuleBasedStateMachine):
    """A writer, a log rotator and a reader, none of whom knows of the others."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.log = self.folder / "app.log"
        self.number = 0
        self.renamed = 0
        self.generations = [Generation(self.log)]
        self.seen: list[bytes] = []
        self.lost: set[bytes] = set()
        self.tail = Tail(str(self.log))

    def teardown(self) -> None:
        self.restored_names()
        self.drain()
        due = [line for generation in self.generations for line in generation.lines if generation.known]
        missing = set(due) - set(self.seen) - self.lost
        assert not missing
        self.tail.close()
        for generation in self.generations:
            os.close(generation.fd)
        shutil.rmtree(self.folder)

    def restored_names(self) -> None:
        if not self.log.exists():
            self.generations.append(Generation(self.log))

    def drain(self) -> None:
        while self.read(64):
            pass

    def read(self, limit: int) -> bool:
        if self.log.exists():
            self.generations[-1].known = True
        chunk = self.tail.read(limit)
        if chunk is None:
            return False
        assert chunk.data.endswith(b"\n")
        self.seen += chunk.data.splitlines(keepends=True)
        return True

    def write(self, lines: int, back: int = 0) -> None:
        """Write lines of all lengths, perhaps to a file that was renamed meanwhile."""
        for _ in range(lines):
            self.number += 1
            text = b"<%d %s %d>\n" % (self.number, b"x" * (self.number * 7 % 90), self.number)
            self.generations[-1 - min(back, len(self.generations) - 1)].write(text)

    @rule(lines=st.integers(1, 4), back=st.integers(0, 2))
    def write_lines(self, lines: int, back: int) -> None:
        self.write(lines, back)

    @rule(back=st.integers(0, 1))
    def write_a_part(self, back: int) -> None:
        """Begin a line, or go on with one."""
        self.number += 1
        self.generations[-1 - min(back, len(self.generations) - 1)].write(b"<%d>" % self.number)

    @rule(limit=st.sampled_from([1, 40, 200, 4096]))
    def read_once(self, limit: int) -> None:
        self.read(limit)

    @rule()
    def read_all(self) -> None:
        self.drain()

    @precondition(lambda self: self.log.exists())
    @rule(before=st.integers(0, 3), after=st.integers(0, 3), create=st.booleans())
    def rename(self, before: int, after: int, create: bool) -> None:
        """Rotate as logrotate does by default; the new file is there at once, or when its writer makes it."""
        self.write(before)
        self.renamed += 1
        for number in range(self.renamed - 1, 0, -1):
            if (self.folder / f"app.log.{number}").exists():
                (self.folder / f"app.log.{number}").rename(self.folder / f"app.log.{number + 1}")
        self.log.rename(self.folder / "app.log.1")
        if create:
            self.generations.append(Generation(self.log))
        self.write(after)

    @precondition(lambda self: not self.log.exists())
    @rule()
    def create(self) -> None:
        self.generations.append(Generation(self.log))

    @precondition(lambda self: self.log.exists())
    @rule(read=st.booleans(), keep=st.booleans(), after=st.integers(0, 5))
    def copytruncate(self, read: bool, keep: bool, after: int) -> None:
        """Rotate by copying; what was not read before is gone."""
        if read:
            self.drain()
        if keep:
            shutil.copy(self.log, self.folder / f"app.copy.{self.number}")
        os.truncate(self.log, 0)
        generation = self.generations[-1]
        self.lost.update(generation.lines)
        generation.truncated = True
        generation.pending = b""
        self.write(after)

    @precondition(lambda self: self.log.exists() and self.seen)
    @rule()
    def replace_by_a_copy(self) -> None:
        """As rsync does: the same content, and soon more, under a new inode."""
        self.drain()
        generation = self.generations[-1]
        if not (self.tail.position and self.tail.position.offset and self.tail.position.inode == generation.inode):
            return
        shutil.copy(self.log, self.folder / "app.tmp")
        (self.folder / "app.tmp").rename(self.log)
        os.close(generation.fd)
        generation.fd = os.open(self.log, os.O_WRONLY | os.O_APPEND)
        generation.inode = os.fstat(generation.fd).st_ino
        self.read(1)  # else it might be gone again before the reader looks

    @precondition(lambda self: self.tail.position is not None)
    @rule()
    def restart(self) -> None:
        """Go on from the saved position alone: what is written late to older files is lost, the rest is not.

        The file that was being read is found again under another name, unless it was truncated before it was renamed.
        """
        self.tail.close()
        position = self.tail.position
        assert position
        for generation in self.generations:
            if generation.inode != position.inode or not position.offset or generation.truncated:
                generation.known = False
        self.tail = Tail(str(self.log), position)

    @invariant()
    def each_line_comes_out_once(self) -> None:
        assert len(set(self.seen)) == len(self.seen)


Rotations.TestCase.settings = settings(
    stateful_step_count=30, max_examples=2 * settings().max_examples, suppress_health_check=list(HealthCheck)
)
TestRotations = Rotations.TestCase
