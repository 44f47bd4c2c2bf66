"""iptables' own programs: `iptables-save` reads a table, `iptables-restore` changes it, all or nothing.

Both the nft and the legacy variant do; which one it is, is the host's business.
"""

from __future__ import annotations

import os
import select
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from f2b.errors import ActionError
from f2b.firewall.xtables import Half

LOCK_S = 5
"""How long the legacy variant waits for others to let go of the tables."""
_PATIENCE_S = 20.0
"""How long a program may take altogether."""
_READ = 1 << 20


class Restore:
    """Runs the programs and waits for them. `pids` are those of the last changes: the kernel's news names them."""

    def __init__(self) -> None:
        self.pids: set[int] = set()
        self._seen: dict[tuple[str, str], list[str]] | None = None
        self._waiting: dict[tuple[str, str], list[str]] | None = None
        """Changes of each table that are carried out together, later."""
        self._failed: ActionError | None = None
        self._touched: set[tuple[str, str]] = set()
        """The chains, by their program, that they concern."""

    @contextmanager
    def once(self) -> Iterator[None]:
        """Read each table once at most in what follows, however many jails ask for it."""
        self._seen = {}
        try:
            yield
        finally:
            self._seen = None

    @contextmanager
    def together(self) -> Iterator[None]:
        """Carry out all changes that follow at the end, in one transaction for each table.

        A program takes 5 ms, and a hundred jails would run four each. Raises ActionError if one fails; nothing tells
        whose.
        """
        self._waiting, self._failed = {}, None
        try:
            with self.once():
                yield
            self._carry_out()
        finally:
            self._waiting = None
        if self._failed:
            raise self._failed

    def _carry_out(self) -> None:
        for (program, table), lines in (self._waiting or {}).items():
            try:
                self._change(program, table, lines)
            except ActionError as error:
                self._failed = error
        self._waiting = {}
        self._touched.clear()

    def listing(self, half: Half) -> list[str]:
        """Return the table as iptables-save has it."""
        key = half.program, half.table
        if (half.program, half.chain) in self._touched:  # what waits would change it
            self._carry_out()
            self._seen = {}
        if self._seen is not None and key in self._seen:
            return self._seen[key]
        listing = self._run([f"{half.program}-save", "-t", half.table], "").splitlines()
        if self._seen is not None:
            self._seen[key] = listing
        return listing

    def commit(self, half: Half, lines: Sequence[str]) -> None:
        """Carry out lines of iptables-restore, all or nothing."""
        if lines and self._waiting is not None:
            self._waiting.setdefault((half.program, half.table), []).extend(lines)
            self._touched.add((half.program, half.chain))
        elif lines:
            self._change(half.program, half.table, lines)

    def _change(self, program: str, table: str, lines: Sequence[str]) -> None:
        text = "\n".join([f"*{table}", *lines, "COMMIT", ""])
        self._run([f"{program}-restore", "-n", "-w", str(LOCK_S)], text)

    def _run(self, command: Sequence[str], text: str) -> str:
        """Run a program with `text` as its input; return its output. Files in memory cannot fill up as pipes do."""
        streams = [os.memfd_create("f2b", os.MFD_CLOEXEC) for _ in range(3)]
        try:
            _write(streams[0], text.encode())
            status = self._ended(_spawn(command, streams))
            if status:
                raise ActionError(f"{command[0]}: {_complaint(_read(streams[2])) or f'exit status {status}'}")
            return _read(streams[1])
        except OSError as error:
            raise ActionError(f"{command[0]}: {error.strerror or error}") from error
        finally:
            for stream in streams:
                os.close(stream)

    def _ended(self, pid: int) -> int:
        """Return a program's exit status, once it has ended; one that never does is killed."""
        self.pids.add(pid)
        pidfd = os.pidfd_open(pid)
        try:
            if not select.select([pidfd], [], [], _PATIENCE_S)[0]:
                os.kill(pid, 9)
        finally:
            os.close(pidfd)
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def _spawn(command: Sequence[str], streams: Sequence[int]) -> int:
    actions = [(os.POSIX_SPAWN_DUP2, stream, number) for number, stream in enumerate(streams)]
    return os.posix_spawnp(command[0], list(command), os.environ, file_actions=actions, setsigmask=())


def _write(stream: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(stream, view) :]
    os.lseek(stream, 0, os.SEEK_SET)


def _read(stream: int) -> str:
    os.lseek(stream, 0, os.SEEK_SET)
    parts = []
    while data := os.read(stream, _READ):
        parts.append(data)
    return b"".join(parts).decode("utf-8", "replace")


def _complaint(text: str) -> str:
    """Return what a program complained of, in one line."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("#", "Try "))]
    return "; ".join(lines[:2])
