"""The life of f2b on a fresh Debian: installed, under attack, upgraded under attack, removed, purged.

`python -m tests.packaging.smoke dist` takes what `script/package` has built through it: the Debian package and the
zipapp. A host attacks over the network and in the log, and each step is judged from outside: who gets a connection,
what the kernel holds, which files are there.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from tests.live.net import ATTACKER, BYSTANDER, GUARDED, Host, two_hosts
from tests.live.service import until
from tests.packaging.guest import BASE, Guest, guest

PORT = 22
MAXRETRY = 5
CONFIGURATION = "/etc/"
"""Where all that lies which may be left after a removal."""
NAMES = ("f2b", "fail2ban-client", "fail2ban-server", "fail2ban-regex")

SYSTEMCTL = """#!/bin/sh
echo "$*" >>/run/asked
case $* in *is-enabled*) echo enabled ;; *is-active*) exit 3 ;; esac
"""
"""Stands in for systemd, which cannot be had here: notes what it was asked."""


class Way(Protocol):
    """A way of having f2b."""

    def install(self) -> None:
        """Install it, and have it run."""
        ...

    def upgrade(self) -> None:
        """Put a later version in its place, while it runs."""
        ...

    def remove(self) -> None:
        """Take it away."""
        ...

    def purge(self) -> None:
        """Take its configuration away, too."""
        ...


class Package:
    """As Debian's package."""

    def __init__(self, machine: Guest, dist: Path, build: Path) -> None:
        self._guest = machine
        (self._first,) = dist.glob("*.deb")
        (wheel,) = dist.glob("*.whl")
        later = shutil.copy(wheel, build / "f2b-99.0-py3-none-any.whl")
        subprocess.run(["packaging/debian/build", later, build], check=True)
        (self._later,) = build.glob("*.deb")

    def install(self) -> None:
        """By dpkg; its dependencies are there."""
        self._dpkg("--install", self._first)
        units = self._guest.path("/etc/systemd/system")
        for link in (units / "multi-user.target.wants/f2b.service", units / "fail2ban.service"):
            assert str(link.readlink()) == "/lib/systemd/system/f2b.service"

    def upgrade(self) -> None:
        """By dpkg."""
        self._dpkg("--install", self._later)
        assert "99.0" in self._guest.run("dpkg-query", "-W", "f2b")

    def remove(self) -> None:
        """By dpkg, after the server was stopped in the way that keeps bans in the kernel."""
        self._guest.run("service", "f2b", "stop")
        self._dpkg("--remove")

    def purge(self) -> None:
        """By dpkg."""
        self._dpkg("--purge")

    def _dpkg(self, verb: str, file: Path | None = None) -> None:
        if file:
            shutil.copy(file, self._guest.path("/root/f2b.deb"))
        said = self._guest.run("dpkg", verb, "/root/f2b.deb" if file else "f2b")
        assert "warning" not in said.lower(), said


class OneFile:
    """As a zipapp, on a Python that has nothing else."""

    def __init__(self, machine: Guest, dist: Path) -> None:
        self._guest = machine
        self._file = dist / "f2b.pyz"
        machine.run("dpkg", "--remove", "python3-click")

    def install(self) -> None:
        """Copy it, link Fail2Ban's names to it, start it."""
        shutil.copy(self._file, self._guest.path("/usr/local/bin/f2b"))
        for name in NAMES[1:]:
            self._guest.path(f"/usr/local/bin/{name}").symlink_to("f2b")
        self._guest.run("fail2ban-client", "start")

    def upgrade(self) -> None:
        """Put another file in its place, and start anew."""
        shutil.copy(self._file, self._guest.path("/usr/local/bin/f2b.new"))
        self._guest.run("mv", "/usr/local/bin/f2b.new", "/usr/local/bin/f2b")
        self._guest.run("f2b", "stop", "--keep")
        self._guest.run("fail2ban-client", "start")

    def remove(self) -> None:
        """Stop it, and take away what it has made."""
        self._guest.run("f2b", "stop")
        self._guest.run("rm", "-r", "/var/lib/f2b", "/var/log/f2b.log")
        self._guest.run("rm", *(f"/usr/local/bin/{name}" for name in NAMES))

    def purge(self) -> None:
        """There is no configuration."""


