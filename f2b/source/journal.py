"""Following the journal through a `journalctl` process, which is started again whenever it ends."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Callable, Sequence

from f2b.loop import Loop, Timer
from f2b.source.entry import Entry, command, decode

CHUNK = 256 * 1024
"""Bytes taken in one turn of the loop; the rest waits in the pipe, and journalctl with it."""
MAX_ENTRY = 1 << 20
"""Bytes of JSON; a longer entry is left out, so that memory stays bounded."""
QUIET = 2.0
"""Seconds without an entry after which everything written before the start has been seen."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds until journalctl is started again; doubles from the first to the longest."""

OnEntries = Callable[[Sequence[Entry], bool], object]
"""(entries, live): live is False for those written before the start."""


class Journal:
    """Calls `on_entries` for what matches in the journal, after `cursor` or, without one, from the time `since` on.

    `tell` hears once why the journal cannot be read, and "" when it can be again. `extra` are further arguments of
    journalctl (`source.entry.places`).
    """

    def __init__(
        self,
        loop: Loop,
        journalmatch: Sequence[str],
        on_entries: OnEntries,
        tell: Callable[[str], object],
        cursor: str = "",
        since: float = 0.0,
        extra: Sequence[str] = (),
    ) -> None:
        self.trouble = ""
        """Why the journal cannot be read, and the cure; empty if it can."""
        self.overlong = 0
        """Entries left out because they were too long."""
        self._loop = loop
        self._match = journalmatch
        self._on_entries = on_entries
        self._tell = tell
        self._cursor = cursor
        self._since = since
        self._extra = extra
        self._live = False
        self._started = loop.now()
        self._process: subprocess.Popen[bytes] | None = None
        self._rest = b""
        self._skipping = False
        self._heard = False
        """This process gave an entry, so its arguments are good."""
        self._pause = FIRST_PAUSE
        self._restart: Timer | None = None
        self._calm: Timer | None = None
        self._start()

    def close(self) -> None:
        """Follow the journal no longer."""
        for timer in (self._restart, self._calm):
            if timer:
                timer.cancel()
        self._end()

    def _start(self) -> None:
        arguments = command(self._match, self._cursor, self._since, self._extra)
        self._rest, self._skipping, self._heard = b"", False, False
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C at a terminal is for the server alone
            )
        except OSError as error:
            self._fail(f"journalctl cannot be started: {error.strerror}; install systemd, or set backend and logpath")
            return
        self._process = process
        for stream in (process.stdout, process.stderr):
            assert stream
            os.set_blocking(stream.fileno(), False)
        assert process.stdout
        self._loop.watch(process.stdout.fileno(), self._read)
        self._await_calm()

    def _end(self) -> str:
        """End the process; return what it complained of, in one line."""
        process, self._process = self._process, None
        if process is None:
            return ""
        assert process.stdout
        assert process.stderr
        self._loop.unwatch(process.stdout.fileno())
        process.send_signal(signal.SIGKILL)  # it has nothing to clean up; harmless if it has ended
        process.wait()
        said = process.stderr.read(4096) or b""
        process.stdout.close()
        process.stderr.close()
        return said.decode("utf-8", "replace").strip().replace("\n", "; ")

    def _fail(self, trouble: str) -> None:
        if self._cursor and not self._heard:
            self._cursor = ""  # perhaps it is of another journal: go on by time
        if trouble != self.trouble:
            self.trouble = trouble
            self._tell(trouble)
        self._restart = self._loop.after(self._pause, self._start)
        self._pause = min(LONGEST_PAUSE, self._pause * 2)

    def _read(self) -> None:
        assert self._process
        assert self._process.stdout
        try:
            data = os.read(self._process.stdout.fileno(), CHUNK)
        except BlockingIOError:
            return
        if not data:
            said = self._end()
            self._fail(f"journalctl ended{': ' if said else ''}{said}; it is started again")
            return
        entries = [entry for entry in map(decode, self._lines(data)) if entry]
        if entries:
            self._take(entries)
        self._await_calm()

    def _lines(self, data: bytes) -> list[bytes]:
        """Return the whole lines; a last one that is not finished waits, unless it grows too long."""
        *lines, rest = (self._rest + data).split(b"\n")
        if self._skipping and lines:
            self._skipping = False
            del lines[0]
        if len(rest) > MAX_ENTRY or self._skipping:
            self.overlong += not self._skipping
            self._skipping = True
            rest = b""
        self._rest = rest
        return lines

    def _take(self, entries: list[Entry]) -> None:
        self._cursor = entries[-1].cursor
        self._since = max(self._since, entries[-1].time)
        self._heard = True
        self._pause = FIRST_PAUSE
        if self.trouble:
            self.trouble = ""
            self._tell("")
        new = 0 if self._live else _first_since(entries, self._started)
        if new:
            self._on_entries(entries[:new], False)
        if new < len(entries):
            self._live = True
            self._on_entries(entries[new:], True)

    def _await_calm(self) -> None:
        if self._calm:
            self._calm.cancel()
        self._calm = None if self._live else self._loop.after(QUIET, self._become_live)

    def _become_live(self) -> None:
        self._calm = None
        if self._process:
            self._live = True


def _first_since(entries: Sequence[Entry], time: float) -> int:
    """Return the index of the first entry from `time` or later, their number if there is none."""
    return next((index for index, entry in enumerate(entries) if entry.time >= time), len(entries))
