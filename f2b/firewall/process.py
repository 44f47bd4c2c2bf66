"""Runs one command beside the server: nobody waits for it, and nothing it does can hold the server up.

It gets a session of its own, an input that never blocks, and a pipe for its output that is always read and of which
only the beginning is kept. The end is seen through a pidfd, not through the pipe: a child left in the background may
hold that open.
"""

from __future__ import annotations

import errno
import os
import signal
from collections.abc import Callable

from f2b.firewall.shell import Command, Program, Result
from f2b.loop import Loop, Timer

KEPT_OUTPUT = 16_384
"""Bytes of output that are kept, from the first on."""
CHUNK = 65_536
"""Bytes a pipe holds, and what is read at a time."""
FLOOD_PAUSE = 0.02
"""Seconds between readings once enough is kept: a flood then costs us next to nothing."""
GRACE = 0.2
"""Seconds between SIGTERM and SIGKILL, and then until we stop waiting; Fail2Ban's number."""
PASSING = (errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE)
"""No process or no descriptor is left: another one will be."""
AGAIN = 0.5
"""Seconds until a command is begun with once more that could not be for such a reason."""
PATIENCE = 120.0
"""And so many until that is given up."""
CANNOT_RUN = 126
"""The status of a command that could not even be started, as shells use it."""
STATUS_LOST = "its exit status is lost, because the server was started with SIGCHLD ignored"
IGNORED_BY_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)
"""What a shell's children expect to die of."""


class Process:
    """One running command. `done` is called from the loop, once, with what came of it."""

    def __init__(
        self, loop: Loop, command: Command | Program, timeout: float, done: Callable[[Result], object]
    ) -> None:
        self._loop = loop
        self._done: Callable[[Result], object] | None = done
        self._output = bytearray()
        self._timed_out = False
        self._pipe = self._pid = self._pidfd = -1
        self._timer: Timer | None = None
        self._begin(command, timeout, PATIENCE)

    def _begin(self, command: Command | Program, timeout: float, patience: float) -> None:
        self._timer = None
        try:
            self._spawn(command)
        except (OSError, ValueError) as error:
            self._signal(signal.SIGKILL)
            self._close()
            if isinstance(error, OSError) and error.errno in PASSING and patience > 0:
                self._timer = self._loop.after(AGAIN, lambda: self._begin(command, timeout, patience - AGAIN))
            else:
                self._give_up(f"{command.words[0]}: {getattr(error, 'strerror', None) or error}")
            return
        self._loop.watch(self._pipe, self._read)
        self._loop.watch(self._pidfd, self._ended)
        self._timer = self._loop.after(timeout, self._late)

    def kill(self) -> None:
        """End it and its children now."""
        if self._timer:
            self._timer.cancel()
        if self._pid < 0:
            self._give_up("it was never begun")
        self._signal(signal.SIGKILL)

    def _give_up(self, why: str) -> None:
        self._loop.soon(lambda: self._answer(Result(CANNOT_RUN, why)))

    def _spawn(self, command: Command | Program) -> None:
        reading = _input(command)
        try:
            self._run(command, reading)
        finally:
            os.close(reading)
        try:
            self._pidfd = os.pidfd_open(self._pid)
        except ProcessLookupError:  # it has ended, and the kernel reaped it for us: the id may be somebody else's now
            self._pid = -1
            raise ProcessLookupError(STATUS_LOST) from None

    def _run(self, command: Command | Program, reading: int) -> None:
        self._pipe, writing = os.pipe()
        try:
            os.set_blocking(self._pipe, False)
            self._pid = os.posix_spawnp(
                command.words[0],
                [word.encode("utf-8", "surrogateescape") for word in command.words],
                {**os.environ, **command.environ} if isinstance(command, Program) else os.environ,
                file_actions=[
                    (os.POSIX_SPAWN_DUP2, reading, 0),
                    (os.POSIX_SPAWN_DUP2, writing, 1),
                    (os.POSIX_SPAWN_DUP2, writing, 2),
                ],
                setsid=True,
                setsigmask=(),
                setsigdef=IGNORED_BY_PYTHON,
            )
        finally:
            os.close(writing)

    def _read(self) -> bool:
        """Take what the pipe holds; return whether there may be more to keep."""
        try:
            data = os.read(self._pipe, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self._loop.unwatch(self._pipe)
            return False
        self._output += data[: KEPT_OUTPUT - len(self._output)]
        if len(self._output) < KEPT_OUTPUT:
            return True
        self._loop.unwatch(self._pipe)
        self._loop.after(FLOOD_PAUSE, self._resume)
        return False

    def _resume(self) -> None:
        if self._pipe >= 0:
            self._loop.watch(self._pipe, self._read)

    def _late(self) -> None:
        """Its time is over: ask the whole group to end; the leader stays unreaped, so that its id stays ours."""
        self._timed_out = True
        self._loop.unwatch(self._pidfd)
        self._signal(signal.SIGTERM)
        self._timer = self._loop.after(GRACE, self._too_late)

    def _too_late(self) -> None:
        self._signal(signal.SIGKILL)
        self._loop.watch(self._pidfd, self._ended)
        # Who hangs in the kernel does not even die of this; the queue behind it goes on.
        self._timer = self._loop.after(GRACE, lambda: self._answer(Result(-signal.SIGKILL, self._text(), True)))

    def _ended(self) -> None:
        while self._read():
            pass
        try:
            status = os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])
        except ChildProcessError:  # whoever started us has SIGCHLD ignored, and we inherited that
            status = CANNOT_RUN
            self._output += b"\n" + STATUS_LOST.encode()
        self._pid = -1
        if self._timer:
            self._timer.cancel()
        self._close()
        self._answer(Result(status, self._text(), self._timed_out))

    def _answer(self, result: Result) -> None:
        done, self._done = self._done, None
        if done:
            done(result)

    def _text(self) -> str:
        return self._output.decode("utf-8", "replace").strip()

    def _signal(self, number: int) -> None:
        if self._pid < 0:
            return
        try:
            os.killpg(self._pid, number)
        except OSError:
            pass  # all of it has ended, or belongs to another user now: either way we cannot do more

    def _close(self) -> None:
        for fd in (self._pipe, self._pidfd):
            if fd >= 0:
                self._loop.unwatch(fd)
                os.close(fd)
        self._pipe = self._pidfd = -1


def _input(command: Command | Program) -> int:
    """Return what a command can read: a file in memory, so that nobody waits for a command that does not read it."""
    if not isinstance(command, Program):
        return os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    file = os.memfd_create("f2b-event")
    with open(file, "wb", closefd=False) as writing:
        writing.write(command.input.encode("utf-8", "surrogateescape"))
    os.lseek(file, 0, os.SEEK_SET)
    return file
