"""Every option that keeps people from being locked out, by the kernel's own answer: one server, real packets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.daemon.running import FILTER, Server, fail, running
from tests.daemon.utmp import entry
from tests.live.net import GUARDED, Host, two_hosts
from tests.live.service import until

PORT = 2222
ADMIN, SESSION, PROXY, FORGER, SLOW, TRIED, NEW, ALLOWED, BRIEFLY, SHARED, USER, MINE = (
    f"192.0.2.{number}" for number in range(101, 113)
)
CROWD = [f"192.0.2.{number}" for number in range(121, 129)]
# The session of the utmp file is a member of nobody's group, which counts as administrators here.
ENTER = 'mount -t tmpfs tmpfs /run && cp "$0" /run/utmp && exec "$@"'


class Stage(NamedTuple):
    """A guarded host with a server, and a peer with many addresses."""

    server: Server
    peer: Host

    def reaches(self, address: str) -> bool:
        """Return whether the kernel lets an address in."""
        answer = self.peer.connects(address, GUARDED[0], PORT)
        assert answer in ("open", "refused")
        return answer == "open"

    def fails(self, jail: str, *addresses: str) -> None:
        """Let each fail, in the log of a jail, often enough for a ban."""
        for address in addresses:
            fail(self.server.folder / f"{jail}.log", address)

    def logs_in(self, jail: str, address: str) -> None:
        """Let somebody get in."""
        with (self.server.folder / f"{jail}.log").open("a") as out:
            out.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} app: welcome alice from {address}\n")

    def bans(self, *words: str) -> tuple[int, str]:
        """Run `f2b ban`; return how it ends, and what it complains of."""
        done = self.server.ask("ban", *words)
        return done.returncode, done.stderr

    def told(self, *texts: str) -> str:
        """Wait until the log has all of these; return it."""
        until(lambda: all(text in self.server.said() for text in texts))
        return self.server.said()

    def out(self, *addresses: str) -> None:
        """Wait until none of these gets in."""
        until(lambda: not any(map(self.reaches, addresses)))


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server for all tests: each has jails and addresses of its own."""
    folder = tmp_path_factory.mktemp("protection")
    (folder / "utmp").write_bytes(entry(7, "nobody", SESSION, os.getpid()))
    with two_hosts() as (guarded, peer):
        for address in (
            ADMIN,
            SESSION,
            PROXY,
            FORGER,
            SLOW,
            TRIED,
            NEW,
            ALLOWED,
            BRIEFLY,
            SHARED,
            USER,
            MINE,
            *CROWD,
        ):
            peer.run("ip", "address", "add", f"{address}/24", "dev", "cable")
        prefix = ["ip", "netns", "exec", guarded.name, "unshare", "-m", "sh", "-c", ENTER, str(folder / "utmp")]
        with running(folder, prefix, dry=False) as server, guarded.listen(PORT):
            server.write(
                "filter.d/app.conf", f"{FILTER}loginregex = ^ app: welcome <F-USER>\\S+</F-USER> from <ADDR>$\n"
            )
            (folder / "cdn").write_text(f"# a CDN\n{PROXY}\n")
            jail(server, "keep", protect=ADMIN, protectgroups="nogroup")
            jail(server, "calm", maxbans=2, holdbans="yes")
            jail(server, "loud", maxbans=2)
            jail(server, "warn", proxies=folder / "cdn")
            jail(server, "care", collateral="refuse")
            server.start()
            yield Stage(server, peer)
            server.ask("stop")


def jail(server: Server, name: str, **options: object) -> Path:
    log = server.jail(name, action=f"nftables[port={PORT}]", **options)
    log.touch()
    return log


def test_protect_and_protectgroups_when_they_fail_then_the_kernel_lets_them_in(stage: Stage) -> None:
    stage.fails("keep", ADMIN, ADMIN, SESSION, FORGER)
    stage.out(FORGER)
    assert stage.reaches(ADMIN)
    assert stage.reaches(SESSION)
    said = stage.told(f"[keep] Ban {FORGER}")
    assert said.count(f"[keep] {ADMIN} fails, but is not banned: it stands in protect") == 1
    assert said.count(f"[keep] {SESSION} fails, but is not banned: nobody is logged in from it") == 1


