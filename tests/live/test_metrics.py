"""What `f2b metrics` says of a real kernel, in a network namespace of the server's own."""

from __future__ import annotations

from pathlib import Path

from f2b.client import Client
from tests.daemon.running import running, wait_for
from tests.metrics.test_metrics import samples


def test_metrics_when_bans_are_in_the_kernel_then_its_elements_are_those_of_the_ledger(tmp_path: Path) -> None:
    with running(tmp_path, prefix=("unshare", "-n"), dry=False) as server:
        server.jail(action="nftables[type=allports]").touch()
        server.start()
        with Client(server.socket) as client:
            client.ban(["198.51.100.1", "198.51.100.2", "2001:db8::7"], jail="app")
        wait_for(lambda: len(server.banned()) == 3)
        found = samples(server.ask("metrics").stdout)
        assert found["f2b_enforcing",] == 1
        assert found["f2b_firewall_elements", "app", "nftables"] == found["f2b_banned", "app"] == 3
        assert found["f2b_action_up", "app", "nftables"] == 1
        assert found["f2b_action_seconds_count", "app", "nftables"] >= 2
        assert found["f2b_action_failures_total", "app", "nftables"] == 0
