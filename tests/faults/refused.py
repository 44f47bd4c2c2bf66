"""Faults of the kernel's answers: system calls of the server fail now and then, by a small library (refuse.c)."""

from __future__ import annotations

import errno
import os
import struct
import subprocess
import time
from pathlib import Path

from tests.faults.case import fault
from tests.faults.disk import saved
from tests.faults.kernel import BOTH_ACTIONS, holds
from tests.faults.patient import Patient, numbered

_ORDER = struct.Struct("24s4i")
_ORDERS = 16
_NETLINK = "it does not speak netlink: the kernel refuses its program nft in the cases of kernel"


class Refusals:
    """What the server is refused."""

    def __init__(self, patient: Patient) -> None:
        self._file = patient.folder / "refuse"
        self._file.write_bytes(bytes(_ORDER.size * _ORDERS))
        self._names: list[str] = []
        library = patient.folder / "refuse.so"
        source = Path(__file__).with_name("refuse.c")
        words = ["cc", "-O1", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"]
        subprocess.run(words, check=True, timeout=60)
        patient.setup = 'exec env LD_PRELOAD=$REFUSE_LIBRARY "$@"'
        patient.environment |= {"REFUSE_LIBRARY": str(library), "REFUSE": str(self._file)}

    def refuse(self, call: str, error: int, of: int = 1) -> None:
        """Let every so many'th call fail with this error from now on; error 0: none."""
        if call not in self._names:
            self._names.append(call)
        self._put(self._names.index(call), _ORDER.pack(call.encode(), error, of, 0, 0))

    def failed(self, call: str) -> int:
        """Return how many calls have failed since they were told to."""
        at = self._names.index(call) * _ORDER.size
        return int(_ORDER.unpack(self._file.read_bytes()[at : at + _ORDER.size])[4])

    def _put(self, place: int, order: bytes) -> None:
        fd = os.open(self._file, os.O_RDWR)
        os.pwrite(fd, order, place * _ORDER.size)
        os.close(fd)


def _netlink(patient: Patient, call: str, error: int, of: int = 1, seconds: float = 3.0) -> None:
    """Refuse netlink for a while, while bans come: afterwards the kernel holds everybody."""
    refusals = Refusals(patient)
    patient.jail(action=BOTH_ACTIONS)
    patient.log.touch()
    patient.start()
    patient.bans("192.0.2.1")
    refusals.refuse(call, error, of)
    everybody = numbered(10)
    for who in everybody:
        patient.attack(who)
        time.sleep(seconds / 10)
    patient.sees(*everybody)
    assert refusals.failed(call), "nothing was refused"
    refusals.refuse(call, 0)
    patient.goes_on()
    holds(patient, "192.0.2.1", *everybody, "192.0.2.99")


@fault(ours=_NETLINK)
def netlink_busy(patient: Patient) -> None:
    """The kernel answers every change with EBUSY for three seconds."""
    _netlink(patient, "netlink answer", errno.EBUSY)


@fault(ours=_NETLINK)
def netlink_busy_now_and_then(patient: Patient) -> None:
    """Every third answer is EBUSY, though it was done."""
    _netlink(patient, "netlink answer", errno.EBUSY, 3)


@fault(ours=_NETLINK)
def netlink_has_no_buffers(patient: Patient) -> None:
    """Every second answer is lost for want of room (ENOBUFS)."""
    _netlink(patient, "netlink recv", errno.ENOBUFS, 2)


@fault(ours=_NETLINK)
def netlink_takes_nothing(patient: Patient) -> None:
    """Requests to the kernel fail with ENOBUFS for three seconds."""
    _netlink(patient, "netlink send", errno.ENOBUFS)


@fault(ours=_NETLINK)
def netlink_forbidden(patient: Patient) -> None:
    """The kernel answers with EPERM for three seconds."""
    _netlink(patient, "netlink answer", errno.EPERM)


@fault(ours=_NETLINK)
def netlink_without_memory(patient: Patient) -> None:
    """The kernel has no memory for sets (ENOMEM), again and again."""
    _netlink(patient, "netlink answer", errno.ENOMEM, 2)


@fault(ours=_NETLINK)
def netlink_interrupted(patient: Patient) -> None:
    """The kernel answers EINTR and EAGAIN."""
    _netlink(patient, "netlink answer", errno.EINTR, 2)


@fault(ours=_NETLINK)
def netlink_sets_are_full(patient: Patient) -> None:
    """The kernel says that sets are full (ENFILE), for three seconds."""
    _netlink(patient, "netlink answer", errno.ENFILE)


def _refused(patient: Patient, *calls: tuple[str, int, int]) -> None:
    """Refuse these calls while bans come; all of it is saved afterwards."""
    refusals = Refusals(patient)
    patient.begin()
    for call, error, of in calls:
        refusals.refuse(call, error, of)
    everybody = numbered(20)
    for who in everybody:
        patient.attack(who)
        time.sleep(0.05)
    patient.wait(lambda: any(refusals.failed(call) for call, _, _ in calls), "nothing was refused")
    time.sleep(2.0)
    for call, _, _ in calls:
        refusals.refuse(call, 0)
    patient.sees(*everybody)
    patient.goes_on()
    saved(patient, "192.0.2.1", *everybody, "192.0.2.99")


@fault(quick=True)
def disk_errors(patient: Patient) -> None:
    """Every write and fsync of the database fails with EIO for a while."""
    _refused(patient, ("pwrite", errno.EIO, 1), ("fsync", errno.EIO, 1))


@fault()
def disk_errors_now_and_then(patient: Patient) -> None:
    """Every third write of the database fails with EIO, and every second fsync."""
    _refused(patient, ("pwrite", errno.EIO, 3), ("fsync", errno.EIO, 2))


@fault()
def disk_full_now_and_then(patient: Patient) -> None:
    """Every second write of the database fails for want of room."""
    _refused(patient, ("pwrite", errno.ENOSPC, 2))


@fault()
def log_cannot_be_written(patient: Patient) -> None:
    """Every write, its own log's included, fails for want of room."""
    _refused(patient, ("write", errno.ENOSPC, 1))


@fault(ours="it reads logs by read, not pread: see the next case")
def reading_logs_fails(patient: Patient) -> None:
    """Every third read of a log fails with EIO."""
    _refused(patient, ("pread", errno.EIO, 3))


@fault()
def reads_fail(patient: Patient) -> None:
    """Every third read, news of logs included, fails with EIO or is interrupted."""
    _refused(patient, ("read", errno.EIO, 3))


@fault()
def no_file_can_be_opened(patient: Patient) -> None:
    """The system has no file left (ENFILE): nothing can be opened, and nobody can connect."""
    _refused(patient, ("open", errno.ENFILE, 1), ("accept", errno.ENFILE, 1), ("inotify", errno.ENOSPC, 1))


@fault(ours="it makes processes by vfork, which a library cannot refuse: see action: no process can be made")
def no_process_now_and_then(patient: Patient) -> None:
    """No process can be made (EAGAIN), every second time."""
    _refused(patient, ("spawn", errno.EAGAIN, 2))
