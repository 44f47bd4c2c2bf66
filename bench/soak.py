"""A long day in short: a log that grows by 20,000 lines a second and rotates, attackers that come, are banned and go.

Runs f2b with Debian's nftables action in a network namespace of its own, and says in the end whether a line was lost,
whether memory grew, and whether the kernel holds whom the server says.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing, suppress
from pathlib import Path
from typing import IO, NamedTuple

from bench import logs
from bench.program import f2b
from bench.server import Folder, memory_mb, serving
from f2b.control import client
from f2b.firewall.kernel import Kernel
from f2b.firewall.nft import FAMILIES, Table

SLICE_S = 0.1
FAILURES = 0.01
"""The share of lines that are failures."""
ATTACKERS = 3000
BANTIME_S = 20
LATE_S = 0.5
"""So long somebody still writes into a log that was renamed, as a daemon does until it is told."""
MAY_GROW_MB = 2.0
SETTLED = 1 / 6
"""Of the time: so long memory may grow freely. Five minutes of thirty."""


class Load(NamedTuple):
    """What is written."""

    seconds: float
    rate: int
    """Lines a second."""
    rotation_s: float


class Seen(NamedTuple):
    """What came of it."""

    lines: int
    failures: int
    counted: int
    bans: int
    rotations: int
    memory: list[tuple[float, float]]
    """Seconds since the begin, and MB (RSS)."""
    same: bool
    """Whether the kernel held in the end whom the server says."""


class Writer:
    """Writes the log, and renames it now and then."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._dice = random.Random(7)
        self._dull = [line[15:] for line in logs.noise(20_000, seed=8)]
        self._out: IO[str] = path.open("a")
        self._old: IO[str] | None = None
        self._renamed = 0.0
        self.lines = self.failures = self.rotations = 0

    def write(self, count: int) -> None:
        """Write so many lines, each dated now."""
        stamp = time.strftime("%b %e %H:%M:%S")
        dice = self._dice
        at = dice.randrange(len(self._dull) - 1)
        lines = [stamp + self._dull[(at + number) % len(self._dull)] for number in range(count)]
        failing = [number for number in range(count) if dice.random() < FAILURES]
        for number in failing:
            who = dice.randrange(ATTACKERS)
            text = (
                f"Failed password for root from 10.9.{who >> 8}.{who & 255} port {dice.randrange(1024, 65536)} ssh2"
            )
            lines[number] = f"{stamp} host sshd[{dice.randrange(1000, 4_000_000)}]: {text}"
        out = self._old if self._old and time.monotonic() - self._renamed < LATE_S else self._out
        out.write("\n".join([*lines, ""]))
        out.flush()
        self.lines += count
        self.failures += len(failing)

    def rotate(self) -> None:
        """Rename the log as logrotate does; the old one is written to for a moment more."""
        for number in (2, 1):
            with suppress(FileNotFoundError):
                self._path.with_name(f"{self._path.name}.{number}").rename(f"{self._path}.{number + 1}")
        if self._old:
            self._old.close()
        self._old, self._renamed = self._out, time.monotonic()
        self._path.rename(f"{self._path}.1")
        self._out = self._path.open("a")
        self.rotations += 1

    def close(self) -> None:
        """Write no more."""
        for out in filter(None, (self._out, self._old)):
            out.close()


def soak(load: Load, path: Path, every_s: float = 10.0) -> Seen:
    """Let a server live through it."""
    log = path / "auth.log"
    jail = {"logpath": log, "maxretry": 3, "bantime": BANTIME_S, "findtime": 600}
    folder = Folder(path / "server", {"sshd": jail})
    program, memory = f2b(), []
    inside = [word for word in folder.command(program) if word not in ("unshare", "-n")]
    command = [*inside, "--loglevel", "NOTICE"]
    with closing(Writer(log)) as writer, serving(program, folder, command) as server:
        _until_it_answers(folder)
        began = time.monotonic()
        sampled = turned = began
        while (now := time.monotonic()) - began < load.seconds:
            if now - turned >= load.rotation_s:
                turned = now
                writer.rotate()
            if now - sampled >= every_s:
                sampled = now
                _counted(folder)  # as people and monitoring do, and its answer takes memory too
                memory.append((now - began, memory_mb(server.pid)[0]))
                _tell(memory[-1], writer)
            due = int((now - began) * load.rate) - writer.lines
            writer.write(max(1, min(due, 5 * load.rate)))
            time.sleep(SLICE_S)
        counted, bans = _until_read(folder, writer)
        memory.append((time.monotonic() - began, memory_mb(server.pid)[0]))
        same = _agrees(folder)
    return Seen(writer.lines, writer.failures, counted, bans, writer.rotations, memory, same)


def _until_it_answers(folder: Folder) -> None:
    deadline = time.monotonic() + 60
    while not client.answers(str(folder.socket)):
        if time.monotonic() > deadline:
            raise SystemExit(f"the server does not answer:\n{folder.log.read_text()[-2000:]}")
        time.sleep(0.05)


def _until_read(folder: Folder, writer: Writer) -> tuple[int, int]:
    """Wait until every failure is counted, or no more are for ten seconds; return failures and bans."""
    counted = bans = -1
    changed = time.monotonic()
    while counted < writer.failures and time.monotonic() - changed < 10:
        found, bans = _counted(folder)
        if found != counted:
            counted, changed = found, time.monotonic()
        time.sleep(0.1)
    return counted, bans


def _counted(folder: Folder) -> tuple[int, int]:
    """Ask for failures and bans, and for everybody who is banned."""
    answer = client.request(str(folder.socket), "jail", jail="sshd")
    return int(str(answer["failed_total"])), int(str(answer["banned_total"]))


def _agrees(folder: Folder) -> bool:
    """Compare kernel and server, more than once: bans end meanwhile."""
    kernel = Kernel()
    for _ in range(20):
        held = len(kernel.members(Table(FAMILIES["inet"], "f2b-table"), "addr-set-sshd"))
        listed = client.request(str(folder.socket), "banned")["bans"]
        assert isinstance(listed, list)
        if held == len(listed):
            return True
        time.sleep(0.2)
    return False


def _tell(sample: tuple[float, float], writer: Writer) -> None:
    seconds, mb = sample
    print(f"{seconds:6.0f} s  {mb:6.2f} MB  {writer.lines:,} lines, {writer.rotations} rotations", flush=True)


def grown_mb(seen: Seen, seconds: float) -> float:
    """Return how much memory grew at most after it had settled."""
    settled = [mb for when, mb in seen.memory if when >= seconds * SETTLED]
    return max(settled) - settled[0] if settled else 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run it, and return 0 if all is well."""
    parser = argparse.ArgumentParser(prog="bench/soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--rate", type=int, default=20_000, help="lines a second (20,000)")
    parser.add_argument("--rotation", type=float, default=60, help="seconds from one to the next (60)")
    asked = parser.parse_args(argv)
    load = Load(asked.minutes * 60, asked.rate, asked.rotation)
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        seen = soak(load, Path(folder))
    grown = grown_mb(seen, load.seconds)
    print(f"{seen.lines:,} lines, {seen.rotations} rotations, {seen.bans:,} bans")
    print(f"failures written {seen.failures:,}, counted {seen.counted:,}: {seen.failures - seen.counted:,} lost")
    print(f"memory grew by {grown:.2f} MB after {load.seconds * SETTLED:.0f} s (at most {MAY_GROW_MB:g})")
    print(f"the kernel {'holds' if seen.same else 'does NOT hold'} whom the server says")
    return int(not (seen.counted == seen.failures and grown <= MAY_GROW_MB and seen.same))
