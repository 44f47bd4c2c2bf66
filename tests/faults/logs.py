"""Faults of the logs that a server reads."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

from tests.faults.case import fault
from tests.faults.patient import PATIENCE_S, Patient, numbered


@fault(quick=True)
def deleted_and_made_again(patient: Patient) -> None:
    """A log is deleted, and a new one of its name comes up."""
    patient.begin()
    patient.log.unlink()
    time.sleep(0.3)
    patient.bans("192.0.2.2")
    patient.goes_on()


@fault()
def deleted_and_made_again_many_times(patient: Patient) -> None:
    """Twenty times in a row, each time with an attacker in it."""
    patient.begin()
    for who in numbered(20):
        patient.log.unlink()
        patient.bans(who)
    patient.goes_on()


def _replaced(patient: Patient, what: str) -> None:
    patient.begin()
    subprocess.run(["sh", "-c", f"rm -f $0; {what}", str(patient.log)], check=True, timeout=60)
    other = patient.jail("other")
    other.touch()
    time.sleep(1.0)
    assert patient.alive, "it died"
    patient.wait(patient.answers, "it does not answer")
    subprocess.run(["rm", "-rf", str(patient.log)], check=True, timeout=60)
    patient.goes_on("192.0.2.2")


@fault(quick=True)
def replaced_by_a_folder(patient: Patient) -> None:
    """A folder stands where the log was; later the log comes back."""
    _replaced(patient, "mkdir $0")


@fault()
def replaced_by_a_fifo(patient: Patient) -> None:
    """A FIFO that nobody writes into stands where the log was; later the log comes back."""
    _replaced(patient, "mkfifo $0")


@fault()
def replaced_by_a_device(patient: Patient) -> None:
    """The log becomes /dev/zero, which never ends; later it comes back."""
    _replaced(patient, "mknod $0 c 1 5")


@fault()
def replaced_by_a_link_to_a_device(patient: Patient) -> None:
    """The log becomes a link to /dev/urandom; later it comes back."""
    _replaced(patient, "ln -s /dev/urandom $0")


@fault()
def replaced_by_a_socket(patient: Patient) -> None:
    """The log becomes a socket; later it comes back."""
    _replaced(patient, "python3 -c 'import socket, sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])' $0")


@fault(quick=True)
def replaced_by_a_loop_of_links(patient: Patient) -> None:
    """The log becomes a link to itself; later it comes back."""
    _replaced(patient, "ln -s $0 $0.b; ln -s $0.b $0")


@fault()
def reads_that_fail(patient: Patient) -> None:
    """Reading fails with EIO, as from a dying disk (/proc/self/mem does so); later the log comes back."""
    _replaced(patient, "ln -s /proc/self/mem $0")


@fault()
def folder_of_the_log_is_a_file(patient: Patient) -> None:
    """The log's folder goes, and a file has its name; later the folder and the log come back."""
    folder = patient.folder / "var"
    folder.mkdir()
    log = folder / "app.log"
    patient.jail(logpath=log)
    log.touch()
    patient.start()
    patient.bans("192.0.2.1", log)
    shutil.rmtree(folder)
    folder.touch()
    time.sleep(1.0)
    folder.unlink()
    folder.mkdir()
    patient.goes_on("192.0.2.2", log)


@fault()
def folder_of_the_log_is_moved_away(patient: Patient) -> None:
    """The log's folder is renamed, and a new one with a new log takes its place."""
    folder = patient.folder / "var"
    folder.mkdir()
    log = folder / "app.log"
    patient.jail(logpath=log)
    log.touch()
    patient.start()
    patient.bans("192.0.2.1", log)
    folder.rename(patient.folder / "var.old")
    folder.mkdir()
    patient.goes_on("192.0.2.2", log)


@fault()
def unreadable_for_a_while(patient: Patient) -> None:
    """The server may not read its log any more; what was written meanwhile counts once it may again."""
    patient.setup = (
        "exec setpriv --bounding-set -dac_override,-dac_read_search --inh-caps -dac_override,-dac_read_search"
    )
    patient.setup += ' "$@"'
    patient.begin()
    patient.log.rename(patient.folder / "app.log.1")
    patient.log.touch()
    patient.log.chmod(0)
    patient.attack("192.0.2.2")
    time.sleep(2.0)
    patient.log.chmod(0o640)
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault(quick=True)
def missing_at_the_start(patient: Patient) -> None:
    """The log of the only jail is missing at the start, and comes up later."""
    patient.jail()
    patient.start(wait=False)
    time.sleep(2.0)
    assert patient.alive, "it does not start without the log"
    patient.goes_on()


@fault()
def missing_at_the_start_with_its_folder(patient: Patient) -> None:
    """Neither the log nor its folders are there at the start."""
    log = patient.folder / "a" / "b" / "app.log"
    patient.jail(logpath=log)
    patient.start(wait=False)
    time.sleep(2.0)
    assert patient.alive, "it does not start without the log"
    log.parent.mkdir(parents=True)
    patient.goes_on(log=log)


