"""The server's own log, in Fail2Ban's format, so that people's scripts and the recidive jail can read it.

    2026-11-21 07:40:11,235 fail2ban.actions        [9421]: NOTICE  [sshd] Ban 192.0.2.1

Written by hand: `logging` costs 13 ms of start and a handler's lock a line, for the same text. Nothing here waits or
raises while lines are written: a full disk or a dead syslog loses lines, never the server.
"""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Callable, Iterable, Iterator, Sequence

from f2b.logform import LEVELS as LEVELS
from f2b.logform import Form, understood
from f2b.planted import refuse_planted

_SEVERITY = {"CRITICAL": 2, "ERROR": 3, "WARNING": 4, "NOTICE": 5, "INFO": 6, "DEBUG": 7}  # syslog(3)
_GRAVE = LEVELS["ERROR"]
_SYSLOG = "/dev/log"
_JOURNAL = "/run/systemd/journal/socket"
_STANDARD = {"STDOUT": 1, "SYSOUT": 1, "STDERR": 2}
_SOCKETS = ("SYSLOG", "SYSTEMD-JOURNAL")
_WORDS = (*_STANDARD, *_SOCKETS)

Write = Callable[[str, str, str], object]
"""(level, part, text)"""


class Log:
    """Writes lines to a file, STDOUT, STDERR, SYSLOG or SYSTEMD-JOURNAL.

    `part` is Fail2Ban's name of who speaks: `actions`, `filter`, ...
    """

    def __init__(
        self, target: str = "STDERR", level: str = "INFO", syslog: str = "auto", otherwise: Sequence[str] = ()
    ) -> None:
        """`syslog` is the socket of SYSLOG; `otherwise` says where to write while the target cannot be opened.

        Raises OSError if nothing can be opened, KeyError for no level.
        """
        self.set_level(level)
        self._syslog = _SYSLOG if syslog == "auto" else syslog
        self._close: Callable[[], object] = lambda: None
        self.grave: Callable[[str, str], object] | None = None
        """Hears of errors and worse, whatever the level: (part, text)."""
        self.trouble = ""
        """Why lines go elsewhere than they should; empty if they do not."""
        try:
            self.open(target)
        except OSError as error:
            self._open_first(otherwise, error)
            self.trouble = f"the log {target} cannot be written: {error.strerror}; it goes to {self.target}"
            self._asked = target

    def _open_first(self, targets: Sequence[str], error: OSError) -> None:
        for target in targets:
            try:
                return self.open(target)
            except OSError:
                continue
        raise error

    def open(self, target: str) -> None:
        """Write to `target` from now on. Raises OSError, and keeps the present one, if that cannot be opened.

        Options in brackets say how lines look: `logform`.
        """
        word = target.partition("[")[0].strip().upper()
        name, form = understood(target, dated=word not in ("SYSOUT", *_SOCKETS), padded=word not in _SOCKETS)
        to_file = word not in _WORDS
        write, close, file = _opened(name if to_file else word, self._syslog, form)
        self._close()
        self.to_file = to_file
        self._write, self._close, self._file = write, close, file
        self.target, self._asked = name, target
        self.trouble = ""

    def change(self, target: str, syslog: str) -> None:
        """Write to `target` from now on, and use this syslog. Raises OSError, and keeps the present ones."""
        before, self._syslog = self._syslog, _SYSLOG if syslog == "auto" else syslog
        try:
            self.open(target)
        except OSError:
            self._syslog = before
            raise

    def reopen(self) -> None:
        """Open a file target by its name again: logrotate may have moved it."""
        self.open(self._asked)

    def mend(self) -> None:
        """Open the target again if it could not be opened before, or if its file was deleted. Never raises."""
        if self.trouble or (self._file is not None and os.fstat(self._file.fd).st_nlink == 0):
            try:
                self.reopen()
            except OSError:
                pass  # `trouble` says so, or the lines go on into the old file

    def close(self) -> None:
        """Give the descriptor back."""
        self._close()

    def set_level(self, level: str) -> None:
        """Hold back everything below `level`: one of LEVELS in any case, or a number. Raises KeyError."""
        self._threshold = int(level) if level.isdecimal() else LEVELS[level.upper()]
        self.level = level.upper()

    def tell(self, part: str, level: str, text: str) -> None:
        """Write one line."""
        number = LEVELS[level]
        if number >= _GRAVE and self.grave:
            self.grave(part, text)
        if number < self._threshold:
            return
        try:
            self._write(level, f"fail2ban.{part}", text)
        except OSError:
            pass  # nobody is left to tell; ban on

    def tell_all(self, part: str, level: str, texts: Sequence[str]) -> None:
        """Write several lines of the same moment; into a file with few calls, for a storm has thousands."""
        number = LEVELS[level]
        if self._file is None or number >= _GRAVE:
            for text in texts:
                self.tell(part, level, text)
        elif number >= self._threshold:
            self._file.write_all(level, f"fail2ban.{part}", texts)

    def critical(self, part: str, text: str) -> None:
        """Something the server cannot do without is gone."""
        self.tell(part, "CRITICAL", text)

    def error(self, part: str, text: str) -> None:
        """Something was not done."""
        self.tell(part, "ERROR", text)

    def warning(self, part: str, text: str) -> None:
        """Something may not be as the administrator thinks."""
        self.tell(part, "WARNING", text)

    def notice(self, part: str, text: str) -> None:
        """A ban, an unban: what the server is there for."""
        self.tell(part, "NOTICE", text)

    def info(self, part: str, text: str) -> None:
        """The ordinary course of things."""
        self.tell(part, "INFO", text)

    def debug(self, part: str, text: str) -> None:
        """For whoever looks into a problem."""
        self.tell(part, "DEBUG", text)


