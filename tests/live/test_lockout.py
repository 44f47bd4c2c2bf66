"""Who is logged in as an administrator is not locked out, whatever stands in the logs; and he can still do it."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.live.net import ATTACKER, BYSTANDER, GUARDED, Host
from tests.live.service import running, sshd, until

ROOT = Path(__file__).parents[2]
F2B = [sys.executable, "-m", "f2b"]
JAIL = """
[sshd]
logpath = {log}
maxretry = 2
[recidive]
enabled = false
"""


def test_gateway_when_it_fails_then_it_is_not_banned(guarded: Host, peer: Host, tmp_path: Path) -> None:
    guarded.run("ip", "route", "add", "default", "via", BYSTANDER[0])
    log = tmp_path / "auth.log"
    log.touch()
    (tmp_path / "jail.local").write_text(JAIL.format(log=log))
    sock = tmp_path / "sock"
    command = [*F2B, "-s", str(sock), "serve", "-c", str(tmp_path), "-p", str(tmp_path / "pid")]
    with running(guarded, [*command, "--db", str(tmp_path / "db")], tmp_path / "f2b.log"):
        until(sock.exists, 60)
        for address in (BYSTANDER[0], ATTACKER[0]):
            stamp = time.strftime("%b %e %H:%M:%S")
            with log.open("a") as out:
                out.write(f"{stamp} host sshd[7]: Failed password for root from {address} port 40000 ssh2\n" * 2)
        until(lambda: f"Ban {ATTACKER[0]}" in (tmp_path / "f2b.log").read_text(), 60)
        said = (tmp_path / "f2b.log").read_text()
        assert f"{BYSTANDER[0]} fails, but is not banned: it is the default gateway" in said


def test_administrator_when_he_is_logged_in_then_he_is_not_locked_out(
    guarded: Host, peer: Host, tmp_path: Path
) -> None:
    target, mine, other = GUARDED[0], ATTACKER[0], BYSTANDER[0]
    with sshd(guarded, peer, target, tmp_path) as service:
        until(lambda: service.served(mine), 60)
        (tmp_path / "conf").mkdir()
        (tmp_path / "conf" / "jail.local").write_text(JAIL.format(log=service.log))
        sock = tmp_path / "sock"
        f2b = [*F2B, "-s", str(sock)]
        files = ["-c", str(tmp_path / "conf"), "-p", str(tmp_path / "pid"), "--db", str(tmp_path / "db")]
        serve = [*service.within, *f2b, "serve", *files]
        assert service.stay is not None
        with running(guarded, serve, tmp_path / "f2b.log"), service.stay(mine) as session:
            until(sock.exists, 60)

            def type_(line: str) -> None:
                assert session.stdin is not None
                session.stdin.write(f"{line}\n".encode())
                session.stdin.flush()

            def answered(text: str) -> bool:
                return text in (tmp_path / "session").read_text()

            for _ in range(3):
                service.attack(mine)
                service.attack(other)
            until(lambda: peer.connects(other, target, 22) == "refused", 60)
            said = (tmp_path / "f2b.log").read_text()
            assert f"[sshd] {mine} fails, but is not banned: root is logged in from it" in said
            type_(f"cd {ROOT}; {' '.join(f2b)} ban {mine}; echo exit $?")
            until(lambda: answered("exit 1"), 60)
            assert answered("root is logged in from it; --force bans all the same")
            assert peer.connects(mine, target, 22) == "open"
            type_("echo still $((6 * 7))")
            until(lambda: answered("still 42"), 60)
            guarded.run(*f2b, "ban", "--force", mine)
            until(lambda: peer.connects(mine, target, 22) != "open", 60)
            guarded.run(*f2b, "unban", mine)
            session.kill()
