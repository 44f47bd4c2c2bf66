"""A real server, f2b or Fail2Ban, that a fault is done to: in namespaces of its own, in a folder of the case's.

Both are given the same configuration. Who was banned is seen from outside: an action notes each ban in a file, and
both write the same lines into their logs. Needs root.
"""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from f2b.control import client
from f2b.errors import ControlError

Kind = Literal["f2b", "Fail2Ban"]
PATIENCE_S: Mapping[Kind, float] = {"f2b": 60.0, "Fail2Ban": 20.0}
"""How long a ban may take before it counts as lost; nobody's build is red for the other's."""
STOCK = Path("/etc/fail2ban")
NFT = 'nftables-multiport[name=app, port="80", protocol=tcp]'
_FILTER = r"""
[Definition]
failregex = ^ app: failure of <F-USER>\S*</F-USER> from <HOST>$
"""
_NOTE = """
[Definition]
actionban = echo "+<ip>" >>{acts}
actionunban = echo "-<ip>" >>{acts}
"""
_COUNT = """
from f2b.firewall.kernel import Kernel
from f2b.firewall.nft import FAMILIES, Table
print(len(Kernel().members(Table(FAMILIES["inet"], "f2b-table"), "addr-set-app")))
"""
_BEGIN = 'ip link set lo up; {setup}\nexec "$@"'


