"""A week of traffic through the shipped scenario jails: which attacks they find, and whom they ban in error.

2 million lines of an access log and 300,000 of auth.log are made from a seed, with people, offices, programs,
crawlers and attackers; who is what is known. `f2b replay` runs them through the shipped jails as they are; the files
that some of them need (robots.txt, places, operators, a list) are made too.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from ipaddress import ip_network
from pathlib import Path
from typing import NamedTuple, TextIO

from bench.traffic_attack import attacks
from bench.traffic_people import good_faith
from bench.traffic_world import AUTH, START, WEB, WEEK, Events, World, dated
from tests.daemon.geoip import country, operator, write

ROOT = Path(__file__).parent.parent
BUCKET_S = 6 * 3600
JAILS = (
    *("sshd", "ssh-slow", "ssh-abroad", "ssh-botnet", "ssh-subnet", "ssh-hosting", "tor-exits"),
    *(
        "web-scanner-agents",
        "web-admin-abroad",
        "web-auth-storm",
        "web-flood",
        "web-post-flood",
        "web-post-no-referer",
    ),
    *("web-wp-login", "web-login", "web-login-slow", "web-4xx-scan", "web-scan-slow", "web-probes", "web-exploit"),
    *("web-robots", "web-anomaly", "nginx-botsearch", "repeat-everywhere", "recidive"),
)
BEGIN, END = "<!-- made by bench/traffic -->", "<!-- end of what bench/traffic made -->"


class Result(NamedTuple):
    """What came out."""

    lines: Mapping[str, int]
    banned: Mapping[str, Sequence[str]]
    """Who was banned, and by which jails, the first one first."""
    seconds: float


def generate(folder: Path, world: World, scale: float) -> dict[str, int]:
    """Write both logs; return how many lines each has."""
    with contextlib.ExitStack() as stack:
        buckets: dict[tuple[str, int], TextIO] = {}
        for events in _all(world, scale):
            for event in events:
                if not 0 <= event[0] < WEEK:
                    continue
                key = event[2], int(event[0] // BUCKET_S)
                if key not in buckets:
                    path = folder / f"{key[0]}.{key[1]:02}"
                    buckets[key] = stack.enter_context(path.open("w+", encoding="utf-8"))
                buckets[key].write(f"{event[0]:014.6f} {event[1]:08} {dated(event)}\n")
        return {
            log: _merged(folder / log, [buckets[key] for key in sorted(buckets) if key[0] == log])
            for log in (WEB, AUTH)
        }


def _all(world: World, scale: float) -> Sequence[Events]:
    return (*good_faith(world, scale), *attacks(world, scale))


def _merged(path: Path, parts: Sequence[TextIO]) -> int:
    """Write a log from its parts, each sorted; return the number of its lines."""
    count = 0
    with path.open("w", encoding="utf-8") as log:
        for part in parts:
            part.seek(0)
            lines = sorted(part)
            count += len(lines)
            log.writelines(line.split(" ", 2)[2] for line in lines)
            Path(part.name).unlink()
    return count


def configure(folder: Path, world: World) -> None:
    """Write a configuration: the shipped jails, enabled, with these logs, and the files that some of them need."""
    local = [f"[{name}]\nenabled = true\nlogpath = {folder / (AUTH if _of_ssh(name) else WEB)}\n" for name in JAILS]
    special = {"repeat-everywhere", "recidive"}
    local = [text.split("logpath")[0] if name in special else text for name, text in zip(JAILS, local, strict=True)]
    (folder / "jail.local").write_text("\n".join(local), encoding="utf-8")
    filters = folder / "filter.d"
    filters.mkdir()
    (folder / "robots.txt").write_text("User-agent: *\nDisallow: /private/\nDisallow: /search\n")
    (folder / "list.txt").write_text("".join(f"{host}\n" for host in world.listed))
    away = {_network(host): country("ZZ", "SA") for host in world.abroad}
    home = {_network(host): country("DE", "EU") for host in (*world.innocents, *world.attackers)}
    write(folder / "places.mmdb", {**home, **away})
    hosting = {
        _network(host): operator(64500 + number % 9, "Cheap VPS Hosting Ltd")
        for number, host in enumerate(world.centres)
    }
    write(
        folder / "operators.mmdb",
        {_network(host): operator(64511, "Home Telecom") for host in world.innocents} | hosting,
    )
    for name, option in {
        "ssh-abroad": "database = places.mmdb",
        "web-admin-abroad": "database = places.mmdb",
        "ssh-hosting": "database = operators.mmdb",
        "web-robots": "robots = robots.txt",
        "tor-exits": "lists = list.txt",
    }.items():
        key, value = option.split(" = ")
        (filters / f"{name}.local").write_text(f"[Definition]\n{key} = {folder / value}\n")


def _of_ssh(name: str) -> bool:
    return name.startswith("ssh") or name == "tor-exits"


def _network(host: str) -> str:
    return f"{host}/{128 if ':' in host else 32}"


def replay(folder: Path) -> tuple[dict[str, list[str]], float]:
    """Return who was banned by which jails, and how long the replay took."""
    began = time.monotonic()
    command = [sys.executable, "-m", "f2b", "replay", "--json", "-c", str(folder), "--now", str(START + WEEK)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TZ": "UTC"}
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environment)
    banned: dict[str, list[str]] = collections.defaultdict(list)
    for line in done.stdout.splitlines():
        event = json.loads(line)
        if event["event"] == "ban" and event["jail"] not in banned[event["id"]]:
            banned[event["id"]].append(event["jail"])
    return dict(banned), time.monotonic() - began


def judged(world: World, banned: Mapping[str, Sequence[str]]) -> tuple[list[tuple[str, ...]], list[tuple[str, ...]]]:
    """Return the rows of the table of attacks, and of those in good faith."""
    lengths = _lengths(banned)

    def jails(host: str) -> list[str]:
        return [name for key in _keys(host, lengths) for name in banned.get(key, ())]

    return _rows(world.attackers, jails, "missed"), _rows(world.innocents, jails, "banned")


def strangers(world: World, banned: Mapping[str, Sequence[str]]) -> list[str]:
    """Return who was banned without being anybody: no address in the world, and no network with one in it."""
    lengths = _lengths(banned)
    known = {key for host in (*world.attackers, *world.innocents) for key in _keys(host, lengths)}
    return [key for key in banned if key not in known]


def _lengths(banned: Mapping[str, Sequence[str]]) -> set[tuple[bool, str]]:
    """Return the lengths of networks that are banned, each with whether it is of IPv6."""
    return {(":" in key, key.partition("/")[2]) for key in banned if "/" in key}


def _keys(host: str, lengths: set[tuple[bool, str]]) -> list[str]:
    """Return as what a host can be banned: itself, and its networks."""
    fitting = [length for six, length in lengths if six == (":" in host)]
    return [host, *(str(ip_network(f"{host}/{length}", strict=False)) for length in fitting)]


def _rows(kinds: Mapping[str, str], jails: Callable[[str], list[str]], named: str) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for kind in dict.fromkeys(kinds.values()):
        hosts = [host for host in kinds if kinds[host] == kind]
        hit = {host: found for host in hosts if (found := jails(host))}
        by = collections.Counter(name for found in hit.values() for name in dict.fromkeys(found))
        shown = ", ".join(f"{name} {count}" for name, count in by.most_common(4))
        told = [host for host in hosts if (host in hit) == (named == "banned")][:3]
        rows.append((kind, str(len(hosts)), str(len(hit)), str(len(hosts) - len(hit)), shown, " ".join(told)))
    return rows


def page(world: World, result: Result, seed: int) -> str:
    """Return the tables as Markdown."""
    found, wrong = judged(world, result.banned)
    lines = ", ".join(f"{count:,} lines of {log}" for log, count in result.lines.items())
    parts = [f"{BEGIN}\n\nSeed {seed}: {lines}; replayed in {result.seconds:.0f} s.\n"]
    parts.append(_table(("attack", "addresses", "banned", "missed", "by (the most frequent jails)"), found))
    parts.append(_table(("in good faith", "addresses", "banned", "not banned", "by"), wrong))
    return "\n".join([*parts, END])


def _table(heads: Sequence[str], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *(row[:5] for row in rows)]
    total = (
        f"**all {sum(int(row[1]) for row in rows):,}**",
        *(str(sum(int(row[at]) for row in rows)) for at in (1, 2, 3)),
        "",
    )
    return "".join(f"| {' | '.join(line)} |\n" for line in [*lines, total])


def main() -> None:
    """Make the traffic, replay it, tell; exit 1 if somebody in good faith, or nobody that there is, is banned."""
    parser = argparse.ArgumentParser(prog="bench/traffic", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scale", type=float, default=1.0, help="1 is the whole week; 0.02 takes seconds")
    parser.add_argument("--keep", metavar="DIR", type=Path, help="keep logs and configuration in this empty folder")
    parser.add_argument("--write", action="store_true", help="write the tables into docs/scenarios.md")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        world = World(given.seed)
        lines = generate(folder, world, given.scale)
        configure(folder, world)
        result = Result(lines, *replay(folder))
    made = page(world, result, given.seed)
    print(made)
    found, wrong = judged(world, result.banned)
    for row in found:
        if row[3] != "0":
            print(f"missed: {row[0]}: {row[5]}")
    for row in wrong:
        if row[2] != "0":
            print(f"wrongly banned: {row[0]}: {row[5]}, by {row[4]}")
    nobody = strangers(world, result.banned)
    if nobody:
        print(f"banned, and nobody that there is: {' '.join(nobody)}")
    if given.write:
        path = ROOT / "docs" / "scenarios.md"
        before, _, rest = path.read_text(encoding="utf-8").partition(BEGIN)
        path.write_text(before + made + rest.partition(END)[2], encoding="utf-8")
    raise SystemExit(bool(nobody) or any(row[2] != "0" for row in wrong))
