"""Sessions as utmp(5) has them."""

from __future__ import annotations

import socket
import struct


def entry(kind: int, user: str, address: str, pid: int) -> bytes:
    """Return an entry of utmp(5)."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    raw = socket.inet_pton(family, address).ljust(16, b"\0") if address else b""
    head = struct.pack("=hxxi32s4s32s256s", kind, pid, b"pts/0", b"ts/0", user.encode(), address.encode())
    return head + struct.pack("=hhiii16s20x", 0, 0, 0, 0, 0, raw)
