"""This host's own addresses, which `ignoreself` spares."""

from __future__ import annotations

import os
import re
from pathlib import Path

from f2b import net

_LOCAL = re.compile(r"\|-- (\S+)\n\s+/32 host LOCAL")


LOCALHOST = ("127.0.0.1", "::1")


def addresses(proc: Path = Path("/proc/net"), hosts: Path = Path("/etc/hosts")) -> frozenset[str]:
    """Return the addresses of all interfaces, and those that hosts(5) gives this host's name.

    Read from /proc: no process, no library (see proc(5)).
    """
    found = {*LOCALHOST, *_LOCAL.findall(_text(proc / "fib_trie")), *_named(_text(hosts), os.uname().nodename)}
    for line in _text(proc / "if_inet6").splitlines():
        digits = line.partition(" ")[0]
        found.add(net.unpacked(bytes.fromhex(digits)))
    return frozenset(found)


def _named(hosts: str, name: str) -> set[str]:
    """Return what a hosts file calls `name` or `localhost`."""
    lines = (line.partition("#")[0].split() for line in hosts.splitlines())
    found = (net.address(words[0]) for words in lines if {name, "localhost"} & {*words[1:]})
    return {address for address in found if address}


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # no IPv6 in this kernel, or no /proc: then there is nothing to spare
        return ""
