"""Rounds with a real firewall: what a round bans stays in the kernel when it has ended."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from tests.daemon.running import Server, fail
from tests.live.net import ATTACKER, Host

SCAN = [sys.executable, "-m", "f2b", "scan", "--once", "--json"]


def ruleset() -> str:
    return subprocess.run(["nft", "list", "ruleset"], capture_output=True, text=True, check=True).stdout


def test_scan_when_a_round_has_banned_then_the_kernel_keeps_it_out_and_the_next_round_leaves_it(
    guarded: Host, tmp_path: Path
) -> None:
    server = Server(tmp_path)
    log = server.jail(maxretry=1, bantime=600, action="nftables[type=allports]")
    where = ["-c", str(tmp_path), "-s", server.socket, "--db", f"{tmp_path}/db", "--logtarget", str(server.log)]
    with guarded:
        for who, bans in ((ATTACKER[0], 1), ("", 0), (ATTACKER[1], 1)):
            if who:
                fail(log, who, 1)
            run = subprocess.run([*SCAN, *where], capture_output=True, text=True, timeout=120, check=False)
            assert run.returncode == 0, run.stderr + server.said()
            assert json.loads(run.stdout)["bans"] == bans
            assert ATTACKER[0] in ruleset()
        assert ATTACKER[1] in ruleset()
