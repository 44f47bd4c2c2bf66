"""The systemd units, as far as they can be tried without systemd: they are sound, and what they leave is enough."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.patient import NFT, Patient

UNITS = Path(__file__).parents[2] / "packaging" / "systemd"
USER = "65534"


@pytest.fixture
def patient(tmp_path: Path) -> Iterator[Patient]:
    tmp_path.chmod(0o755)
    made = Patient(tmp_path)
    yield made
    made.close()


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The unit with the strict drop-in, and a program that is there."""
    folder = tmp_path / "units"
    (folder / "f2b.service.d").mkdir(parents=True)
    text = (UNITS / "f2b.service").read_text()
    (folder / "f2b.service").write_text(re.sub(r"(?m)^(Exec\w+)=.*$", r"\1=/bin/true", text))
    shutil.copy(UNITS / "f2b-strict.conf", folder / "f2b.service.d" / "strict.conf")
    return folder


def test_strict_unit_is_sound(units: Path) -> None:
    command = ["systemd-analyze", "verify", "--man=no", str(units / "f2b.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    ours = [line for line in done.stderr.splitlines() if "f2b" in line and "Failed to prepare" not in line]
    assert ours == []


def test_strict_unit_exposes_far_less(units: Path) -> None:
    def exposure() -> float:
        command = ["systemd-analyze", "security", "--offline=true", "--json=short", "--threshold=100"]
        done = subprocess.run(
            [*command, str(units / "f2b.service")], capture_output=True, text=True, timeout=60, check=True
        )
        return sum(float(each["exposure"] or 0) for each in json.loads(done.stdout))

    strict = exposure()
    (units / "f2b.service.d" / "strict.conf").unlink()
    assert strict < exposure() / 3


def test_two_capabilities_are_enough_to_read_root_s_logs_and_to_ban(patient: Patient) -> None:
    patient.jail(action=NFT)
    patient.log.touch(mode=0o600)
    words = (UNITS / "f2b-strict.conf").read_text().partition("AmbientCapabilities=")[2].splitlines()[0].split()
    rights = ",".join("+" + word.removeprefix("CAP_").lower() for word in words)
    keep = f"--inh-caps -all,{rights} --ambient-caps {rights} --bounding-set -all,{rights} --no-new-privs"
    own = patient.folder / "own"
    own.mkdir()
    shutil.chown(own, int(USER), int(USER))
    patient.socket, patient.own_log, patient.db = own / "sock", own / "own.log", own / "db"
    patient.setup = f'exec setpriv --reuid {USER} --regid {USER} --clear-groups {keep} "$@"'
    patient.start()
    patient.attack("192.0.2.1")
    patient.wait(lambda: patient.held() == ["192.0.2.1"], "nobody is shut out")
    status = Path(f"/proc/{patient.pid}/status").read_text()
    assert re.search(rf"Uid:\s+{USER}\b", status)
    assert "CapEff:\t0000000000001004" in status  # CAP_DAC_READ_SEARCH is 2, CAP_NET_ADMIN 12
    assert patient.socket.stat().st_mode & 0o777 == 0o600
    assert patient.db.stat().st_mode & 0o777 == 0o600
