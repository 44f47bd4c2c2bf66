"""The server's clients: whole requests in, whole answers out.

Clients share the server's one thread, so none of them may hold it up: nothing here waits. A client that does not
read its answers is not read from either; one that sends garbage is hung up on.
"""

from __future__ import annotations

import os
import resource
import socket
from collections import deque
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NoReturn

from f2b.control import protocol, requests
from f2b.control.guest import refusal
from f2b.control.listener import Listener
from f2b.control.protocol import PIECE, Answer, Closing, Inbox, Malformed, Message, Request, Words
from f2b.daemon.desk import Desk, Finish, Later, Steps
from f2b.errors import ControlError, F2bError
from f2b.log import Log
from f2b.loop import Loop

MAX_CLIENTS = 256
"""When one more comes, whoever was silent longest is hung up on."""
SLICE_S = 0.01
"""Seconds of computing after which a long answer waits for its next turn."""
ROOM = 32 << 20
"""Bytes of half requests and unread answers that all clients together may have here, and one answer more."""
_CHUNK = 65536


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
        self._users = users
        self._listener = Listener(loop, log, Path(path), group, self._welcome, self._drop_oldest)
        self._clients: dict[int, _Client] = {}
        """By descriptor, whoever was silent longest first."""
        self._queue: deque[_Client] = deque()
        """Whose long answers go on."""

    def open(self) -> None:
        """Start to listen. Raises ControlError if the socket cannot be made or another server has it."""
        self._listener.open()

    @staticmethod
    def prepare() -> None:
        """Import what answers to Fail2Ban's words need.

        When the jails are up, for no start needs to wait for it; yet before anybody asks, since the files may be
        another version's by then.
        """
        _answers()

    def close(self, farewells: Iterable[Callable[[], object]] = ()) -> None:
        """Remove the socket if it is still ours, then call `farewells`, which may answer; hang up on everybody."""
        self._listener.close()
        for farewell in farewells:
            farewell()
        for client in list(self._clients.values()):
            self._drop(client)

    def _welcome(self, connection: socket.socket, uid: int) -> None:
        """Take a client in; who is neither root nor this server's user may ask only."""
        if len(self._clients) >= min(MAX_CLIENTS, _descriptors() // 4):
            self._drop_oldest()
        client = _Client(connection, guest=uid not in (0, os.geteuid()))
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
            client.outgoing = self._more(client)
        except Exception as error:  # noqa: BLE001 - as below; half of it is sent, so nothing can be told any more
            self._told(error)
            self._drop(client)
            return
        self._proceed(client)

    def _more(self, client: _Client) -> bytes:
        """Return what a slice of time makes of an answer, or as much as the socket takes."""
        began, made = self._loop.worked(), bytearray()
        for part in client.rest or ():
            made += part
            if len(made) >= PIECE or self._loop.worked() - began >= SLICE_S:
                return bytes(made)
        client.rest = None
        return bytes(made)

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
        if isinstance(found, Generator):
            return self._stepwise(found)
        return found if isinstance(found, Later) else self._answered_request(lambda: found)

    def _stepwise(self, steps: Steps[object]) -> Later:
        """Return the answer that these steps lead to, a slice of time in each turn of the loop."""

        def begin(finish: Finish) -> None:
            began = self._loop.worked()
            try:
                next(steps)
                while self._loop.worked() - began < SLICE_S:
                    next(steps)
            except StopIteration as end:
                found = end.value
                finish(lambda: found)
            except Exception as error:  # noqa: BLE001 - as above
                failure = error
                finish(lambda: _raised(failure))
            else:
                self._loop.after(0, lambda: begin(finish))

        return Later(begin)

    def _answered_request(self, result: Callable[[], object]) -> Answer:
        try:
            return protocol.done(result())
        except Exception as error:  # noqa: BLE001 - as above
            return Answer(protocol.failed(self._told(error)))

    def _answer_words(self, command: Words) -> Answer | Later:
        try:
            found = _answers()(self._desk, command.words)
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


def _raised(error: Exception) -> NoReturn:
    raise error


def _answers() -> Callable[[Desk, Sequence[object]], object]:
    """Return what answers Fail2Ban's words."""
    from f2b.control import words

    return words.answer


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


def _is(uid: int, name: str | None) -> bool:
    """Return whether this is the user of that name; it may come and go, as systemd's dynamic users do."""
    if not name:
        return False
    import pwd  # few servers have such users

    try:
        return pwd.getpwnam(name).pw_uid == uid
    except KeyError:
        return False
