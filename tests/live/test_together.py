"""Many jails of iptables set up at once: a few programs for all of them, and one that fails costs only itself."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from f2b.ban.ledger import Ledger
from f2b.daemon.guard import Guard
from f2b.errors import ActionError, Place
from f2b.events import Ban
from f2b.firewall import Firewall, is_watched
from f2b.firewall.native import Native
from f2b.firewall.xtables import xtables
from f2b.log import Log
from f2b.loop import Loop
from tests.live.net import ATTACKER, Host

HERE = Place("jail.conf")
JAILS = 12


@pytest.fixture
def native(guarded: Host) -> Iterator[Native]:
    """What makes firewalls, on the guarded host."""
    with guarded:
        made = Native(time.time, (4, 6))
        yield made
    made.kernel.link.close()
    made.sets.close()


def firewall(native: Native, jail: str, **options: str) -> Firewall:
    given = {"name": jail, "port": "22", "iptables": "iptables-nft", "ip6tables": "ip6tables-nft", **options}
    return native.make("iptables", xtables(given, "iptables", HERE, lambda _: None), lambda *_: None)


def test_jails_when_set_up_together_then_each_stands_and_few_programs_ran(native: Native) -> None:
    made = [firewall(native, f"jail{number}") for number in range(JAILS)]
    again = firewall(native, "jail3")
    bans = [Ban("x", who, time.time(), 600) for who in ATTACKER]
    with native.restore.together():
        for one in (*made, again):
            one.start(bans)
    assert len(native.restore.pids) < JAILS  # one after the other it is four for each
    for one in (*made, again):
        assert is_watched(one)
        assert one.intact(bans)


def start_together(native: Native, guards: Iterable[Guard]) -> None:
    with native.restore.together():
        for guard in guards:
            guard.start()


def test_jails_when_one_of_them_fails_then_the_others_stand(native: Native, tmp_path: Path) -> None:
    loop = Loop()
    log = Log(str(tmp_path / "log"))
    ban = Ban("x", ATTACKER[0], time.time(), 600)
    guards = {}
    for jail, chain in (("sound", "INPUT"), ("lost", "NOWHERE"), ("well", "INPUT")):
        ledger = Ledger()
        ledger.put(ban)
        guards[jail] = Guard(jail, [firewall(native, jail, chain=chain)], ledger, loop, log)
    with pytest.raises(ActionError):
        start_together(native, guards.values())
    for guard in guards.values():
        guard.set_up_again()
    assert [jail for jail, guard in guards.items() if guard.failing] == ["lost"]
    for jail in ("sound", "well"):
        assert guards[jail].damaged(None) == []
        (one,) = guards[jail].firewalls
        assert is_watched(one)
        assert one.intact([ban])
