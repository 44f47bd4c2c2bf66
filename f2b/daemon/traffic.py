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
from f2b.firewall.wire import Message, number, table

HERE = Path("/proc/thread-self/net")
_FILES = {"tcp": PROTOCOLS["tcp"], "tcp6": PROTOCOLS["tcp"], "udp": PROTOCOLS["udp"], "udp6": PROTOCOLS["udp"]}
_ESTABLISHED, _TCP_LISTENS, _UDP_BOUND = "01", "0A", "07"
_CT_GET = 1 << 8 | 1
_FAMILIES = {4: 2, 6: 10}
_ORIGINAL, _REPLY, _DETAILS = 1, 2, 4
_ADDRESSES, _PROTOCOL = 1, 2
_TCP_DETAILS, _TCP_STATE, _CT_ESTABLISHED = 1, 1, 3


def traffic(who: str) -> Traffic:
    """Return what is known of an address."""
    raw = net.packed(who)
    listening = set()
    flows: dict[Flow, None] = {}
    for name, protocol in _FILES.items():
        for local, remote, state in _sockets(name):
            if state in (_TCP_LISTENS, _UDP_BOUND) and not remote[1]:
                listening.add((protocol, local[1]))
            elif raw is not None and remote[0] == raw:
                flows[Flow(protocol, local[1], local[1], False, state == _ESTABLISHED)] = None
    flows.update(dict.fromkeys(_tracked(raw) if raw else ()))
    # Where nobody listens, the connection is one that this host began itself.
    served = (flow for flow in flows if flow.forwarded or (flow.protocol, flow.inner) in listening)
    return Traffic(tuple(served), frozenset(listening))


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


def _tracked(raw: bytes) -> Iterator[Flow]:
    """Yield the tracked connections that this address began; none, where nothing is tracked."""
    family = 4 if len(raw) == 4 else 6
    link = Netlink()
    try:
        bodies = link.dump(Message(_CT_GET, family=_FAMILIES[family]))
    except (OSError, ActionError):
        return
    finally:
        link.close()
    local = {net.packed(address) for address in own.addresses(HERE)}
    for body in bodies:
        if raw in body:
            parts = table(body)
            source, target, protocol, port = _tuple(parts.get(_ORIGINAL, b""), family)
            answering, _, _, inner = _tuple(parts.get(_REPLY, b""), family, source=True)
            tcp = table(table(parts.get(_DETAILS, b"")).get(_TCP_DETAILS, b""))
            standing = number(tcp.get(_TCP_STATE)) == _CT_ESTABLISHED
            if source == raw and target:
                yield Flow(protocol, port, inner, answering not in local, standing)


def _tuple(data: bytes, family: int, source: bool = False) -> tuple[bytes, bytes, int, int]:
    """Return who speaks to whom, by which protocol, and the port of the one who is spoken to, or of the `source`."""
    parts = table(data)
    addresses, protocol = table(parts.get(_ADDRESSES, b"")), table(parts.get(_PROTOCOL, b""))
    first = 1 if family == 4 else 3
    port = number(protocol.get(2 if source else 3))
    return addresses.get(first, b""), addresses.get(first + 1, b""), number(protocol.get(1)), port
