"""The name that the server listens on: made so that nobody else can open it, watched, and who knocks.

The first on a request's way: whoever is let in is handed to `endpoint.py`, with who the kernel says that it is.
"""

from __future__ import annotations

import os
import socket
import stat
import struct
from collections.abc import Callable
from pathlib import Path

from f2b.errors import ControlError
from f2b.log import Log
from f2b.loop import Loop, Timer

LOOK_S = 3.0
"""How often it is looked whether the socket is still there."""
_BACKLOG = 1024
_LONGEST_PATH = 107
"""Bytes of a Unix socket's name (unix(7): sun_path, with its final NUL)."""
_PATIENCE = 2.0
"""Seconds that a server on our socket has for answering before it is taken for a dead one's."""
_CREDENTIALS = struct.Struct("3i")


class Listener:
    """A Unix socket of this server's."""

    def __init__(
        self,
        loop: Loop,
        log: Log,
        path: Path,
        group: str | None,
        welcome: Callable[[socket.socket, int], object],
        crowded: Callable[[], object],
    ) -> None:
        """`welcome` is handed each connection and its user; `crowded` hears that there is no descriptor for one."""
        self._loop = loop
        self._log = log
        self.path = path
        self._group = group
        self._welcome = welcome
        self._crowded = crowded
        self._socket: socket.socket | None = None
        self._identity = (0, 0)
        self._watch: Timer | None = None
        self._told = ""
        """Why the socket could not be made anew, as it was told last."""

    def open(self) -> None:
        """Start to listen. Raises ControlError if the socket cannot be made or another server has it."""
        self._listen()
        self._watch = self._loop.after(LOOK_S, self._look)

    def close(self) -> None:
        """Listen no more, and remove the socket if it is still ours."""
        if self._watch:
            self._watch.cancel()
        if self._socket is None:
            return
        self._hang_up()
        try:
            if _identity(self.path) == self._identity:
                self.path.unlink()
        except FileNotFoundError:
            pass  # somebody was quicker

    def _listen(self) -> None:
        self._socket = listener = _listening(self.path, self._group)
        self._identity = _identity(self.path)
        self._loop.watch(listener.fileno(), self._accept)

    def _hang_up(self) -> None:
        if self._socket:
            self._loop.unwatch(self._socket.fileno())
            self._socket.close()
            self._socket = None

    def _look(self) -> None:
        """Make the socket anew if somebody has removed it: nobody could ever talk to the server again."""
        self._watch = self._loop.after(LOOK_S, self._look)
        if _stands(self.path):
            return  # what stands there now is another server's, perhaps
        if self._socket:
            self._log.warning("control", f"Somebody has removed {self.path}; it is made anew")
        self._hang_up()
        try:
            self._listen()
        except (ControlError, OSError) as error:
            self._tell(f"{error}; it is tried again every {LOOK_S:g} s")
        else:
            self._told = ""

    def _tell(self, why: str) -> None:
        if why != self._told:
            self._told = why
            self._log.error("control", why)

    def _accept(self) -> None:
        assert self._socket is not None
        try:
            connection, _ = self._socket.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors
            self._log.warning("control", f"cannot take a connection: {error}")
            self._crowded()
            return
        connection.setblocking(False)
        uid = _peer(connection)
        if uid in (0, os.geteuid()) or self._group:  # the kernel has seen that he is in the group
            self._welcome(connection, uid)
        else:
            connection.close()


def _peer(connection: socket.socket) -> int:
    """Return who the peer is (SO_PEERCRED, socket(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


def _identity(path: Path) -> tuple[int, int]:
    found = path.lstat()
    return found.st_dev, found.st_ino


def _stands(path: Path) -> bool:
    """Whether anything has this name."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    except OSError:
        pass  # it cannot be told, so there is nothing to be done
    return True


def _listening(path: Path, group: str | None) -> socket.socket:
    """Return a listening socket that nobody else could ever open, in place of one that a dead server left."""
    if len(os.fsencode(path)) > _LONGEST_PATH:
        raise ControlError(f"{path} is too long for a socket (107 bytes); choose a shorter one with -s")
    listener = socket.socket(socket.AF_UNIX)
    try:
        _make_folder(path.parent)
        clear(path)
        mask = os.umask(0o177)
        try:
            listener.bind(str(path))
        finally:
            os.umask(mask)
        if group:
            os.chown(path, -1, _gid(group))
            path.chmod(0o660)
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise ControlError(f"cannot make the socket {path}: {error.strerror}; choose another with -s") from None
    except ControlError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


def _gid(group: str) -> int:
    import grp  # few sockets have a group

    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        cure = f"make it (groupadd --system {group}), or name another"
        raise ControlError(f"socketgroup = {group}: there is no such group; {cure}") from None


def _make_folder(folder: Path) -> None:
    """Make the socket's folder, 0755 whatever the umask; the socket itself keeps people out."""
    if not folder.is_dir():
        folder.mkdir(parents=True)
        folder.chmod(0o755)


def clear(path: Path) -> None:
    """Remove a socket that nobody listens on any more. Raises ControlError if somebody does."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise ControlError(f"{path} is there and is no socket; remove it, or choose another name with -s")
    if _somebody_listens(path):
        raise ControlError(
            f"a server answers on {path} already; stop it first ('f2b -s {path} stop' if it is f2b, "
            "'systemctl stop fail2ban' if it is Fail2Ban), or choose another socket with -s"
        )
    path.unlink()


def _somebody_listens(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(_PATIENCE)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return False
        except OSError:  # a full backlog, say: there is somebody
            return True
    return True
