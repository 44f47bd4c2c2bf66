"""Members of ipset's sets as netlink messages, a thousand each, and back. Pure.

Numbers and shapes: Linux `include/uapi/linux/netfilter/ipset/ip_set.h`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from f2b.firewall.wire import Message, attr, attrs, nest, number, table, text, u8, u32
from f2b.net import BITS, packed, unpacked

LIST, ADD, DEL, TEST = 7, 9, 10, 11
ABSENT = 4103
"""The errno of a set that does not hold who is tested for."""
FULL = 4352
"""The errno of a set that takes no more."""
LONGEST_S = 2_147_483
"""The longest timeout of a member: 24.8 days."""

_SUBSYSTEM = 6 << 8
_PROTOCOL = 6
_BIG_ENDIAN = 0x4000
_PER_MESSAGE = 1000
# Attributes of a message, and of a member.
_VERSION, _SET_NAME, _ALL, _LINE = 1, 2, 8, 9
_IP, _CIDR, _TIMEOUT, _DATA = 1, 3, 6, 7
_IP_BYTES = (4, 16)


def add(name: str, members: Mapping[str, int]) -> list[Message]:
    """Return what puts addresses or networks into a set, each with the seconds that it stays; 0 is for ever.

    Of those who are there, the time is changed.
    """
    return _about(ADD, name, [_member(who, left_s) for who, left_s in members.items()])


def remove(name: str, members: Iterable[str]) -> list[Message]:
    """Return what takes addresses or networks out of a set, as far as they are there."""
    return _about(DEL, name, [_member(who) for who in members])


def test(name: str, who: str) -> Message:
    """Return what asks whether a set holds this very address or network: an error if it does not."""
    return Message(_SUBSYSTEM | TEST, _head(name) + _member(who))


def members(name: str) -> Message:
    """Return what lists a set."""
    return Message(_SUBSYSTEM | LIST, _head(name))


def read_members(body: bytes) -> Iterator[tuple[str, int]]:
    """Yield those whom one message of a listing holds, with the seconds that they stay yet; 0 is for ever.

    Members that are no addresses, of a set of another type, are passed over.
    """
    for _, member in attrs(table(body).get(_ALL, b"")):
        parts = table(member)
        packed_ip = next((value for _, value in attrs(parts.get(_IP, b""))), b"")
        if len(packed_ip) not in _IP_BYTES:
            continue
        address = unpacked(packed_ip)
        length = number(parts.get(_CIDR), 255)
        full = length == 255 or length == BITS[6 if ":" in address else 4]
        yield address if full else f"{address}/{length}", number(parts.get(_TIMEOUT))


def _about(command: int, name: str, parts: Sequence[bytes]) -> list[Message]:
    head = _head(name) + u32(_LINE, 0)
    chunks = (parts[at : at + _PER_MESSAGE] for at in range(0, len(parts), _PER_MESSAGE))
    return [Message(_SUBSYSTEM | command, head + nest(_ALL, *chunk)) for chunk in chunks]


def _head(name: str) -> bytes:
    return u8(_VERSION, _PROTOCOL) + text(_SET_NAME, name)


def _member(who: str, left_s: int | None = None) -> bytes:
    address, _, length = who.partition("/")
    key = packed(address)
    assert key is not None, who
    parts = [nest(_IP, attr((1 if len(key) == 4 else 2) | _BIG_ENDIAN, key))]
    if length:
        parts.append(attr(_CIDR, bytes((int(length),))))
    if left_s is not None:
        parts.append(u32(_TIMEOUT | _BIG_ENDIAN, left_s))
    # The kernel wants to know for each at which line of its input it stood.
    return nest(_DATA, *parts, u32(_LINE | _BIG_ENDIAN, 0))
