"""Faults of the folder in which the server keeps what it knows: its mount, its files, their sizes."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import time
from pathlib import Path

from tests.faults.case import fault
from tests.faults.disk import saved
from tests.faults.patient import Patient, numbered


def _on_a_mount(patient: Patient, options: str = "size=20m") -> Path:
    """Let database and own log lie on a mount of their own."""
    disk = patient.folder / "state"
    disk.mkdir()
    patient.setup = f"mount -t tmpfs -o {options} tmpfs {disk}"
    patient.db = disk / "db"
    patient.own_log = disk / "own.log"
    return disk


def _on_ext4(patient: Patient) -> Path:
    """The same on a real file system, which goes read-only when it finds an error."""
    disk = _on_a_mount(patient)
    image = patient.folder / "image"
    with image.open("wb") as file:
        file.truncate(16 << 20)
    subprocess.run(["mkfs.ext4", "-q", image], check=True, timeout=60)
    patient.setup = f"mount -o loop,errors=remount-ro {image} {disk}"
    return disk


@fault(quick=True)
def remounted_read_only(patient: Patient) -> None:
    """The file system of database and log goes read-only, as after an error of the disk; another is mounted."""
    disk = _on_ext4(patient)
    patient.begin()
    saved(patient, "192.0.2.1")
    patient.inside("mount", "-o", "remount,abort", str(disk))
    everybody = numbered(20)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    patient.inside("sh", "-c", f"umount -l {disk}; mount -t tmpfs tmpfs {disk}")
    patient.goes_on()
    saved(patient, "192.0.2.1", *everybody, "192.0.2.99")


@fault()
def remounted_read_only_and_killed(patient: Patient) -> None:
    """The same, and the server is killed and started again while it is read-only."""
    disk = _on_ext4(patient)
    patient.begin()
    saved(patient, "192.0.2.1")
    patient.inside("mount", "-o", "remount,abort", str(disk))
    patient.bans("192.0.2.2")
    patient.acts.unlink()
    patient.again()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "who was saved is not banned any more")
    patient.bans("192.0.2.3")
    patient.inside("sh", "-c", f"umount -l {disk}; mount -t tmpfs tmpfs {disk}")
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.3", "192.0.2.99")


@fault()
def no_inodes_left(patient: Patient) -> None:
    """Its disk has room but no inodes, and the database is removed; later there are some."""
    disk = _on_a_mount(patient, "size=20m,nr_inodes=40")
    patient.begin()
    patient.inside("sh", "-c", f"rm {patient.db}*; i=0; while touch {disk}/$i; do i=$((i+1)); done", fails=True)
    patient.bans("192.0.2.2")
    time.sleep(5.0)
    patient.inside("sh", "-c", f"rm {disk}/[0-9]*")
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.99")


@fault()
def folder_is_removed(patient: Patient) -> None:
    """The folder with database, log and socket is removed; all comes back."""
    folder = patient.folder / "state"
    folder.mkdir()
    patient.db, patient.own_log, patient.socket = folder / "db", folder / "own.log", folder / "sock"
    patient.begin()
    shutil.rmtree(folder)
    patient.bans("192.0.2.2")
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.99")


@fault()
def files_are_limited(patient: Patient) -> None:
    """No file of its may grow beyond 200 kB (RLIMIT_FSIZE): writes fail with EFBIG, and a signal comes."""
    patient.setup = "ulimit -f 400"
    patient.begin()
    everybody = numbered(1500)
    for who in everybody:
        patient.attack(who)
    patient.wait(lambda: set(everybody) <= set(patient.banned()), "not all are banned")
    patient.goes_on()


@fault()
def shared_memory_of_the_database_cut(patient: Patient) -> None:
    """Somebody truncates what SQLite maps into memory (db-shm): reading there would be a SIGBUS."""
    patient.begin()
    for tail in ("-shm", "-wal", ""):
        path = Path(f"{patient.db}{tail}")
        if path.exists():
            os.truncate(path, 0)
            patient.bans(f"192.0.2.{10 + len(tail)}")
    patient.goes_on()
    saved(patient, "192.0.2.99")


@fault()
def journal_of_the_database_removed(patient: Patient) -> None:
    """Somebody removes only the files beside the database (db-wal, db-shm)."""
    patient.begin()
    for tail in ("-shm", "-wal", "-journal"):
        Path(f"{patient.db}{tail}").unlink(missing_ok=True)
    patient.bans("192.0.2.2")
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.99")


@fault()
def database_is_a_fifo(patient: Patient) -> None:
    """At the start a FIFO stands where the database should be; later the name is free."""
    os.mkfifo(patient.db)
    patient.begin()
    patient.db.unlink()
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.99")


@fault()
def database_is_a_device(patient: Patient) -> None:
    """At the start the database is a link to /dev/zero."""
    patient.db.symlink_to("/dev/zero")
    patient.begin()
    patient.db.unlink()
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.99")


@fault()
def database_is_a_loop_of_links(patient: Patient) -> None:
    """At the start the database is a link to itself."""
    patient.db.symlink_to(patient.db)
    patient.begin()
    patient.db.unlink()
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.99")


@fault()
def database_replaced_by_a_fifo(patient: Patient) -> None:
    """A FIFO takes the place of the open database."""
    patient.begin()
    for tail in ("", "-wal", "-shm"):
        Path(f"{patient.db}{tail}").unlink(missing_ok=True)
    os.mkfifo(patient.db)
    patient.bans("192.0.2.2")
    time.sleep(6.0)
    patient.bans("192.0.2.3")
    patient.db.unlink()
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.99")


@fault()
def ended_while_the_database_is_locked(patient: Patient) -> None:
    """Another program holds the database locked while it is told to end: it ends in time, and nobody is let in."""
    patient.begin(bantime="1h")
    saved(patient, "192.0.2.1")
    other = sqlite3.connect(patient.db, isolation_level=None, timeout=60)
    other.execute("BEGIN IMMEDIATE")
    began = time.monotonic()
    code = patient.end(signal.SIGTERM)
    took = time.monotonic() - began
    other.execute("ROLLBACK")
    other.close()
    assert code == 0, f"it ended with {code} after {took:.0f} s"
    patient.acts.unlink()
    patient.start()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "192.0.2.1 is lost")
    patient.goes_on()


@fault()
def bans_of_tomorrow_in_the_database(patient: Patient) -> None:
    """The database holds bans that begin a year from now, as after a wrong clock: nobody stays out for years."""
    patient.begin(bantime="6s")
    patient.end()
    db = sqlite3.connect(patient.db)
    year = 365 * 86400
    for table in ("bans", "bips"):
        db.execute(f"UPDATE {table} SET timeofban = timeofban + {year}")
    db.commit()
    db.close()
    patient.acts.unlink()
    patient.start()
    patient.goes_on()
    patient.wait(lambda: "192.0.2.1" not in patient.banned(), "192.0.2.1 is banned for a year")


@fault()
def odd_rows_in_the_database(patient: Patient) -> None:
    """Rows hold NULL, texts for numbers, numbers beyond all bounds, broken JSON, addresses that are none."""
    patient.begin(bantime="1h")
    patient.end()
    db = sqlite3.connect(patient.db)
    now = int(time.time())
    odd: list[tuple[object, ...]] = [
        ("198.51.100.1", "app", "soon", 600, 1, "{}"),
        ("198.51.100.2", "app", now, "long", 1, "{}"),
        ("198.51.100.3", "app", now, 1 << 62, 1 << 62, "{"),
        ("198.51.100.4", "app", now, 600, -5, "[]"),
        ("198.51.100.5", "app", -(1 << 63), 600, 1, '{"matches": 5, "failures": "x"}'),
        ("198.51.100.6", "app", 9e300, 9e300, 1, None),
        ("no address; rm -rf /", "app", now, 600, 1, '"text"'),
        ("", "app", now, 600, 1, b"\xff\x00"),
        ("\0\n", "app", now, 600, 1, '{"matches": [[1, null], {"a": 1}], "failures": 1e999}'),
    ]
    db.executemany("INSERT INTO bips(ip, jail, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)", odd)
    db.executemany("INSERT INTO bans(ip, jail, timeofban, bantime, bancount, data) VALUES (?, ?, ?, ?, ?, ?)", odd)
    db.commit()
    db.close()
    patient.acts.unlink()
    patient.start()
    patient.goes_on()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "192.0.2.1 is lost")


@fault(ours="these tables are f2b's")
def odd_positions_in_the_database(patient: Patient) -> None:
    """Positions and counts of ours are nonsense: logs are read all the same."""
    patient.begin()
    patient.end()
    db = sqlite3.connect(patient.db)
    log = str(patient.log)
    for position, inode, cursor in ((1 << 62, -1, "\0"), (-5, 1 << 62, "x"), ("far", "none", b"\xff")):
        db.execute("INSERT OR REPLACE INTO f2b_positions VALUES ('app', ?, ?, ?, ?)", (log, position, inode, cursor))
        db.execute("UPDATE logs SET lastfilepos = ?, firstlinemd5 = ?", (position, cursor))
        db.execute(
            "INSERT OR REPLACE INTO f2b_counters VALUES ('app', ?, 'x', 1e999, 'y', -1, '{')",
            (f"198.51.100.{inode}",),
        )
        db.execute("INSERT OR REPLACE INTO f2b_allowed VALUES (?, 'later')", (f"nobody {inode}",))
        db.execute("INSERT OR REPLACE INTO f2b_logins VALUES (?, ?, 'then')", (f"nobody {inode}", b"\xff"))
        db.commit()
        patient.acts.unlink(missing_ok=True)
        patient.start()
        patient.goes_on()
        patient.end()
    db.close()
