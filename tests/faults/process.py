"""Faults of the process: signals, losses of power, limits, an odd environment."""

from __future__ import annotations

import random
import signal
import socket
import threading
import time
from contextlib import ExitStack, suppress

from tests.faults.case import fault
from tests.faults.patient import Patient, numbered


def _restarted(patient: Patient, *who: str) -> None:
    """Kill it and start it again; these are banned then."""
    patient.kill()
    patient.acts.unlink(missing_ok=True)
    patient.start()
    patient.wait(lambda: set(who) <= set(patient.banned()), f"of {who} only {patient.banned()} are banned")


@fault(quick=True)
def killed_after_a_ban(patient: Patient) -> None:
    """kill -9 right after a ban was acted upon: the next server knows it."""
    patient.begin()
    _restarted(patient, "192.0.2.1")
    patient.goes_on()


@fault()
def killed_in_a_burst(patient: Patient) -> None:
    """kill -9 five times while failures stream in: in the end all are banned, none was told twice as new."""
    patient.begin(maxretry=3)
    everybody = numbered(200)
    dice = random.Random(3)
    lines = [who for who in everybody for _ in range(3)]
    dice.shuffle(lines)
    over = threading.Event()

    def write() -> None:
        for who in lines:
            patient.attack(who, 1)
            time.sleep(0.012)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        time.sleep(dice.uniform(0.3, 1.5))
        patient.kill()
        patient.start()
    writer.join()
    patient.wait(lambda: set(everybody) <= set(patient.banned()), "somebody is lost")
    twice = [who for who, times in patient.told().items() if times > 1]
    assert not twice, f"banned anew: {twice}"
    patient.acts.unlink()
    patient.goes_on()


@fault()
def killed_while_it_starts(patient: Patient) -> None:
    """kill -9 at twelve moments of the start."""
    patient.begin()
    patient.kill()
    for number in range(12):
        patient.start(wait=False)
        time.sleep(0.08 * number)
        patient.kill()
    patient.acts.unlink(missing_ok=True)
    patient.start()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "192.0.2.1 is lost")
    patient.goes_on()


@fault()
def failures_while_it_is_down(patient: Patient) -> None:
    """It is killed after two of three failures; the third comes while it is down."""
    patient.begin()
    patient.attack("192.0.2.2", 2)
    patient.wait(lambda: patient.said().count("Found 192.0.2.2") == 2, "it finds nothing")
    time.sleep(0.5)
    patient.kill()
    patient.attack("192.0.2.2", 1)
    patient.acts.unlink()
    patient.start()
    patient.wait(lambda: patient.acted()["192.0.2.2"], "192.0.2.2 is never banned")
    patient.goes_on()


@fault()
def log_rotated_while_it_is_down(patient: Patient) -> None:
    """The log is rotated while it is down, with failures in both."""
    patient.begin()
    patient.kill()
    patient.attack("192.0.2.2")
    patient.log.rename(patient.folder / "app.log.1")
    patient.attack("192.0.2.3")
    patient.acts.unlink()
    patient.start()
    patient.sees("192.0.2.2", "192.0.2.3")
    patient.goes_on()


@fault(quick=True)
def sighup(patient: Patient) -> None:
    """SIGHUP, also in the foreground."""
    patient.begin()
    patient.send(signal.SIGHUP)
    time.sleep(0.5)
    patient.goes_on()


@fault()
def sigusr1_and_sigpipe(patient: Patient) -> None:
    """SIGUSR1, SIGPIPE, SIGWINCH, SIGCHLD and SIGCONT."""
    patient.begin()
    for number in (signal.SIGUSR1, signal.SIGPIPE, signal.SIGWINCH, signal.SIGCHLD, signal.SIGCONT):
        patient.send(number)
    patient.goes_on()


@fault()
def sigusr2_and_alarms(patient: Patient) -> None:
    """Signals that nobody should send it: SIGUSR2, SIGALRM, SIGVTALRM, SIGPROF, SIGQUIT's like do not end it."""
    patient.begin()
    for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGURG, signal.SIGIO):
        patient.send(number)
        time.sleep(0.1)
    patient.goes_on()


@fault()
def storm_of_signals(patient: Patient) -> None:
    """300 signals within a second, while an attacker comes."""
    patient.begin()
    for number in range(300):
        patient.send(signal.SIGUSR1 if number % 2 else signal.SIGCONT)
        if number % 100 == 0 and patient.kind == "f2b":
            patient.send(signal.SIGHUP)
        time.sleep(0.003)
    patient.goes_on()


@fault(quick=True)
def stopped_and_continued(patient: Patient) -> None:
    """SIGSTOP for three seconds while failures come and the log is rotated, then SIGCONT."""
    patient.begin()
    patient.send(signal.SIGSTOP)
    patient.attack("192.0.2.2")
    patient.log.rename(patient.folder / "app.log.1")
    patient.attack("192.0.2.3")
    time.sleep(3.0)
    patient.send(signal.SIGCONT)
    patient.sees("192.0.2.2", "192.0.2.3")
    patient.goes_on()


