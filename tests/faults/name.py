"""Faults of name resolution: a server of names that is dead, slow, or lies, in the server's own namespace."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from tests.faults.case import fault
from tests.faults.patient import Patient

NAMES = Path(__file__).with_name("names.py")


def _serve(patient: Patient, how: str) -> None:
    """Start with a server of names that behaves like this; lines may name hosts."""
    resolv = patient.folder / "resolv.conf"
    resolv.write_text("nameserver 127.0.0.1\noptions timeout:2 attempts:2\n")
    patient.setup = f"mount --bind {resolv} /etc/resolv.conf; {sys.executable} {NAMES} {how} & sleep 0.3"
    patient.begin(usedns="yes", ignoreself="true")


def _bears(patient: Patient) -> None:
    """See that addresses are banned at once though names in the same log are asked for."""
    for number in range(20):
        patient.attack(f"host{number}.example.org")
    began = time.monotonic()
    patient.bans("192.0.2.2")
    assert time.monotonic() - began < 20, "names hold addresses up"
    patient.wait(patient.answers, "it does not answer")
    for number in range(20):
        patient.attack(f"other{number}.example.org")
    patient.goes_on()


@fault()
def dead(patient: Patient) -> None:
    """Nobody answers when names are asked for."""
    _serve(patient, "dead")
    _bears(patient)


@fault()
def slow(patient: Patient) -> None:
    """Each answer takes a second and a half."""
    _serve(patient, "slow")
    _bears(patient)


@fault()
def garbage(patient: Patient) -> None:
    """Answers are random bytes."""
    _serve(patient, "garbage")
    _bears(patient)


@fault(quick=True)
def lies(patient: Patient) -> None:
    """A name has 200 addresses, this host's own and somebody's who is spared among them."""
    _serve(patient, "lies")
    patient.attack("liar.example.org")
    patient.bans("192.0.2.2")
    time.sleep(1.0)
    assert "127.0.0.1" not in patient.banned(), "it bans itself"
    patient.goes_on()


@fault()
def refused(patient: Patient) -> None:
    """No server of names runs at all, and there is no /etc/resolv.conf."""
    patient.setup = "mount --bind /dev/null /etc/resolv.conf"
    patient.begin(usedns="yes")
    _bears(patient)