@fault()
def one_missing_beside_another(patient: Patient) -> None:
    """A jail has two logs, and one is missing at the start."""
    other = patient.folder / "second.log"
    patient.jail(logpath=f"{patient.log}\n  {other}")
    patient.log.touch()
    patient.start(wait=False)
    time.sleep(2.0)
    assert patient.alive, "it does not start without the log"
    patient.bans("192.0.2.1")
    patient.goes_on(log=other)


def _burst(patient: Patient, turn: str) -> None:
    """Write failures all the time while the log is rotated again and again; all must be banned, once.

    Nothing is removed within a second: what nobody could read nobody can be asked to have read.
    """
    patient.begin()
    everybody = numbered(300)
    done = threading.Event()

    def rotate() -> None:
        while not done.wait(0.05):
            subprocess.run(["sh", "-c", turn, str(patient.log)], check=False, timeout=60, stderr=subprocess.DEVNULL)

    rotating = threading.Thread(target=rotate)
    rotating.start()
    for who in everybody:
        patient.attack(who)
        time.sleep(0.01)
    done.set()
    rotating.join()
    patient.sees(*everybody)
    patient.goes_on()


@fault(quick=True)
def renamed_all_the_time(patient: Patient) -> None:
    """Twenty times a second the log is renamed and made anew, while failures come."""
    _burst(patient, "for n in $(seq 99 -1 1); do [ -e $0.$n ] && mv $0.$n $0.$((n+1)); done; mv $0 $0.1; touch $0")


@fault()
def compressed_all_the_time(patient: Patient) -> None:
    """The same, and the renamed log is compressed and removed a second later."""
    _burst(patient, "n=$(date +%s%N); mv $0 $0.$n; touch $0; (sleep 1; gzip $0.$n) &")


@fault()
def replaced_by_rename_all_the_time(patient: Patient) -> None:
    """A new log is moved over the old one, whose last lines are in the one with the second name."""
    _burst(patient, "n=$(date +%s%N); ln $0 $0.$n; touch $0.new; mv -f $0.new $0")


@fault()
def copied_and_truncated(patient: Patient) -> None:
    """logrotate's copytruncate, five times, when all was read."""
    patient.begin()
    for who in numbered(5):
        patient.bans(who)
        subprocess.run(["sh", "-c", "cp $0 $0.1; : >$0", str(patient.log)], check=True, timeout=60)
    patient.goes_on()


@fault()
def cut_and_written_to_the_same_size(patient: Patient) -> None:
    """A log is cut, and others fill it to exactly its old size."""
    patient.begin()
    patient.attack("192.0.2.2")
    patient.sees("192.0.2.2")
    with patient.log.open("w") as out:
        out.write(patient.lines("192.0.2.3") + patient.lines("192.0.2.4"))
    patient.sees("192.0.2.3", "192.0.2.4")
    patient.goes_on()


@fault()
def late_lines_after_renaming(patient: Patient) -> None:
    """Whoever writes holds the renamed log open and writes on into it for a second."""
    patient.begin()
    with patient.log.open("a") as late:
        patient.log.rename(patient.folder / "app.log.1")
        patient.log.touch()
        time.sleep(1.0)
        late.write(patient.lines("192.0.2.2"))
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault(quick=True)
def line_of_50_mb(patient: Patient) -> None:
    """A line of 50 MB, then failures; memory stays bounded."""
    patient.begin()
    with patient.log.open("ab") as out:
        out.write(b"x" * 50_000_000 + b"\n")
    patient.goes_on()
    assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def lines_of_50_mb_unfinished(patient: Patient) -> None:
    """The same line comes in pieces over two seconds, with the failure glued to its end, and failures after it."""
    patient.begin()
    with patient.log.open("ab", buffering=0) as out:
        for _ in range(50):
            out.write(b"y" * 1_000_000)
            time.sleep(0.04)
        out.write(b"\n")
    patient.goes_on()


@fault(quick=True)
def zeros_and_broken_utf8(patient: Patient) -> None:
    """NULs, broken UTF-8, lone carriage returns and escape codes stand between the failures."""
    patient.begin()
    with patient.log.open("ab") as out:
        for odd in (b"\0" * 5000, b"\xff\xfe\xc3\x28\xf0\x28\x8c\xbc", b"\r\r\x85\x0b\x0c", b"\x1b[31m\x1b]0;x\7"):
            out.write(odd + b"\n" + patient.lines("192.0.2.2", 1).encode())
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault()
def zeros_before_a_line(patient: Patient) -> None:
    """A writer without O_APPEND goes on at its old offset after a truncation: a hole of NULs, then lines."""
    patient.begin()
    with patient.log.open("r+") as careless:
        careless.seek(0, os.SEEK_END)
        careless.write("2020-01-01 00:00:00 dull\n" * 1000)
        careless.flush()
        time.sleep(0.5)
        os.truncate(patient.log, 0)
        careless.write(patient.lines("192.0.2.2", 4))  # the first shares its line with the hole
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault()
def binary(patient: Patient) -> None:
    """20 MB of random bytes, then failures."""
    patient.begin()
    with patient.log.open("ab") as out:
        out.write(random.Random(1).randbytes(20_000_000) + b"\n")
    patient.attack("192.0.2.2")
    patient.wait(lambda: patient.acted()["192.0.2.2"], "192.0.2.2 is never banned", 5 * PATIENCE_S[patient.kind])
    patient.goes_on()


