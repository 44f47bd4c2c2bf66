"""The socket to the kernel's netfilter: transactions, questions, listings, and news of what others changed.

A transaction is one datagram: the kernel carries out all of it or nothing. One link serves the whole process, so that
a change of our own can be told from a foreign one by the socket that caused it.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Iterator, Sequence

from f2b.errors import ActionError
from f2b.firewall.wire import (
    ACK,
    BATCH_BEGIN,
    BATCH_END,
    DONE,
    DUMP,
    ERROR,
    Message,
    Reply,
    attrs,
    error_code,
    replies,
    string,
    u32,
)

NETLINK_NETFILTER = 12
NFTABLES = 10
"""Netfilter's subsystem."""
NFTABLES_GROUP = 7
"""Multicast: every change of the ruleset."""

# socket(7) and netlink(7): what Python's socket module does not name.
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_SOL_NETLINK, _ADD_MEMBERSHIP, _CAP_ACK, _EXT_ACK = 270, 1, 10, 11

_READ = 1 << 18
_RECEIVE_BUFFER = 1 << 22
_EVENT_BUFFER = 1 << 26
"""News of 100,000 bans at once."""
_ACK_COST = 1024
"""Bytes of receive buffer that the kernel reckons for one short reply, roughly."""
_PATIENCE_S = 10.0
_LAST_SEQUENCE = 1 << 31
_PIPELINE = 500
"""Questions asked in one datagram."""

_NO_RIGHT = "no right to change the firewall (CAP_NET_ADMIN is missing); run as root, or with --dry-run"
_NO_NFTABLES = (
    "the kernel has no nf_tables; load it (modprobe nf_tables), or use banaction = iptables-multiport, or run "
    "with --dry-run"
)


class NetlinkError(ActionError):
    """The kernel refused a message. `errno` says why; nothing of its transaction was done."""

    def __init__(self, number: int, why: str = "") -> None:
        self.errno = number
        self.strerror = why or os.strerror(number)
        super().__init__(f"the kernel refuses: {self.strerror}")


