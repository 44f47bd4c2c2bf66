"""The logs that are measured: made line by line from a seed, so that every machine reads the same bytes.

Each maker yields `count` lines, without line ends. Their times go on by `RATE` lines a second from `START`, or from
where the caller says: a server leaves out what is older than its findtime.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

START = 1_763_700_000.0
"""2025-11-21 04:40 UTC."""
RATE = 100.0
FAILED, SESSIONS = 0.05, 0.20
"""The shares of `mixed` that are failed logins, and other lines of sshd's sessions."""
OPEN = 20
"""So many of sshd's sessions go on at a time, their lines among each other."""
MISSING = 0.02
"""The share of `access` that asks for what is not there; a third of these is a bot."""
ERRORS = 0.1
"""The share of bots' requests that Apache logs as an error, too: most go to programs that answer them themselves."""

_HOST = "web-1"
_USERS = ("alice", "bob", "carol", "dave", "erin", "frank", "deploy", "backup", "git", "www")
_GUESSES = (
    "root",
    "root",
    "root",
    "admin",
    "test",
    "oracle",
    "postgres",
    "ubuntu",
    "pi",
    "ftpuser",
    "guest",
    "mysql",
)
_UNITS = ("logrotate.service", "apt-daily.service", "man-db.timer", "session-12.scope", "user@1000.service")
_PAGES = ("/", "/index.html", "/about", "/blog/2025/11", "/static/site.css", "/static/app.js", "/api/v1/items")
_GONE = ("/favicon.ico", "/old/page.html", "/robots.txt", "/img/missing.png", "/blog/2019/none")
_BOTS = ("/phpmyadmin/index.php", "/wp-login.php", "/pma/", "/roundcube/", "/mail/", "/sqladmin/", "/horde/imp/")
_AGENTS = (
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
)

Maker = Callable[[int], Iterator[str]]


class _Syslog:
    """Puts date, host and program before texts."""

    def __init__(self, dice: random.Random, start: float) -> None:
        self._dice = dice
        self._now = start
        self._second, self._stamp = -1, ""

    def line(self, program: str, pid: int, text: str) -> str:
        self._now += self._dice.expovariate(RATE)
        if int(self._now) != self._second:
            self._second = int(self._now)
            self._stamp = time.strftime("%b %e %H:%M:%S", time.localtime(self._second))
        return f"{self._stamp} {_HOST} {program}[{pid}]: {text}"


def noise(count: int, seed: int = 1, start: float = START) -> Iterator[str]:
    """A busy host's syslog without a line of sshd."""
    dice = random.Random(seed)
    syslog = _Syslog(dice, start)
    for _ in range(count):
        yield syslog.line(*_dull(dice))


def mixed(count: int, seed: int = 2, start: float = START) -> Iterator[str]:
    """An auth.log: many programs, users who come and go by ssh, and some who guess passwords."""
    dice = random.Random(seed)
    syslog = _Syslog(dice, start)
    sessions = [_session(dice) for _ in range(OPEN)]
    while count:
        if dice.random() >= FAILED + SESSIONS:
            count -= 1
            yield syslog.line(*_dull(dice))
            continue
        place = dice.randrange(OPEN)
        while (line := next(sessions[place], None)) is None:
            sessions[place] = _session(dice)
        count -= 1
        yield syslog.line(*line)


def attack(count: int, seed: int = 3, start: float = START) -> Iterator[str]:
    """A flood: every line is a failed login."""
    dice = random.Random(seed)
    syslog = _Syslog(dice, start)
    guessers = [_address(dice) for _ in range(5000)]
    for _ in range(count):
        text = _failed(dice.choice(_GUESSES), dice.choice(guessers), dice.randrange(1024, 65536))
        yield syslog.line("sshd", dice.randrange(1000, 4_000_000), text)


def access(count: int, seed: int = 4, start: float = START) -> Iterator[str]:
    """An access log in Apache's combined format."""
    dice = random.Random(seed)
    visitors = [_address(dice) for _ in range(20_000)]
    now = start
    for _ in range(count):
        now += dice.expovariate(RATE)
        stamp = time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now))
        method, status, page = dice.choice(("GET", "GET", "GET", "HEAD", "POST")), 200, dice.choice(_PAGES)
        if dice.random() < MISSING:
            status, page = 404, dice.choice(_GONE if dice.random() < 2 / 3 else _BOTS)
        elif dice.random() < 0.1:
            status = dice.choice((301, 302, 304))
        request = f'"{method} {page} HTTP/1.1" {status} {dice.randrange(200, 90_000)}'
        origin = f'"https://www.example.org{dice.choice(_PAGES)}" "{dice.choice(_AGENTS)}"'
        yield f"{dice.choice(visitors)} - - [{stamp}] {request} {origin}"


