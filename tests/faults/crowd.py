"""More of everything at once: jails, logs, failures, work of actions, memory."""

from __future__ import annotations

import os
import subprocess
import time
from contextlib import ExitStack, suppress

from tests.faults.case import fault
from tests.faults.control import connected
from tests.faults.disk import saved
from tests.faults.patient import NFT, PATIENCE_S, Patient, numbered


def _limited(patient: Patient, memory: str) -> None:
    """Leave it so much memory, in a cgroup of its own."""
    group = f"/sys/fs/cgroup/memory/f2b-{patient.folder.name}"
    patient.setup = f"mkdir {group}; echo {memory} >{group}/memory.limit_in_bytes; echo $$ >{group}/cgroup.procs"


def _flood(patient: Patient, count: int) -> None:
    """Let so many hosts fail until they are banned."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with patient.log.open("a") as out:
        for number in range(count):
            who = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            out.write(f"{stamp} app: failure of root from {who}\n" * 3)


@fault(alone=True)
def failures_at_200_mb_a_second(patient: Patient) -> None:
    """400 MB of nothing but failures come as fast as the disk takes them, from 200,000 hosts; answers still come."""
    patient.jail(action=NFT, maxretry=5)
    patient.log.touch()
    patient.start()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    slowest = 0.0
    with patient.log.open("a") as out:
        for turn in range(20):
            hosts = (f"10.{turn}.{number >> 8}.{number & 255}" for number in range(10_000))
            out.write("".join(f"{stamp} app: failure of {'root' * 40} from {host}\n" for host in hosts) * 10)
            began = time.monotonic()
            assert patient.answers(), "no answer"
            slowest = max(slowest, time.monotonic() - began)
    assert slowest < 3, f"an answer took {slowest:.1f} s"
    assert patient.memory_mb() < 400, f"{patient.memory_mb()} MB"
    assert patient.alive


@fault(ours="it runs a program for each of 60,000 bans, which takes an hour with all the memory there is", alone=True)
def memory_limit_and_many_bans(patient: Patient) -> None:
    """A cgroup leaves it 96 MB: 60,000 hosts fail until they are banned; it is not killed."""
    _limited(patient, "96M")
    patient.jail(action=NFT)
    patient.log.touch()
    patient.start()
    _flood(patient, 60_000)
    patient.wait(lambda: not patient.alive or patient.held_count() == 60_000, "not all are banned", 300)
    assert patient.alive, "it was killed"
    patient.wait(patient.answers, "it does not answer")


@fault(ours="it runs a program for each of 70,000 bans, which takes hours", alone=True)
def more_bans_than_memory_takes(patient: Patient) -> None:
    """A cgroup leaves it 64 MB, and 70,000 hosts fail: the oldest bans make room, told once; it is not killed."""
    _limited(patient, "64M")
    patient.jail(action=NFT)
    patient.log.touch()
    patient.start()
    _flood(patient, 70_000)
    patient.attack("192.0.2.2")
    patient.wait(lambda: not patient.alive or "] Ban 192.0.2.2" in patient.said(), "the last is never banned", 300)
    assert patient.alive, "it was killed"
    patient.wait(patient.answers, "it does not answer")
    patient.wait(lambda: patient.held_count() == len(patient.banned()), "ledger and kernel differ")
    assert "192.0.2.2" in patient.banned(), "the newest is let in"
    assert patient.said().count("memory is limited") == 1, "it does not say that it is"
    patient.again()
    patient.wait(lambda: "192.0.2.2" in patient.banned(), "the newest is lost")
    assert patient.alive, "it was killed at the next start"


@fault()
def action_that_eats_all_memory(patient: Patient) -> None:
    """In a cgroup of 100 MB an action's command takes all the memory there is: that one is killed."""
    _limited(patient, "100M")
    eater = "python3 -c 'x = bytearray(1 << 30)'"
    patient.write("action.d/bad.conf", f"[Definition]\nactionban = {eater}\n")
    patient.jail(action="bad\n  note")
    patient.log.touch()
    patient.start()
    everybody = numbered(5)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    patient.goes_on()


