"""This host's own addresses, which `ignoreself` spares."""

from __future__ import annotations

import re
from pathlib import Path

from f2b import net

_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


def addresses(proc: Path = Path("/proc/net")) -> frozenset[str]:
    """Return the addresses of all interfaces. Read from /proc: no process, no library (see proc(5))."""
    found = set(_LOCAL.findall(_text(proc / "fib_trie")))
    for line in _text(proc / "if_inet6").splitlines():
        digits = line.partition(" ")[0]
        found.add(net.unpacked(bytes.fromhex(digits)))
    return frozenset(found)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # no IPv6 in this kernel, or no /proc: then there is nothing to spare
        return ""
