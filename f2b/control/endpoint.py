"""The server's end of the control socket: who may connect, and whole requests in, whole answers out.

Clients share the server's one thread, so none of them may hold it up: nothing here waits. A client that does not
read its answers is not read from either; one that sends garbage is hung up on.
"""

from __future__ import annotations

import os
import resource
import socket
import stat
import struct
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from pathlib import Path

from f2b.control import protocol, requests, words
from f2b.control.guest import refusal
from f2b.control.protocol import Answer, Closing, Inbox, Malformed, Message, Request, Words
from f2b.daemon.desk import Desk, Later
from f2b.errors import ControlError, F2bError
from f2b.log import Log
from f2b.loop import Loop, Timer

MAX_CLIENTS = 256
"""When one more comes, whoever was silent longest is hung up on."""
ROOM = 32 << 20
"""Bytes of half requests and unread answers that all clients together may have here, and one answer more."""
LOOK_S = 3.0
"""How often it is looked whether the socket is still there."""
_CHUNK = 65536
_BACKLOG = 1024
_LONGEST_PATH = 107
"""Bytes of a Unix socket's name (unix(7): sun_path, with its final NUL)."""
_PATIENCE = 2.0
"""Seconds that a server on our socket has for answering before it is taken for a dead one's."""
_CREDENTIALS = struct.Struct("3i")