@fault(alone=True)
def growing_at_200_mb_a_second(patient: Patient) -> None:
    """1 GB comes at 200 MB/s, with failures in it; all are banned, and memory stays bounded."""
    patient.begin()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    dull = (
        f"{stamp} app: session of user opened by nobody at all, for no reason, with text to fill the line\n".encode()
    )
    block = dull * (4_000_000 // len(dull))
    everybody = numbered(250)
    with patient.log.open("ab", buffering=0) as out:
        for number, who in enumerate(everybody):
            due = time.monotonic() + 0.02
            out.write(block)
            out.write(patient.lines(who).encode())
            if number % 50 == 0:
                assert patient.answers(), "no answer while it reads"
            time.sleep(max(0.0, due - time.monotonic()))
    patient.sees(*everybody)
    patient.goes_on()
    assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def queue_of_inotify_overflows(patient: Patient) -> None:
    """While the server stands still, the kernel's queue of events overflows, and failures come meanwhile."""
    patient.begin()
    most = int(Path("/proc/sys/fs/inotify/max_queued_events").read_text())
    patient.send(signal.SIGSTOP)
    for number in range(most // 2 + 100):
        path = patient.folder / f"f{number % 7}"
        path.touch()
        path.unlink()
    patient.attack("192.0.2.2")
    patient.send(signal.SIGCONT)
    patient.sees("192.0.2.2")
    patient.goes_on()


def _limited(patient: Patient, limit: str) -> None:
    inner = f'echo 0 >/proc/sys/user/{limit}; exec "$@"'
    patient.setup = f"exec unshare -Urm sh -c '{inner}' sh \"$@\""
    patient.begin()
    patient.log.rename(patient.folder / "app.log.1")
    patient.log.touch()
    patient.goes_on()


@fault(quick=True)
def no_inotify_instance_left(patient: Patient) -> None:
    """The user's inotify instances are exhausted."""
    _limited(patient, "max_inotify_instances")


@fault()
def no_inotify_watch_left(patient: Patient) -> None:
    """The user's inotify watches are exhausted."""
    _limited(patient, "max_inotify_watches")


@fault()
def thousands_of_files_beside(patient: Patient) -> None:
    """A glob means one file; 5,000 others come up beside it, some of which it means, and failures in the last."""
    folder = patient.folder / "logs"
    folder.mkdir()
    (folder / "0.log").touch()
    patient.jail(logpath=f"{folder}/*.log")
    patient.start()
    patient.bans("192.0.2.1", folder / "0.log")
    for number in range(5000):
        (folder / f"{number}.{'log' if number % 25 == 24 else 'txt'}").touch()
    if patient.kind == "Fail2Ban":
        patient.ask("reload")  # it looks at its globs only then
    patient.goes_on(log=folder / "4999.log")


@fault()
def vanished_mount(patient: Patient) -> None:
    """The log's file system is unmounted and comes back."""
    folder = patient.folder / "mount"
    folder.mkdir()
    log = folder / "app.log"
    patient.setup = f"mount -t tmpfs tmpfs {folder}; touch {log}"
    patient.jail(logpath=log)
    patient.start()
    _inside(patient, log, "192.0.2.1")
    patient.inside("umount", "-l", str(folder))
    time.sleep(1.5)
    patient.inside("mount", "-t", "tmpfs", "tmpfs", str(folder))
    _inside(patient, log, "192.0.2.2")
    assert patient.alive


def _inside(patient: Patient, log: Path, who: str) -> None:
    patient.inside("sh", "-c", 'printf %s "$1" >>"$0"', str(log), patient.lines(who))
    patient.sees(who)


@fault()
def unfinished_lines(patient: Patient) -> None:
    """Each line comes byte by byte; none counts before it is whole, none twice."""
    patient.begin()
    with patient.log.open("a", buffering=1) as out:
        for char in patient.lines("192.0.2.2", 2):
            out.write(char)
            out.flush()
            time.sleep(0.003)
        time.sleep(0.5)
        assert not patient.acted()["192.0.2.2"]
        out.write(patient.lines("192.0.2.2", 1))
    patient.sees("192.0.2.2")
    patient.goes_on()
