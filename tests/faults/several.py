"""Several faults at once, and hosts that are odd in more than one way."""

from __future__ import annotations

import signal
import threading
import time
from pathlib import Path

from f2b.control import client
from tests.faults.case import fault
from tests.faults.clock import DAY, Clock
from tests.faults.disk import saved
from tests.faults.kernel import BOTH_ACTIONS, holds
from tests.faults.patient import Patient, numbered


@fault(quick=True)
def full_disk_and_kill_and_clock(patient: Patient) -> None:
    """The database's disk fills up, the clock goes back by a day, and the server is killed; later there is room."""
    clock = Clock(patient)
    disk = patient.folder / "disk"
    disk.mkdir()
    patient.db = disk / "db"
    patient.setup = f"mount -t tmpfs -o size=600k tmpfs {disk}; {patient.setup}"
    patient.begin(bantime="1h")
    saved(patient, "192.0.2.1")
    patient.inside("sh", "-c", f"cat /dev/zero >{disk}/fill", fails=True)
    clock.step(-DAY)
    patient.bans("192.0.2.2")
    patient.acts.unlink()
    patient.environment["LD_PRELOAD"] = patient.environment["CLOCK_LIBRARY"]
    patient.again()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "who was saved is let in")
    patient.inside("rm", f"{disk}/fill")
    clock.step(DAY)
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.99")


@fault()
def logs_of_hundreds_rotated_at_once(patient: Patient) -> None:
    """300 logs are renamed and made anew in the same moment, and the table is deleted; each has an attacker."""
    folder = patient.folder / "logs"
    folder.mkdir()
    logs = [folder / f"{number:03}.log" for number in range(300)]
    for log in logs:
        log.touch()
    patient.jail(logpath=f"{folder}/*.log", action=BOTH_ACTIONS)
    patient.start()
    patient.bans("192.0.2.1", logs[0])
    patient.wait(lambda: patient.kind == "Fail2Ban" or patient.descriptors() > 300, "not all are open")
    everybody = numbered(300)
    for log, who in zip(logs, everybody, strict=True):
        with log.open("a") as out:  # one that begins as the old one did would be a copy of it
            out.write(patient.lines(who, 1).replace("root", "admin"))
        log.rename(f"{log}.1")
        patient.attack(who, 2, log)
    patient.inside("nft", "delete table inet f2b-table", fails=True)
    patient.sees(*everybody)
    patient.goes_on(log=logs[7])
    holds(patient, "192.0.2.1", *everybody, "192.0.2.99")


@fault()
def glob_explodes(patient: Patient) -> None:
    """A glob means one file, and within seconds 3,000; failures stand in the last, and answers come meanwhile."""
    folder = patient.folder / "logs"
    folder.mkdir()
    (folder / "0.log").touch()
    patient.jail(logpath=f"{folder}/*.log")
    patient.start()
    patient.bans("192.0.2.1", folder / "0.log")
    for number in range(3000):
        (folder / f"{number}.log").touch()
    patient.wait(patient.answers, "it does not answer")
    if patient.kind == "Fail2Ban":
        patient.ask("reload")  # it looks at its globs only then
    patient.goes_on(log=folder / "2999.log")
    for log in folder.iterdir():
        log.unlink()
    patient.goes_on("192.0.2.98", folder / "0.log")


@fault()
def thirty_two_descriptors(patient: Patient) -> None:
    """It may open 32 files, thirty logs are followed, and a command runs for each ban."""
    patient.setup = "ulimit -n 32"
    folder = patient.folder / "logs"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number}.log").touch()
    patient.jail(logpath=f"{folder}/*.log")
    patient.start()
    everybody = numbered(30)
    for number, who in enumerate(everybody):
        patient.attack(who, log=folder / f"{number}.log")
    patient.sees(*everybody)
    patient.goes_on(log=folder / "29.log")
    saved(patient, *everybody, "192.0.2.99")


@fault()
def two_started_at_once(patient: Patient) -> None:
    """Two servers are started on the same configuration at the same moment: one stays, and it works."""
    patient.jail()
    patient.log.touch()
    patient.start(wait=False)
    first = patient.process
    patient.start(wait=False)
    second = patient.process
    assert first
    assert second
    both = (first, second)
    try:
        patient.wait(lambda: any(each.poll() is not None for each in both), "both of them run")
        patient.process = next((each for each in both if each.poll() is None), None)
        assert patient.process, "none of them runs"
        patient.wait(patient.answers, "it does not answer")
        patient.goes_on()
    finally:
        for each in both:
            if each is not patient.process:
                each.kill()
                each.wait()


@fault()
def state_replaced_by_a_link(patient: Patient) -> None:
    """The folder of database and log becomes a link to another, and then a link that leads nowhere; it comes back."""
    folder = patient.folder / "state"
    folder.mkdir()
    patient.db, patient.own_log = folder / "db", folder / "own.log"
    patient.begin()
    folder.rename(patient.folder / "away")
    (patient.folder / "other").mkdir()
    folder.symlink_to(patient.folder / "other")
    patient.bans("192.0.2.2")
    folder.unlink()
    folder.symlink_to(patient.folder / "nowhere")
    patient.bans("192.0.2.3")
    folder.unlink()
    (patient.folder / "away").rename(folder)
    patient.goes_on()
    saved(patient, "192.0.2.1", "192.0.2.2", "192.0.2.3", "192.0.2.99")


