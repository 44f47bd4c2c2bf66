"""The whole of f2b against real services: who attacks is refused, whoever else comes is served. Packets decide."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.live.net import ATTACKER, BYSTANDER, GUARDED, Host
from tests.live.service import Service, nginx, running, sshd, until, webapp

F2B = [sys.executable, "-c", "from f2b.cli.main import main; main()"]
Start = Callable[[Host, Host, str, Path], AbstractContextManager[Service]]

MAXRETRY = 3

# On top of the jails, filters and actions that f2b brings along.
JAIL_LOCAL = """
[{jail}]
enabled = true
filter = {jail}
port = {port}
logpath = {log}
maxretry = {maxretry}
findtime = 1m
bantime = {bantime}
"""
WEBAPP_FILTER = """
[Definition]
failregex = ^.* - IP: <HOST> - User-Agent:.*$
"""


class Server:
    """f2b on the guarded host."""

    def __init__(self, guarded: Host, home: Path) -> None:
        self.socket = home / "f2b.sock"
        self._guarded = guarded

    def ask(self, *words: str) -> str:
        return self._guarded.run(*F2B, "-s", str(self.socket), *words)


def configure(service: Service, home: Path, bantime: str) -> None:
    text = JAIL_LOCAL.format(maxretry=MAXRETRY, bantime=bantime, **service._asdict())
    text += "".join(f"[{other}]\nenabled = false\n" for other in ("sshd", "recidive") if other != service.jail)
    (home / "conf" / "jail.local").write_text(text)


@contextmanager
def f2b(guarded: Host, service: Service, home: Path) -> Iterator[Server]:
    """f2b, which guards the service."""
    (home / "conf" / "filter.d").mkdir(parents=True)
    (home / "conf" / "filter.d" / "webapp.conf").write_text(WEBAPP_FILTER)
    configure(service, home, "1h")
    server = Server(guarded, home)
    files: list[str | Path] = [
        "-c",
        home / "conf",
        "-s",
        server.socket,
        "-p",
        home / "f2b.pid",
        "--db",
        home / "f2b.sqlite3",
    ]
    with running(guarded, [*F2B, "serve", *files], home / "f2b.log"):
        until(server.socket.exists)
        yield server


@pytest.mark.parametrize(("start", "family"), [(sshd, 0), (nginx, 1), (webapp, 0)], ids=["sshd", "nginx", "webapp"])
def test_service_when_attacked_then_the_attacker_alone_stays_out_for_the_time(
    start: Start, family: int, guarded: Host, peer: Host, tmp_path: Path
) -> None:
    target, attacker, bystander = GUARDED[family], ATTACKER[family], BYSTANDER[family]
    with start(guarded, peer, target, tmp_path) as service, f2b(guarded, service, tmp_path) as server:

        def refused() -> bool:
            return peer.connects(attacker, target, service.port) == "refused"

        def attack() -> None:
            for _ in range(MAXRETRY):
                service.attack(attacker)

        until(lambda: service.served(attacker))
        assert service.served(bystander)

        service.attack(attacker)
        assert service.served(attacker), "one failure is forgiven"

        attack()
        until(refused)
        assert service.served(bystander)
        assert attacker in server.ask("banned")

        server.ask("unban", attacker)
        assert service.served(attacker)

        if service.jail != "webapp":  # once will do
            return
        configure(service, tmp_path, "5s")
        server.ask("reload")
        attack()
        until(refused)
        assert service.served(bystander)
        until(lambda: not refused())
        assert service.served(attacker)
        assert service.served(bystander)
    assert not server.socket.exists()
