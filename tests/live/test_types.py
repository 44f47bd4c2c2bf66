"""One server, a jail of each filter type, and the firewall: whom a type finds is refused, others are served."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

from tests.daemon.geoip import country, operator, write
from tests.live.net import BYSTANDER, GUARDED, Host
from tests.live.service import running, until

F2B = [sys.executable, "-c", "from f2b.cli.main import main; main()"]
PORT = 8080
HALF_HOUR_S = 1800

FILTERS = {
    "any": "filtertype = any\nbase = missing\n       http",
    "http": "filtertype = http\nmethods = POST\npaths = ^/login",
    "useragent": "filtertype = useragent\nagents = zgrab",
    "slow": "filtertype = slow\nbase = missing",
    "geo": "filtertype = geo\nbase = missing\ndeny = BR\ndatabase = {home}/c.mmdb",
    "asn": "filtertype = asn\nbase = missing\ndeny = AS64500\ndatabase = {home}/a.mmdb",
    "anomaly": "filtertype = anomaly\nstatus = 404\nminrequests = 3\nratio = 1",
    "robots": "filtertype = robots\nrobots = {home}/robots.txt\nafterfetch = yes",
    "distributed": "filtertype = distributed\nbase = missing\ngroupby = path\nminhosts = 3",
    "blocklist": "filtertype = blocklist\nbase = missing\nlists = {home}/list",
    "correlate": "filtertype = correlate\nscores = low:1 lower:1\nthreshold = 2",
    "okstatus": "filtertype = http\nstatus = 401\nokstatus = 200",
}
LOW = "filtertype = http\nstatus = 418"
"""Of two jails that never ban, for correlate."""
MAXRETRY = {"slow": 3, "okstatus": 3, "low": 99, "lower": 99}
"""1 for all others."""
ATTACKERS = {name: f"192.0.2.{101 + number}" for number, name in enumerate(FILTERS)}
HELPERS = ["192.0.2.151", "192.0.2.152"]
"""Hosts that attack together with the attacker of `distributed`."""
FORGIVEN = "192.0.2.161"


def line(host: str, ago: float = 0, asked: str = "GET /x HTTP/1.1", status: int = 404, agent: str = "Mozilla") -> str:
    """Return a line of an access log that was written so many seconds ago."""
    stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(time.time() - ago))
    return f'{host} - - [{stamp}] "{asked}" {status} 10 "-" "{agent}"\n'


def attacks(name: str) -> Iterable[str]:
    """Return what the attacker of a type does; `slow` did it while there was no server."""
    host = ATTACKERS[name]
    special = {
        "http": [line(host, asked="POST /login HTTP/1.1", status=200)],
        "useragent": [line(host, agent="zgrab/0.x", status=200)],
        "slow": [line(host, HALF_HOUR_S * slot) for slot in (3, 2, 1)],
        "anomaly": [line(host)] * 3,
        "robots": [line(host, asked="GET /robots.txt HTTP/1.1"), line(host, asked="GET /private HTTP/1.1")],
        "distributed": [line(each) for each in (*HELPERS, host)],
        "okstatus": [
            *[line(each, status=401) for each in (host, FORGIVEN) for _ in range(2)],
            line(FORGIVEN, status=200),
            *[line(each, status=401) for each in (host, FORGIVEN)],
        ],
    }
    return special.get(name, [line(host)])


def configure(home: Path) -> dict[str, Path]:
    """Write a folder of configuration, with all that the types judge by; return the log of each jail."""
    write(home / "c.mmdb", {f"{ATTACKERS['geo']}/32": country("BR", "SA")})
    write(home / "a.mmdb", {f"{ATTACKERS['asn']}/32": operator(64500, "Example")})
    (home / "robots.txt").write_text("User-agent: *\nDisallow: /private\n")
    (home / "list").write_text(f"{ATTACKERS['blocklist']}\n")
    filters = {**FILTERS, "missing": "filtertype = http\nstatus = 404", "low": LOW, "lower": LOW}
    (home / "conf" / "filter.d").mkdir(parents=True)
    for name, text in filters.items():
        (home / "conf" / "filter.d" / f"{name}.conf").write_text(f"[Definition]\n{text.format(home=home)}\n")
    text = "[sshd]\nenabled = false\n[recidive]\nenabled = false\n"
    logs = {name: home / f"{name}.log" for name in (*FILTERS, "low", "lower")}
    for name, log in logs.items():
        log.touch()
        where = "" if name == "correlate" else f"logpath = {log}\n"
        text += f"[{name}]\nenabled = true\nfilter = {name}\nfindtime = 1d\nbantime = 1h\n{where}"
        text += f"ignoreself = false\nmaxretry = {MAXRETRY.get(name, 1)}\n"
    (home / "conf" / "jail.local").write_text(text)
    return logs


def append(log: Path, lines: Iterable[str]) -> None:
    with log.open("a") as out:
        out.writelines(lines)


def test_types_when_served_with_a_firewall_then_each_keeps_out_whom_it_finds(
    guarded: Host, peer: Host, tmp_path: Path
) -> None:
    logs = configure(tmp_path)
    hosts = [*ATTACKERS.values(), *HELPERS, FORGIVEN]
    for address in hosts:
        peer.run("ip", "address", "add", f"{address}/24", "dev", "cable")
    socket = tmp_path / "f2b.sock"
    files: list[str | Path] = ["-c", tmp_path / "conf", "-s", socket, "-p", tmp_path / "pid", "--db", tmp_path / "db"]
    append(logs["slow"], attacks("slow"))
    out = tmp_path / "f2b.log"
    with guarded.listen(PORT), running(guarded, [*F2B, "serve", *files], out):
        until(socket.exists, 60)
        until(lambda: out.read_text().count("' started") == len(logs), 60)
        for name in FILTERS:
            if name not in ("slow", "correlate"):
                append(logs[name], attacks(name))
        for name in ("low", "lower"):
            append(logs[name], [line(ATTACKERS["correlate"], status=418)])

        def banned() -> set[str]:
            return {name for name, host in ATTACKERS.items() if f"[{name}] Ban {host}" in out.read_text()}

        until(lambda: banned() == {*FILTERS}, 60)
        refused = {host: peer.connects(host, GUARDED[0], PORT) for host in hosts}
        assert refused == {host: "open" if host == FORGIVEN else "refused" for host in hosts}
        assert peer.connects(BYSTANDER[0], GUARDED[0], PORT) == "open"
