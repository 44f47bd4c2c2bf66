"""`f2b demo`: an attack, found and banned by the real server, in half a minute and without touching the host.

As root it plays in a network namespace of its own: a little login service listens there, an attacker and a customer
connect from addresses of their own, and the kernel decides who gets through. Without root the server runs dry, and
only the log tells.
"""

from __future__ import annotations

import ctypes
import os
import re
import select
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import click

from f2b import bundle
from f2b.cli import show
from f2b.errors import ActionError, F2bError

ATTACKER, CUSTOMER, HERE = "203.0.113.66", "198.51.100.7", "192.0.2.1"
PORT = 2222
BANTIME_S = 6
MAXRETRY = 3
LONGEST_S = 40.0
"""The demo ends by then, whatever happens."""
_CLONE_NEWNET = 0x40000000  # sched.h
_EVENT = re.compile(r"\[door] (?P<what>Found|Ban|Unban) (?P<who>\S+)")

_MEMBER = re.compile(r"set (\S+) \{[^}]*?elements = \{ (.*?) \}")
_COLOURS: dict[str, show.Colour] = {"attacker": "red", "f2b": "green", "kernel": "yellow"}
"""Of who acts; the others have none."""

_JAIL = f"""\
[door]
enabled  = true
filter   = door
logpath  = {{folder}}/door.log
backend  = auto
maxretry = {MAXRETRY}
findtime = 1m
bantime  = {BANTIME_S}
ignoreself = false
action   = {{action}}
"""
_FILTER = "[Definition]\nfailregex = ^ door: wrong password for <F-USER>\\S+</F-USER> from <HOST>$\n"


@click.command(short_help="See an attack detected and banned, harmlessly")
def demo() -> int:
    """Show what f2b does: an attacker guesses passwords, is found in the log, banned, and let go again.

    Nothing of this host is touched: as root it runs in a network namespace of its own, otherwise as a dry run.

    \b
    Examples:
      sudo f2b demo              with real packets and a real kernel set
      f2b demo                   without root: the log only
    """
    enforcing = os.geteuid() == 0
    folder = Path(tempfile.mkdtemp(prefix="f2b-demo-"))
    stage = Stage(folder, enforcing)
    try:
        if enforcing:
            _private_network()
        stage.play()
    except KeyboardInterrupt:
        print()
    finally:
        stage.clear()
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def _private_network() -> None:
    """Enter a network namespace of our own, with the addresses of all who play."""
    if ctypes.CDLL(None, use_errno=True).unshare(_CLONE_NEWNET):
        raise ActionError(f"no network namespace: {os.strerror(ctypes.get_errno())}; run the demo without root")
    from pyroute2 import IPRoute  # type: ignore[import-untyped]  # imported here: 150 ms that only root's demo pays

    with IPRoute() as network:
        network.link("set", index=1, state="up")
        for address in (ATTACKER, CUSTOMER, HERE):
            network.addr("add", index=1, address=address, prefixlen=32)


@dataclass(frozen=True)
class Attempt:
    """What came of knocking at the door."""

    who: str
    let_in: bool


class Door:
    """A login service that nobody ever gets the password of, and that says so in its log."""

    def __init__(self, log: Path) -> None:
        self._log = log
        self._listener = socket.create_server((HERE, PORT))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                client, (who, _) = self._listener.accept()
            except OSError:  # closed: the demo is over
                return
            with client:
                if who == ATTACKER:
                    log_failure(self._log, who)
                client.sendall(b"no\n" if who == ATTACKER else b"welcome\n")

    def close(self) -> None:
        """Close the door."""
        self._listener.close()


def _next(events: Iterator[tuple[str, str]]) -> tuple[str, str]:
    """Return what happens next. Raises F2bError if nothing does."""
    for event in events:
        return event
    raise F2bError("the server did nothing for too long, or ended; is the machine very busy? Try once more")


def log_failure(log: Path, who: str) -> None:
    """Write the line that f2b is to find."""
    now = time.time()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
    with log.open("a") as out:
        out.write(f"{stamp},{int(now % 1 * 1000):03d} door: wrong password for root from {who}\n")


def knock(who: str) -> Attempt:
    """Connect to the door from an address, by real packets."""
    try:
        with socket.create_connection((HERE, PORT), timeout=2, source_address=(who, 0)) as connection:
            return Attempt(who, bool(connection.recv(100)))
    except OSError:
        return Attempt(who, False)


