"""What there is on this host: the programs that run, the firewall, the journal, and from where it is looked after."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from f2b import net
from f2b.config.search import Machine
from f2b.daemon.session import sessions
from f2b.named import NamedTuple

PROC = Path("/proc")
UFW = Path("/etc/ufw/ufw.conf")
SHOREWALL = Path("/var/lib/shorewall/state")
SOCKETS = Path("/etc/systemd/system/sockets.target.wants")
"""Services that systemd starts when somebody comes: sshd on Ubuntu, say."""
FAIL2BAN = Path("/etc/fail2ban")


class Surroundings(NamedTuple):
    """This host."""

    programs: frozenset[str]
    """By the names of their processes, cut to 15 characters as the kernel does."""
    journal: bool
    firewall: str
    """Whose rules are in force beside ours: ufw, firewalld, shorewall; empty if nobody's."""
    fail2ban: bool
    """It has a configuration here."""
    admin: str
    """The address from which whoever asks is logged in; empty if he sits before it."""


def look(environ: Mapping[str, str] = os.environ, proc: Path = PROC, sockets: Path = SOCKETS) -> Surroundings:
    """Return what there is."""
    programs = frozenset({*_programs(proc), *_awaited(sockets)})
    return Surroundings(programs, Machine().journal(), _firewall(programs), FAIL2BAN.is_dir(), _admin(environ))


def _programs(proc: Path) -> set[str]:
    found = set()
    for path in proc.glob("[0-9]*/comm"):
        try:
            found.add(path.read_text().strip())
        except OSError:  # it has just ended
            continue
    return found


def _awaited(sockets: Path) -> set[str]:
    """Return the programs for which systemd listens."""
    names = {path.stem for path in sockets.glob("*.socket")}
    return {"sshd" if name == "ssh" else name for name in names}


def _firewall(programs: frozenset[str]) -> str:
    if "firewalld" in programs:
        return "firewalld"
    for name, file, word in (("ufw", UFW, "ENABLED=yes"), ("shorewall", SHOREWALL, "Started")):
        try:
            if word in file.read_text():
                return name
        except OSError:  # it is not installed
            continue
    return ""


def _admin(environ: Mapping[str, str]) -> str:
    """Return the address of this login: sshd says it, `sudo` may have dropped it, then utmp knows."""
    told = net.address(environ.get("SSH_CONNECTION", "").partition(" ")[0])
    if told:
        return told
    user = environ.get("SUDO_USER") or environ.get("USER") or environ.get("LOGNAME", "")
    return next((session.address for session in sessions() if session.user == user), "")
