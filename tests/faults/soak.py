"""Random faults every few seconds, as long as asked: in the end ledger, database and kernel agree, nobody is lost."""

from __future__ import annotations

import random
import signal
import socket
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial

from tests.faults.patient import NFT, Patient, wait_quietly

EVERY_S = (1.0, 4.0)
"""Between two faults."""
ATTACK_S = 0.1
"""Between two attackers."""
PATIENCE_S = 300
"""As slow as the machine may be."""
MAY_GROW_MB = 12
"""From the first fault on; a thousand attackers take about one."""


class Soak:
    """One server, attackers who come all the time, and faults."""

    def __init__(self, patient: Patient, seed: int) -> None:
        self._patient = patient
        self._dice = random.Random(seed)
        self._over = threading.Event()
        self.attackers: list[str] = []
        self.faults: dict[str, int] = {}

    def run(self, minutes: float) -> None:
        """Live through it. Raises AssertionError if something is not as it must be in the end."""
        patient = self._patient
        patient.jail(action=NFT, bantime="10d", findtime="10d")
        patient.log.touch()
        patient.start()
        writer = threading.Thread(target=self._attack)
        writer.start()
        try:
            self._hurt(time.monotonic() + minutes * 60)
        finally:
            self._over.set()
            writer.join()
        self._check()

    def _hurt(self, until: float) -> None:
        kinds: list[Callable[[], None]] = [
            self._kill, self._delete_table, self._flush_set, self._lock, self._remove_database, self._rotate,
            self._stop, self._hang_up, self._garbage, self._reload, self._remove_socket,
        ]  # fmt: skip
        time.sleep(2.0)
        began = self._patient.memory_mb()
        while time.monotonic() < until:
            hurt = self._dice.choice(kinds)
            name = hurt.__name__.strip("_")
            self.faults[name] = self.faults.get(name, 0) + 1
            hurt()
            time.sleep(self._dice.uniform(*EVERY_S))
        grown = self._patient.memory_mb() - began
        assert grown <= MAY_GROW_MB + len(self.attackers) // 1000, f"memory grew by {grown} MB"

    def _attack(self) -> None:
        number = 0
        while not self._over.wait(ATTACK_S):
            who = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            self._patient.attack(who)
            self.attackers.append(who)
            number += 1

    def _check(self) -> None:
        everybody = sorted(self.attackers)
        patient = self._patient
        for what, found in (("ledger", patient.banned), ("kernel", self._held), ("database", self._stored)):
            wait_quietly(partial(_same, found, everybody), PATIENCE_S)
            now = found()
            lost, odd = sorted({*everybody} - {*now}), sorted({*now} - {*everybody})
            assert not lost, f"{len(lost)} of {len(everybody)} are not in the {what}: {lost[:5]}, and {odd[:5]} are"
        twice = [who for who, times in patient.told().items() if times > 1]
        assert not twice, f"banned anew: {twice}"

    def _held(self) -> list[str]:
        return sorted(self._patient.held())

    def _stored(self) -> list[str]:
        db = sqlite3.connect(f"file:{self._patient.db}?mode=ro", uri=True, timeout=30)
        try:
            return sorted(ip for (ip,) in db.execute("SELECT DISTINCT ip FROM bips"))
        except sqlite3.DatabaseError:
            return []
        finally:
            db.close()

    # ---- faults ----

    def _kill(self) -> None:
        self._patient.again()

    def _delete_table(self) -> None:
        self._patient.inside("nft", "delete table inet f2b-table", fails=True)

    def _flush_set(self) -> None:
        self._patient.inside("nft", "flush set inet f2b-table addr-set-app", fails=True)

    def _lock(self) -> None:
        with suppress(sqlite3.Error):
            other = sqlite3.connect(self._patient.db, isolation_level=None, timeout=5)
            with suppress(sqlite3.Error):
                other.execute("BEGIN IMMEDIATE")
                time.sleep(self._dice.uniform(0.1, 2.0))
                other.execute("ROLLBACK")
            other.close()

    def _remove_database(self) -> None:
        for tail in ("", "-wal", "-shm"):
            self._patient.db.with_name(f"db{tail}").unlink(missing_ok=True)
        # What was lost with it nobody could restore after a crash, so nothing else happens until all is back.
        before = set(self.attackers)
        wait_quietly(lambda: self._patient.db.exists() and before <= set(self._stored()), PATIENCE_S)

    def _rotate(self) -> None:
        log = self._patient.log
        for number in range(30, 0, -1):
            with suppress(FileNotFoundError):
                log.with_name(f"{log.name}.{number}").rename(f"{log}.{number + 1}")
        with suppress(FileNotFoundError):
            log.rename(f"{log}.1")

    def _stop(self) -> None:
        self._patient.send(signal.SIGSTOP)
        time.sleep(self._dice.uniform(0.1, 3.0))
        self._patient.send(signal.SIGCONT)

    def _hang_up(self) -> None:
        with ExitStack() as stack:
            for _ in range(400):
                one = stack.enter_context(socket.socket(socket.AF_UNIX))
                one.settimeout(1.0)
                with suppress(OSError):
                    one.connect(str(self._patient.socket))

    def _garbage(self) -> None:
        with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
            one.settimeout(2.0)
            one.connect(str(self._patient.socket))
            one.sendall(self._dice.randbytes(100_000))

    def _reload(self) -> None:
        self._patient.send(signal.SIGHUP)

    def _remove_socket(self) -> None:
        self._patient.socket.unlink(missing_ok=True)
        wait_quietly(self._patient.answers, 20)


def _same(found: Callable[[], list[str]], wanted: list[str]) -> bool:
    return found() == wanted