@fault()
def stopped_while_bans_end(patient: Patient) -> None:
    """SIGSTOP for ten seconds, in which bans end, a log is rotated and clients ask: all ends and begins once."""
    patient.begin(bantime="6s")
    everybody = numbered(30)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    patient.send(signal.SIGSTOP)
    asked = [threading.Thread(target=patient.answers) for _ in range(8)]
    for each in asked:
        each.start()
    time.sleep(10.0)
    for number in range(2):
        for name in ("app.log.1", "app.log"):
            if (old := patient.folder / name).exists():
                old.rename(patient.folder / ("app.log.2" if name == "app.log.1" else "app.log.1"))
        patient.attack(f"203.0.113.{number}")
    patient.send(signal.SIGCONT)
    for each in asked:
        each.join()
    patient.sees("203.0.113.0", "203.0.113.1")
    patient.wait(lambda: not {*everybody} & {*patient.banned()}, "somebody stays banned")
    let_in = patient.acts.read_text().splitlines()
    patient.wait(lambda: "-198.51.0.1" in patient.acts.read_text(), "no action hears of the end")
    assert all(let_in.count(f"-{who}") <= 1 for who in everybody), "somebody is let in twice"
    patient.goes_on()


@fault()
def filter_changes_in_an_attack(patient: Patient) -> None:
    """The filter gets another line in front twenty times, with a reload and SIGHUP each, while failures stream in."""
    patient.begin()
    everybody = numbered(120)
    over = threading.Event()

    def write() -> None:
        for who in everybody:
            patient.attack(who)
            time.sleep(0.04)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    number = 0
    while not over.is_set():
        number += 1
        more = "".join(f"    ^ nonsense {number} {each} <HOST>$\n" for each in range(20))
        text = f"[Definition]\nfailregex = ^ app: failure of <F-USER>\\S*</F-USER> from <HOST>$\n{more}"
        patient.write("filter.d/app.conf", text)
        patient.ask("reload")
        if patient.kind == "f2b":
            patient.send(signal.SIGHUP)
    writer.join()
    patient.wait(lambda: set(everybody) <= set(patient.banned()), "somebody is lost")
    patient.goes_on()


@fault()
def poor_host(patient: Patient) -> None:
    """/tmp is read-only, PATH leads nowhere, LANG is odd, TZ is unset, umask 0, nice 19, and stdin is closed."""
    patient.environment = {"LANG": "tr_TR.ISO-8859-9", "LC_ALL": "", "PYTHONIOENCODING": "ascii"}
    mounts = "mount -t tmpfs -o ro tmpfs /var/tmp; mount --bind /tmp /tmp; mount -o remount,bind,ro /tmp"
    mounts += f"; mount --bind {patient.folder} {patient.folder}; mount -o remount,bind,rw {patient.folder}"
    patient.setup = f'{mounts}; unset TZ; umask 0; renice 19 $$ >/dev/null; PATH=/nowhere exec "$@" <&-'
    patient.begin()
    patient.goes_on()
    if patient.kind == "f2b":
        assert patient.db.stat().st_mode & 0o077 == 0, "others may read the database"
        assert patient.socket.stat().st_mode & 0o077 == 0, "others may open the socket"


@fault()
def no_thread_can_be_made(patient: Patient) -> None:
    """A cgroup gives it one process and no thread more, from the start on, and host names are to be looked up."""
    group = f"/sys/fs/cgroup/pids/f2b-{patient.folder.name}"
    patient.setup = f"mkdir {group}; echo $$ >{group}/cgroup.procs; echo 1 >{group}/pids.max"
    patient.jail(usedns="yes", ignoreip="localhost nowhere.invalid")
    patient.log.touch()
    patient.start()
    patient.attack("host.invalid")
    patient.attack("192.0.2.2")
    patient.wait(lambda: "192.0.2.2" in patient.banned(), "192.0.2.2 is never banned")
    Path(f"{group}/pids.max").write_text("max")
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault(ours="its sets take no networks")
def networks_in_each_other(patient: Patient) -> None:
    """An address is banned, then networks around it and inside each other, by hand; some go, the others stay."""
    patient.jail(action=BOTH_ACTIONS)
    patient.log.touch()
    patient.start()
    patient.bans("198.51.100.7")
    for who in ("198.51.100.0/24", "198.51.0.0/16", "198.51.100.0/25", "198.51.100.8"):
        patient.ask("set", "app", "banip", who)
    patient.wait(lambda: len(patient.banned()) == 5, "not all are banned")
    patient.ask("set", "app", "unbanip", "198.51.100.8")
    patient.wait(lambda: len(patient.banned()) == 4, "one stays banned")
    patient.wait(lambda: _kept_out(patient), "ledger and kernel differ")
    patient.inside("nft", "flush ruleset")
    patient.goes_on()
    patient.wait(lambda: _kept_out(patient), "ledger and kernel differ after a flush")


def _kept_out(patient: Patient) -> bool:
    """Return whether the kernel keeps out all who are banned."""
    checks = client.request(str(patient.socket), "verify", 60.0)["checks"]
    assert isinstance(checks, list)
    return bool(checks) and all(check["held"] is not False for check in checks)
