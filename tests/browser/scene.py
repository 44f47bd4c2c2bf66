"""A server that has been under attack for an hour, and the page that shows it."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.daemon.running import Server, running, wait_for
from tests.web.browsing import TOKEN, served

MARK = "data-owned"
"""What an attack that works leaves on the page's body."""
ATTACKS = (
    "<script>document.body.dataset.owned=1</script>",
    "<img src=x onerror=document.body.dataset.owned=1>",
    '"><svg/onload=document.body.dataset.owned=1>',
    "' autofocus onfocus=document.body.dataset.owned=1 x='",
    "</textarea></title></style><script>document.body.dataset.owned=1</script>",
    "javascript:document.body.dataset.owned=1",
    "\u202e<b>turned</b>\u200b",
)
"""What attackers write where logs hold names: users, ids, whole lines."""
HOUR_S = 3600
MANY, FIRST = 210, 20
"""Addresses that the jail scan bans: more than two pages of the list. The lowest may be a gateway, and spared."""
_FILTERS = {
    "sshd": "^ sshd: Failed password for <F-USER>.+</F-USER> from <ADDR>$",
    "web": "^ web: denied <ADDR> <F-USER>.*</F-USER>$",
    "scan": "^ scan: <ADDR>$",
    "raw": "^ raw: <F-ID>.+</F-ID>$",
}


class Scene:
    """The server and its page."""

    def __init__(self, server: Server, url: str) -> None:
        self.server = server
        self.url = url

    def write(self, log: str, text: str, when: float | None = None) -> None:
        """Write a line into a jail's log."""
        write(self.server.folder / f"{log}.log", text, when or time.time())


def write(path: Path, text: str, when: float) -> None:
    """Append a dated line."""
    with path.open("a") as log:
        log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(when))} {text}\n")


@contextmanager
def scene(folder: Path) -> Iterator[Scene]:
    """Give it, once the page knows everything."""
    with running(folder, dry=False) as server:  # bans run `true`: by hand, ban in one of these jails only
        server.write("action.d/note.conf", "[Definition]\nactionban = true\nactionunban = true\n")
        for name, regex in _FILTERS.items():
            server.write(f"filter.d/{name}.conf", f"[Definition]\nfailregex = {regex}\n")
            options = {"filter": name, "findtime": 2 * HOUR_S, "bantime": "1d", "action": "note"}
            server.jail(name, **options, maxretry=1 if name == "scan" else 3).touch()
        _history(folder)
        server.write("token", f"{TOKEN}\n").chmod(0o600)
        server.write("f2b.conf", f"[web]\ntoken_file = {folder}/token\n")
        server.start()
        wait_for(lambda: len(server.banned()) >= MANY + 20)
        with served(server) as url:
            yield Scene(server, url)


def _history(folder: Path) -> None:
    """Write an hour of attacks; some have names that are attacks themselves."""
    chance, now = random.Random(7), time.time()
    lines = [(now - 60, "raw", f"raw: {attack}") for attack in ATTACKS for _ in range(3)]
    lines += [
        (now - HOUR_S * chance.random(), "scan", f"scan: 192.0.2.{number}") for number in range(FIRST, FIRST + MANY)
    ]
    lines += [(now - 50, "sshd", f"sshd: Failed password for {each} from 198.51.100.{at}") for at, each in _named()]
    for number in range(400):
        when = now - HOUR_S * chance.random() ** 1.3
        host = f"203.0.113.{int(60 * chance.random() ** 2) + 1}"
        user = chance.choice(["root", "admin", "ubuntu", "test", "git"])
        lines.append((when, "sshd", f"sshd: Failed password for {user} from {host}"))
        if number % 3 == 0:
            lines.append((when, "web", f"web: denied {host} GET /wp-login.php"))
    for when, log, text in sorted(lines):
        write(folder / f"{log}.log", text, when)


def _named() -> list[tuple[int, str]]:
    return [(at, attack) for at, attack in enumerate(ATTACKS, 1) for _ in range(3)]
