"""Rows of servers: catching up, banning, restoring, memory, start, answers, idling."""

from __future__ import annotations

import json
import random
import statistics
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from bench import logs
from bench.program import Program, run
from bench.row import Bench, Measured, Row
from bench.server import Folder, Jails, Told, active, cpu_s, memory_mb, serving
from f2b.events import Ban
from f2b.store import Store

DAY_S = 86400
MARK = "192.0.2.99"
"""Whoever stands in the last lines of a log: who has found him everywhere has read it all."""
_PAM = "vsftpd[1]: pam_unix(vsftpd:auth): authentication failure; logname= uid=0 euid=0 tty=ftp ruser= rhost={}"
LAST = {
    "sshd": f"sshd[1]: Failed password for root from {MARK} port 22 ssh2",
    "dropbear": f"dropbear[1]: Bad password attempt for 'root' from {MARK}:1234",
    "pure-ftpd": f"pure-ftpd: (?@{MARK}) [WARNING] Authentication failed for user [root]",
    "proftpd": f"proftpd[1]: host ({MARK}[{MARK}]) - USER root (Login failed): Incorrect password.",
    "vsftpd": _PAM.format(MARK),
    "postfix": f"postfix/smtpd[1]: NOQUEUE: reject: RCPT from unknown[{MARK}]: 554 5.7.1 <x@y>: Relay access denied;",
    "dovecot": f"dovecot: imap-login: Disconnected (auth failed, 1 attempts in 2 secs): user=<x>, rip={MARK}",
    "named-refused": f"named[1]: client {MARK}#3342: query (cache) 'x/IN' denied",
    "cyrus-imap": f"cyrus/imapd[1]: badlogin: x[{MARK}] plaintext user SASL(-13): authentication failure: checkpass",
    "courier-auth": f"imapd: LOGIN FAILED, user=x, ip=[::ffff:{MARK}]",
}
"""Ten jails of jail.conf, and what each takes for a failure."""
FIVE = ("sshd", "dovecot", "postfix", "proftpd", "vsftpd")

THEIR_LINES = 50_000
THEIR_BANS = 500
BANS = 50_000


def written(path: Path, lines: Iterator[str], jails: Sequence[str] = ("sshd",)) -> None:
    """Write a log that ends just now, and with what each jail finds last."""
    stamp = time.strftime("%b %e %H:%M:%S")
    logs.write(path, (line for part in (lines, (f"{stamp} host {LAST[jail]}" for jail in jails)) for line in part))


def begin(lines: int) -> float:
    """Return when a log must begin that is to end just now."""
    return time.time() - lines / logs.RATE - 60


def read_all(program: Program, folder: Folder, jails: Sequence[str]) -> tuple[float, list[int]]:
    """Return seconds from a server's start until all its jails have read all, and what each counted."""
    folder.clean()
    began = time.monotonic()
    with serving(program, folder) as server:
        took = Told(folder, server).wait(*(f"[{jail}] Found {MARK}" for jail in jails)) - began
        time.sleep(0.5)
        return took, folder.failures(program, jails)


def _ten_jails(bench: Bench) -> Measured:
    many = bench.of(1_000_000, 2000)
    few = many if bench.whole else bench.of(THEIR_LINES, 2000)
    log = bench.folder / "log"
    jails: Jails = {name: {"logpath": log, "maxretry": many, "findtime": "1w", "action": ""} for name in LAST}
    folder = Folder(bench.folder / "server", jails)
    taken: dict[str, list[float]] = {"theirs": [], "ours": []}
    counted: dict[str, list[int]] = {}

    def read(whose: str, program: Program, lines: int) -> float:
        written(log, islice(logs.mixed(many, start=begin(many)), lines), list(LAST))
        took, counted[whose] = read_all(program, folder, list(LAST))
        return lines / took

    for _ in range(bench.runs):
        taken["theirs"].append(read("theirs", bench.theirs, few))
        taken["ours"].append(read("ours", bench.ours, many))
    read("ours", bench.ours, few)
    same = f"both of {few:,}: {sum(counted['ours']):,} failures in ten jails"
    agree = same if counted["theirs"] == counted["ours"] else f"DIFFERENT: {counted}"
    return Measured(taken["theirs"], taken["ours"], agree, f"{many:,} lines")