class Attack:
    """New attackers in the log, and a banned one at the door, until it is over."""

    def __init__(self, machine: Guest, peer: Host) -> None:
        self._guest = machine
        self._peer = peer
        self._over = threading.Event()
        self._threads = [threading.Thread(target=work) for work in (self._fail, self._knock)]
        self.attackers: list[str] = []
        """Who has failed so often that a ban is due."""
        self.answers: list[str] = []
        """What the banned one got."""

    def __enter__(self) -> Attack:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join(60)

    def _fail(self) -> None:
        while not self._over.wait(0.02):
            number = len(self.attackers)
            address = f"198.18.{number >> 8}.{number & 255}"
            fail(self._guest, address)
            self.attackers.append(address)

    def _knock(self) -> None:
        while not self._over.wait(0.02):
            self.answers += [self._peer.connects(source, target, PORT) for source, target in pairs(ATTACKER)]


def pairs(sources: tuple[str, str]) -> list[tuple[str, str]]:
    """Return (source, target) of a connection in each family."""
    return list(zip(sources, GUARDED, strict=True))


def fail(machine: Guest, address: str) -> None:
    """Write into the machine's log what sshd says of somebody who fails as often as he may."""
    stamp, session = (
        time.strftime("%b %d %H:%M:%S", time.gmtime()),
        int(address.replace(".", "").replace(":", ""), 16),
    )
    line = f"{stamp} host sshd[{session}]: Invalid user admin from {address} port 4242\n"
    with machine.path("/var/log/auth.log").open("a") as log:
        log.write(line * MAXRETRY)


def banned(machine: Guest) -> dict[str, int]:
    """Return who is banned, and for how many failures."""
    return {ban["id"]: ban["failures"] for ban in json.loads(machine.run("f2b", "banned", "--json"))["bans"]}


def live(way: Way, machine: Guest, guarded: Host, peer: Host) -> None:
    """Take f2b through its life."""

    def answers(sources: tuple[str, str]) -> list[str]:
        return [peer.connects(source, target, PORT) for source, target in pairs(sources)]

    before = machine.files()
    way.install()
    assert answers(ATTACKER) == ["open", "open"]
    for address in ATTACKER:
        fail(machine, address)
    until(lambda: answers(ATTACKER) == ["refused", "refused"])
    assert answers(BYSTANDER) == ["open", "open"]
    say("banned, by either family")

    with Attack(machine, peer) as attack:
        until(lambda: len(attack.attackers) > 20)
        way.upgrade()
        upgraded = len(attack.attackers)
        until(lambda: len(attack.attackers) > upgraded + 20)
    wanted = dict.fromkeys((*ATTACKER, *attack.attackers), MAXRETRY)
    until(lambda: banned(machine).keys() >= wanted.keys())
    assert banned(machine) == wanted, "each for its own lines, none lost and none read twice"
    assert set(attack.answers) == {"refused"}
    say(f"upgraded: {len(attack.attackers)} attackers banned meanwhile, {len(attack.answers)} knocks refused")

    way.remove()
    assert guarded.run("nft", "list", "ruleset") == ""
    assert answers(ATTACKER) == ["open", "open"]
    left = {path for path in machine.files() - before if not path.startswith(CONFIGURATION)}
    assert not left, f"left after removal: {left}"
    say("removed: nothing in the kernel, no file but configuration")

    way.purge()
    left = machine.files() - before
    assert not left, f"left after purge: {left}"
    assert before <= machine.files()
    assert "f2b" not in machine.run("ps", "-eo", "args"), "a process is left"
    say("purged: nothing is left")


