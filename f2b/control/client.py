"""The client's end of the control socket. Every command line call and script goes this way: little is imported."""

from __future__ import annotations

import json
import time

# What `socket` is made of: all that a client needs, without the names of 500 constants, which take 5 ms to make.
from _socket import AF_UNIX, socket
from collections.abc import Mapping, Sequence
from contextlib import closing

from f2b.errors import ControlError

NO_SERVER = 3
"""Exit code when no server answers."""
PATIENCE_S = 30.0
"""How long a server may take to answer: ours does at once, a Fail2Ban on the socket never does."""
_CHUNK = 65536
_PAUSE = 0.02


class AnswerError(ControlError):
    """The server answered that a command failed. `kind` and `args` say how, if it was one of Fail2Ban's."""

    def __init__(self, what: str, status: int, kind: str, details: Sequence[object]) -> None:
        super().__init__(what, status)
        self.kind = kind
        self.details = tuple(details)


class NoServerError(ControlError):
    """Nobody answers on the socket; `cause` is the system's reason."""

    def __init__(self, what: str, cause: OSError) -> None:
        super().__init__(what, NO_SERVER)
        self.cause = cause


def request(path: str, name: str, timeout: float | None = PATIENCE_S, **fields: object) -> dict[str, object]:
    """Send one request to the server at `path` and return its result. Raises ControlError.

    `timeout` (seconds) bounds every wait; None is for ever.
    """
    result = _ask(path, {"request": name, **fields}, timeout)
    if not isinstance(result, dict):
        raise ControlError(f"the server on {path} answered {name} with what f2b does not understand", NO_SERVER)
    return result


def words(path: str, command: Sequence[str], timeout: float | None = PATIENCE_S) -> object:
    """Send one of Fail2Ban's commands to the server at `path` and return its result. Raises ControlError."""
    return _ask(path, {"words": list(command)}, timeout)


def _ask(path: str, message: dict[str, object], timeout: float | None) -> object:
    with closing(Connection(path, timeout)) as connection:
        return connection.ask(message)


class Connection:
    """A way to the server at `path`, open until it is closed: for one question after the other."""

    def __init__(self, path: str, timeout: float | None = PATIENCE_S) -> None:
        """`timeout` (seconds) bounds every wait; None is for ever. Raises NoServerError."""
        self._path = path
        self._socket = socket(AF_UNIX)
        self._socket.settimeout(timeout)
        try:
            self._socket.connect(path)
        except OSError as error:
            self._socket.close()
            raise NoServerError(_reason(path, error), error) from None

    def ask(self, message: Mapping[str, object]) -> object:
        """Send one message and return the result. Raises ControlError."""
        try:
            self._socket.sendall(json.dumps(message).encode() + b"\n")
            line = _line(self._socket)
        except OSError as error:
            raise NoServerError(_reason(self._path, error), error) from None
        return _result(self._path, line)

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


def _line(connection: socket) -> bytes:
    pieces = []
    while True:
        piece = connection.recv(_CHUNK)
        pieces.append(piece)
        if not piece or piece.endswith(b"\n"):
            return b"".join(pieces)


def _result(path: str, line: bytes) -> object:
    try:
        answer = json.loads(line)
        if answer["ok"]:
            return answer["result"]
        error = answer["error"]
        raise AnswerError(error["message"], error["status"], error.get("type", ""), error.get("args", ()))
    except (ValueError, KeyError, TypeError):
        what = "hung up without an answer" if not line else "does not speak f2b's protocol; is it Fail2Ban's own?"
        raise ControlError(f"the server on {path} {what}", NO_SERVER) from None


def _reason(path: str, error: OSError) -> str:
    """Say why nobody answers, and what to do about it."""
    if isinstance(error, FileNotFoundError):
        return f"no server: {path} does not exist; start one with 'f2b serve', or name its socket with -s"
    if isinstance(error, PermissionError):
        return f"no access to {path}: permission denied; run this as root"
    if isinstance(error, ConnectionRefusedError):
        return f"no server: {path} is left over from one that is gone; start one with 'f2b serve'"
    if isinstance(error, TimeoutError):
        return f"the server on {path} does not answer in time; if it is Fail2Ban's own, ask it with its own client"
    if isinstance(error, BlockingIOError):
        return f"the server on {path} is too busy to answer; try again"
    return f"no server on {path}: {error.strerror or error}; name its socket with -s"


def wait_gone(path: str, seconds: float) -> bool:
    """Wait until nobody listens at `path` any more, `seconds` at most; return whether that is so."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            with closing(socket(AF_UNIX)) as probe:
                probe.connect(path)
        except OSError:
            return True
        time.sleep(_PAUSE)
    return False


def answers(path: str, timeout: float = 1.0) -> bool:
    """Return whether a server of ours answers at `path` within `timeout` seconds."""
    try:
        request(path, "ping", timeout)
    except ControlError:
        return False
    return True
