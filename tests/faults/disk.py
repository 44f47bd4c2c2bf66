"""Faults of the disk: the database and the server's own log."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import tempfile
from pathlib import Path

from tests.faults.case import fault
from tests.faults.patient import Patient, numbered


def stored(patient: Patient) -> set[str]:
    """Return whom the database holds, read from a copy: SQLite does not follow /proc/PID/root."""
    with tempfile.TemporaryDirectory() as folder:
        for tail in ("", "-wal"):
            beside = _seen(patient, Path(f"{patient.db}{tail}"))
            if beside.is_file():
                shutil.copyfile(beside, f"{folder}/db{tail}")
        try:
            db = sqlite3.connect(f"{folder}/db")
            found = {ip for (ip,) in db.execute("SELECT ip FROM bips UNION SELECT ip FROM bans")}
            db.close()
        except sqlite3.DatabaseError:
            return set()
        return found


def _seen(patient: Patient, path: Path) -> Path:
    """Return a path as the server sees it."""
    return Path(f"/proc/{patient.pid}/root{path}") if patient.alive else path


def saved(patient: Patient, *who: str) -> None:
    patient.wait(lambda: {*who} <= stored(patient), f"the database does not get {who}")


def _small(patient: Patient, *, db: bool = True, log: bool = False) -> Path:
    """Let the database, or its own log, lie on a small disk of its own; return the disk."""
    disk = patient.folder / "disk"
    disk.mkdir()
    patient.setup = f"mount -t tmpfs -o size=600k tmpfs {disk}"
    if db:
        patient.db = disk / "db"
    if log:
        patient.own_log = disk / "own.log"
    return disk


def _fill(patient: Patient, disk: Path) -> None:
    patient.inside("sh", "-c", f"cat /dev/zero >{disk}/fill", fails=True)


def _full(patient: Patient, disk: Path) -> None:
    patient.begin()
    _fill(patient, disk)
    everybody = numbered(40)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    _fill(patient, disk)
    patient.bans("192.0.2.50")
    patient.inside("rm", f"{disk}/fill")
    patient.goes_on()
    if patient.db.parent == disk:
        saved(patient, *everybody, "192.0.2.50", "192.0.2.99")
    if patient.own_log.parent == disk:
        patient.wait(lambda: "Ban 192.0.2.99" in _seen(patient, patient.own_log).read_text(), "its log is silent")


@fault(quick=True)
def full_for_the_database(patient: Patient) -> None:
    """The database's disk is full; once there is room, everybody banned meanwhile is in the database."""
    _full(patient, _small(patient))


@fault()
def full_for_its_log(patient: Patient) -> None:
    """The disk of its own log is full, and has room again."""
    _full(patient, _small(patient, db=False, log=True))


@fault()
def full_for_both(patient: Patient) -> None:
    """The database and its own log lie on a disk that is full, and has room again."""
    _full(patient, _small(patient, log=True))


@fault()
def full_and_then_killed(patient: Patient) -> None:
    """The disk fills up, the server is killed and started on the full disk: who was saved before is banned still."""
    disk = _small(patient)
    kept = patient.folder / "kept"
    patient.begin()
    saved(patient, "192.0.2.1")
    kept.mkdir()
    for tail in ("", "-wal", "-shm", "-journal"):
        beside = _seen(patient, Path(f"{patient.db}{tail}"))
        if beside.exists():
            shutil.copyfile(beside, kept / f"db{tail}")
    patient.kill()
    patient.setup = f"mount -t tmpfs -o size=600k tmpfs {disk}; cp {kept}/* {disk}; cat /dev/zero >{disk}/fill 2>&-"
    patient.acts.unlink()
    patient.start()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "who was saved is not banned any more")
    patient.bans("192.0.2.2")


@fault(quick=True)
def database_locked(patient: Patient) -> None:
    """Another program holds the database locked, for longer than two bans take."""
    patient.begin()
    other = sqlite3.connect(patient.db, isolation_level=None, timeout=60)
    other.execute("BEGIN IMMEDIATE")
    try:
        patient.bans("192.0.2.2")
        patient.bans("192.0.2.3")
    finally:
        other.execute("ROLLBACK")
        other.close()
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.3", "192.0.2.99")


@fault()
def database_locked_at_the_start(patient: Patient) -> None:
    """Another program holds it locked while the server starts; who is banned stays so, and all is saved later."""
    patient.begin()
    saved(patient, "192.0.2.1")
    patient.end()
    other = sqlite3.connect(patient.db, isolation_level=None, timeout=60)
    other.execute("PRAGMA journal_mode = DELETE")
    other.execute("BEGIN EXCLUSIVE")
    try:
        patient.acts.unlink()
        patient.start()
        patient.bans("192.0.2.2")
    finally:
        other.execute("ROLLBACK")
        other.close()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "who was saved is not banned any more")
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.99")


@fault()
def database_read_only_at_the_start(patient: Patient) -> None:
    """The database's disk is read-only at the start, as after an error, and becomes writable again."""
    patient.begin()
    saved(patient, "192.0.2.1")
    patient.end()
    folder = patient.folder / "var"
    folder.mkdir()
    for path in patient.folder.glob("db*"):
        path.rename(folder / path.name)
    patient.db = folder / "db"
    patient.setup = f"mount --bind {folder} {folder}; mount -o remount,ro,bind {folder}"
    patient.acts.unlink()
    patient.start()
    patient.bans("192.0.2.2")
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "who was saved is not banned any more")
    patient.inside("mount", "-o", "remount,rw,bind", str(folder))
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.99")