class Netlink:
    """A link to netfilter in the network namespace of whoever makes it. Opened at first use."""

    def __init__(self) -> None:
        self._socket: socket.socket | None = None
        self._sequence = 0
        self.portid = 0
        """What the kernel calls this link; 0 until it is open."""

    def transact(self, messages: Sequence[Message], generation: int | None = None) -> None:
        """Carry out all or nothing; with `generation`, only if the ruleset is still that one (else ERESTART).

        Raises NetlinkError for a message that the kernel refuses, ActionError if it would refuse any.
        """
        begin = Message(BATCH_BEGIN, b"" if generation is None else u32(1, generation), resource=NFTABLES)
        first = self._number()
        data = bytearray(begin.bytes(first, 0))
        for at, message in enumerate(messages, 1):
            data += message.bytes(first + at, ACK)
        data += Message(BATCH_END, resource=NFTABLES).bytes(self._number(len(messages) + 1), 0)
        self._send(data, len(messages))
        refusal = self._outcome(first, len(messages))
        if refusal:
            raise refusal

    def dump(self, message: Message) -> list[bytes]:
        """Return the bodies, without netfilter's header, of everything that `message` lists."""
        sequence = self._number()
        self._send(message.bytes(sequence, DUMP), 0)
        bodies: list[bytes] = []
        while True:
            for reply in self._receive(sequence):
                if reply.type not in (DONE, ERROR):
                    bodies.append(reply.body[4:])
                    continue
                refusal = _refusal(reply)
                if refusal:
                    raise _explained(refusal)
                return bodies

    def ask(self, messages: Sequence[Message]) -> list[bytes | None]:
        """Return what the kernel answers to each, without netfilter's header; None where it knows no such thing."""
        answers: list[bytes | None] = []
        for at in range(0, len(messages), _PIPELINE):
            answers += self._ask(messages[at : at + _PIPELINE], (errno.ENOENT,))
        return answers

    def send(self, messages: Sequence[Message]) -> None:
        """Carry out each by itself: what knows no transactions. Raises NetlinkError for the first that is refused."""
        for at in range(0, len(messages), _PIPELINE):
            self._ask(messages[at : at + _PIPELINE], ())

    def close(self) -> None:
        """Give the descriptor back; a later use opens it again."""
        if self._socket:
            self._socket.close()
            self._socket = None

    def _ask(self, messages: Sequence[Message], forgiven: Sequence[int]) -> list[bytes | None]:
        first = self._number(len(messages))
        frames = (message.bytes(first + at, ACK) for at, message in enumerate(messages))
        self._send(b"".join(frames), 2 * len(messages))
        answers: list[bytes | None] = [None] * len(messages)
        left = len(messages)
        while left:
            for reply in self._receive(first, len(messages)):
                at = reply.sequence - first
                if reply.type != ERROR:
                    answers[at] = reply.body[4:]
                    continue
                left -= 1
                refusal = _refusal(reply)
                if refusal and refusal.errno not in forgiven:
                    raise _explained(refusal)
        return answers

    def _outcome(self, first: int, count: int) -> ActionError | None:
        """Wait for the acknowledgement of each message, or for the refusal of the whole batch."""
        worst: ActionError | None = None
        left = count
        while left:
            for reply in self._receive(first, count + 1):
                if reply.type != ERROR:
                    continue
                refusal = _refusal(reply)
                if reply.sequence == first and refusal:
                    return refusal if refusal.errno == errno.ERESTART else _explained(refusal)
                worst = worst or refusal
                left -= 1
        return worst

    def _number(self, count: int = 1) -> int:
        """Return the first of `count` fresh sequence numbers."""
        if self._sequence > _LAST_SEQUENCE:
            self._sequence = 0
        self._sequence += count
        return self._sequence - count + 1

    def _send(self, data: bytes | bytearray, replies_expected: int) -> None:
        link = self._socket or self._open()
        try:
            if len(data) > 1 << 16:
                link.setsockopt(socket.SOL_SOCKET, _SO_SNDBUFFORCE, 2 * len(data))
            wanted = max(_RECEIVE_BUFFER, replies_expected * _ACK_COST)
            link.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted)
            link.send(data)
        except OSError as refusal:
            raise _explained(refusal) from refusal

    def _receive(self, first: int, count: int = 1) -> Iterator[Reply]:
        """Wait, and return what has come for these sequence numbers; an exchange given up may have left more."""
        if self._socket is None:
            raise ActionError("the link to the kernel was closed")
        try:
            data = self._socket.recv(_READ)
        except OSError as refusal:
            self.close()  # answers may be under way that nobody waits for any more
            raise ActionError(f"the kernel did not answer: {refusal.strerror or refusal}") from refusal
        return (reply for reply in replies(data) if first <= reply.sequence < first + count)

    def _open(self) -> socket.socket:
        link = _connected()
        link.settimeout(_PATIENCE_S)
        # Refusals must not carry our 40 kB of elements back, but the kernel's words if it has any.
        link.setsockopt(_SOL_NETLINK, _CAP_ACK, 1)
        link.setsockopt(_SOL_NETLINK, _EXT_ACK, 1)
        self._socket = link
        self.portid = link.getsockname()[0]
        return link


class Events:
    """A second socket, which hears of every change of the ruleset in this network namespace."""

    def __init__(self) -> None:
        self._socket = _connected()
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _EVENT_BUFFER)
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, NFTABLES_GROUP)
        except OSError as refusal:
            self._socket.close()
            raise _explained(refusal) from refusal
        self._socket.setblocking(False)

    def fileno(self) -> int:
        """Return the descriptor to wait for."""
        return self._socket.fileno()

    def read(self) -> Iterator[Reply]:
        """Yield all that has come; raises OSError (ENOBUFS) if some of it was lost."""
        while True:
            try:
                data = self._socket.recv(_READ)
            except BlockingIOError:
                return
            yield from replies(data)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


def _connected() -> socket.socket:
    try:
        link = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)
        link.bind((0, 0))
    except OSError as refusal:
        raise _explained(refusal) from refusal
    return link


def _refusal(reply: Reply) -> NetlinkError | None:
    """Return what an acknowledgement, or the end of a listing, says against it."""
    code = error_code(reply)
    if not code:
        return None
    # NLMSGERR_ATTR_MSG stands behind the code and the header of the message that is spoken of.
    words = next((string(value) for kind, value in attrs(reply.body, 20) if kind == 1), "")
    return NetlinkError(code, words)


def _explained(refusal: OSError | NetlinkError) -> ActionError:
    """Return the error to raise for a request that the kernel does not take at all, with its cure if we know one."""
    if refusal.errno in (errno.EPERM, errno.EACCES):
        return ActionError(_NO_RIGHT)
    if refusal.errno in (errno.EPROTONOSUPPORT, errno.EAFNOSUPPORT, errno.EOPNOTSUPP, errno.EINVAL):
        return ActionError(_NO_NFTABLES)
    if isinstance(refusal, OSError):
        return ActionError(f"the kernel takes no request: {refusal.strerror or refusal}")
    return refusal
