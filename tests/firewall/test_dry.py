from __future__ import annotations

from f2b.events import PERMANENT, Ban
from f2b.firewall.dry import Dry


def test_dry_run_when_it_bans_then_it_says_so_once_and_remembers() -> None:
    told: list[str] = []
    now = 1000.0
    firewall = Dry("nftables", "sshd", lambda: now, told.append)
    short, long = Ban("sshd", "192.0.2.1", 1000, 600), Ban("sshd", "alice", 1000, PERMANENT, host="192.0.2.2")
    firewall.start([short])
    firewall.ban([short, long])
    assert firewall.elements() == {"192.0.2.1": 600, "192.0.2.2": None}
    firewall.unban([long])
    firewall.unban([long])
    now = 1700.0
    assert firewall.elements() == {}
    firewall.flush([short])
    firewall.flush([])
    firewall.start([])
    firewall.stop(keep=False)
    assert told == [
        "[sshd] nftables would ban 192.0.2.1 for 10m",
        "[sshd] nftables would ban 192.0.2.2 for ever",
        "[sshd] nftables would let 192.0.2.2 in",
        "[sshd] nftables would let everybody in",
    ]