@fault()
def a_hundred_jails_on_one_log(patient: Patient) -> None:
    """A hundred jails read the same log, and thirty hosts attack."""
    for number in range(100):
        patient.jail(f"j{number}", logpath=patient.log, action="")
    patient.begin()
    everybody = numbered(30)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    patient.wait(lambda: set(everybody) <= set(patient.banned("j99")), "the last jail bans nobody")
    patient.goes_on()


@fault()
def actions_behind_by_hundreds(patient: Patient) -> None:
    """Each ban's command takes a second, and 300 are banned at once: the ledger is up to date, and answers come."""
    patient.write("action.d/slow.conf", "[Definition]\nactionban = sleep 1\n")
    patient.jail(action="note\n  slow")
    patient.log.touch()
    patient.start()
    everybody = numbered(300)
    for who in everybody:
        patient.attack(who)
    patient.wait(lambda: set(everybody) <= set(patient.banned()), "not all are banned")
    patient.wait(patient.answers, "it does not answer")
    patient.goes_on()


@fault()
def output_without_an_end_of_line(patient: Patient) -> None:
    """An action's command writes without an end, and never ends a line; memory stays bounded."""
    text = "[Definition]\nactionban = tr '\\0' x </dev/zero\n[Init]\ntimeout = 3\n"
    patient.write("action.d/bad.conf", text)
    patient.jail(action="bad\n  note")
    patient.log.touch()
    patient.start()
    patient.bans("192.0.2.1")
    patient.goes_on()
    assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def descriptors_taken_by_logs_and_clients(patient: Patient) -> None:
    """It may open 80 files: 300 logs are followed, clients hold connections, and logs are rotated meanwhile."""
    patient.setup = "ulimit -n 80"
    folder = patient.folder / "logs"
    folder.mkdir()
    for number in range(300):
        (folder / f"{number:03}.log").touch()
    patient.jail(logpath=f"{folder}/*.log")
    patient.start()
    with ExitStack() as stack:
        for _ in range(200):
            with suppress(OSError):
                connected(patient, stack)
        everybody = numbered(30)
        for number, who in enumerate(everybody):
            log = folder / f"{number * 10:03}.log"
            if number % 2:
                log.rename(f"{log}.1")
            patient.attack(who, log=log)
        patient.sees(*everybody)
    patient.goes_on(log=folder / "299.log")
    saved(patient, "192.0.2.99")
    assert patient.said().count("cannot take a connection") < 100, "its log is flooded"


@fault()
def hole_of_gigabytes(patient: Patient) -> None:
    """A careless writer makes the log a hole of 1 GB of NULs, then failures come."""
    patient.begin()
    os.truncate(patient.log, 1 << 30)
    patient.attack("192.0.2.9", 1)  # glued to the hole
    patient.attack("192.0.2.2")
    patient.wait(lambda: patient.acted()["192.0.2.2"], "192.0.2.2 is never banned", 5 * PATIENCE_S[patient.kind])
    patient.goes_on()
    assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def copied_and_truncated_in_a_storm(patient: Patient) -> None:
    """logrotate's copytruncate ten times a second while lines come: it goes on, and nobody is banned twice."""
    patient.begin()
    for who in numbered(60):
        patient.attack(who)
        subprocess.run(["sh", "-c", "cp $0 $0.1; : >$0", str(patient.log)], check=True, timeout=60)
        time.sleep(0.05)
    patient.goes_on()


@fault(quick=True)
def links_that_turn(patient: Patient) -> None:
    """The log is a link, turned to a new file with each attacker, as containers' logs are."""
    patient.jail()
    files = [patient.folder / f"real{number}.log" for number in range(10)]
    for file in files:
        file.touch()
    patient.log.symlink_to(files[0])
    patient.start()
    everybody = numbered(10)
    for file, who in zip(files, everybody, strict=True):
        new = patient.folder / "turned"
        new.symlink_to(file)
        new.replace(patient.log)
        patient.bans(who)
    patient.goes_on()
