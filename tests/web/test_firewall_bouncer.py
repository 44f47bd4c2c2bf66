"""CrowdSec's own firewall bouncer, as Debian has it, enforces f2b's bans: in a network namespace, nowhere else."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from f2b.client import Client
from tests.daemon.running import Server, running, wait_for
from tests.live.net import ATTACKER, GUARDED, Host, two_hosts
from tests.web.asking import KEY

PROGRAM = os.environ.get("F2B_BOUNCER", "")
MANY = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(50_000)]
OTHERS = [f"198.18.{number >> 8}.{number & 255}" for number in range(5_000)]
PIECE = 2_500
PATIENCE_S = 900.0
"""It adds 200 elements at a time, each slower than the one before."""
LOOK_S = 2.0
"""Looking at 50,000 elements keeps the kernel from taking more."""
SETS = (("ip", "crowdsec", "crowdsec-blacklists"), ("ip6", "crowdsec6", "crowdsec6-blacklists"))
CONFIGURATION = f"""
update_frequency: 1s
daemonize: false
log_mode: stdout
log_level: info
api_url: http://127.0.0.1:8680/
api_key: {KEY}
disable_ipv6: false
deny_action: DROP
deny_log: false
supported_decisions_types: [ban]
blacklists_ipv4: crowdsec-blacklists
blacklists_ipv6: crowdsec6-blacklists
ipset_type: nethash
iptables_chains: [INPUT]
nftables:
  ipv4: {{enabled: true, set-only: false, table: crowdsec, chain: crowdsec-chain}}
  ipv6: {{enabled: true, set-only: false, table: crowdsec6, chain: crowdsec6-chain}}
prometheus: {{enabled: false}}
"""


class Site:
    """A dry f2b, `f2b web` and the bouncer, each a process; the last two on a host of their own."""

    def __init__(self, server: Server, host: Host, peer: Host) -> None:
        self.server = server
        self.host = host
        self.peer = peer
        self.client = Client(server.socket)
        key = server.write("bouncer.key", f"{KEY}\n")
        key.chmod(0o600)
        server.write("f2b.conf", f"[web]\nbouncer_key_file = {key}\n")
        self._processes: list[subprocess.Popen[bytes]] = []

    def _begin(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        log: IO[bytes] = (self.server.folder / f"{name}.out").open("ab")
        with log:
            environment = {**os.environ, "STATE_DIRECTORY": str(self.server.folder)}
            process = subprocess.Popen(
                ["ip", "netns", "exec", self.host.name, *command], stdout=log, stderr=log, env=environment
            )
        self._processes.append(process)
        return process

    def begin_web(self) -> subprocess.Popen[bytes]:
        folder = str(self.server.folder)
        command = [sys.executable, "-m", "f2b", "web", "-c", folder, "-s", self.server.socket]
        return self._begin("web", *command, "--listen", "127.0.0.1:8680")

    def begin_bouncer(self, mode: str) -> subprocess.Popen[bytes]:
        file = self.server.write("bouncer.yaml", f"mode: {mode}\npid_dir: {self.server.folder}\n{CONFIGURATION}")

        def knocked() -> bool:
            assert self._processes[-1].poll() is None, (self.server.folder / "web.out").read_text()
            with self.host:
                process = subprocess.run(
                    ["curl", "-sf", "-H", f"X-Api-Key: {KEY}", "http://127.0.0.1:8680/v1/decisions?ip=::1"],
                    check=False,
                    capture_output=True,
                )
            return process.returncode == 0

        wait_for(knocked, PATIENCE_S)  # it gives up at once if nobody answers
        return self._begin("bouncer", PROGRAM, "-c", str(file))

    def end(self) -> None:
        self.client.close()
        for process in self._processes:
            process.kill()
            process.wait()

    def ban(self, ids: list[str], jail: str = "app", seconds: float = 3600) -> None:
        for start in range(0, len(ids), PIECE):
            self.client.ban(ids[start : start + PIECE], jail=jail, seconds=seconds)

    def unban(self, ids: list[str]) -> None:
        for start in range(0, len(ids), PIECE):
            self.client.unban(ids[start : start + PIECE])

    def elements(self) -> dict[str, float]:
        """Return what the bouncer's nftables sets hold, and for how many seconds more."""
        found: dict[str, float] = {}
        for where in SETS:
            listed = json.loads(self.host.run("nft", "-j", "list", "set", *where))["nftables"]
            for element in (each for entry in listed for each in entry.get("set", {}).get("elem", [])):
                found[element["elem"]["val"]] = element["elem"]["expires"]
        return found

    def settle(self, what: str) -> None:
        """Wait until the kernel of the bouncer's host holds whom the ledger holds."""
        began = time.monotonic()
        ledger = set(self.server.banned())
        while self._kept() != ledger:
            assert time.monotonic() < began + PATIENCE_S, f"{what}: {len(self._kept() ^ ledger)} differ"
            time.sleep(LOOK_S)
        sys.stdout.write(f"{what}: equal after {time.monotonic() - began:.1f} s\n")

    def _kept(self) -> set[str]:
        try:
            return set(self.elements())
        except subprocess.CalledProcessError:
            return set()  # it has no table yet


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    with two_hosts() as (guarded, peer), running(folder) as server:
        server.jail().touch()
        server.jail("other").touch()
        server.start()
        found = Site(server, guarded, peer)
        try:
            yield found
        finally:
            found.end()
            sys.stdout.write((folder / "web.out").read_text()[-2000:])


