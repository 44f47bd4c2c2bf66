"""What a rule says: matches that go through a register, and what becomes of the packet. Pure.

Numbers and shapes: Linux `include/uapi/linux/netfilter/nf_tables.h`.
"""

from __future__ import annotations

from f2b.firewall.nft import NAMELESS
from f2b.firewall.wire import attr, nest, text, u8, u32

_REGISTER = 1
_VERDICT_REGISTER = 0
_LAYER_PROTOCOL, _NETWORK_PROTOCOL = 16, 15
_TRACKED_DIRECTION, _TRACKED_PORT, _ORIGINAL = 1, 12, 0
_NETWORK, _TRANSPORT = 1, 2
_DROP = 0

PROTOCOLS = {
    "icmp": 1,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "ipv6-icmp": 58,
    "sctp": 132,
    "udplite": 136,
}


def _expression(name: str, *parts: bytes) -> bytes:
    return nest(1, text(1, name), nest(2, *parts))


def _is(value: bytes) -> bytes:
    return _expression("cmp", u32(1, _REGISTER), u32(2, 0), nest(3, attr(1, value)))


def _payload(base: int, offset: int, length: int) -> bytes:
    return _expression("payload", u32(1, _REGISTER), u32(2, base), u32(3, offset), u32(4, length))


def match_protocol(number_: int) -> list[bytes]:
    """Expressions: the packet is of this transport protocol."""
    return [_expression("meta", u32(2, _LAYER_PROTOCOL), u32(1, _REGISTER)), _is(bytes((number_,)))]


def match_port(ticket: int) -> list[bytes]:
    """Expressions: the destination port is in the nameless set of this ticket."""
    return [_payload(_TRANSPORT, 2, 2), _looked_up(ticket)]


def match_published_port(ticket: int) -> list[bytes]:
    """Expressions: the port that the sender wrote, before any address translation, is in the nameless set."""
    port = _expression("ct", u32(2, _TRACKED_PORT), u32(1, _REGISTER), u8(3, _ORIGINAL))
    return [
        _expression("ct", u32(2, _TRACKED_DIRECTION), u32(1, _REGISTER)),
        _is(bytes((_ORIGINAL,))),
        port,
        _looked_up(ticket),
    ]


def _looked_up(ticket: int) -> bytes:
    return _expression("lookup", text(1, NAMELESS), u32(2, _REGISTER), u32(4, ticket))


def match_source(set_name: str, key_bytes: int, length: int) -> list[bytes]:
    """Expressions: the first `length` bits of the source address are a member of the set."""
    offset, family = (12, 2) if key_bytes == 4 else (8, 10)
    parts = [_expression("meta", u32(2, _NETWORK_PROTOCOL), u32(1, _REGISTER)), _is(bytes((family,)))]
    parts.append(_payload(_NETWORK, offset, key_bytes))
    if length < 8 * key_bytes:
        parts.append(_masked(key_bytes, length))
    return [*parts, _expression("lookup", text(1, set_name), u32(2, _REGISTER))]


def _masked(key_bytes: int, length: int) -> bytes:
    bits = 8 * key_bytes
    mask = ((1 << length) - 1 << bits - length).to_bytes(key_bytes, "big")
    kept, flipped = nest(4, attr(1, mask)), nest(5, attr(1, bytes(key_bytes)))
    return _expression("bitwise", u32(1, _REGISTER), u32(2, _REGISTER), u32(3, key_bytes), kept, flipped)


def drop() -> bytes:
    """Expression: the packet is gone."""
    return _expression("immediate", u32(1, _VERDICT_REGISTER), nest(2, nest(2, u32(1, _DROP))))


RESET = (1, 0)
ICMPX_PORT_UNREACHABLE = (2, 1)
"""Of either family, in `inet` tables only."""


def reject(kind: int, code: int) -> bytes:
    """Expression: the packet is answered; `kind` 0 by ICMP or ICMPv6, 1 by a TCP reset, 2 by either family's ICMP."""
    return _expression("reject", u32(1, kind), u8(2, code))
