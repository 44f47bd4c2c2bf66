"""The world of `bench/traffic`: who is in it, what they are here for, and lines as servers write them."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from functools import lru_cache
from zlib import crc32

START = 1_795_392_000
"""Monday, 2026-11-23 00:00 UTC."""
DAY, WEEK = 86_400, 7 * 86_400
WEB, AUTH = "access.log", "auth.log"
HOST = "web-1"

Event = tuple[float, int, str, str]
"""When (seconds from START), the number of the line (to order equal times), which log, and the line without its date,
with a mark where that stands."""
Events = Iterator[Event]
MARK = "\x00"

_MAC = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7)"
_PHONE = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X)"
_ANDROID = "Mozilla/5.0 (Linux; Android 15; Pixel 9)"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0"
BROWSERS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Safari/537.36",
    "Mozilla/5.0 (X11; Linux x86_64; rv:144.0) Gecko/20100101 Firefox/144.0",
    f"{_MAC} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Safari/605.1.15",
    f"{_PHONE} AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1",
    f"{_ANDROID} {_CHROME} Mobile Safari/537.36",
)


class World:
    """Dice, addresses nobody else has, and who turned out to be what."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.attackers: dict[str, str] = {}
        """The kind of attack of each attacking address."""
        self.innocents: dict[str, str] = {}
        """The kind of each other address."""
        self.abroad: list[str] = []
        """Addresses of countries where nobody is at home."""
        self.centres: list[str] = []
        """Addresses of data centres."""
        self.listed: list[str] = []
        """Addresses on a block list."""
        self._taken: set[str] = set()
        self._number = 0

    def address(self, prefix: str = "") -> str:
        """Return a new address, in a network if its first parts are given."""
        dice = self.dice
        while True:
            parts = (
                prefix.split(".") if prefix else [str(dice.choice((23, 31, 45, 62, 78, 80, 91, 109, 146, 185, 193)))]
            )
            parts += [str(dice.randrange(1, 255)) for _ in range(4 - len(parts))]
            found = ".".join(parts)
            if not prefix and dice.random() < 0.1:
                net, link, end = (f"{dice.randrange(1, 65536):x}" for _ in range(3))
                found = f"2001:db8:{net}:{link}::{end}"
            if found not in self._taken:
                self._taken.add(found)
                return found

    def attacker(self, kind: str, prefix: str = "") -> str:
        """Return the address of a new attacker."""
        found = self.address(prefix)
        self.attackers[found] = kind
        return found

    def innocent(self, kind: str, prefix: str = "") -> str:
        """Return the address of somebody in good faith."""
        found = self.address(prefix)
        self.innocents[found] = kind
        return found

    def web(
        self,
        at: float,
        host: str,
        request: str,
        status: int = 200,
        referer: str = "-",
        agent: str = BROWSERS[0],
        size: int = 0,
    ) -> Event:
        """Return a line of the access log, in the combined format."""
        self._number += 1
        size = size or 300 + crc32(request.encode()) % 40_000
        return (
            at,
            self._number,
            WEB,
            f'{host} - - [{MARK}] "{request} HTTP/1.1" {status} {size} "{referer}" "{agent}"',
        )

    def auth(self, at: float, program: str, pid: int, text: str) -> Event:
        """Return a line of auth.log."""
        self._number += 1
        return at, self._number, AUTH, f"{MARK} {HOST} {program}[{pid}]: {text}"

    def ssh_failure(self, at: float, host: str, user: str, known: bool = True, tries: int = 1) -> Events:
        """Yield what sshd and PAM say of wrong passwords in one connection."""
        pid, port = self.dice.randrange(1000, 4_000_000), self.dice.randrange(1024, 65_536)
        whom = user if known else f"invalid user {user}"
        if not known:
            yield self.auth(at, "sshd", pid, f"Invalid user {user} from {host} port {port}")
        for number in range(tries):
            rest = f" user={user}" if known else ""
            pam = "pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost="
            if number == 0:
                yield self.auth(at, "sshd", pid, f"{pam}{host} {rest}")
            at += 1.5 + self.dice.random() * 3
            yield self.auth(at, "sshd", pid, f"Failed password for {whom} from {host} port {port} ssh2")
        who = f"{'authenticating' if known else 'invalid'} user {user} {host} port {port}"
        yield self.auth(at + 1, "sshd", pid, f"Connection closed by {who} [preauth]")

    def ssh_login(self, at: float, host: str, user: str, way: str = "password", typos: int = 0) -> Events:
        """Yield what sshd says of a login, with some wrong passwords before the right one."""
        pid, port = self.dice.randrange(1000, 4_000_000), self.dice.randrange(1024, 65_536)
        for _ in range(typos):
            yield self.auth(at, "sshd", pid, f"Failed password for {user} from {host} port {port} ssh2")
            at += 3 + self.dice.random() * 9
        key = ": ED25519 SHA256:Zm9vYmFyYmF6" if way == "publickey" else ""
        yield self.auth(at, "sshd", pid, f"Accepted {way} for {user} from {host} port {port} ssh2{key}")
        opened = f"pam_unix(sshd:session): session opened for user {user}(uid=1001) by (uid=0)"
        yield self.auth(at + 0.1, "sshd", pid, opened)
        length = 20 + self.dice.expovariate(1 / 1800)
        yield self.auth(
            at + length, "sshd", pid, f"Received disconnect from {host} port {port}:11: disconnected by user"
        )
        yield self.auth(at + length, "sshd", pid, f"Disconnected from user {user} {host} port {port}")
        yield self.auth(at + length, "sshd", pid, f"pam_unix(sshd:session): session closed for user {user}")

    def office_hour(self) -> float:
        """Return a moment of some day at which people work."""
        day = self.dice.choice((0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 6))
        return day * DAY + min(max(self.dice.gauss(13, 3.5), 0), 23.9) * 3600


@lru_cache(4)
def _web(second: int) -> str:
    return time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(START + second))


@lru_cache(4)
def _auth(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(START + second))


def dated(event: Event) -> str:
    """Return the line of an event as it stands in its log."""
    at, _, log, text = event
    whole = int(at)
    return text.replace(MARK, _web(whole) if log == WEB else f"{_auth(whole)}.{int(at % 1 * 1e6):06}+00:00", 1)