@fault()
def no_descriptor_left(patient: Patient) -> None:
    """It may open 48 files, and clients hold connections until none is left; failures come meanwhile."""
    patient.setup = "ulimit -n 48"
    patient.begin()
    with ExitStack() as stack:
        for _ in range(100):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(1.0)
            with suppress(OSError):
                one.connect(str(patient.socket))
        patient.bans("192.0.2.2")
        patient.log.rename(patient.folder / "app.log.1")
        patient.bans("192.0.2.3")
    patient.goes_on()


@fault()
def more_logs_than_descriptors(patient: Patient) -> None:
    """It may open 64 files, and a glob means 200 logs; failures stand in the last."""
    patient.setup = "ulimit -n 64"
    folder = patient.folder / "logs"
    folder.mkdir()
    for number in range(200):
        (folder / f"{number:03}.log").touch()
    patient.jail(logpath=f"{folder}/*.log")
    patient.start()
    everybody = numbered(20)
    for number, who in enumerate(everybody):
        patient.attack(who, log=folder / f"{number * 10:03}.log")
    patient.sees(*everybody)
    patient.goes_on(log=folder / "199.log")


@fault(alone=True)
def memory_limit(patient: Patient) -> None:
    """A cgroup leaves it 64 MB: 60,000 hosts fail, long lines and a flood of requests come, and it is not killed."""
    group = f"/sys/fs/cgroup/memory/f2b-{patient.folder.name}"
    patient.setup = f"mkdir {group}; echo 64M >{group}/memory.limit_in_bytes; echo $$ >{group}/cgroup.procs"
    patient.begin(maxretry=3)
    with patient.log.open("a") as out:
        for number in range(60_000):
            out.write(patient.lines(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 1))
        for _ in range(20):
            out.write("x" * 3_000_000 + "\n")
    patient.goes_on()


@fault()
def address_space_limit(patient: Patient) -> None:
    """It may have 200 MB of address space; 50 MB lines, binary and requests without an end come."""
    patient.setup = "ulimit -v 400000"
    patient.begin()
    with patient.log.open("ab") as out:
        out.write(b"z" * 50_000_000 + b"\n")
        out.write(random.Random(2).randbytes(2_000_000) + b"\n")
    with ExitStack() as stack:
        one = stack.enter_context(socket.socket(socket.AF_UNIX))
        one.settimeout(5.0)
        one.connect(str(patient.socket))
        with suppress(OSError):
            for _ in range(50):
                one.sendall(b"x" * 1_000_000)
        patient.goes_on()


@fault()
def no_environment(patient: Patient) -> None:
    """No variable at all, not even PATH, HOME or LANG."""
    patient.setup = 'exec env -i "$@"'
    patient.begin()
    patient.goes_on()


@fault()
def odd_environment(patient: Patient) -> None:
    """A locale and a time zone that do not exist, a HOME that is a file."""
    patient.environment = {"LC_ALL": "xx_YY.KOI8", "TZ": "Nowhere/Atlantis", "HOME": "/dev/null", "LANG": "C"}
    patient.zone = "UTC"
    patient.begin()
    patient.goes_on()


@fault()
def folder_it_was_started_in_is_gone(patient: Patient) -> None:
    """It is started in a folder that is removed."""
    gone = patient.folder / "gone"
    gone.mkdir()
    if patient.kind == "f2b":
        patient.environment = {"PYTHONPATH": str(next(iter(_root())))}
    patient.setup = f"cd {gone}; rmdir {gone}"
    patient.begin()
    patient.goes_on()


def _root() -> list[str]:
    import f2b

    return [str(f2b.__path__[0]).rpartition("/")[0]]


@fault()
def no_output(patient: Patient) -> None:
    """stdin, stdout and stderr are closed."""
    patient.setup = 'exec "$@" <&- >&- 2>&-'
    patient.begin()
    patient.goes_on()


@fault()
def configuration_vanishes_and_reload(patient: Patient) -> None:
    """The configuration is removed, and somebody asks for a reload: it is refused, and all goes on."""
    patient.begin()
    conf = patient.folder / "conf"
    conf.rename(patient.folder / "conf.away")
    patient.send(signal.SIGHUP)
    time.sleep(1.0)
    (patient.folder / "conf.away").rename(conf)
    patient.goes_on()


@fault()
def broken_configuration_and_reload(patient: Patient) -> None:
    """A regex is broken, and somebody asks for a reload: it is refused, and all goes on."""
    patient.begin()
    patient.write("filter.d/app.conf", "[Definition]\nfailregex = ^ app: (unclosed <HOST>$\n")
    patient.ask("reload")
    patient.goes_on()


@fault()
def reloads_in_a_burst(patient: Patient) -> None:
    """Ten reloads while failures stream in: all are banned, once."""
    patient.begin()
    everybody = numbered(100)
    over = threading.Event()

    def write() -> None:
        for who in everybody:
            patient.attack(who)
            time.sleep(0.03)
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        patient.ask("reload")
    writer.join()
    patient.wait(lambda: set(everybody) <= set(patient.banned()), "somebody is lost")
    patient.goes_on()
