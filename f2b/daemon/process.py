"""The server as a process: into the background, its pid file, and the signals it obeys."""

from __future__ import annotations

import os
import resource
import signal
from collections.abc import Callable, Mapping
from pathlib import Path

from f2b.loop import Loop
from f2b.planted import refuse_planted

DESCRIPTORS = 16_384
"""Files that the server may have open."""
HARMLESS = (signal.SIGUSR2, signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF, signal.SIGIO)
"""Signals that mean nothing to the server and would end it; ignored ones would be so in its commands, too."""


def into_background() -> None:
    """Go on as a daemon: double fork, own session, in `/`, with no terminal (daemon(7))."""
    if os.fork():
        os._exit(0)
    os.setsid()
    if os.fork():
        os._exit(0)
    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)


def call_process(name: str) -> None:
    """Give the process a name for `ps -o comm` and `pgrep` (prctl(2), PR_SET_NAME: 15 bytes of it count)."""
    Path("/proc/self/comm").write_text(name)


def take_descriptors() -> None:
    """Let this process open as many files as it may, for each log takes one; a kernel that refuses is no error."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for most in (DESCRIPTORS, min(hard, DESCRIPTORS)):
        if most > soft:
            try:
                resource.setrlimit(resource.RLIMIT_NOFILE, (most, max(hard, most)))
            except (OSError, ValueError):
                continue  # root without CAP_SYS_RESOURCE may not go beyond the hard limit
            return


class PidFile:
    """Says which process the server is."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)
        self._text = f"{os.getpid()}\n"

    def write(self) -> None:
        """Write it, and make its folder if that is missing. Raises OSError."""
        self._path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        refuse_planted(str(self._path))
        self._path.write_text(self._text)

    def remove(self) -> None:
        """Remove it if it is still ours."""
        try:
            if self._path.read_text() == self._text:
                self._path.unlink()
        except OSError:
            pass  # gone already, which is what was wanted


class Signals:
    """Turns signals into callbacks of the loop, so that they interrupt nothing halfway."""

    def __init__(self, loop: Loop, handlers: Mapping[signal.Signals, Callable[[], object]]) -> None:
        self._loop = loop
        self._handlers = handlers
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        for number in (*handlers, *HARMLESS):
            signal.signal(number, lambda *_: None)  # the pipe tells; a handler must only be there
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # inherited as ignored, it would hide how our commands end
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)
        loop.watch(self._read, self._arrived)

    def _arrived(self) -> None:
        for number in dict.fromkeys(os.read(self._read, 4096)):
            handler = self._handlers.get(signal.Signals(number))
            if handler:
                handler()

    def close(self) -> None:
        """Obey no more; the default actions come back."""
        signal.set_wakeup_fd(-1)
        for number in self._handlers:
            signal.signal(number, signal.SIG_DFL)
        self._loop.unwatch(self._read)
        os.close(self._read)
        os.close(self._write)
