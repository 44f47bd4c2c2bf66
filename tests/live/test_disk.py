"""Disks that refuse: full, read-only, locked, corrupt. Bans go on, people are told, nothing is lost. Needs root."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE = "203.0.113.5", "2001:db8::5"
MOUNT = """
set -e
mount -t tmpfs -o size=512k tmpfs "$0"
cp "$0".kept/* "$0"
if [ -e "$0".full ]; then dd if=/dev/zero of="$0/fill" status=none || true; fi
if [ -e "$0".ro ]; then mount -o remount,ro "$0"; fi
exec "$@"
"""
"""A small disk with what is in its .kept folder on it, full or read-only if there is a file that says so."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        made.jail().touch()
        yield made


class Disk:
    """A small disk of the server's own, where its database lies."""

    def __init__(self, server: Server, path: Path) -> None:
        self.server = server
        self.path = path

    def start(self) -> None:
        self.server.start("--db", str(self.path / "db"))

    def keep(self, state: str) -> None:
        """Let the next start find what is on the disk now, and the disk `full` or `ro`."""
        for name in ("db", "db-wal"):
            (self.path.with_suffix(".kept") / name).write_bytes((self.inside / name).read_bytes())
        self.path.with_suffix(f".{state}").touch()

    @property
    def inside(self) -> Path:
        """The disk, seen from outside."""
        assert self.server.process
        return Path(f"/proc/{self.server.process.pid}/root{self.path}")

    def fill(self) -> None:
        fill = self.inside / "fill"
        with pytest.raises(OSError, match="No space"):
            fill.write_bytes(b"x" * (1 << 20))

    def heal(self) -> None:
        """Make room, and the disk writable."""
        assert self.server.process
        pid = str(self.server.process.pid)
        command = ["nsenter", "-t", pid, "-m", "mount", "-o", "remount,rw", str(self.path)]
        subprocess.run(command, check=True, timeout=60)
        (self.inside / "fill").unlink(missing_ok=True)

    def banned(self) -> set[str]:
        """Return whom the database on it holds."""
        return rows(self.inside / "db")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    place = tmp_path / "disk"
    place.mkdir()
    place.with_suffix(".kept").mkdir()
    (place.with_suffix(".kept") / "readme").touch()
    with running(tmp_path, ["unshare", "-m", "sh", "-c", MOUNT, str(place)]) as server:
        server.jail().touch()
        yield Disk(server, place)


def rows(path: Path) -> set[str]:
    """Return who stands in a database: in a copy, since SQLite does not follow /proc/PID/root."""
    with tempfile.TemporaryDirectory() as folder:
        for tail in ("", "-wal"):
            beside = path.with_name(path.name + tail)
            Path(folder, f"db{tail}").write_bytes(beside.read_bytes() if beside.exists() else b"")
        db = sqlite3.connect(f"{folder}/db")
        try:
            return {ip for (ip,) in db.execute("SELECT ip FROM bips")}
        except sqlite3.DatabaseError:  # not begun with yet
            return set()
        finally:
            db.close()


def attack(server: Server, address: str) -> None:
    fail(server.folder / "app.log", address)
    wait_for(lambda: f"[app] Ban {address}" in server.said())


def test_full_disk_costs_no_ban_and_all_is_saved_once_there_is_room(disk: Disk) -> None:
    server = disk.server
    disk.start()
    disk.fill()
    for number in range(30):  # more than what may be free in pages that the file has already
        attack(server, f"198.51.100.{number}")
    wait_for(lambda: "make room on its disk; bans go on" in server.said())
    assert "make room on its disk" in server.status()["problems"][0]
    disk.heal()
    wait_for(lambda: "The database works again" in server.said())
    wait_for(lambda: len(disk.banned()) == 30)
    assert server.status()["problems"] == []


@pytest.mark.parametrize("state", ["full", "ro"])
def test_disk_that_refuses_at_the_start_is_stood_in_for_by_memory(disk: Disk, state: str) -> None:
    server = disk.server
    disk.start()
    attack(server, EVIL)
    disk.keep(state)
    server.end(signal.SIGKILL)
    disk.start()
    assert server.banned() == [EVIL]
    assert "f2b works in memory" in server.said()
    assert server.status()["problems"]
    attack(server, WORSE)
    disk.heal()
    wait_for(lambda: "everything is saved" in server.said())
    assert disk.banned() == {EVIL, WORSE}
    assert server.status()["problems"] == []


def test_database_locked_by_another_program_for_long_delays_nothing(server: Server) -> None:
    server.start()
    other = sqlite3.connect(server.folder / "db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    attack(server, EVIL)
    attack(server, WORSE)
    assert "end the other program" in server.status()["problems"][0]
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: "The database works again" in server.said())
    assert rows(server.folder / "db") == {EVIL, WORSE}


def test_database_locked_at_the_start_is_read_and_written_later(server: Server) -> None:
    server.start()
    attack(server, EVIL)
    server.end()
    other = sqlite3.connect(server.folder / "db", isolation_level=None)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    server.start()
    assert server.banned() == [EVIL]
    attack(server, WORSE)
    other.execute("ROLLBACK")
    other.close()
    wait_for(lambda: "everything is saved" in server.said())
    assert rows(server.folder / "db") == {EVIL, WORSE}


def test_database_that_was_removed_comes_back_with_all_bans_in_force(server: Server) -> None:
    server.start()
    attack(server, EVIL)
    for path in server.folder.glob("db*"):
        path.unlink()
    wait_for(lambda: "was removed, replaced, cut or overwritten by somebody else" in server.said())
    wait_for(lambda: rows(server.folder / "db") == {EVIL})
    server.end()
    server.start()
    assert server.banned() == [EVIL]