def test_ban_by_hand_when_somebody_is_protected_then_only_by_force(stage: Stage) -> None:
    for words in (["--jail", "keep", ADMIN], [ADMIN]):
        code, said = stage.bans(*words)
        assert code == 1
        assert "it stands in protect; --force bans all the same" in said
        assert stage.reaches(ADMIN)
    assert stage.bans("127.0.0.1")[0] == 1
    assert stage.bans("--force", ADMIN)[0] == 0
    stage.out(ADMIN)
    stage.server.ask("unban", ADMIN)
    assert stage.reaches(ADMIN)


def test_ban_when_it_is_to_be_confirmed_then_it_stays_only_if_it_is(stage: Stage) -> None:
    assert stage.bans("--confirm", "1s", SLOW)[0] == 0
    until(lambda: stage.reaches(SLOW))
    stage.told(f"Nobody confirmed the ban of {SLOW} within 1 s: it is undone")
    assert stage.bans("--confirm", "1h", SLOW)[0] == 0
    assert stage.server.ask("confirm").stdout == f"kept: the ban of {SLOW}\n"
    assert not stage.reaches(SLOW)


def test_reload_when_nobody_confirms_it_then_what_it_banned_is_let_in(stage: Stage) -> None:
    jail(stage.server, "tried", maxretry=1)
    assert stage.server.ask("reload", "--confirm", "2s").returncode == 0
    stage.fails("tried", TRIED)
    stage.told("Nobody confirmed the reload within 2 s: it is undone")
    until(lambda: stage.reaches(TRIED))
    assert "tried" not in {it["name"] for it in stage.server.status()["jails"]}
    assert stage.server.ask("reload", "--confirm", "1h").returncode == 0
    assert stage.server.ask("confirm").stdout == "kept: the reload\n"
    stage.fails("tried", NEW)
    stage.out(NEW)


def test_allow_when_somebody_fails_then_he_is_let_in_and_stays_so_until_it_is_over(stage: Stage) -> None:
    stage.fails("loud", ALLOWED)
    stage.out(ALLOWED)
    assert stage.server.ask("allow", ALLOWED).stdout.startswith("lifted 1 ban\n")
    assert stage.reaches(ALLOWED)
    assert stage.server.ask("allow", "--for", "1s", BRIEFLY).returncode == 0
    stage.fails("keep", ALLOWED)
    stage.told(f"[keep] {ALLOWED} fails, but is not banned: it was allowed")
    assert stage.reaches(ALLOWED)
    assert stage.reaches(BRIEFLY)
    until(lambda: BRIEFLY not in stage.server.ask("allow").stdout)
    stage.fails("keep", BRIEFLY)
    stage.out(BRIEFLY)
    stage.server.ask("allow", "--remove", ALLOWED)
    stage.fails("keep", ALLOWED)
    stage.out(ALLOWED)


def test_maxbans_when_more_come_within_a_minute_then_they_are_told_of_and_held_only_if_wanted(stage: Stage) -> None:
    stage.fails("calm", *CROWD[:4])
    stage.out(*CROWD[:2])
    stage.fails("loud", *CROWD[4:])
    stage.out(*CROWD[4:])
    until(lambda: stage.server.said().count("[calm] Found") == 12)
    assert all(map(stage.reaches, CROWD[2:4]))
    alarms = [f"[{name}] more than 2 new bans within a minute" for name in ("calm", "loud")]
    said = stage.told(*alarms)
    assert [said.count(alarm) for alarm in alarms] == [1, 1]


def test_collateral_when_it_is_warned_of_then_the_ban_comes_and_says_whom_it_hits(stage: Stage) -> None:
    stage.logs_in("warn", SHARED)
    stage.fails("warn", SHARED, PROXY)
    stage.out(SHARED, PROXY)
    stage.told(f"[warn] The ban of {SHARED} hits alice, who logged in")
    stage.told(f"[warn] The ban of {PROXY} hits all who come by a proxy that `proxies` names, too")
    code, said = stage.bans("--jail", "warn", "198.51.100.0/24")
    assert (code, "this hits all 256 addresses of the network" in said) == (0, True)


def test_collateral_when_it_is_refused_then_nobody_is_banned_but_by_force(stage: Stage) -> None:
    stage.logs_in("care", USER)
    stage.fails("care", USER, MINE)
    stage.out(MINE)
    assert stage.reaches(USER)
    stage.told(f"[care] {USER} fails, but is not banned: it would hit alice, who logged in")
    code, said = stage.bans("--jail", "care", USER)
    assert code == 1
    assert "it would also hit alice, who logged in" in said
    assert "; --force bans all the same" in said
    assert stage.reaches(USER)
    assert stage.bans("--jail", "care", "--force", USER)[0] == 0
    stage.out(USER)
