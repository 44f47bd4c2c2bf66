"""Jails that know whom their bans hit besides attackers: who logged in lately, proxies, networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from f2b.ban.collateral import Others
from f2b.config import search
from f2b.config.model import FilterSpec, JailSpec, Text
from f2b.events import Arrived, Ban, Collateral, Effect, Line
from f2b.filter.build import build
from f2b.jail import Jail
from f2b.value import replace
from tests.filter.typed import LOGIN, NOW, PLACE, bad

WELCOME = Text(r"welcome <F-USER>\S+</F-USER> from <ADDR>$", PLACE)
TELLING = replace(LOGIN, options={"loginregex": WELCOME})
MINE = "192.0.2.1"
HIT = ("bob, who logged in 10s ago",)


def welcome(host: str = MINE, user: str = "bob") -> Line:
    raw = f"welcome {user} from {host}"
    return Line(f"{raw}\n", raw, NOW)


def jail(found: FilterSpec = TELLING, others: Others | None = None, **options: Any) -> Jail:
    tested, problems = build(found)
    assert tested is not None, problems
    return Jail(replace(JailSpec("j", PLACE, found, maxretry=3), **options), tested, others=others)


def fed(tested: Jail, *lines: Line) -> list[Effect]:
    return [effect for line in lines for effect in tested.feed(line, NOW + 10, False)]


def told(effects: list[Effect]) -> list[Effect]:
    return [effect for effect in effects if isinstance(effect, Arrived | Ban | Collateral)]


def test_login_when_it_is_read_then_a_ban_of_its_address_warns_and_nothing_is_forgiven() -> None:
    arrived, hit, ban = told(fed(jail(), bad(), bad(), welcome(), bad()))
    assert arrived == Arrived("j", MINE, NOW, "bob")
    assert hit == Collateral("j", MINE, HIT, refused=False)
    assert isinstance(ban, Ban)
    assert told(fed(jail(), welcome("192.0.2.2"), bad(), bad(), bad()))[1:] != [hit, ban]


def test_collateral_when_it_is_refused_then_it_is_told_once_and_nobody_is_banned() -> None:
    tested = jail(collateral="refuse")
    assert told(fed(tested, welcome(), *[bad()] * 9)) == [
        Arrived("j", MINE, NOW, "bob"),
        Collateral("j", MINE, HIT, refused=True),
    ]
    assert len(tested.ledger) == 0
    assert isinstance(fed(tested, *[bad("192.0.2.2")] * 3)[-1], Ban)


def test_collateral_when_nobody_is_to_care_then_nothing_is_said() -> None:
    assert [type(it) for it in told(fed(jail(collateral="no"), welcome(), *[bad()] * 3))] == [Arrived, Ban]


def test_login_when_another_jail_read_it_then_all_know() -> None:
    others = Others()
    fed(jail(others=others), welcome())
    assert Collateral("j", MINE, HIT, refused=False) in fed(jail(LOGIN, others), *[bad()] * 3)


def test_network_that_counts_as_one_when_somebody_logged_in_from_it_then_with_refuse_each_counts_alone() -> None:
    hosts = [f"2001:db8::{number}" for number in range(1, 4)]
    tested = jail(collateral="refuse", prefix6=64)
    fed(tested, welcome("2001:db8::77"), *map(bad, hosts))
    assert len(tested.ledger) == 0
    assert isinstance(fed(tested, bad(hosts[0]), bad(hosts[0]))[-1], Ban)
    assert [ban.id for ban in tested.ledger] == [hosts[0]]
    tested = jail(prefix6=64)
    hit = fed(tested, welcome("2001:db8::77"), *map(bad, hosts))[-2]
    assert isinstance(hit, Collateral)
    assert (hit.id, hit.whom) == ("2001:db8::/64", ("bob, who logged in from 2001:db8::77 10s ago",))


def test_proxies_when_a_filter_trusts_them_then_their_ban_hits_all_behind_them() -> None:
    trusting = replace(LOGIN, options={"trustedproxies": Text("198.51.100.0/24, 2001:db8::/32", PLACE)})
    for whose in (jail(trusting), jail(replace(LOGIN, base=(trusting,))), jail(LOGIN, proxies=("198.51.100.7",))):
        hit = told(fed(whose, *[bad("198.51.100.7")] * 3))[0]
        assert hit == Collateral("j", "198.51.100.7", ("all who come by a proxy that `proxies` names",), False)


@pytest.mark.parametrize("folder", [None, "/etc/fail2ban"], ids=["ours", "Fail2Ban's"])
def test_sshd_when_somebody_logs_in_then_its_filter_tells(folder: str | None) -> None:
    settings = search.load(Path(folder)) if folder else search.load_shipped(["sshd"])
    sshd = next(it for it in (*settings.jails, *settings.broken) if it.name == "sshd")
    tested, _ = build(sshd.filter)
    assert tested is not None
    text = f" host sshd[77]: Accepted publickey for root from {MINE} port 4711 ssh2: ED25519 SHA256:x"
    (effect,) = Jail(sshd, tested).feed(Line(f"{text}\n", text, NOW), NOW, True)
    assert effect == Arrived("sshd", MINE, NOW, "root")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("dovecot", f"dovecot: imap-login: Login: user=<bob>, method=PLAIN, rip={MINE}, lip=192.0.2.9, mpid=7, TLS"),
        ("postfix", f"postfix/smtpd[7]: 4A1B: client=h.example[{MINE}], sasl_method=PLAIN, sasl_username=bob"),
        ("vsftpd", f'[pid 7] [bob] OK LOGIN: Client "::ffff:{MINE}"'),
        ("proftpd", f"proftpd[7] host (h.example[{MINE}]): USER bob: Login successful."),
        ("proftpd", f"proftpd[7]: host (h.example[{MINE}]) - USER bob: Login successful."),
        ("pure-ftpd", f"pure-ftpd: (?@{MINE}) [INFO] bob is now logged in"),
    ],
)
def test_shipped_filter_when_somebody_logs_in_then_tells(name: str, text: str) -> None:
    (spec,) = search.load_shipped([name]).jails
    tested, _ = build(spec.filter)
    assert tested is not None
    text = f" {text}" if text.startswith("[pid") else f" mx {text}"
    assert Jail(spec, tested).feed(Line(f"{text}\n", text, NOW), NOW, True) == [Arrived(name, MINE, NOW, "bob")]


@pytest.mark.parametrize("regex", ["(", "welcome"])
def test_loginregex_when_it_is_wrong_then_that_is_told(regex: str) -> None:
    found, problems = build(replace(LOGIN, options={"loginregex": Text(regex, PLACE)}))
    assert found is None
    assert [problem.what.startswith("loginregex") for problem in problems] == [True]
