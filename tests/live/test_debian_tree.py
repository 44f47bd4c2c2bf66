"""Debian's configuration as it is, run by our `fail2ban-server`: the ban, its set, the client's tree, the restart."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import wait_for
from tests.live.net import ATTACKER, GUARDED, Host

TREE = "/etc/fail2ban"
EVIL = ATTACKER[0]


class Tree:
    """A copy of Debian's tree with one jail on, and our server on it inside a namespace."""

    def __init__(self, host: Host, folder: Path, path: str) -> None:
        self.host = host
        self.folder = folder
        self.conf = folder / "fail2ban"
        self.log = folder / "auth.log"
        self.log.touch()
        shutil.copytree(TREE, self.conf)
        self.environment = os.environ | {"PATH": path}
        self.database = str(folder / "db")
        (self.conf / "fail2ban.local").write_text(
            f"[Definition]\nlogtarget = {folder}/f2b.log\ndbfile = {self.database}\n"
        )
        self.server: subprocess.Popen[bytes] | None = None

    def jail(self, more: str = "") -> None:
        (self.conf / "jail.local").write_text(f"[sshd]\nenabled = true\nbackend = auto\nlogpath = {self.log}\n{more}")

    def command(self, program: str, *words: str) -> list[str]:
        start = [sys.executable, "-c", f"from f2b.cli.{program} import main; main()"]
        where = ["-c", str(self.conf), "-s", f"{self.folder}/sock", "-p", f"{self.folder}/pid"]
        return ["ip", "netns", "exec", self.host.name, *start, *where, *words]

    def start(self) -> None:
        self.server = subprocess.Popen(self.command("compat_server", "-xf", "start"), env=self.environment)
        wait_for(lambda: self.client("ping").returncode == 0)

    def end(self) -> None:
        if self.server:
            self.server.terminate()
            assert self.server.wait(timeout=60) == 0
            self.server = None

    def client(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = self.command("compat_client", *words)
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, env=self.environment)

    def attack(self) -> None:
        stamp = time.strftime("%b %d %H:%M:%S")
        with self.log.open("a") as out:
            for number in range(5):
                out.write(f"{stamp} host sshd[{number}]: Failed password for root from {EVIL} port 4711 ssh2\n")

    def members(self) -> str:
        listing = ["nft", "list", "set", "inet", "f2b-table", "addr-set-sshd"]
        command = ["ip", "netns", "exec", self.host.name, *listing]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


@pytest.fixture
def bare_path(tmp_path: Path) -> str:
    """Programs without iptables: Debian's default action needs it, and a fresh Debian 12 has none."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for place in os.environ["PATH"].split(os.pathsep):
        for program in Path(place).glob("*") if Path(place).is_dir() else ():
            if "tables" not in program.name and not (folder / program.name).exists():
                (folder / program.name).symlink_to(program)
    return str(folder)


@pytest.fixture
def tree(guarded: Host, tmp_path: Path, bare_path: str) -> Iterator[Tree]:
    made = Tree(guarded, tmp_path, bare_path)
    try:
        yield made
    finally:
        if made.server:
            made.server.kill()
            made.server.wait()


STATUS = """\
Status for the jail: sshd
|- Filter
|  |- Currently failed:\t0
|  |- Total failed:\t{failed}
|  `- File list:\t{log}
`- Actions
   |- Currently banned:\t1
   |- Total banned:\t1
   `- Banned IP list:\t{evil}
"""


@pytest.mark.parametrize("action", ["", "banaction = nftables-multiport\n", "banaction = nftables\n"])
def test_debians_tree_when_attacked_then_bans_and_again_after_a_restart(tree: Tree, peer: Host, action: str) -> None:
    tree.jail(action)
    tree.start()
    with tree.host.listen(22):
        assert peer.connects(EVIL, GUARDED[0], 22) == "open"
        tree.attack()
        wait_for(lambda: EVIL in tree.members())
        assert peer.connects(EVIL, GUARDED[0], 22) == "refused"
        assert tree.client("status", "sshd").stdout == STATUS.format(failed=5, log=tree.log, evil=EVIL)
        tree.end()
        assert peer.connects(EVIL, GUARDED[0], 22) == "refused"  # no gap while the server is down
        tree.start()
        assert EVIL in tree.members()
        assert tree.client("status", "sshd").stdout == STATUS.format(failed=0, log=tree.log, evil=EVIL)
        assert tree.client("set", "sshd", "unbanip", EVIL).stdout == "1\n"
        wait_for(lambda: peer.connects(EVIL, GUARDED[0], 22) == "open")
        assert tree.client("stop").stdout == "Shutdown successful\n"
        assert tree.server is not None
        assert tree.server.wait(timeout=60) == 0
    assert tree.members() == ""