def _opened(target: str, syslog: str, form: Form) -> tuple[Write, Callable[[], object], _File | None]:
    """Return how to write to a target, how to close it, and the file if it is one of ours."""
    if target in _STANDARD:
        return _to_standard(_STANDARD[target], form), lambda: None, None
    if target == "SYSLOG":
        return *_to_socket(syslog, lambda *said: _syslog(form, *said)), None
    if target == "SYSTEMD-JOURNAL":
        return *_to_socket(_JOURNAL, lambda *said: _journal(form, *said)), None
    refuse_planted(target)
    # Only the owner may read what attackers and users typed; a FIFO that nobody reads must not stop the server.
    fd = os.open(target, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY, 0o600)
    file = _File(fd, form)
    return file.write, lambda: os.close(fd), file


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Yield lines as bytes, so many at once as a FIFO takes whole (pipe(7)), but one at least."""
    piece = bytearray()
    for line in lines:
        data = f"{line}\n".encode("utf-8", "backslashreplace")
        if piece and len(piece) + len(data) > select.PIPE_BUF:
            yield bytes(piece)
            piece = bytearray()
        piece += data
    yield bytes(piece)


class _File:
    """Writes to a file of ours. Raises OSError."""

    def __init__(self, fd: int, form: Form) -> None:
        self.fd = fd
        self._form = form
        self._broken = b""

    def write(self, level: str, name: str, text: str) -> None:
        self._put(f"{self._form.line(level, name, text)}\n".encode("utf-8", "backslashreplace"))

    def write_all(self, level: str, name: str, texts: Iterable[str]) -> None:
        """Write several lines; what cannot be written is lost."""
        for data in _pieces(self._form.lines(level, name, texts)):
            try:
                self._put(data)
            except OSError:
                pass  # as in `Log.tell`

    def _put(self, data: bytes) -> None:
        data = self._broken + data
        # If the disk is full, the next line that fits must begin as one.
        self._broken = b"\n" if os.write(self.fd, data) < len(data) else b""


def _to_standard(fd: int, form: Form) -> Write:
    """Write only what is taken at once: others share the descriptor, so it cannot be told not to wait."""
    ready = select.poll()
    ready.register(fd, select.POLLOUT)

    def write(level: str, name: str, text: str) -> None:
        data = f"{form.line(level, name, text)}\n".encode("utf-8", "backslashreplace")
        for begin in range(0, len(data), select.PIPE_BUF):  # a pipe that is ready takes so much (pipe(7))
            if not ready.poll(0):
                return
            os.write(fd, data[begin : begin + select.PIPE_BUF])

    return write


def _to_socket(path: str, form: Callable[[str, str, str], bytes]) -> tuple[Write, Callable[[], object]]:
    sink = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
    sink.setblocking(False)  # a syslog that does not read must not stop the server
    try:
        sink.connect(path)
    except OSError as error:
        sink.close()
        raise OSError(error.errno, error.strerror, path) from None
    return lambda level, name, text: sink.send(form(level, name, text)), sink.close


def _syslog(form: Form, level: str, name: str, text: str) -> bytes:
    priority = form.facility << 3 | _SEVERITY[level]
    return f"<{priority}>{form.line(level, name, text)}\0".encode("utf-8", "backslashreplace")


def _journal(form: Form, level: str, name: str, text: str) -> bytes:
    """Return the journal's native form; the message goes with its length, since it may hold anything."""
    message = (form.line(level, name, text) if form.own else text).encode("utf-8", "backslashreplace")
    head = f"PRIORITY={_SEVERITY[level]}\nSYSLOG_IDENTIFIER=fail2ban\nLOGGER={name}\nMESSAGE\n".encode()
    return head + len(message).to_bytes(8, "little") + message + b"\n"
