"""Faults of the clock. The server's is set by a small library (clock.c), so that nobody else's is touched."""

from __future__ import annotations

import calendar
import os
import struct
import subprocess
import time
from pathlib import Path

from tests.faults.case import fault
from tests.faults.patient import Patient, numbered

DAY = 86400


class Clock:
    """The server's clock, so many seconds ahead of the real one."""

    def __init__(self, patient: Patient, zone: str = "UTC") -> None:
        self._file = patient.folder / "shift"
        self._shift = 0
        self.step(0)
        library = patient.folder / "clock.so"
        source = Path(__file__).with_name("clock.c")
        subprocess.run(["cc", "-O1", "-shared", "-fPIC", "-o", library, source], check=True, timeout=60)
        patient.setup = 'exec env LD_PRELOAD=$CLOCK_LIBRARY "$@"'
        patient.environment |= {"CLOCK_LIBRARY": str(library), "CLOCK_SHIFT": str(self._file), "TZ": zone}
        patient.clock = self.now
        patient.zone = zone

    def now(self) -> float:
        """Return what it says."""
        return time.time() + self._shift

    def step(self, seconds: int) -> None:
        """Set it forward, or back."""
        self._shift += seconds
        fd = os.open(self._file, os.O_RDWR | os.O_CREAT, 0o600)
        os.pwrite(fd, struct.pack("l", self._shift), 0)
        os.close(fd)

    def set(self, utc: str) -> None:
        """Set it to a time of day in UTC."""
        self.step(int(calendar.timegm(time.strptime(utc, "%Y-%m-%d %H:%M:%S")) - self.now()))


@fault(quick=True)
def a_day_forward(patient: Patient) -> None:
    """The clock is set a day forward."""
    clock = Clock(patient)
    patient.begin()
    clock.step(DAY)
    patient.bans("192.0.2.2")
    patient.goes_on()


@fault(quick=True)
def a_day_back(patient: Patient) -> None:
    """The clock is set a day back."""
    clock = Clock(patient)
    patient.begin()
    clock.step(-DAY)
    patient.bans("192.0.2.2")
    patient.goes_on()


@fault()
def a_day_back_and_bans_end_in_time(patient: Patient) -> None:
    """The clock is set a day back; a ban of five seconds ends all the same, and not a day later."""
    clock = Clock(patient)
    patient.begin(bantime=5)
    clock.step(-DAY)
    patient.bans("192.0.2.2")
    patient.wait(lambda: "-192.0.2.2" in patient.acts.read_text(), "192.0.2.2 is never let in again")
    patient.wait(lambda: "-192.0.2.1" in patient.acts.read_text(), "192.0.2.1 is never let in again")


@fault()
def a_day_forward_and_bans_last(patient: Patient) -> None:
    """The clock is set a day forward: who was banned for ten minutes stays so, and nobody is banned twice."""
    clock = Clock(patient)
    patient.begin()
    clock.step(DAY)
    patient.bans("192.0.2.2")
    time.sleep(7.0)
    assert {"192.0.2.1", "192.0.2.2"} <= set(patient.banned()), "who was banned is let in a day's time too early"
    patient.goes_on()


@fault()
def a_day_forward_and_back(patient: Patient) -> None:
    """The clock is set a day forward and back again seconds later, as by a bad source."""
    clock = Clock(patient)
    patient.begin(bantime=12)
    clock.step(DAY)
    time.sleep(6.0)
    clock.step(-DAY)
    patient.goes_on()
    patient.wait(lambda: "-192.0.2.1\n" in patient.acts.read_text(), "192.0.2.1 is never let in again")
    patient.wait(lambda: "-192.0.2.99" in patient.acts.read_text(), "192.0.2.99 is never let in again")


@fault()
def to_and_fro(patient: Patient) -> None:
    """The clock jumps between today and tomorrow, again and again; each attacker's lines have his own time."""
    clock = Clock(patient)
    patient.begin(bantime="30d")
    everybody = numbered(10)
    for number, who in enumerate(everybody):
        patient.bans(who)
        clock.step(DAY if number % 2 else -DAY)
        time.sleep(0.1)
    patient.goes_on()


@fault()
def back_in_the_middle_of_an_attack(patient: Patient) -> None:
    """The clock goes back by an hour between two failures of somebody."""
    clock = Clock(patient)
    patient.begin(findtime=600)
    patient.attack("192.0.2.2", 2)
    time.sleep(1.0)
    clock.step(-3600)
    patient.attack("192.0.2.2", 3)
    patient.sees("192.0.2.2")
    patient.goes_on()


@fault()
def years_behind(patient: Patient) -> None:
    """A host without a battery starts in 2004, and is set right later."""
    clock = Clock(patient)
    clock.set("2004-03-01 12:00:00")
    patient.begin()
    clock.set("2026-03-01 12:00:00")
    patient.goes_on()


@fault()
def after_2038(patient: Patient) -> None:
    """It is 2040."""
    clock = Clock(patient)
    clock.set("2040-03-01 12:00:00")
    patient.begin()
    patient.goes_on()


def _change(patient: Patient, utc: str) -> None:
    clock = Clock(patient, "Europe/Berlin")
    clock.set(utc)
    patient.begin()
    before, during, after = numbered(3)
    patient.attack(before)
    patient.sees(before)
    patient.attack(during, 1)
    patient.wait(lambda: clock.now() % 3600 < 1800, "the hour does not turn")
    patient.attack(during, 2)
    patient.attack(after)
    patient.sees(during, after)
    patient.goes_on()


@fault()
def summer_time_ends(patient: Patient) -> None:
    """At 3:00 it is 2:00 again, in the middle of an attack, and lines tell local time."""
    _change(patient, "2026-10-25 00:59:52")


@fault()
def summer_time_begins(patient: Patient) -> None:
    """After 1:59 it is 3:00, in the middle of an attack."""
    _change(patient, "2026-03-29 00:59:52")


@fault()
def new_year(patient: Patient) -> None:
    """A new year begins in the middle of an attack."""
    _change(patient, "2026-12-31 22:59:52")


@fault()
def zone_changes(patient: Patient) -> None:
    """/etc/localtime becomes another zone's, and lines are dated by it from then on."""
    zones = Path("/usr/share/zoneinfo")
    local = patient.folder / "localtime"
    local.write_bytes((zones / "Asia/Tokyo").read_bytes())
    patient.setup = f"mount --bind {local} /etc/localtime; unset TZ"
    patient.zone = "Asia/Tokyo"
    patient.begin()
    local.write_bytes((zones / "America/New_York").read_bytes())
    patient.zone = "America/New_York"
    patient.goes_on()