class Stage:
    """The play: who does what when, and what the audience sees."""

    def __init__(self, folder: Path, enforcing: bool) -> None:
        self._folder = folder
        self._enforcing = enforcing
        self._log = folder / "door.log"
        self._door: Door | None = None
        self._server: subprocess.Popen[str] | None = None
        self._start = time.monotonic()

    def play(self) -> None:
        """Play it all, half a minute at most."""
        self._log.touch()
        if self._enforcing:
            self._door = Door(self._log)
            self._say("stage", f"a login service on {HERE}:{PORT}, in a network namespace of its own")
        else:
            self._say("stage", "no root, so this is a dry run: nothing is banned for real (sudo f2b demo shows it)")
        events = self._serve()
        self._say("f2b", f"watches its log: {MAXRETRY} failures within a minute, and out for {BANTIME_S} s")
        if self._enforcing:
            self._customer()
        self._attack(events)
        self._wait_for_unban(events)
        self._say("stage", "that was all, and nothing is left behind. Now for real: sudo f2b serve")

    def _serve(self) -> Iterator[tuple[str, str]]:
        """Start the real server, as anybody would, and return what its log says happens."""
        for name, text in (
            ("jail.conf", _JAIL.format(folder=self._folder, action=f'nftables[name=door, port="{PORT}"]')),
            ("filter.d/door.conf", _FILTER),
        ):
            path = self._folder / name
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        here = str(self._folder)
        command = [*bundle.again("f2b", "f2b"), "serve", "-c", here, "-s", f"{here}/sock", "-p", f"{here}/pid"]
        command += ["--db", f"{here}/db", "--logtarget", "STDOUT"] + ([] if self._enforcing else ["--dry-run"])
        self._server = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        assert self._server.stdout is not None
        lines = _lines(self._server.stdout, self._start + LONGEST_S)
        for line in lines:
            if "Jail 'door' started" in line:
                break
        else:
            raise F2bError("the server did not start; `f2b serve` says why")
        return ((found["what"], found["who"]) for found in map(_EVENT.search, lines) if found)

    def _customer(self) -> None:
        came = knock(CUSTOMER)
        self._say("customer", f"{CUSTOMER} connects: {'served' if came.let_in else 'REFUSED'}")

    def _attack(self, events: Iterator[tuple[str, str]]) -> None:
        """Guess passwords until the door stays shut."""
        for number in range(1, MAXRETRY + 1):
            self._guess()
            self._say("attacker", f"{ATTACKER} guesses the password of root, attempt {number}")
            what, who = _next(events)
            self._say("f2b", f"Found {who} in the log: {number} of {MAXRETRY} failures")
            assert what == "Found"
            if number < MAXRETRY:
                time.sleep(0.7)
        _, who = _next(events)
        self._say("f2b", f"Ban {who} for {BANTIME_S} s", loud=True)
        if self._enforcing:
            self._show_kernel()
            refused = not knock(ATTACKER).let_in
            came = "connection refused" if refused else "GETS IN"
            self._say("attacker", f"{ATTACKER} tries again: {came}", loud=True)
            self._customer()

    def _guess(self) -> None:
        if self._enforcing:
            knock(ATTACKER)
        else:
            log_failure(self._log, ATTACKER)

    def _show_kernel(self) -> None:
        """Ask the kernel itself, by nft if it is installed, what it holds."""
        nft = shutil.which("nft")
        if nft is None:
            return
        listing = subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True, check=False).stdout
        for name, member in _MEMBER.findall(listing):
            self._say("kernel", f"set {name}: {member}")

    def _wait_for_unban(self, events: Iterator[tuple[str, str]]) -> None:
        for what, who in events:
            if what == "Unban":
                self._say("f2b", f"Unban {who}: its time is up", loud=True)
                break
        if self._enforcing:
            in_again = knock(ATTACKER).let_in
            self._say("attacker", f"{ATTACKER} connects: {'let in again' if in_again else 'still REFUSED'}")

    def _say(self, who: str, what: str, loud: bool = False) -> None:
        stamp = show.paint(f"{time.monotonic() - self._start:5.1f}s", "dim")
        colour = _COLOURS.get(who, "bold")
        print(f"{stamp}  {show.paint(f'{who:<8}', colour)}  {show.paint(what, colour) if loud else what}", flush=True)

    def clear(self) -> None:
        """End everything; the namespace goes with this process."""
        if self._door:
            self._door.close()
        if self._server:
            self._server.terminate()
            self._server.wait(timeout=10)
            if self._server.stdout:
                self._server.stdout.close()


def _lines(stream: IO[str], deadline: float) -> Iterator[str]:
    """Yield lines as they come, until the deadline."""
    buffer = ""
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([stream], [], [], left)
        data = os.read(stream.fileno(), 65536).decode(errors="replace") if ready else ""
        if not data:
            return
        *whole, buffer = (buffer + data).split("\n")
        yield from whole
