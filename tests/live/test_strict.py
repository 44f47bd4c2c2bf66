"""The systemd units, as far as they can be tried without systemd: they are sound, and what they leave is enough."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from f2b.control import client
from tests.daemon.running import wait_for
from tests.faults.journal import FILTER, SEND
from tests.faults.patient import NFT, Patient
from tests.live.unit import UNITS, USER, Unit


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
    shutil.chown(own, USER, USER)
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


@pytest.fixture
def unit(tmp_path: Path) -> Iterator[Unit]:
    tmp_path.chmod(0o755)
    made = Unit(tmp_path, "f2b.service", "f2b-strict.conf")
    yield made
    made.close()


def test_strict_unit_leaves_what_native_jails_need(unit: Unit, patient: Patient) -> None:
    patient.jail(action=NFT)
    patient.log.touch(mode=0o600)
    patient.write("filter.d/journal.conf", FILTER)
    patient.jail("journal", filter="journal", backend="systemd", logpath="", action=NFT.replace("app", "journal"))
    conf = patient.folder / "conf"
    shutil.copy("/etc/fail2ban/fail2ban.conf", conf)  # socket and database where Debian's Fail2Ban has them
    unit.start(conf)
    assert unit.process

    # It is no longer root, and nobody could write where it may not.
    status = Path(f"/proc/{unit.process.pid}/status").read_text()
    assert re.search(rf"Uid:\s+{USER}\s+{USER}\s+{USER}\s+{USER}\b", status)
    for kind in ("CapEff", "CapPrm", "CapBnd", "CapAmb"):
        assert f"{kind}:\t0000000000001004" in status, kind  # CAP_DAC_READ_SEARCH is 2, CAP_NET_ADMIN 12
    assert "NoNewPrivs:\t1" in status
    assert "Umask:\t0077" in status
    for place in ("/etc", "/usr", "/run", patient.folder):
        assert "Read-only" in unit.inside("sh", "-c", f"touch {place}/x 2>&1 || true"), place

    # Root's logs and the journal are read, and bans reach the kernel.
    patient.attack("192.0.2.1")
    unit.inside(sys.executable, "-c", SEND, "192.0.2.2")
    wait_for(lambda: {"192.0.2.1", "192.0.2.2"} <= {*held(unit)})

    # A reload by the unit's own command takes what is new.
    other = patient.jail("other", action=NFT.replace("app", "other"))
    other.touch(mode=0o600)
    unit.reload()
    patient.attack("192.0.2.3", log=other)
    wait_for(lambda: "192.0.2.3" in held(unit))

    # All of it is in the state folder, whose files nobody else may read.
    state = unit.folders()["/var/lib/fail2ban"]
    wait_for(lambda: stored(state / "fail2ban.sqlite3") == {"192.0.2.1", "192.0.2.2", "192.0.2.3"})
    assert {oct(file.stat().st_mode & 0o777) for file in state.iterdir()} == {"0o600"}
    assert state.stat().st_mode & 0o777 == 0o700
    jails: Any = client.request(str(unit.folders()["/run/fail2ban"] / "fail2ban.sock"), "summary")["jails"]
    assert [jail["state"] for jail in jails] == ["up"] * 3
    assert unit.end() == 0


def held(unit: Unit) -> list[str]:
    """Whom the kernel keeps out."""
    found = json.loads(unit.inside("nft", "-j", "list", "sets") or "{}")["nftables"]
    elements = [each for it in found if "set" in it for each in it["set"].get("elem", ())]
    return [str(each["elem"]["val"] if isinstance(each, dict) else each) for each in elements]


def stored(path: Path) -> set[str]:
    """Who is banned by the database."""
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=60)) as db:
        return {who for (who,) in db.execute("SELECT ip FROM bips")}
