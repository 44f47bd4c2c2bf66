"""kill -9 in the middle of a burst: no ban is lost, nothing is counted twice, the kernel agrees. Needs root.

F2B_CRASHES says how many crashes to try for each back end; .ci/full tries fifty.
"""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.daemon.running import Server, running, wait_for

CRASHES = int(os.environ.get("F2B_CRASHES", "1"))
ATTACKERS = [f"198.51.{number // 250}.{number % 250 + 1}" for number in range(300)]
TRIES = 3
BURST_S = 0.6
"""How long the burst takes; the crash comes at a random moment of it, or shortly after."""


@pytest.fixture
def namespace() -> Iterator[str]:
    name = f"f2b-{os.getpid()}-crash"
    subprocess.run(["ip", "netns", "add", name], check=True, timeout=60)
    yield name
    subprocess.run(["ip", "netns", "delete", name], check=True, timeout=60)


def burst(log: Path, dice: random.Random) -> None:
    """Let everybody fail three times, in any order, each line unlike all others."""
    who = ATTACKERS * TRIES
    dice.shuffle(who)
    with log.open("a", buffering=1) as out:
        for number, address in enumerate(who):
            stamp = time.strftime("%Y-%m-%d %H:%M:%S")
            out.write(f"{stamp} app: failure of u{number} from {address}\n")
            time.sleep(BURST_S / len(who))


def crash(server: Server, log: Path, dice: random.Random) -> None:
    """Start a server, kill it during a burst, and start it again."""
    server.start()
    writer = threading.Thread(target=burst, args=(log, dice))
    writer.start()
    time.sleep(dice.uniform(0, 1.3 * BURST_S))
    server.end(signal.SIGKILL)
    announced = bans_told(server)
    writer.join()
    server.start()
    restored = re.findall(r"NOTICE  \[app\] Restore Ban (\S+)", server.said())
    assert set(announced) <= set(restored), "a ban that was told is lost"


def bans_told(server: Server) -> list[str]:
    return re.findall(r"NOTICE  \[app\] Ban (\S+)", server.said())


def check(server: Server) -> None:
    """See that everybody is banned once, for three different lines each."""
    wait_for(lambda: len(rows(server)) == len(ATTACKERS))
    jail = server.status()["jails"][0]
    assert sorted(ban["id"] for ban in jail["bans"]) == sorted(ATTACKERS)
    assert jail["failed"] == 0, "somebody was counted once more after his ban"
    told = bans_told(server)
    assert len(told) == len(set(told)), "a ban was told twice"
    for ip, count, data in rows(server):
        kept = json.loads(data)
        assert (count, kept["failures"], len(set(kept["matches"]))) == (1, TRIES, TRIES), ip


def rows(server: Server) -> list[tuple[str, int, bytes]]:
    db = sqlite3.connect(server.folder / "db")
    try:
        return db.execute("SELECT ip, bancount, data FROM bans").fetchall()
    finally:
        db.close()


def members(namespace: str) -> list[str]:
    """Return who is in the kernel's sets, as nft says."""
    listed = ["ip", "netns", "exec", namespace, "nft", "-j", "list", "sets"]
    found = json.loads(subprocess.run(listed, check=True, capture_output=True, timeout=60).stdout)["nftables"]
    return sorted(it["elem"]["val"] for each in found if "set" in each for it in each["set"].get("elem", ()))


def rounds(folder: Path, prefix: tuple[str, ...], action: str, more: Callable[[], object]) -> None:
    for _ in range(CRASHES):
        seed = random.randrange(1 << 32)
        dice = random.Random(seed)
        here = folder / f"seed-{seed}"
        here.mkdir()
        with running(here, prefix, dry=not prefix) as server:
            log = server.jail(action=action, bantime=3600, maxretry=TRIES)
            log.touch()
            crash(server, log, dice)
            check(server)
            more()
            if prefix:
                server.ask("stop")


def test_crashes_lose_no_ban_and_count_nothing_twice(tmp_path: Path) -> None:
    rounds(tmp_path, (), "dry", lambda: None)


def test_crashes_leave_the_kernel_with_the_bans(tmp_path: Path, namespace: str) -> None:
    def agree() -> None:
        assert members(namespace) == sorted(ATTACKERS)

    prefix = ("ip", "netns", "exec", namespace)
    rounds(tmp_path, prefix, 'nftables[name=app, port="80"]', agree)
