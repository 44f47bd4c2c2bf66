"""From where people are logged in now: utmp, else what systemd-logind knows.

utmp(5) is written by sshd, login and others; hosts without it have logind's files, which sd-login(3) reads too.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

from f2b import net
from f2b.named import NamedTuple

UTMP = Path("/run/utmp")
LOGIND = Path("/run/systemd/sessions")
_ENTRY = struct.Struct("=hxxi32s4s32s256s2hiii16s20x")
"""Of Linux on all machines whose time stays 32 bits there; ut_addr_v6 is the last field."""
_USER_PROCESS = 7
_V4_REST = b"\0" * 12


class Session(NamedTuple):
    """Somebody who is logged in from elsewhere."""

    user: str
    address: str


def stamp(utmp: Path = UTMP, logind: Path = LOGIND) -> tuple[int, int]:
    """Return what changes when sessions begin or end."""
    return _changed(utmp), _changed(logind)


def _changed(path: Path) -> int:
    try:
        return os.stat(path).st_mtime_ns  # noqa: PTH116 - asked for every ban, and Path takes three times as long
    except OSError:
        return 0


def sessions(utmp: Path = UTMP, logind: Path = LOGIND) -> list[Session]:
    """Return all sessions from other hosts. What cannot be read tells of none."""
    return list(dict.fromkeys([*_of_utmp(utmp), *_of_logind(logind)]))


def _of_utmp(path: Path) -> Iterator[Session]:
    try:
        data = path.read_bytes()
    except OSError:
        return
    whole = len(data) // _ENTRY.size * _ENTRY.size
    for fields in _ENTRY.iter_unpack(data[:whole]):
        kind, pid, user, raw = fields[0], fields[1], fields[4], fields[-1]
        if kind == _USER_PROCESS and any(raw) and Path(f"/proc/{pid}").exists():
            packed = raw[:4] if raw[4:] == _V4_REST else raw
            yield Session(user.rstrip(b"\0").decode("utf-8", "replace"), net.address(net.unpacked(packed)) or "")


def _of_logind(folder: Path) -> Iterator[Session]:
    try:
        files = [path for path in folder.iterdir() if path.suffix != ".ref"]
    except OSError:
        return
    for path in files:
        try:
            lines = path.read_text(errors="replace").splitlines()
        except OSError:  # it has just ended
            continue
        told = dict(line.partition("=")[::2] for line in lines)
        address = net.address(told.get("REMOTE_HOST", ""))
        if address and told.get("STATE") != "closing":
            yield Session(told.get("USER_NAME") or told.get("USER", ""), address)
