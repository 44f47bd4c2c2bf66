"""Filters of every type in the engine: how a log is cut into chunks, and whose lines come first, changes nothing."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from f2b.alarm import alarmed
from f2b.config.model import FilterSpec, JailSpec
from f2b.daemon.reference import Reference
from f2b.engine import Engine
from f2b.events import Ban, Effect, Found, RanAway
from f2b.filter.build import build
from f2b.filter.kind import OVER_EVENTS, OVER_FAILURES, OVER_REQUESTS
from f2b.jail import Jail
from f2b.sieve import BULK
from tests.daemon.geoip import country, operator, write
from tests.filter.typed import NOW, PLACE, request, spec

HOSTS = [f"192.0.2.{host}" for host in range(1, 6)] + ["198.51.100.1", "2001:db8::1"]
TARGETS = ["/", "/login", "/%6cogin?x=1", "/private/a", "/robots.txt", "/x.php"]
AGENTS = ["Mozilla/5.0", "-", "zgrab/0.x", "curl/8", "sqlmap"]
MISSING = spec("http", status="404")
MAKERS: dict[str, Callable[[Path], FilterSpec]] = {
    "any": lambda folder: spec("any", MISSING, spec("http", paths="login")),
    "http": lambda folder: spec("http", methods="POST", paths="login", status="401 404", okstatus="200"),
    "useragent": lambda folder: spec("useragent", agents="zgrab", maxagents="2", window="1m"),
    "slow": lambda folder: spec("slow", MISSING, slot="1m"),
    "geo": lambda folder: spec("geo", MISSING, deny="BR", database=str(folder / "c.mmdb")),
    "asn": lambda folder: spec("asn", MISSING, allow="AS1", database=str(folder / "a.mmdb")),
    "anomaly": lambda folder: spec("anomaly", status="404", ratio="0.3", deviation="1", minrequests="5", window="2m"),
    "robots": lambda folder: spec("robots", robots=str(folder / "robots.txt"), afterfetch="yes", window="1m"),
    "distributed": lambda folder: spec("distributed", MISSING, groupby="path", minhosts="3", window="30s"),
    "blocklist": lambda folder: spec("blocklist", MISSING, lists=str(folder / "list"), weight="2"),
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("data")
    write(made / "c.mmdb", {"192.0.2.0/30": country("BR", "SA")})
    write(made / "a.mmdb", {"192.0.2.0/29": operator(1, "One"), "198.51.100.0/24": operator(2, "Two")})
    (made / "robots.txt").write_text("User-agent: *\nDisallow: /private\n")
    (made / "list").write_text("192.0.2.2\n2001:db8::/32\n")
    return made


def log(dice: random.Random, count: int) -> list[str]:
    """Return lines of an access log in the order of time."""
    lines, at = [], 0.0
    for _ in range(count):
        at += dice.choice((0, 0, 1, 5))
        asked = f"{dice.choice(('GET', 'POST'))} {dice.choice(TARGETS)} HTTP/1.1"
        line = request(asked, dice.choice((200, 200, 401, 404)), dice.choice(HOSTS), agent=dice.choice(AGENTS)).raw
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S", time.gmtime(NOW + at))
        lines.append(line.replace("21/Nov/2026:10:00:00", stamp))
    return lines


def effects(found: FilterSpec, chunks: Iterator[list[str]]) -> list[Effect]:
    """Return what follows from chunks for a jail with this filter."""
    tested, problems = build(found)
    assert tested is not None, problems
    assert not Reference(lambda level, text: None).refresh(tested)
    engine = Engine()
    engine.add(Jail(JailSpec("j", PLACE, found, maxretry=3, findtime=10_000, bantime=10_000), tested))
    engine.listen("log", "j")
    told: list[Effect] = []
    for chunk in chunks:
        told += engine.feed("log", "".join(f"{line}\n" for line in chunk).encode(), NOW + 3000, live=False)
    return told


def cut(lines: list[str], sizes: Iterator[int]) -> Iterator[list[str]]:
    """Yield lines in pieces of these sizes."""
    at = 0
    while at < len(lines):
        size = next(sizes)
        yield lines[at : at + size]
        at += size


@pytest.mark.parametrize("kind", sorted(MAKERS))
@settings(max_examples=4)
@given(seed=st.integers(0, 10_000))
def test_chunks_when_cut_otherwise_then_the_same_follows(kind: str, seed: int, folder: Path) -> None:
    dice, found = random.Random(seed), MAKERS[kind](folder)
    lines = log(dice, 240)
    assert sum(map(len, lines)) > BULK + 60 * 120  # the sieve is at work once dates are known
    whole = effects(found, cut(lines, iter([60, len(lines)])))
    pieces = effects(found, cut(lines, iter(lambda: dice.randrange(1, 40), 0)))
    single = effects(found, ([line] for line in lines))
    assert told(whole) == told(pieces) == told(single)


def told(found: list[Effect]) -> list[object]:
    """Return what was found and banned."""
    return [effect for effect in found if isinstance(effect, Found | Ban)]


@pytest.mark.parametrize("kind", ["any", "http", "useragent", "slow", "geo", "asn", "robots", "blocklist"])
@settings(max_examples=4)
@given(seed=st.integers(0, 10_000))
def test_hosts_when_their_lines_are_apart_then_each_fares_the_same(kind: str, seed: int, folder: Path) -> None:
    """As when each host had a log of its own, and these were read one after the other."""
    found = MAKERS[kind](folder)
    lines = log(random.Random(seed), 120)
    apart = [line for host in HOSTS for line in lines if line.startswith(f"{host} ")]
    together, separate = (told(effects(found, iter([each]))) for each in (lines, apart))
    assert sorted(map(repr, together)) == sorted(map(repr, separate))


def test_table_when_compared_with_the_types_then_all_are_here() -> None:
    assert {*OVER_FAILURES, *OVER_REQUESTS, *OVER_EVENTS} == {*MAKERS, "correlate"}


def test_regex_of_a_type_when_it_runs_away_then_the_line_is_lost_and_the_jail_goes_on() -> None:
    with alarmed():
        lines = [request(f"GET /{'a' * 40} HTTP/1.1").raw, request("GET /aab HTTP/1.1").raw]
        found = effects(spec("http", paths="^/(a+)+b$"), iter([lines]))
    assert [type(effect) for effect in found if not isinstance(effect, Found)].count(RanAway) == 1
    assert sum(isinstance(effect, Found) for effect in found) == 1


def test_journal_when_it_holds_an_access_log_then_entries_are_read_as_lines() -> None:
    tested, _ = build(MISSING)
    assert tested
    engine = Engine()
    engine.add(Jail(JailSpec("j", PLACE, MISSING), tested))
    for text in (request(status=404).raw, 'INFO:     192.0.2.1:5 - "GET /x HTTP/1.1" 404 Not Found'):
        (found,) = engine.entry("j", text, NOW, NOW, live=True)
        assert isinstance(found, Found)
        assert (found.id, found.time) == ("192.0.2.1", NOW)
