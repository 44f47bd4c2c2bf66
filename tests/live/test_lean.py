"""What a server imports in its life: what is dear to import costs every host memory and time."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.running import fail, running, wait_for

DEAR = {"argparse", "asyncio", "click", "dataclasses", "inspect", "ipaddress", "logging", "subprocess", "urllib"}


def imported(told: str) -> set[str]:
    """Return the packages that PYTHONPROFILEIMPORTTIME tells of."""
    lines = (line for line in told.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip().partition(".")[0] for line in lines}


def test_server_when_it_has_started_banned_and_ended_then_nothing_dear_was_imported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    bare = [sys.executable, "-c", "import pathlib"]  # which brings urllib and ipaddress in some versions of Python
    anyway = subprocess.run(bare, capture_output=True, text=True, check=True).stderr
    with running(tmp_path, ("unshare", "-n"), dry=False) as server:
        log = server.jail(action="nftables[type=multiport, port=22]")
        log.touch()
        server.start()
        fail(log, "192.0.2.7")
        wait_for(lambda: "192.0.2.7" in server.banned())
        server.ask("status")
        assert server.end() == 0
    told = imported((tmp_path / "out").read_text())
    assert "f2b" in told
    assert not (told - imported(anyway)) & DEAR
