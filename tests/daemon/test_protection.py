"""Nobody locks himself out, through the running server: protect, allow, --force, --confirm."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import FILTER, Server, fail, running, wait_for

MINE, OTHER, EVIL = "203.0.113.5", "203.0.113.6", "198.51.100.9"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


def test_protected_address_when_it_fails_then_it_is_told_of_once_and_not_banned(server: Server) -> None:
    log = server.jail(protect="203.0.113.5, 2001:db8::/32")
    log.touch()
    server.start()
    fail(log, MINE, 9)
    fail(log, "2001:db8:1::1")
    fail(log, EVIL)
    wait_for(lambda: server.banned() == [EVIL])
    said = server.said()
    assert said.count(f"[app] {MINE} fails, but is not banned: it stands in protect") == 1
    assert said.count("[app] 2001:db8:1::1 fails, but is not banned: it stands in protect") == 1


def test_protected_address_when_banned_by_hand_then_only_by_force(server: Server) -> None:
    server.jail(protect=MINE).touch()
    server.start()
    for who in (MINE, "203.0.113.0/24"):
        refused = server.ask("ban", "--jail", "app", EVIL, who)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "it stands in protect; --force bans all the same" in refused.stderr
    assert server.banned() == []
    assert server.ask("ban", "--jail", "app", "--force", MINE).stdout == "banned 1\n"
    assert server.banned() == [MINE]


def test_network_that_counts_as_one_when_somebody_in_it_is_protected_then_only_the_attacker_is_banned(
    server: Server,
) -> None:
    log = server.jail(prefix4=24, protect=MINE)
    log.touch()
    server.start()
    fail(log, OTHER)
    fail(log, EVIL)
    wait_for(lambda: len(server.banned()) == 2)
    assert sorted(server.banned()) == ["198.51.100.0/24", OTHER]


def test_allowed_address_when_it_fails_then_it_is_not_banned_even_after_a_restart(server: Server) -> None:
    log = server.jail()
    log.touch()
    server.start()
    server.ask("ban", "--jail", "app", MINE, EVIL)
    allowed = server.ask("allow", "--json", MINE, "203.0.113.64/26")
    answer = json.loads(allowed.stdout)
    assert answer == {
        "allowed": [{"id": "203.0.113.5", "end": None}, {"id": "203.0.113.64/26", "end": None}],
        "unbanned": 1,
    }
    assert server.banned() == [EVIL]
    server.end()
    server.start()
    fail(log, MINE)
    fail(log, "203.0.113.70")
    fail(log, OTHER)
    wait_for(lambda: OTHER in server.banned())
    assert sorted(server.banned()) == [EVIL, OTHER]
    assert "[app] 203.0.113.70 fails, but is not banned: it was allowed with `f2b allow`" in server.said()
    assert server.ask("allow", "--remove", MINE, "203.0.113.64/26").stdout == "nobody is allowed\n"
    fail(log, MINE)
    wait_for(lambda: MINE in server.banned())


def test_allowed_address_when_its_time_is_over_then_it_is_banned_as_others(server: Server) -> None:
    log = server.jail(maxretry=1)
    log.touch()
    server.start()
    assert f"{MINE}  1s" in server.ask("allow", "--for", "1", MINE).stdout
    wait_for(lambda: "nobody" in server.ask("allow").stdout)
    fail(log, MINE, 1)
    wait_for(lambda: server.banned() == [MINE])


def test_ban_when_nobody_confirms_it_then_it_is_undone(server: Server) -> None:
    server.jail().touch()
    server.start()
    assert "it is undone in 1 s" in server.ask("ban", "--jail", "app", "--confirm", "1s", MINE).stdout
    wait_for(lambda: server.banned() == [])
    assert f"Nobody confirmed the ban of {MINE} within 1 s: it is undone" in server.said()
    assert server.ask("confirm").returncode == 1


def test_ban_when_it_is_confirmed_then_it_stays(server: Server) -> None:
    server.jail().touch()
    server.start()
    server.ask("ban", "--jail", "app", "--confirm", "10m", MINE)
    confirmed = server.ask("confirm")
    assert (confirmed.returncode, confirmed.stdout) == (0, f"kept: the ban of {MINE}\n")
    assert server.banned() == [MINE]
    assert server.ask("confirm").returncode == 1


def test_reload_when_nobody_confirms_it_then_everything_is_as_before(server: Server) -> None:
    server.jail(maxretry=3).touch()
    server.start()
    server.jail(maxretry=1)
    server.jail("other").touch()
    assert server.ask("reload", "--confirm", "1s").returncode == 0
    assert {jail["name"] for jail in server.status()["jails"]} >= {"app"}
    wait_for(lambda: "Nobody confirmed the reload" in server.said())
    wait_for(lambda: [jail["name"] for jail in server.status()["jails"]] == ["app"])
    fail(server.folder / "app.log", MINE, 2)
    fail(server.folder / "app.log", EVIL, 3)
    wait_for(lambda: EVIL in server.banned())
    assert server.banned() == [EVIL]


def test_protect_when_it_is_no_address_then_the_jail_is_down_and_the_line_is_named(server: Server) -> None:
    server.jail(protect="192.0.2.1 gateway")
    server.jail("other").touch()
    server.start()
    assert [jail["name"] for jail in server.status()["jails"]] == ["other"]
    assert "jail.d/app.conf:7: jail app: 'gateway' is no address; write 192.0.2.1" in server.said()


def test_bans_when_too_many_come_at_once_then_it_is_told_and_with_holdbans_they_are_held(server: Server) -> None:
    logs = {name: server.jail(name, maxretry=1, maxbans=5, holdbans=name == "held") for name in ("held", "told")}
    for log in logs.values():
        log.touch()
    server.start()
    for log in logs.values():
        for number in range(9):
            fail(log, f"203.0.113.{number}", 1)
    wait_for(lambda: server.said().count("[told] Ban ") == 9)
    wait_for(lambda: server.said().count("[held] Found ") == 9)
    assert server.said().count("[held] Ban ") == 5
    for name, what in (("held", "held back until it is calmer"), ("told", "not held back: holdbans = no")):
        assert server.said().count(f"[{name}] more than 5 new bans within a minute") == 1
        assert what in server.said()


def test_ban_by_hand_when_it_hits_others_then_says_whom_and_where_refused_needs_force(server: Server) -> None:
    log = server.jail("web", proxies=f"198.51.100.0/24, {server.folder}/cdn", protect=OTHER)
    log.touch()
    server.write("cdn", "# a CDN\n2001:db8:5::/48\n")
    server.write("filter.d/app.conf", f"{FILTER}loginregex = ^ app: welcome <F-USER>\\S+</F-USER> from <ADDR>$\n")
    server.start()
    with log.open("a") as out:
        out.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} app: welcome alice from {MINE}\n")
    fail(log, EVIL)  # a proxy's address
    wait_for(lambda: server.banned() == [EVIL])
    proxy = "all who come by a proxy that `proxies` names"
    assert f"[web] The ban of {EVIL} hits {proxy}, too" in server.said()
    done = server.ask("ban", MINE, "2001:db8:5::7", "203.0.113.99")
    assert done.stdout == "banned 3\n"
    assert "f2b: this hits alice, who logged in " in done.stderr
    assert f"f2b: this hits {proxy} (2001:db8:5::7), too\n" in done.stderr
    assert "203.0.113.99" not in done.stderr
    refused = server.ask("ban", OTHER)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "it stands in protect; --force" in refused.stderr
    server.ask("unban", "--all")
    server.end()
    server.jail("web", collateral="refuse")
    server.start()  # it still knows who logged in
    refused = server.ask("ban", MINE, "203.0.113.64/28")
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "it would also hit all 16 addresses of the network (203.0.113.64/28); --force bans all" in refused.stderr
    assert "it would also hit alice, who logged in" in refused.stderr
    assert server.banned() == []
    fail(log, MINE)
    wait_for(lambda: f"[web] {MINE} fails, but is not banned: it would hit alice, who logged in" in server.said())
    assert server.ask("ban", "--force", MINE).stdout == "banned 1\n"
    assert server.banned() == [MINE]


@pytest.mark.parametrize("option", ["collateral = refused", "proxies = cloudflare"])
def test_collateral_when_an_option_is_wrong_then_line_and_cure_are_named(server: Server, option: str) -> None:
    name, _, value = option.partition(" = ")
    server.jail(**{name: value})
    server.jail("other").touch()
    server.start()
    assert [jail["name"] for jail in server.status()["jails"]] == ["other"]
    assert (
        f"jail.d/app.conf:7: jail app: {'collateral = refused is unknown' if name == 'collateral' else ''}"
        in server.said()
    )
