"""A stand-in server in a process of its own, for tests that talk to a real socket."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 60.0
NOBODY = 65534


@contextmanager
def stand_in(folder: Path, *jails: str) -> Iterator[Path]:
    """Yield the socket of a server with these jails (`NAME=LOG,LOG`); it is gone afterwards."""
    path = folder / "f2b.sock"
    command = [sys.executable, str(Path(__file__).with_name("stand_in.py")), str(path), *jails]
    log = (folder / "server.log").open("w")
    with log, subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, env=environment()) as process:
        try:
            assert process.stdout is not None
            assert said(process.stdout) == b"ready\n"
            yield path
        finally:
            end(process)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def said(stream: IO[bytes]) -> bytes:
    """Return the next line of a process, in time."""
    readable, _, _ = select.select([stream], [], [], PATIENCE_S)
    assert readable, "the process says nothing"
    return stream.readline()


def as_nobody(folder: Path, call: Callable[[], int]) -> int:
    """Call in a child without rights, its working directory `folder`, and return what it returns."""
    child = os.fork()
    if not child:
        status = 99
        try:
            os.chdir(folder)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            status = call()
        finally:
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def environment() -> dict[str, str]:
    """Return what our programs are run with: this checkout, and no settings of the tester's own."""
    return {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "HOME": "/nonexistent", "TZ": "UTC"}