def succeed(machine: Guest, guarded: Host, peer: Host, package: Path) -> None:
    """Install the package where Debian's Fail2Ban runs: it goes, its configuration and its bans stay in force."""

    def answer() -> str:
        return peer.connects(ATTACKER[0], GUARDED[0], PORT)

    for name, file in (("fail2ban", debian("fail2ban")), ("f2b", package)):
        shutil.copy(file, machine.path(f"/root/{name}.deb"))
    machine.run("dpkg", "--install", "/root/fail2ban.deb")
    machine.path("/etc/fail2ban/jail.local").write_text("[DEFAULT]\nbanaction = nftables\n[sshd]\nport = 22\n")
    machine.run("service", "fail2ban", "restart")
    machine.run("fail2ban-client", "set", "sshd", "banip", ATTACKER[0])
    until(lambda: answer() == "refused")

    said = machine.run("dpkg", "--install", "/root/f2b.deb")
    assert "will remove fail2ban in favour of f2b" in said, said
    assert machine.run("f2b", "ping").startswith("pong from f2b")
    assert list(banned(machine)) == [ATTACKER[0]]
    assert answer() == "refused"
    alias = machine.path("/etc/systemd/system/fail2ban.service")
    assert str(alias.readlink()) == "/lib/systemd/system/f2b.service"
    say("installed in place of Fail2Ban, whose configuration and bans stay in force")

    machine.run("dpkg", "--purge", "f2b")
    assert guarded.run("nft", "list", "ruleset") == ""
    assert not alias.is_symlink()
    assert machine.path("/etc/fail2ban/jail.local").is_file()
    machine.run("dpkg", "--install", "/root/fail2ban.deb")
    machine.run("service", "fail2ban", "restart")
    until(lambda: ATTACKER[0] in machine.run("fail2ban-client", "status", "sshd", ok=False))
    say("and back")


def supervise(machine: Guest, package: Path) -> None:
    """Install where systemd is process 1, as far as scripts can see: they leave starting and stopping to it."""
    shutil.copy(package, machine.path("/root/f2b.deb"))
    machine.run("mkdir", "-p", "/run/systemd/system")
    program = machine.path("/usr/bin/systemctl")
    program.write_text(SYSTEMCTL)
    program.chmod(0o755)

    def asked(*command: str) -> str:
        machine.run("dpkg", *command)
        return machine.run("mv", "-f", "/run/asked", "/run/asked.before") + machine.run("cat", "/run/asked.before")

    assert "start f2b.service" in asked("--install", "/root/f2b.deb")
    assert "restart f2b.service" in asked("--install", "/root/f2b.deb")
    assert re.search(r"^stop .*f2b\.service", asked("--remove", "f2b"), re.MULTILINE)
    assert "daemon-reload" in asked("--purge", "f2b")
    say("started, restarted and stopped by systemd")


def debian(name: str) -> Path:
    """Return the file of one of Debian's packages, which is kept."""
    folder = BASE.parent
    if not list(folder.glob(f"{name}_*.deb")):
        subprocess.run(["apt-get", "-qq", "download", name], cwd=folder, check=True, stderr=subprocess.DEVNULL)
    return max(folder.glob(f"{name}_*.deb"))


def say(text: str) -> None:
    """Tell how far it is."""
    sys.stdout.write(f"  {text}\n")
    sys.stdout.flush()


def on_a_guest(name: str, play: Callable[[Guest, Host, Host], None]) -> None:
    """Play on a fresh machine with a service at its door."""
    sys.stdout.write(f"{name}\n")
    with two_hosts() as (guarded, peer), guest(guarded) as machine, guarded.listen(PORT):
        play(machine, guarded, peer)


def main(dist: Path) -> None:
    """All of it."""
    build = dist / "later"
    build.mkdir(exist_ok=True)
    try:
        on_a_guest(
            "the Debian package",
            lambda machine, guarded, peer: live(Package(machine, dist, build), machine, guarded, peer),
        )
        (package,) = dist.glob("*.deb")
        on_a_guest("beside Fail2Ban", lambda machine, guarded, peer: succeed(machine, guarded, peer, package))
        on_a_guest("under systemd", lambda machine, guarded, peer: supervise(machine, package))
        on_a_guest("the zipapp", lambda machine, guarded, peer: live(OneFile(machine, dist), machine, guarded, peer))
    finally:
        shutil.rmtree(build)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