@fault(quick=True)
def database_corrupt_at_the_start(patient: Patient) -> None:
    """The database is garbage when the server starts."""
    patient.db.write_bytes(b"SQLite format 3\0" + b"garbage" * 3000)
    patient.begin()
    patient.goes_on()
    saved(patient, "192.0.2.99")


@fault()
def database_with_a_torn_page(patient: Patient) -> None:
    """A page in the middle of the database was overwritten while nobody looked."""
    patient.begin()
    for who in numbered(100):
        patient.attack(who)
    patient.sees(*numbered(100))
    patient.end()
    db = sqlite3.connect(patient.db)
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.execute("PRAGMA journal_mode = DELETE")
    db.close()
    size = patient.db.stat().st_size
    with patient.db.open("r+b") as file:
        for page in range(2, size // 4096, 2):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    patient.acts.unlink()
    patient.start()
    patient.goes_on()
    saved(patient, "192.0.2.99")


@fault()
def database_overwritten_while_it_runs(patient: Patient) -> None:
    """Somebody writes garbage over the whole open database."""
    patient.begin()
    for tail in ("", "-wal"):
        path = Path(f"{patient.db}{tail}")
        if path.exists():
            with path.open("r+b") as file:
                file.write(b"\x5a" * path.stat().st_size)
    patient.bans("192.0.2.2")
    patient.bans("192.0.2.3")
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.3", "192.0.2.99")


@fault()
def database_cut_to_nothing(patient: Patient) -> None:
    """Somebody truncates the open database."""
    patient.begin()
    for tail in ("", "-wal"):
        if Path(f"{patient.db}{tail}").exists():
            Path(f"{patient.db}{tail}").write_bytes(b"")
    patient.bans("192.0.2.2")
    patient.goes_on()
    saved(patient, "192.0.2.2", "192.0.2.99")


@fault()
def database_removed(patient: Patient) -> None:
    """Somebody removes the database; all bans in force are in the new one."""
    patient.begin()
    for path in patient.folder.glob("db*"):
        path.unlink()
    patient.bans("192.0.2.2")
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.99")


@fault()
def database_on_a_vanished_mount(patient: Patient) -> None:
    """The database's file system is unmounted while it runs, and comes back empty."""
    disk = _small(patient)
    patient.begin()
    patient.inside("umount", "-l", str(disk))
    patient.bans("192.0.2.2")
    patient.inside("mount", "-t", "tmpfs", "tmpfs", str(disk))
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.99")


@fault()
def database_is_a_folder(patient: Patient) -> None:
    """At the start a folder stands where the database should be."""
    patient.db.mkdir()
    patient.begin()
    patient.goes_on()


@fault()
def folder_of_the_database_is_missing(patient: Patient) -> None:
    """At the start the database's folder is missing."""
    patient.db = patient.folder / "var" / "lib" / "db"
    patient.begin()
    patient.goes_on()


@fault()
def database_of_a_later_version(patient: Patient) -> None:
    """The database says that it is of a version that nobody knows yet."""
    patient.begin()
    patient.end()
    db = sqlite3.connect(patient.db)
    db.execute("UPDATE fail2banDb SET version = 99")
    db.commit()
    db.close()
    patient.acts.unlink()
    patient.start()
    patient.goes_on()


@fault(quick=True)
def its_log_is_replaced_by_a_folder(patient: Patient) -> None:
    """A folder stands where its own log was when it is told to open it anew; later that is possible."""
    patient.begin()
    patient.own_log.unlink()
    patient.own_log.mkdir()
    patient.ask("flushlogs")
    patient.bans("192.0.2.2")
    patient.own_log.rmdir()
    patient.ask("flushlogs")
    patient.goes_on()
    patient.wait(lambda: "Ban 192.0.2.99" in patient.said(), "its log stays silent")


@fault()
def its_log_is_a_device_that_is_full(patient: Patient) -> None:
    """Its own log is /dev/full."""
    patient.own_log = Path("/dev/full")
    patient.begin()
    patient.goes_on()


@fault()
def its_log_is_a_fifo_that_nobody_reads(patient: Patient) -> None:
    """Its own log is a FIFO: nobody reads it when it starts."""
    subprocess.run(["mkfifo", str(patient.own_log)], check=True, timeout=60)
    patient.begin()
    patient.goes_on()


@fault()
def its_log_is_a_fifo_that_is_not_emptied(patient: Patient) -> None:
    """Its own log is a FIFO that somebody holds open and never reads: it fills up."""
    subprocess.run(["mkfifo", str(patient.own_log)], check=True, timeout=60)
    with open(os.open(patient.own_log, os.O_RDWR), "rb"):
        patient.begin()
        everybody = numbered(300)
        for who in everybody:
            patient.attack(who)
        patient.sees(*everybody)
        patient.goes_on()


@fault()
def folder_of_its_log_vanishes(patient: Patient) -> None:
    """The folder of its own log is removed."""
    folder = patient.folder / "log"
    folder.mkdir()
    patient.own_log = folder / "own.log"
    patient.begin()
    shutil.rmtree(folder)
    patient.ask("flushlogs")
    patient.goes_on()


@fault()
def pid_file_cannot_be_written(patient: Patient) -> None:
    """A folder stands where the pid file should be."""
    (patient.folder / "pid").mkdir()
    patient.begin()
    patient.goes_on()