class Patient:
    """A configuration, and the server that runs it."""

    def __init__(self, folder: Path, kind: Kind = "f2b") -> None:
        self.kind = kind
        self.folder = folder
        self.socket = folder / "sock"
        self.own_log = folder / "own.log"
        self.db = folder / "db"
        self.acts = folder / "acts"
        self.log = folder / "app.log"
        """What the jail `app` reads."""
        self.setup = ""
        """Shell commands that run in the server's namespaces right before it."""
        self.environment: dict[str, str] = {}
        self.words: list[str] = []
        """More words of the server's command."""
        self.clock = time.time
        """The server's clock, which stamps lines."""
        self.zone = ""
        """The zone in which lines are dated; empty for this process's."""
        self.process: subprocess.Popen[bytes] | None = None
        self._kept: subprocess.Popen[bytes] | None = None
        self._homes: dict[int, int] = {}
        """Its network namespaces by their numbers, held open."""
        self._out = folder / "out"
        self.write("filter.d/app.conf", _FILTER)
        self.write("action.d/note.conf", _NOTE.format(acts=self.acts))
        for stock in (STOCK / "action.d").glob("*.conf"):
            self.write(f"action.d/{stock.name}", stock.read_text())
        self.write("jail.conf", "[DEFAULT]\nbackend = auto\nusedns = no\nignoreself = false\nbantime = 600\n")

    # ---- its configuration ----

    def write(self, name: str, text: str) -> Path:
        """Write a file of the configuration."""
        path = self.folder / "conf" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def jail(self, name: str = "app", **options: object) -> Path:
        """Write a jail that reads NAME.log and notes whom it bans; return that log's path."""
        log = self.folder / f"{name}.log"
        usual = {"enabled": "true", "filter": "app", "logpath": log, "maxretry": 3, "action": "note"}
        lines = [f"{option} = {value}\n" for option, value in {**usual, **options}.items()]
        self.write(f"jail.d/{name}.conf", "".join([f"[{name}]\n", *lines]))
        return log

    # ---- its life ----

    def start(self, wait: bool = True, within: Sequence[str] = ()) -> None:
        """Start it in new namespaces, or `within` others, and wait until it answers."""
        own = {"loglevel": "INFO", "logtarget": self.own_log, "syslogsocket": "auto", "socket": self.socket}
        own |= {"pidfile": self.folder / "pid", "dbfile": self.db, "dbpurgeage": "1d", "dbmaxmatches": 10}
        self.write("fail2ban.conf", "".join(["[Definition]\n", *(f"{key} = {own[key]}\n" for key in own)]))
        command = ["unshare", "-nm", "sh", "-c", _BEGIN.format(setup=self.setup), "sh", *self._server()]
        command = [*within, *self._server()] if within else command
        with self._out.open("ab") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=os.environ | self.environment
            )
        if wait:
            self.wait(lambda: not self.alive or self.answers(), "it does not answer")
            if not self.alive:
                raise AssertionError(f"it ended: {self._out.read_text()[-1000:]} {self.said()[-1000:]}")

    def begin(self, **options: object) -> None:
        """Start with the jail `app` and its empty log, and see that it bans."""
        self.jail("app", **options)
        self.log.touch()
        self.start()
        self.bans("192.0.2.1")

    def _server(self) -> list[str]:
        conf = str(self.folder / "conf")
        if self.kind == "f2b":
            return [sys.executable, "-m", "f2b", "serve", "-c", conf, *self.words]
        return ["/usr/bin/fail2ban-server", "-c", conf, "-xf", *self.words, "start"]

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process
        return self.process.pid

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process is not None and self.process.poll() is None

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        assert self.process
        self.process.send_signal(number)

    def kill(self) -> None:
        """Let it end as by a loss of power, if it still runs."""
        self.end(signal.SIGKILL)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal, and return the exit code; what does not listen is killed."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self._note_home()
            self.process.send_signal(number)
        try:
            return self.process.wait(timeout=PATIENCE_S[self.kind])
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return -signal.SIGKILL
        finally:
            self.process = None

    def again(self) -> None:
        """Let it end as by a loss of power, and start it again in the same network namespace."""
        keep = self._keeper()
        self.kill()
        self.start(within=["nsenter", "-t", str(keep.pid), "-n", "-m"])

    def _keeper(self) -> subprocess.Popen[bytes]:
        """Return a process that keeps the namespaces when the server has gone."""
        if self._kept is None:
            words = ["nsenter", "-t", str(self.pid), "-n", "-m", "sleep", "100000"]
            self._kept = subprocess.Popen(words)
            self.wait(lambda: "sleep" in Path(f"/proc/{self._keeper().pid}/comm").read_text(), "no process")
        return self._kept

    def close(self) -> None:
        """End all that runs, what its commands left behind included, and remove its cgroups."""
        self.kill()
        if self._kept:
            self._kept.kill()
            self._kept.wait()
        for process in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                if (process / "ns/net").stat().st_ino in self._homes:
                    os.kill(int(process.name), signal.SIGKILL)
        for home in self._homes.values():
            os.close(home)
        self._homes.clear()
        for group in Path("/sys/fs/cgroup").glob(f"*/f2b-{self.folder.name}"):
            with suppress(OSError):
                group.rmdir()

    def _note_home(self) -> None:
        """Hold its network namespace: the number of one that has gone is soon another's."""
        with suppress(OSError):
            home = os.open(f"/proc/{self.pid}/ns/net", os.O_RDONLY)
            number = os.fstat(home).st_ino
            if number in self._homes or number == Path("/proc/self/ns/net").stat().st_ino:
                os.close(home)
            else:
                self._homes[number] = home

    def inside(self, *command: str, fails: bool = False) -> str:
        """Run a command in its namespaces; return what it prints. With `fails`, it may fail."""
        self._note_home()
        words = ["nsenter", "-t", str(self.pid), "-n", "-m", *command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert fails or not done.returncode, done.stderr
        return done.stdout

    # ---- what it says ----

    def answers(self) -> bool:
        """Whether it answers on its socket."""
        if self.kind == "f2b":
            return client.answers(str(self.socket), 5.0)
        return self.ask("ping").returncode == 0

    def ask(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run its client."""
        conf = str(self.folder / "conf")
        program = ["/usr/bin/fail2ban-client"]
        if self.kind == "f2b":
            program = [sys.executable, "-c", "import sys; from f2b.cli.compat_client import main; sys.exit(main())"]
        command = [*program, "-c", conf, "-s", str(self.socket), *words]
        try:
            return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
        except subprocess.TimeoutExpired:
            return subprocess.CompletedProcess(command, 255, "", "no answer within 30 s")

    def banned(self, jail: str = "app") -> list[str]:
        """Return who is banned in a jail."""
        if self.kind == "f2b":
            try:
                bans = client.request(str(self.socket), "banned", 60.0)["bans"]
            except ControlError:
                return []
            assert isinstance(bans, list)
            return sorted(ban["id"] for ban in bans if ban["jail"] == jail)
        said = self.ask("banned").stdout
        try:
            return sorted(who for each in ast.literal_eval(said) for who in each.get(jail, ()))
        except (SyntaxError, ValueError):
            return []

    def said(self) -> str:
        """Return its log."""
        return self.own_log.read_text(errors="replace") if self.own_log.is_file() else ""

    def told(self, jail: str = "app") -> Counter[str]:
        """Return how often its log tells that an address was banned."""
        return Counter(re.findall(rf"NOTICE  \[{jail}\] Ban (\S+)", self.said()))

    def acted(self) -> Counter[str]:
        """Return how often its action was told to ban an address."""
        text = self.acts.read_text() if self.acts.exists() else ""
        return Counter(line[1:] for line in text.splitlines() if line.startswith("+"))

    def held(self) -> list[str]:
        """Return who is in the kernel's sets."""
        found = json.loads(self.inside("nft", "-j", "list", "sets", fails=True) or '{"nftables": []}')["nftables"]
        elements = [each for it in found if "set" in it for each in it["set"].get("elem", ())]
        return sorted(str(each["elem"]["val"] if isinstance(each, dict) else each) for each in elements)

    def _acted_on(self, address: str) -> bool:
        return address in self.acted()

    def held_count(self) -> int:
        """Return how many IPv4 addresses the jail's set holds; nft itself would take a minute for 100,000."""
        return int(self.inside(sys.executable, "-c", _COUNT))

    def memory_mb(self) -> int:
        """Return what memory it holds (RSS)."""
        status = Path(f"/proc/{self.pid}/status").read_text()
        return int(status.partition("VmRSS:")[2].split()[0]) // 1024

    def descriptors(self) -> int:
        """Return how many files it has open."""
        return len(list(Path(f"/proc/{self.pid}/fd").iterdir()))

    # ---- what is done to it ----

    def lines(self, address: str, times: int = 3) -> str:
        """Return failures of an address, dated by its clock."""
        zone = ZoneInfo(self.zone) if self.zone else None
        stamp = datetime.fromtimestamp(self.clock(), zone).strftime("%Y-%m-%d %H:%M:%S")
        return f"{stamp} app: failure of root from {address}\n" * times

    def attack(self, address: str, times: int = 3, log: Path | None = None) -> None:
        """Let an address fail."""
        with (log or self.log).open("a") as out:
            out.write(self.lines(address, times))

    # ---- what is to hold ----

    def wait(self, what: Callable[[], object], otherwise: str, patience_s: float | None = None) -> None:
        """Wait until something is so. Raises AssertionError if that takes too long."""
        deadline = time.monotonic() + (patience_s or PATIENCE_S[self.kind])
        while not what():
            assert time.monotonic() < deadline, otherwise
            time.sleep(0.02)

    def bans(self, address: str, log: Path | None = None) -> None:
        """See that an address that fails now is banned."""
        self.attack(address, log=log)
        self.sees(address)

    def sees(self, *addresses: str) -> None:
        """See that these are banned, once each."""
        for address in addresses:
            self.wait(partial(self._acted_on, address), f"{address} is never banned")
        twice = {address: times for address, times in self.acted().items() if times > 1}
        assert not twice, f"banned more than once: {twice}"

    def goes_on(self, address: str = "192.0.2.99", log: Path | None = None) -> None:
        """See that it lives, bans, and answers."""
        assert self.alive, f"it died: {self._out.read_text()[-500:]}"
        self.bans(address, log)
        self.wait(self.answers, "it does not answer any more")


def numbered(count: int, net: str = "198.51") -> Sequence[str]:
    """Return so many addresses."""
    return [f"{net}.{number // 250}.{number % 250 + 1}" for number in range(count)]


def wait_quietly(what: Callable[[], object], patience_s: float) -> None:
    """Wait until something is so, or it has taken too long."""
    deadline = time.monotonic() + patience_s
    while not what() and time.monotonic() < deadline:
        time.sleep(0.05)
