"""The two programs that are measured, and running one: how long it takes, what it computes, what it says."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DEBIAN = Path("/usr/bin")
PYTHON = (DEBIAN / "fail2ban-server").read_text().split("\n", 1)[0].removeprefix("#!")
"""The Python that runs Fail2Ban. It runs f2b, too: builds of the same Python differ by a quarter."""


class Ran(NamedTuple):
    """What a run took and said."""

    wall_s: float
    cpu_s: float
    """User's and system's."""
    said: str


class Program(NamedTuple):
    """One of the two: commands to which words are added."""

    name: str
    regex: tuple[str, ...]
    """Runs a filter over a log: LOG FILTER."""
    server: tuple[str, ...]
    client: tuple[str, ...]
    """`fail2ban-client`, or ours of the same name: same words, same answers."""
    status: tuple[str, ...]
    """What people ask how the server does: `status`."""


FAIL2BAN = Program(
    "Fail2Ban",
    (f"{DEBIAN}/fail2ban-regex",),
    (f"{DEBIAN}/fail2ban-server", "-xf"),
    (f"{DEBIAN}/fail2ban-client",),
    (f"{DEBIAN}/fail2ban-client",),
)


def f2b(folder: Path | None = None) -> Program:
    """Return f2b as it is installed in a folder of programs, or else as it stands in this checkout."""
    main: tuple[str, ...] = (PYTHON, "-m", "f2b")
    client: tuple[str, ...] = (PYTHON, "-c", "from f2b.cli.compat_ping import main; main()")
    if folder:
        main, client = (f"{folder}/f2b",), (f"{folder}/fail2ban-client",)
    return Program("f2b", (*main, "regex"), (*main, "serve"), client, main)


def run(command: Sequence[str]) -> Ran:
    """Run a command to its end. Raises SystemExit with its last words if it fails."""
    began = time.monotonic()
    with start(command, subprocess.PIPE) as process:
        assert process.stdout
        said = process.stdout.read().decode(errors="replace")
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.monotonic() - began
    if process.returncode:
        raise SystemExit(f"{' '.join(command)}: exit code {process.returncode}\n{said[-2000:]}")
    return Ran(wall, used.ru_utime + used.ru_stime, said)


def start(command: Sequence[str], said: int = subprocess.DEVNULL) -> subprocess.Popen[bytes]:
    """Start a command; f2b in this checkout is told where that is."""
    env = os.environ | ({"PYTHONPATH": str(ROOT)} if {PYTHON, sys.executable} & {*command} else {})
    env.pop("PYTHONDONTWRITEBYTECODE", None)  # for then each start would compile again what has changed
    return subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, env=env)


def compile_f2b() -> None:
    """Compile this checkout, as installing would."""
    run([PYTHON, "-m", "compileall", "-q", str(ROOT / "f2b")])
