"""Whether a Fail2Ban is at work beside us: two servers in one nftables table take each other's rules away."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

_OURS = re.compile(rb"\bf2b\b")
"""Our own `fail2ban-server` is a script of a few lines that imports f2b."""
_SCRIPT_BYTES = 4096


def fail2ban(proc: Path = Path("/proc")) -> int | None:
    """Return the pid of a running Fail2Ban server in our network namespace, or None."""
    try:
        here = (proc / "self/ns/net").readlink()
    except OSError:
        return None
    for pid in _servers(proc):
        try:
            if (proc / str(pid) / "ns/net").readlink() == here:
                return pid
        except OSError:
            continue  # it has ended, or is not ours to look at
    return None


def _servers(proc: Path) -> Iterator[int]:
    for folder in proc.iterdir():
        if folder.name.isdigit():
            script = _script(folder)
            if script and not _is_ours(folder, script):
                yield int(folder.name)


def _script(folder: Path) -> str:
    """Return the path of `fail2ban-server` if that is what the process runs: as itself, or as Python's script."""
    try:
        words = (folder / "cmdline").read_bytes().split(b"\0")
    except OSError:
        return ""
    return next((os.fsdecode(word) for word in words[:3] if word.rpartition(b"/")[2] == b"fail2ban-server"), "")


def _is_ours(folder: Path, script: str) -> bool:
    # Seen from the process: it may have another root, and its working folder counts for a relative path.
    path = folder / ("root" + script if script.startswith("/") else "cwd/" + script)
    try:
        with path.open("rb") as file:
            return bool(_OURS.search(file.read(_SCRIPT_BYTES)))
    except OSError:
        return False
