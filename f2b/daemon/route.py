"""This host's default gateways: without them nobody reaches it. From /proc/net, as proc(5) has it."""

from __future__ import annotations

import sys
from pathlib import Path

from f2b import net

_NOWHERE = "0" * 32
_GATEWAY = 0x2


def gateways(proc: Path = Path("/proc/net")) -> frozenset[str]:
    """Return the addresses of all default gateways."""
    found = set()
    for line in _lines(proc / "route")[1:]:
        words = line.split()
        if len(words) > 7 and words[1] == words[7] == "00000000" and int(words[3], 16) & _GATEWAY:
            found.add(net.unpacked(int(words[2], 16).to_bytes(4, sys.byteorder)))
    for line in _lines(proc / "ipv6_route"):
        words = line.split()
        if words[0] == _NOWHERE and words[1] == "00" and words[4] != _NOWHERE:
            found.add(net.unpacked(bytes.fromhex(words[4])))
    return frozenset(found)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:  # no IPv6 in this kernel, or no /proc
        return []
