"""Netlink's wire format: messages and attributes, as bytes and back. Pure.

Formats: Linux `include/uapi/linux/netlink.h` and `nfnetlink.h`. Headers are in the host's byte order, the values of
netfilter's attributes in the network's.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from f2b.named import NamedTuple

REQUEST, ACK = 0x1, 0x4
DUMP = 0x300
NONREC = 0x100
"""On a deletion: refuse if something is still inside."""
EXCL, CREATE, APPEND = 0x200, 0x400, 0x800

ERROR, DONE = 2, 3
BATCH_BEGIN, BATCH_END = 0x10, 0x11

HEADER = struct.Struct("=IHHII")
_ATTRIBUTE = struct.Struct("=HH")
_GENERIC = struct.Struct(">BBH")
_CODE = struct.Struct("=i")
_MOST = 2**31 - 1
"""The largest errno that can be asked for its words."""
_NESTED = 0x8000
_KIND = 0x3FFF


class Message(NamedTuple):
    """One request to netfilter: `type` is the subsystem in the high byte, the message in the low one."""

    type: int
    body: bytes = b""
    flags: int = 0
    family: int = 0
    resource: int = 0
    """Of a batch's begin and end: the subsystem that the batch is for."""

    def bytes(self, sequence: int, flags: int) -> bytes:
        """Return it framed, with `flags` beside its own."""
        head = HEADER.pack(20 + len(self.body), self.type, REQUEST | self.flags | flags, sequence, 0)
        return head + _GENERIC.pack(self.family, 0, self.resource) + self.body


class Reply(NamedTuple):
    """One message from the kernel; `body` is all behind netlink's header."""

    type: int
    sequence: int
    portid: int
    """Who caused it: the sender's socket; 0 is the kernel itself."""
    body: bytes


def attr(kind: int, value: bytes) -> bytes:
    """Return one attribute, padded to four bytes."""
    return _ATTRIBUTE.pack(len(value) + 4, kind) + value + b"\0" * (-len(value) & 3)


def nest(kind: int, *parts: bytes) -> bytes:
    """Return an attribute made of attributes."""
    return attr(kind | _NESTED, b"".join(parts))


def text(kind: int, value: str) -> bytes:
    """Return a string attribute."""
    return attr(kind, value.encode() + b"\0")


def u8(kind: int, value: int) -> bytes:
    """Return an attribute of one byte."""
    return attr(kind, bytes((value,)))


def u32(kind: int, value: int) -> bytes:
    """Return an attribute of 32 bits; negative numbers in two's complement."""
    return attr(kind, (value & 0xFFFFFFFF).to_bytes(4, "big"))


def u64(kind: int, value: int) -> bytes:
    """Return an attribute of 64 bits."""
    return attr(kind, value.to_bytes(8, "big"))


def attrs(data: bytes, offset: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield the attributes in `data` from `offset` on; what is cut off or malformed ends it."""
    while offset + 4 <= len(data):
        length, kind = _ATTRIBUTE.unpack_from(data, offset)
        if length < 4:
            return
        yield kind & _KIND, data[offset + 4 : offset + length]
        offset += length + 3 & ~3


def table(data: bytes, offset: int = 0) -> dict[int, bytes]:
    """Return the attributes by kind; of several of a kind, the last."""
    return dict(attrs(data, offset))


def number(value: bytes | None, missing: int = 0) -> int:
    """Return an unsigned attribute's value."""
    return missing if value is None else int.from_bytes(value, "big")


def string(value: bytes | None) -> str:
    """Return a string attribute's value, empty if there is none."""
    return (value or b"").rstrip(b"\0").decode("utf-8", "replace")


def replies(data: bytes) -> Iterator[Reply]:
    """Yield the messages of one datagram from the kernel."""
    offset = 0
    while offset + HEADER.size <= len(data):
        length, kind, _, sequence, portid = HEADER.unpack_from(data, offset)
        if length < HEADER.size:
            return
        yield Reply(kind, sequence, portid, data[offset + HEADER.size : offset + length])
        offset += length + 3 & ~3


def error_code(reply: Reply) -> int:
    """Return the errno in an acknowledgement, or at the end of a listing; 0 is success."""
    code: int = _CODE.unpack_from(reply.body)[0] if len(reply.body) >= _CODE.size else 0
    return min(-code, _MOST)