def test_bouncer_when_bans_come_and_go_by_the_thousand_then_its_set_is_the_ledger(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.ban(MANY)
        web = found.begin_web()
        found.begin_bouncer("nftables")
        found.settle("startup with 50,000")

        began = time.monotonic()
        for start in range(0, len(OTHERS), 1000):
            found.client.ban(OTHERS[start : start + 1000], jail="other", seconds=3600)
            found.client.unban(MANY[start : start + 1000])
        sys.stdout.write(f"5,000 bans and 5,000 unbans took {time.monotonic() - began:.1f} s\n")
        found.settle("after 10,000 bans and unbans")

        # Somebody banned by two jails stays out until both let him in, and as long as the longer says.
        found.ban([OTHERS[0], "2001:db8::1"], seconds=7200)
        wait_for(lambda: found.elements().get(OTHERS[0], 0) > 3600 and "2001:db8::1" in found.elements(), PATIENCE_S)
        found.client.unban([OTHERS[0]], jail="app")
        found.client.ban(["192.0.2.200"], jail="app")
        found.settle("one of two jails")
        assert OTHERS[0] in found.elements()

        # f2b web is away, and what happens meanwhile is told by the next one.
        web.kill()
        web.wait()
        found.unban(MANY[10_000:20_000])
        found.client.ban(["192.0.2.201"], jail="app")
        found.begin_web()
        found.settle("f2b web started anew, 10,000 unbans meanwhile")

        # So is the server: a dry one forgets its bans.
        found.server.end()
        found.server.start()
        found.ban(["192.0.2.202", "2001:db8::2"])
        found.settle("f2b started anew")


def test_bouncer_when_it_uses_ipsets_then_networks_and_bans_for_ever_are_kept_and_packets_dropped(
    tmp_path: Path,
) -> None:
    with site(tmp_path) as found:
        found.begin_web()
        found.begin_bouncer("iptables")
        with found.host.listen(8080):
            assert found.peer.connects(ATTACKER[0], GUARDED[0], 8080) == "open"
            found.ban(["192.0.2.64/29", "203.0.113.0/24", "2001:db8:1::/48"])
            found.ban(["198.51.100.1"], seconds=-1)

            def members() -> dict[str, int]:
                listed = found.host.run("ipset", "list")
                return {key: int(left) for key, left in re.findall(r"^(\S+) timeout (\d+)", listed, re.MULTILINE)}

            wait_for(lambda: members().keys() == set(found.server.banned()), PATIENCE_S)
            assert members()["198.51.100.1"] > 20 * 86_400
            assert found.peer.connects(ATTACKER[0], GUARDED[0], 8080, 0.3) == "timeout"
            found.client.unban(["192.0.2.64/29"])
            wait_for(lambda: members().keys() == set(found.server.banned()), PATIENCE_S)
            assert found.peer.connects(ATTACKER[0], GUARDED[0], 8080) == "open"


def test_bouncer_when_its_key_is_wrong_then_it_gives_up(tmp_path: Path) -> None:
    with site(tmp_path) as found:
        found.begin_web()
        bouncer = found.begin_bouncer("nftables")
        bouncer.kill()
        bouncer.wait()
        file = found.server.folder / "bouncer.yaml"
        file.write_text(file.read_text().replace(KEY, "f" * 32))
        with found.host:
            ended = subprocess.run(
                [PROGRAM, "-c", str(file)], check=False, timeout=PATIENCE_S, capture_output=True, text=True
            )
        assert "access forbidden" in ended.stdout + ended.stderr