def _in_kernel(verb: str, words: Sequence[object], command: Sequence[str]) -> list[float]:
    """Measure in a namespace what the kernel tells; see `bench.kernel`."""
    inside = [word for word in command if word not in ("unshare", "-n")]
    watch = ["unshare", "-n", sys.executable, "-m", "bench.kernel", verb, *map(str, words), *inside]
    found: list[float] = json.loads(run(watch).said)
    return found


def _reach(bench: Bench) -> Measured:
    log = bench.folder / "auth.log"
    log.touch()
    folder = Folder(bench.folder / "server", {"sshd": {"logpath": log, "maxretry": 1}})
    theirs = _in_kernel("reach", (log, bench.of(50, 3)), folder.command(bench.theirs))
    folder.clean()
    ours = _in_kernel("reach", (log, bench.of(1000, 20)), folder.command(bench.ours))
    middle = f"median {1000 * statistics.median(theirs):.0f} and {1000 * statistics.median(ours):.2f} ms"
    return Measured([_p99_ms(theirs)], [_p99_ms(ours)], f"all {len(ours)} banned", middle)


def _p99_ms(taken: Sequence[float]) -> float:
    return 1000 * sorted(taken)[-1 - len(taken) // 100]


def _stored(path: Path, count: int) -> None:
    """Write a database in which so many are banned for another day."""
    path.unlink(missing_ok=True)
    store, now, dice = Store(str(path)), time.time(), random.Random(6)
    with store.turn():
        for number in range(count):
            who = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            store.ban(
                Ban(
                    "sshd",
                    who,
                    now - dice.randrange(60, DAY_S // 2),
                    DAY_S,
                    5,
                    (f"a failure of {who}",),
                    {"user": "root"},
                )
            )
    store.close()


def _restore(bench: Bench) -> Measured:
    (bench.folder / "auth.log").touch()
    jail = {"logpath": bench.folder / "auth.log", "bantime": DAY_S}
    folder = Folder(bench.folder / "server", {"sshd": jail}, dbpurgeage="1w")
    many, few = bench.of(BANS, 100), bench.of(THEIR_BANS, 20)
    theirs, ours = [], []
    for _ in range(bench.runs):
        _stored(folder.db, few)
        theirs.append(_in_kernel("fill", (few,), folder.command(bench.theirs))[0] * many / few)
        _stored(folder.db, many)
        ours.append(_in_kernel("fill", (many,), folder.command(bench.ours))[0])
    return Measured(theirs, ours, "all in the kernel", f"{many:,} bans, from the start of the process")


def _memory(bench: Bench) -> Measured:
    """Return PSS in MB."""
    found = {program.name: _resident(bench, program, 0) for program in (bench.theirs, bench.ours)}
    return _told_memory(found)


def _memory_of_bans(bench: Bench) -> Measured:
    """Return how many MB of PSS bans add."""
    found: dict[str, list[tuple[float, float]]] = {}
    for program in (bench.theirs, bench.ours):
        idle, full = (_resident(bench, program, bans) for bans in (0, bench.of(BANS, 100)))
        found[program.name] = [(f[0] - i[0], f[1] - i[1]) for f, i in zip(full, idle, strict=True)]
    return _told_memory(found)


def _told_memory(found: dict[str, list[tuple[float, float]]]) -> Measured:
    theirs, ours = found.values()
    rss = [statistics.median(rss for rss, _ in each) for each in (theirs, ours)]
    return Measured(
        [pss for _, pss in theirs], [pss for _, pss in ours], "", f"PSS; RSS {rss[0]:.1f} and {rss[1]:.1f} MB"
    )


def _resident(bench: Bench, program: Program, bans: int) -> list[tuple[float, float]]:
    """Return RSS and PSS with so many bans restored, of each run."""
    path = bench.folder / f"{program.name}-{bans}"
    path.mkdir()
    (path / "auth.log").touch()
    jail: dict[str, object] = {"logpath": path / "auth.log", "bantime": DAY_S}
    if program.name == "Fail2Ban" and bans:
        jail["action"] = ""  # with one it would take a quarter of an hour to restore them
    folder = Folder(path / "server", dict.fromkeys(FIVE, jail), dbpurgeage="1w")
    found = []
    for _ in range(bench.runs):
        folder.clean()
        _stored(folder.db, bans)
        with serving(program, folder) as server:
            Told(folder, server).wait(*active(*FIVE))
            Told(folder, server).count("Restore Ban", bans)
            folder.ask(program, "ping")  # who answers has done all that a start brings
            time.sleep(1)
            found.append(memory_mb(server.pid))
    return found


def _answers(bench: Bench, words: str, own: bool) -> Measured:
    """Return how long a command takes as a whole process, in ms."""
    (bench.folder / "auth.log").touch()
    folder = Folder(bench.folder / "server", {name: {"logpath": bench.folder / "auth.log"} for name in FIVE})
    taken = []
    for program in (bench.theirs, bench.ours):
        folder.clean()
        command = [*(program.status if own else program.client), "-c", str(folder.conf), words]
        with serving(program, folder) as server:
            Told(folder, server).wait(*active(*FIVE))
            run(command)
            taken.append([1000 * run(command).wall_s for _ in range(bench.of(30, 3))])
    return Measured(taken[0], taken[1])


def _status(bench: Bench) -> Measured:
    return _answers(bench, "status", own=True)


def _ping(bench: Bench) -> Measured:
    return _answers(bench, "ping", own=False)


def _start(bench: Bench) -> Measured:
    (bench.folder / "auth.log").touch()
    folder = Folder(bench.folder / "server", {"sshd": {"logpath": bench.folder / "auth.log"}})
    taken: list[list[float]] = [[], []]
    for _ in range(3 * bench.runs):
        for number, program in enumerate((bench.theirs, bench.ours)):
            folder.clean()
            began = time.monotonic()
            with serving(program, folder) as server:
                taken[number].append(Told(folder, server).wait(*active("sshd")) - began)
    return Measured(taken[0], taken[1])


def _idle(bench: Bench) -> Measured:
    """Return the share of a processor that a server takes that has nothing to do, in %."""
    seconds = bench.of(60, 5)
    for number in range(50):
        (bench.folder / f"{number}.log").touch()
    folder = Folder(bench.folder / "server", {"sshd": {"logpath": f"{bench.folder}/*.log"}})
    shares = []
    for program in (bench.theirs, bench.ours):
        folder.clean()
        with serving(program, folder) as server:
            Told(folder, server).wait(*active("sshd"))
            time.sleep(5)
            before = cpu_s(server.pid)
            time.sleep(seconds)
            shares.append([100 * (cpu_s(server.pid) - before) / seconds])
    return Measured(shares[0], shares[1], remark=f"over {seconds} s")


ROWS = [
    Row("tenjails", "server: ten jails on one log, from its start until all is read", "lines/s", 45, 80, _ten_jails),
    Row("reach", "server: from a line to the kernel's set, 99th percentile", "ms", 10, 2, _reach),
    Row("restore", "50,000 bans restored", "s", 1, 0.3, _restore),
    Row("memory", "memory: server with five jails, idle", "MB", 20, 15, _memory),
    Row("bans", "memory: what 50,000 bans add", "MB", 15, 8, _memory_of_bans),
    Row("status", "`f2b status` (`fail2ban-client status`), whole process", "ms", 60, 40, _status),
    Row("ping", "`fail2ban-client ping`, whole process", "ms", 30, 15, _ping),
    Row("start", "start until the first jail is active: Debian's tree, sshd", "s", 0.25, 0.12, _start),
    Row("idle", "processor while idle, 50 files followed", "%", 0.05, 0.01, _idle),
]
