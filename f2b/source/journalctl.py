"""The journal read through a `journalctl` process, where libsystemd cannot be used."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Sequence

from f2b.errors import SourceError
from f2b.source.entry import SYSTEM_ONLY, Entry, Place, made, same, terms

FIELDS = (
    "MESSAGE,SYSLOG_IDENTIFIER,SYSLOG_PID,_PID,_COMM,_HOSTNAME,_TRANSPORT,"
    "_SOURCE_REALTIME_TIMESTAMP,_SOURCE_MONOTONIC_TIMESTAMP"
)
CHUNK = 32 * 1024
"""Bytes taken at once; the rest waits in the pipe, and journalctl with it."""
MAX_ENTRY = 1 << 20
"""Bytes of JSON; a longer entry is left out, so that memory stays bounded."""


class Journalctl:
    """A running journalctl, whose entries are read as they come. Raises SourceError where it cannot be started."""

    name = "journalctl"
    ends = False
    """It does not say when everything that was there has been read."""

    def __init__(self, where: Place, journalmatch: Sequence[str], cursor: str = "", since: float = 0.0) -> None:
        self.overlong = 0
        """Entries left out because they were too long."""
        self._cursor = cursor
        """Of the entry that was read before, if it is still there and comes again."""
        self._rest = b""
        self._skipping = False
        try:
            process = subprocess.Popen(
                command(where, journalmatch, cursor, since),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,  # Ctrl-C at a terminal is for the server alone
            )
        except OSError as error:
            cure = "install systemd, or set backend and logpath"
            raise SourceError(f"journalctl cannot be started: {error.strerror}; {cure}") from None
        assert process.stdout
        assert process.stderr
        self.process = process
        self._out, self._complaints = process.stdout, process.stderr
        self.fd = self._out.fileno()
        """Readable when there is more; read again until there is none."""
        for stream in (self._out, self._complaints):
            os.set_blocking(stream.fileno(), False)

    def read(self) -> list[Entry]:
        """Return the next entries, none if there are none yet. Raises SourceError once journalctl has ended."""
        while True:
            try:
                data = os.read(self.fd, CHUNK)
            except BlockingIOError:
                return []
            if not data:
                said = self._said()
                raise SourceError(f"journalctl ended{': ' if said else ''}{said}; it is started again")
            entries = [entry for entry in map(decode, self._lines(data)) if entry]
            if entries and self._cursor:
                entries = entries[same(entries[0].cursor, self._cursor) :]
                self._cursor = ""
            if entries:
                return entries

    def close(self) -> None:
        """End the process."""
        self.process.send_signal(signal.SIGKILL)  # it has nothing to clean up; harmless if it has ended
        self.process.wait()
        self._out.close()
        self._complaints.close()

    def _said(self) -> str:
        """Return what journalctl complained of, in one line; whoever closes its output is about to end."""
        os.set_blocking(self._complaints.fileno(), True)
        said = self._complaints.read(4096) or b""
        return said.decode("utf-8", "replace").strip().replace("\n", "; ")

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


def command(
    where: Place, journalmatch: Sequence[str], cursor: str = "", since: float = 0.0, follow: bool = True
) -> list[str]:
    """Return the journalctl command that reads the journal from `cursor` on or, if there is none, from `since`.

    `follow`: it does not end with the last entry, but waits for more. `--after-cursor` would leave out one entry too
    many where the cursor's own has been vacuumed.
    """
    found = [
        "journalctl",
        *(("--follow", "--no-tail") if follow else ()),
        "--quiet",
        "--all",  # else fields of more than 4096 bytes are null
        "--output=json",
        f"--output-fields={FIELDS}",
        f"--cursor={cursor}" if cursor else f"--since=@{since:.6f}",
    ]
    if where.directory:
        found.append(f"--directory={where.directory}")
    found += [f"--file={path}" for path in where.files]
    if where.namespace:
        found.append(f"--namespace={where.namespace}")
    if where.flags & SYSTEM_ONLY:
        found.append("--system")
    return found + terms(journalmatch)


def decode(line: bytes) -> Entry | None:
    """Return the entry that a line of `journalctl -o json` holds; None if it has no message or is broken.

    A field is text, a list of bytes if it is none, a list of either if it occurs several times, null if it was too
    large (systemd's docs/JOURNAL_EXPORT_FORMATS.md).
    """
    try:
        fields = json.loads(line)
        written, cursor = int(fields["__REALTIME_TIMESTAMP"]), str(fields["__CURSOR"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return made(lambda name: _text(fields.get(name)), written, cursor)


def _text(value: object) -> str | None:
    if isinstance(value, list) and value:
        if all(isinstance(item, int) and 0 <= item < 256 for item in value):
            return bytes(value).decode("utf-8", "replace")
        return _text(value[0])
    return value if isinstance(value, str) else None
