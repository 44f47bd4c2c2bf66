"""`f2b init` on a Debian host: what it writes bans attackers on each of its services, and nobody else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.live.debian import PORTS, attack, debian
from tests.live.net import BYSTANDER, GUARDED, Host
from tests.live.service import until

F2B = [sys.executable, "-m", "f2b"]


def test_init_when_sshd_nginx_postfix_and_dovecot_run_then_attackers_of_each_are_banned(
    guarded: Host, peer: Host, tmp_path: Path
) -> None:
    target, honest = GUARDED[0], BYSTANDER[0]
    attackers = {name: f"192.0.2.{number}" for number, name in enumerate(PORTS, 81)}
    for address in attackers.values():
        peer.run("ip", "address", "add", f"{address}/24", "dev", "cable")
    with debian(guarded, tmp_path) as host:
        made = host.run(*F2B, "init")
        assert made.returncode == 0, made.stderr
        assert "wrote /etc/f2b/jail.local" in made.stdout
        checked = host.run(*F2B, "check")
        assert checked.returncode == 0, checked.stdout + checked.stderr
        serve = ["ip", "netns", "exec", guarded.name, *host.within, *F2B, "serve"]
        with (tmp_path / "f2b.out").open("wb") as out:
            server = subprocess.Popen(serve, stdout=out, stderr=out)
        until(lambda: host.run(*F2B, "ping").returncode == 0 or server.poll() is not None)
        attack(peer, target, attackers)

        def banned() -> set[str]:
            return {name for name in PORTS if peer.connects(attackers[name], target, PORTS[name]) == "refused"}

        until(lambda: banned() == {*PORTS})
        assert [peer.connects(honest, target, port) for port in PORTS.values()] == ["open"] * 4
        assert host.run(*F2B, "stop").returncode == 0
        assert server.wait(60) == 0
