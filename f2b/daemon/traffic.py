"""What the kernel knows of an address's connections, and which ports somebody listens on.

From /proc/net/tcp and its kin (proc(5)) and the connection tracking's list (`nf_conntrack_netlink.h`): read when a
ban seems not to bite, never for a line.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from f2b import net
from f2b.daemon import own
from f2b.daemon.cause import Flow, Traffic
from f2b.errors import ActionError
from f2b.firewall.expression import PROTOCOLS
from f2b.firewall.netlink import Netlink
from f2b.firewall.wire import Message, attr, nest, number, table

HERE = Path("/proc/thread-self/net")
_FILES = {"tcp": PROTOCOLS["tcp"], "tcp6": PROTOCOLS["tcp"], "udp": PROTOCOLS["udp"], "udp6": PROTOCOLS["udp"]}
_ESTABLISHED, _TCP_LISTENS, _UDP_BOUND = "01", "0A", "07"
_CT_GET = 1 << 8 | 1
_FAMILIES = {4: 2, 6: 10}
# Attributes of a connection, and of what is wanted of one.
_ORIGINAL, _REPLY, _DETAILS, _FILTER = 1, 2, 4, 25
_ADDRESSES, _PROTOCOL = 1, 2
_SOURCE = {4: 1, 6: 3}
_ORIGINAL_FLAGS, _REPLY_FLAGS, _BY_SOURCE = 1, 2, 1
_TCP_DETAILS, _TCP_STATE, _CT_ESTABLISHED = 1, 1, 3


def traffic(who: str) -> Traffic:
    """Return what is known of an address, or of all in a network."""
    span = net.span(who)
    listening = set()
    flows: dict[Flow, None] = {}
    for name, protocol in _FILES.items():
        for local, remote, state in _sockets(name):
            if state in (_TCP_LISTENS, _UDP_BOUND) and not remote[1]:
                listening.add((protocol, local[1]))
            elif _within(remote[0], span):
                flows[Flow(protocol, local[1], local[1], False, state == _ESTABLISHED)] = None
    flows.update(dict.fromkeys(_tracked(span) if span else ()))
    # Where nobody listens, the connection is one that this host began itself.
    served = (flow for flow in flows if flow.forwarded or (flow.protocol, flow.inner) in listening)
    return Traffic(tuple(served), frozenset(listening))


Span = tuple[int, int, int]
Peer = tuple[bytes, int]


def _sockets(name: str) -> Iterator[tuple[Peer, Peer, str]]:
    try:
        lines = (HERE / name).read_text().splitlines()[1:]
    except OSError:  # no IPv6 in this kernel
        return
    for line in lines:
        words = line.split(None, 4)
        yield _peer(words[1]), _peer(words[2]), words[3]


def _peer(text: str) -> Peer:
    """Return an address, which stands there in words of the host's byte order, and a port."""
    digits, _, port = text.partition(":")
    words = (int(digits[at : at + 8], 16).to_bytes(4, sys.byteorder) for at in range(0, len(digits), 8))
    raw = b"".join(words)
    return net.packed(net.unpacked(raw)) or raw, int(port, 16)  # as IPv4, what is mapped


def _within(raw: bytes, span: Span | None) -> bool:
    return span is not None and len(raw) * 8 == net.BITS[span[0]] and span[1] <= int.from_bytes(raw, "big") <= span[2]


def _tracked(span: Span) -> Iterator[Flow]:
    """Yield the tracked connections that these began; none, where nothing is tracked."""
    family = span[0]
    link = Netlink()
    try:
        bodies = link.dump(Message(_CT_GET, _wanted(span), family=_FAMILIES[family]))
    except (OSError, ActionError):
        return
    finally:
        link.close()
    local = {net.packed(address) for address in own.addresses(HERE)}
    for body in bodies:
        parts = table(body)
        source, protocol, _, port = _tuple(parts.get(_ORIGINAL, b""), family)
        if _within(source, span):
            answering, _, inner, _ = _tuple(parts.get(_REPLY, b""), family)
            tcp = table(table(parts.get(_DETAILS, b"")).get(_TCP_DETAILS, b""))
            standing = number(tcp.get(_TCP_STATE)) == _CT_ESTABLISHED
            yield Flow(protocol, port, inner, answering not in local, standing)


def _wanted(span: Span) -> bytes:
    """Return what makes the kernel list one address's connections only, out of a million maybe (Linux 5.8)."""
    family, first, last = span
    if first != last:
        return b""
    flags = (_ORIGINAL_FLAGS, _BY_SOURCE), (_REPLY_FLAGS, 0)
    source = attr(_SOURCE[family], first.to_bytes(net.BITS[family] // 8, "big"))
    wanted = (attr(kind, flag.to_bytes(4, sys.byteorder)) for kind, flag in flags)
    return nest(_ORIGINAL, nest(_ADDRESSES, source)) + nest(_FILTER, *wanted)


def _tuple(data: bytes, family: int) -> tuple[bytes, int, int, int]:
    """Return who speaks, by which protocol, from which port, and to which."""
    parts = table(data)
    addresses, protocol = table(parts.get(_ADDRESSES, b"")), table(parts.get(_PROTOCOL, b""))
    which, here, there = (number(protocol.get(kind)) for kind in (1, 2, 3))
    return addresses.get(_SOURCE[family], b""), which, here, there
