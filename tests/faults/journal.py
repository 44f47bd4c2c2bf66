"""Faults of the journal: a journald of the case's own, in the server's namespaces."""

from __future__ import annotations

import sys
import time

from tests.faults.case import fault
from tests.faults.patient import Patient

_FILES = "/run/log/journal"
_JOURNALD = "/lib/systemd/systemd-journald"
_BEGIN = f"mkdir -p {_FILES} /run/systemd/journal; {_JOURNALD} >/dev/null 2>&1 & echo $! >{{0}}/journald"
_READY = "until [ -S /run/systemd/journal/socket ]; do sleep 0.1; done"
_SETUP = "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log; {0}; {1}"
SEND = """
import socket, sys
one = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
for _ in range(3):
    text = f"MESSAGE=failure of root from {sys.argv[1]}\\nSYSLOG_IDENTIFIER=app\\nPRIORITY=6\\n"
    one.sendto(text.encode(), "/run/systemd/journal/socket")
"""
FILTER = r"""
[Definition]
failregex = ^\s*\S* ?app(?:\[\d+\])?: failure of \S+ from <HOST>$
journalmatch = SYSLOG_IDENTIFIER=app
"""


def _begin(patient: Patient) -> None:
    """Start with a jail that reads the journal, and see that it bans."""
    patient.write("filter.d/journal.conf", FILTER)
    patient.jail(filter="journal", backend="systemd", logpath="")
    patient.setup = _SETUP.format(_BEGIN.format(patient.folder), _READY)
    patient.start()
    _bans(patient, "192.0.2.1")


def _bans(patient: Patient, address: str) -> None:
    patient.inside(sys.executable, "-c", SEND, address)
    patient.sees(address)


def _goes_on(patient: Patient) -> None:
    assert patient.alive, "it died"
    _bans(patient, "192.0.2.99")
    patient.wait(patient.answers, "it does not answer any more")


def _end_journald(patient: Patient) -> None:
    patient.inside("sh", "-c", f"kill -9 $(cat {patient.folder}/journald); rm -f /run/systemd/journal/socket")


def _begin_journald(patient: Patient) -> None:
    patient.inside("sh", "-c", f"{_BEGIN.format(patient.folder)}; {_READY}")


@fault()
def restarted(patient: Patient) -> None:
    """journald is killed and started again."""
    _begin(patient)
    _end_journald(patient)
    _begin_journald(patient)
    _goes_on(patient)


@fault()
def vanishes(patient: Patient) -> None:
    """journald is killed, and all of its files and folders are removed; seconds later it is back with new ones."""
    _begin(patient)
    _end_journald(patient)
    patient.inside("rm", "-rf", _FILES)
    time.sleep(3.0)
    assert patient.alive, "it died"
    _begin_journald(patient)
    _goes_on(patient)


@fault()
def vanishes_with_its_mount(patient: Patient) -> None:
    """Another file system is mounted over the journal's, and journald begins anew there."""
    _begin(patient)
    _end_journald(patient)
    patient.inside("mount", "-t", "tmpfs", "tmpfs", "/run/log")
    time.sleep(2.0)
    _begin_journald(patient)
    _goes_on(patient)


@fault()
def rotated_and_vacuumed(patient: Patient) -> None:
    """The journal is rotated five times, and all but the newest file removed each time, while failures come."""
    _begin(patient)
    for number in range(5):
        patient.inside("sh", "-c", "journalctl --rotate; journalctl --vacuum-files=1", fails=True)
        _bans(patient, f"198.51.100.{number}")
    _goes_on(patient)


@fault()
def files_removed_under_it(patient: Patient) -> None:
    """Its files are removed while journald writes them; after a rotation there are new ones."""
    _begin(patient)
    patient.inside("sh", "-c", f"rm -f {_FILES}/*/*")
    patient.inside("journalctl", "--rotate", fails=True)
    time.sleep(1.0)
    _goes_on(patient)


@fault()
def corrupt(patient: Patient) -> None:
    """Garbage is written over the middle of the journal; journald begins a new file."""
    _begin(patient)
    _end_journald(patient)
    garbage = "for f in $0/*/*.journal; do head -c 200000 /dev/urandom | dd of=$f bs=4096 seek=2 conv=notrunc; done"
    patient.inside("sh", "-c", garbage, _FILES)
    time.sleep(1.0)
    _begin_journald(patient)
    _goes_on(patient)


@fault(quick=True)
def cut(patient: Patient) -> None:
    """The journal's files are truncated while they are read; journald begins new ones."""
    _begin(patient)
    _end_journald(patient)
    patient.inside("sh", "-c", f"truncate -s 0 {_FILES}/*/*.journal")
    time.sleep(1.0)
    assert patient.alive, "it died"
    _begin_journald(patient)
    _goes_on(patient)


@fault()
def missing_at_the_start(patient: Patient) -> None:
    """There is no journal at all when the server starts; it comes up later."""
    patient.write("filter.d/journal.conf", FILTER)
    patient.jail(filter="journal", backend="systemd", logpath="")
    patient.setup = "mount -t tmpfs tmpfs /run; mount -t tmpfs tmpfs /var/log"
    patient.start(wait=False)
    time.sleep(3.0)
    assert patient.alive, "it does not start without a journal"
    _begin_journald(patient)
    _goes_on(patient)
