"""Faults of actions: commands that fail, hang, flood, stay, vanish."""

from __future__ import annotations

import signal
import time

from tests.faults.case import fault
from tests.faults.patient import Patient, numbered


def _beside(patient: Patient, command: str, start: str = "", timeout: int = 3, **options: object) -> None:
    """Start with an action that does this at each ban, before the one that notes bans."""
    text = f"[Definition]\nactionstart = {start}\nactionban = {command}\nactionunban =\n[Init]\ntimeout = {timeout}\n"
    patient.write("action.d/bad.conf", text)
    patient.jail("app", action="bad\n  note", **options)
    patient.log.touch()
    patient.start()


def _bears(patient: Patient, command: str, start: str = "") -> None:
    """See that the other action notes all bans in spite of the first, and within half a minute."""
    _beside(patient, command, start)
    everybody = numbered(3)
    for who in everybody:
        patient.attack(who)
    began = time.monotonic()
    patient.sees(*everybody)
    patient.goes_on()
    assert time.monotonic() - began < 30, "it took more than half a minute"
    patient.wait(lambda: len(patient.told()) == 4, "not all are told")


@fault(quick=True)
def fails(patient: Patient) -> None:
    """An action's command fails."""
    _bears(patient, "exit 1")


@fault()
def is_missing(patient: Patient) -> None:
    """An action's program does not exist."""
    _bears(patient, "/nowhere/at/all <ip>")


@fault(quick=True)
def hangs(patient: Patient) -> None:
    """An action's command hangs for good."""
    _bears(patient, "sleep 100000")


@fault()
def hangs_and_does_not_listen(patient: Patient) -> None:
    """An action's command hangs and ignores SIGTERM."""
    _bears(patient, 'trap "" TERM INT HUP; while :; do sleep 1000; done')


@fault(quick=True)
def floods(patient: Patient) -> None:
    """An action's command writes without an end to stdout and stderr; memory stays bounded."""
    _bears(patient, "yes 'a line of text that fills the memory' | tee /dev/stderr")
    assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def stays(patient: Patient) -> None:
    """An action's command leaves a child behind that holds stdout open."""
    _bears(patient, "(sleep 1000; echo late) & echo begun")


@fault()
def leaves_its_session(patient: Patient) -> None:
    """An action's command leaves a daemon behind, in a session of its own, with stdout open."""
    _bears(patient, "setsid sleep 1000 & sleep 0.1")


@fault()
def kills_itself(patient: Patient) -> None:
    """An action's command ends by a signal."""
    _bears(patient, "kill -SEGV $$")


@fault()
def kills_its_group(patient: Patient) -> None:
    """An action's command kills all of its process group."""
    _bears(patient, "kill -KILL 0")


@fault()
def waits_for_input(patient: Patient) -> None:
    """An action's command reads from stdin."""
    _bears(patient, "cat >/dev/null; read x")


@fault()
def writes_binary(patient: Patient) -> None:
    """An action's command writes what is no text, and fails."""
    _bears(patient, "head -c 100000 /dev/urandom; exit 3")


@fault()
def start_fails(patient: Patient) -> None:
    """The other action cannot be set up."""
    _bears(patient, "true", "exit 1")


@fault()
def start_hangs(patient: Patient) -> None:
    """The other action hangs while it is set up."""
    _bears(patient, "true", "sleep 100000")


@fault()
def python_that_raises_and_hangs(patient: Patient) -> None:
    """A Python action raises at the first ban and hangs at the next ones."""
    patient.write(
        "action.d/bad.py",
        "import time\nfrom fail2ban.server.action import ActionBase\n"
        "class Action(ActionBase):\n    def ban(self, info):\n"
        "        if str(info['ip']) == '198.51.0.1': raise ValueError('bad')\n        time.sleep(10000)\n",
    )
    patient.jail("app", action="bad[actname=bad, name=app]\n  note".replace("bad[", "bad.py["))
    patient.log.touch()
    patient.start()
    everybody = numbered(3)
    for who in everybody:
        patient.attack(who)
    patient.sees(*everybody)
    patient.goes_on()


@fault()
def term_while_one_hangs(patient: Patient) -> None:
    """SIGTERM while a command hangs: the server ends within half a minute, and who is banned is so afterwards."""
    _beside(patient, "sleep 100000", timeout=60)
    patient.attack("192.0.2.1")
    patient.wait(lambda: patient.told()["192.0.2.1"], "192.0.2.1 is never banned")
    time.sleep(0.3)
    began = time.monotonic()
    code = patient.end(signal.SIGTERM)
    took = time.monotonic() - began
    assert code == 0, f"it ended with {code} after {took:.0f} s"
    assert took < 30, f"it ended after {took:.0f} s"
    patient.start()
    patient.wait(lambda: "192.0.2.1" in patient.banned(), "192.0.2.1 is lost")


@fault()
def no_process_can_be_made(patient: Patient) -> None:
    """For two seconds no process can be made: who is banned meanwhile is acted upon at last."""
    group = f"/sys/fs/cgroup/pids/f2b-{patient.folder.name}"
    patient.setup = f"mkdir {group}; echo $$ >{group}/cgroup.procs"
    patient.begin()
    try:
        with open(f"{group}/pids.max", "w") as limit:
            limit.write("1")
        patient.attack("192.0.2.2")
        patient.wait(lambda: patient.told()["192.0.2.2"], "192.0.2.2 is never banned")
        time.sleep(1.0)
        with open(f"{group}/pids.max", "w") as limit:
            limit.write("max")
        patient.sees("192.0.2.2")
        patient.goes_on()
    finally:
        patient.kill()