class Endpoint:
    """Listens on a Unix socket and answers its clients by asking the desk."""

    def __init__(
        self,
        loop: Loop,
        desk: Desk,
        log: Log,
        path: str,
        group: str | None = None,
        users: Sequence[tuple[str | None, Collection[str]]] = (),
    ) -> None:
        """Members of `group` may ask, but change nothing; some `users` of these send a few requests besides."""
        self._loop = loop
        self._desk = desk
        self._log = log
        self.path = Path(path)
        self._group = group
        self._users = users
        self._listener: socket.socket | None = None
        self._identity = (0, 0)
        self._watch: Timer | None = None
        self._clients: dict[int, _Client] = {}
        """By descriptor, whoever was silent longest first."""
        self._queue: deque[_Client] = deque()
        """Whose long answers go on."""

    def open(self) -> None:
        """Start to listen. Raises ControlError if the socket cannot be made or another server has it."""
        self._listen()
        self._watch = self._loop.after(LOOK_S, self._look)

    def _listen(self) -> None:
        self._listener = listener = _listening(self.path, self._group)
        self._identity = _identity(self.path)
        self._loop.watch(listener.fileno(), self._accept)

    def _look(self) -> None:
        """Make the socket anew if somebody has removed it: nobody could ever talk to the server again."""
        self._watch = self._loop.after(LOOK_S, self._look)
        if self._listener is None or _stands(self.path):
            return  # what stands there now is another server's, perhaps
        self._log.warning("control", f"Somebody has removed {self.path}; it is made anew")
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        self._listener = None
        try:
            self._listen()
        except (ControlError, OSError) as error:
            self._log.error("control", str(error))

    def close(self, farewells: Iterable[Callable[[], object]] = ()) -> None:
        """Remove the socket if it is still ours, then call `farewells`, which may answer; hang up on everybody."""
        self._leave()
        for farewell in farewells:
            farewell()
        for client in list(self._clients.values()):
            self._drop(client)

    def _leave(self) -> None:
        if self._watch:
            self._watch.cancel()
        if self._listener is None:
            return
        self._loop.unwatch(self._listener.fileno())
        self._listener.close()
        self._listener = None
        try:
            if _identity(self.path) == self._identity:
                self.path.unlink()
        except FileNotFoundError:
            pass  # somebody was quicker

    def _accept(self) -> None:
        assert self._listener is not None
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionAbortedError):
            return
        except OSError as error:  # out of descriptors
            self._log.warning("control", f"cannot take a connection: {error}")
            self._drop_oldest()
            return
        connection.setblocking(False)
        uid = _peer(connection)
        owner = uid in (0, os.geteuid())
        if not owner and not self._group:
            connection.close()
            return
        if len(self._clients) >= min(MAX_CLIENTS, _descriptors() // 4):
            self._drop_oldest()
        client = _Client(connection, guest=not owner)  # the kernel has seen that he is in the group
        if client.guest:
            client.besides = {each for name, requests_ in self._users if _is(uid, name) for each in requests_}
        self._clients[client.fd] = client
        self._await(client)
        self._hear(client)  # most have asked by now, and while a backlog is read each turn of the loop takes a while

    def _drop_oldest(self) -> None:
        for client in self._clients.values():
            self._drop(client)
            return

    def _drop(self, client: _Client) -> None:
        self._clients.pop(client.fd, None)
        self._loop.unwatch(client.fd)
        client.connection.close()

    def _await(self, client: _Client) -> None:
        """Wait for what the client must do next: take its answer, or else ask."""
        if client.outgoing:
            self._loop.watch(client.fd, writable=lambda: self._proceed(client))
        else:
            self._loop.watch(client.fd, readable=lambda: self._hear(client))

    def _hear(self, client: _Client) -> None:
        try:
            data = client.connection.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._drop(client)
            return
        self._clients[client.fd] = self._clients.pop(client.fd)
        client.inbox.feed(data)
        self._weigh(client, len(client.inbox))
        self._proceed(client)

    def _weigh(self, client: _Client, weight: int) -> None:
        """Note what a client takes, and hang up on who takes most beside him until all of them have room."""
        client.weight = weight
        while weight > _CHUNK and sum(each.weight for each in self._clients.values()) > ROOM:
            others = [each for each in self._clients.values() if each is not client]
            heaviest = max(others, key=lambda each: each.weight, default=client)
            if heaviest.weight <= _CHUNK:
                return
            self._log.warning("control", "hung up on a client: too much of it waits to be read or finished")
            self._drop(heaviest)

    def _proceed(self, client: _Client) -> None:
        """Answer whatever is complete, one request at a time, until the client has to read first."""
        while client.send():
            if client.rest:
                self._queue_up(client)
                return
            message = None if client.last else client.inbox.take()
            if message is None:
                break
            answer = self._answer(message, client)
            if isinstance(answer, Later):
                self._defer(client, message, answer)
                return
            self._hand(client, answer)
            client.last = isinstance(message, (Malformed, Closing))
        if not client.outgoing:
            client.weight = len(client.inbox)
        if client.gone or (client.last and not client.outgoing):
            self._drop(client)
        else:
            self._await(client)

    def _hand(self, client: _Client, answer: Answer) -> None:
        client.outgoing, client.rest = answer.first, answer.rest
        self._weigh(client, len(answer.first) + answer.weight + len(client.inbox))

    def _queue_up(self, client: _Client) -> None:
        """Let a long answer go on when it is its turn: one piece for one client in each turn of the loop."""
        self._loop.unwatch(client.fd)
        self._queue.append(client)
        if len(self._queue) == 1:
            self._loop.soon(self._go_on)

    def _go_on(self) -> None:
        client = self._queue.popleft()
        if self._queue:
            self._loop.soon(self._go_on)
        if self._clients.get(client.fd) is not client or client.rest is None:
            return
        try:
            client.outgoing = next(client.rest, b"")
        except Exception as error:  # noqa: BLE001 - as below; half of it is sent, so nothing can be told any more
            self._told(error)
            self._drop(client)
            return
        if not client.outgoing:
            client.rest = None
        self._proceed(client)

    def _defer(self, client: _Client, message: Message, later: Later) -> None:
        """Hear no more of a client until its answer is there; the others go on."""
        self._loop.unwatch(client.fd)

        def finish(result: Callable[[], object]) -> None:
            if self._clients.get(client.fd) is client:
                command = message if isinstance(message, Words) else None
                self._hand(client, self._answered(command, result) if command else self._answered_request(result))
                self._proceed(client)

        self._loop.soon(lambda: later.begin(finish))

    def _answer(self, message: Message, client: _Client) -> Answer | Later:
        refused = refusal(message, client.besides) if client.guest else None
        if refused:
            in_words = isinstance(message, Words) and message.pickled
            return Answer(protocol.failed_words(refused, in_words))
        if isinstance(message, Closing):
            return Answer(b"")
        if isinstance(message, Malformed):
            self._log.warning("control", f"hung up on a client: {message.what}")
            return Answer(message.answer)
        if isinstance(message, Request):
            return self._answer_request(message)
        return self._answer_words(message)

    def _answer_request(self, request: Request) -> Answer | Later:
        try:
            found = requests.answer(self._desk, request.name, request.fields)
        except Exception as error:  # noqa: BLE001 - a mistake of ours in one answer must not end the server
            return Answer(protocol.failed(self._told(error)))
        return found if isinstance(found, Later) else self._answered_request(lambda: found)

    def _answered_request(self, result: Callable[[], object]) -> Answer:
        try:
            return protocol.done(result())
        except Exception as error:  # noqa: BLE001 - as above
            return Answer(protocol.failed(self._told(error)))

    def _answer_words(self, command: Words) -> Answer | Later:
        try:
            found = words.answer(self._desk, command.words)
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(command, error)
        return found if isinstance(found, Later) else self._answered(command, lambda: found)

    def _answered(self, command: Words, result: Callable[[], object]) -> Answer:
        """Return the answer that carries a result, or says why there is none."""
        try:
            return protocol.done_words(result(), command.pickled)
        except Exception as error:  # noqa: BLE001 - as above
            return self._failed(command, error)

    def _failed(self, command: Words, error: Exception) -> Answer:
        self._log.error("transmitter", f"Command {list(command.words)!r:.500} has failed. Received {_named(error)}")
        return Answer(protocol.failed_words(self._told(error), command.pickled))

    def _told(self, error: Exception) -> ControlError:
        """Return what the client is told of an error."""
        if isinstance(error, ControlError):
            return error
        if isinstance(error, F2bError):
            return ControlError(str(error))
        self._log.error("control", f"a request failed by our own mistake: {error!r}")
        return ControlError(f"the server made a mistake: {error!r}; please report it")


class _Client:
    """One connection, what has come over it and what has still to go."""

    def __init__(self, connection: socket.socket, guest: bool) -> None:
        self.connection = connection
        self.guest = guest
        """May ask only."""
        self.besides: Collection[str] = ()
        """The requests that a guest may send, too."""
        self.fd = connection.fileno()
        self.inbox = Inbox()
        self.outgoing: bytes | memoryview = b""
        self.rest: Iterator[bytes] | None = None
        """What of a long answer comes behind it."""
        self.weight = 0
        """Bytes that it takes, so far as they are many."""
        self.last = False
        """Nothing more is heard after the present answer."""
        self.gone = False

    def send(self) -> bool:
        """Send what can be sent without waiting; return whether that was all."""
        while self.outgoing:
            try:
                sent = self.connection.send(self.outgoing, socket.MSG_NOSIGNAL)
            except BlockingIOError:
                return False
            except OSError:
                self.gone = True
                return False
            self.outgoing = memoryview(self.outgoing)[sent:]
        return True


def _descriptors() -> int:
    """Return how many files this process may have open; logs and actions need some, too."""
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def _named(error: Exception) -> str:
    """Return an error as Fail2Ban's log names it: `IndexError('list index out of range')`."""
    if isinstance(error, protocol.WordsError):
        return f"{error.raised.name}({', '.join(map(repr, error.raised.args))})"
    return f"Exception({str(error)!r})"


def _peer(connection: socket.socket) -> int:
    """Return who the peer is (SO_PEERCRED, socket(7))."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    _, uid, _ = _CREDENTIALS.unpack(raw)
    return int(uid)


def _is(uid: int, name: str | None) -> bool:
    """Return whether this is the user of that name; it may come and go, as systemd's dynamic users do."""
    if not name:
        return False
    import pwd  # few servers have such users

    try:
        return pwd.getpwnam(name).pw_uid == uid
    except KeyError:
        return False


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
