"""`f2b web` beside a real server, on a port of its own."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx

from tests.daemon import geoip
from tests.daemon.running import PATIENCE_S, Server, fail, running, wait_for

TOKEN = "correct-horse-battery-staple"
ATTACKER, QUIET = "203.0.113.66", "198.51.100.7"


class Site:
    """The page, and the server that it shows."""

    def __init__(self, server: Server, url: str) -> None:
        self.server = server
        self.url = url
        self.log = server.folder / "app.log"

    def browser(self) -> httpx.Client:
        """Return a browser that has been nowhere."""
        return httpx.Client(base_url=self.url, timeout=PATIENCE_S)

    @contextmanager
    def inside(self) -> Iterator[httpx.Client]:
        """Give one that has logged in."""
        with self.browser() as browser:
            assert send(browser, "/login", "/login", token=TOKEN).headers["location"] == "/"
            yield browser

    def settle(self) -> None:
        """Wait until the page knows whom the server has banned."""
        wait_for(lambda: self._known() == set(self.server.banned()))

    def _known(self) -> set[str]:
        answer = httpx.get(f"{self.url}/api/banned", headers={"Authorization": f"Bearer {TOKEN}"}, timeout=PATIENCE_S)
        return {ban["id"] for ban in answer.json()["bans"]} if answer.status_code == 200 else set()


def send(browser: httpx.Client, page: str, to: str, **fields: str) -> httpx.Response:
    """Send a form of a page, as a browser does."""
    found = re.search('name="mark" value="([0-9a-f]+)"', browser.get(page).text)
    assert found
    return browser.post(to, data={"mark": found[1], **fields})


@contextmanager
def site(folder: Path) -> Iterator[Site]:
    """Give a page and its server, which has banned the attacker."""
    with running(folder) as server:
        log = server.jail()
        log.touch()
        places = geoip.write(folder / "country.mmdb", {"203.0.113.0/24": geoip.country("NL", "EU")})
        configure(folder, token_file=folder / "token", geoip=places)
        server.start()
        fail(log, ATTACKER)
        wait_for(lambda: server.banned() == [ATTACKER])
        with served(server) as url:
            yield Site(server, url)


def configure(folder: Path, **options: object) -> None:
    """Write the page's settings, and a token."""
    (folder / "token").write_text(f"{TOKEN}\n")
    (folder / "token").chmod(0o600)
    said = "".join(f"{name} = {value}\n" for name, value in options.items())
    (folder / "f2b.conf").write_text(f"[web]\n{said}")


@contextmanager
def served(server: Server, folder: Path | None = None) -> Iterator[str]:
    """Give the address of a page for a server that runs, with the settings in a folder."""
    where = ["-c", str(folder or server.folder), "-s", server.socket, "--db", str(server.folder / "db")]
    command = [sys.executable, "-m", "f2b", "web", *where, "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as web:
        try:
            assert web.stderr is not None
            said = web.stderr.readline()
            assert "http://" in said, said
            yield said.split()[-1].rstrip("/")
        finally:
            web.terminate()
            assert web.wait(PATIENCE_S) == 0