def apache(count: int, seed: int = 9, start: float = START) -> Iterator[str]:
    """The same as a collector keeps it, with some of Apache's errors among it, all dates of one form."""
    dice = random.Random(seed)
    for line in access(count, seed, start):
        if count == 0:
            return
        count -= 1
        yield line
        page = line.split('"')[1].split()[1]
        if page in _BOTS and count and dice.random() < ERRORS:
            count -= 1
            yield _error(line, page, dice)


def _error(line: str, page: str, dice: random.Random) -> str:
    """Return what Apache's error log says of a request for what is not there."""
    stamp = line.split("[")[1].split("]")[0]
    who = f"[pid {dice.randrange(300, 9000)}:tid 140093] [client {line.split()[0]}:{dice.randrange(1024, 65536)}]"
    return f"[{stamp}] [core:error] {who} AH00128: File does not exist: /var/www{page}"


def _address(dice: random.Random) -> str:
    if dice.random() < 0.1:
        return f"2001:db8:{dice.randrange(1, 65536):x}:{dice.randrange(1, 65536):x}::{dice.randrange(1, 65536):x}"
    return ".".join(str(dice.randrange(1, 255)) for _ in range(4))


def _dull(dice: random.Random) -> tuple[str, int, str]:
    """Return program, process and text of a line that no filter for sshd wants."""
    pid = dice.randrange(300, 4_000_000)
    kind = dice.randrange(8)
    user = dice.choice(_USERS)
    if kind == 0:
        return "CRON", pid, f"pam_unix(cron:session): session opened for user {user}(uid=1000) by (uid=0)"
    if kind == 1:
        return "CRON", pid, f"pam_unix(cron:session): session closed for user {user}"
    if kind == 2:
        return "CRON", pid, f"({user}) CMD (/usr/lib/{user}/collect --quiet && test -x /etc/cron.daily/{user})"
    if kind == 3:
        return "systemd", 1, f"{dice.choice(_UNITS)}: Deactivated successfully, consumed {pid % 999}ms CPU time."
    if kind == 4:
        return (
            "sudo",
            pid,
            f"   {user} : TTY=pts/{pid % 9} ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/ls -l {pid}",
        )
    if kind == 5:
        text = (
            f"[UFW BLOCK] IN=eth0 OUT= SRC={_address(dice)} DST=192.0.2.1 LEN=40 TTL=244 PROTO=TCP DPT={pid % 65536}"
        )
        return "kernel", 0, f"[{pid}.{pid % 1000000:06}] {text}"
    if kind == 6:
        text = (
            f"{pid:08X}: to=<{user}@example.org>, relay=mx.example.org[192.0.2.25]:25, delay=1.2, status=sent (250)"
        )
        return "postfix/smtp", pid, text
    return "dhclient", 512, f"DHCPACK of 192.0.2.{pid % 256} from 192.0.2.1 (xid=0x{pid:08x}), renewal in 7200 s"


_GUESSING = 5 / 16
"""Of all sessions, those in which passwords are guessed: by their lines the shares of `mixed` come out."""


def _session(dice: random.Random) -> Iterator[tuple[str, int, str]]:
    """Yield the lines of one session."""
    pid, address, port = dice.randrange(1000, 4_000_000), _address(dice), dice.randrange(1024, 65536)
    for text in (_guess if dice.random() < _GUESSING else _visit)(dice, address, port):
        yield "sshd", pid, text


def _visit(dice: random.Random, address: str, port: int) -> Iterator[str]:
    user = dice.choice(_USERS)
    yield f"Accepted publickey for {user} from {address} port {port} ssh2: ED25519 SHA256:{dice.getrandbits(256):x}"
    yield f"pam_unix(sshd:session): session opened for user {user}(uid=1000) by {user}(uid=0)"
    yield f"Received disconnect from {address} port {port}:11: disconnected by user"
    yield f"Disconnected from user {user} {address} port {port}"
    yield f"pam_unix(sshd:session): session closed for user {user}"


def _guess(dice: random.Random, address: str, port: int) -> Iterator[str]:
    name = dice.choice(_GUESSES)
    known = name == "root"
    whose = f"{'authenticating' if known else 'invalid'} user {name}"
    yield _failed(name, address, port) if known else f"Invalid user {name} from {address} port {port}"
    yield _failed(name, address, port)
    yield _failed(name, address, port)
    yield f"Connection closed by {whose} {address} port {port} [preauth]"


def _failed(name: str, address: str, port: int) -> str:
    invalid = "" if name == "root" else "invalid user "
    return f"Failed password for {invalid}{name} from {address} port {port} ssh2"


LOGS: dict[str, Maker] = {"noise": noise, "mixed": mixed, "attack": attack, "access": access, "apache": apache}


def write(path: Path, lines: Iterator[str]) -> None:
    """Write a log."""
    with path.open("w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in lines)
