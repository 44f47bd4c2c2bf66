"""A server without firewall in a process of its own, for tests that talk to its socket."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from f2b.control import client

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 60.0
NOBODY = 65534


FILES = {
    "fail2ban.conf": "[Definition]\nlogtarget = {0}/server.log\npidfile = {0}/pid\ndbfile = None\n",
    "filter.d/nothing.conf": "[Definition]\nfailregex = ^nothing from <HOST>$\n",
}


def write(folder: Path, *jails: str) -> None:
    """Write a configuration of jails (`NAME=LOG,LOG`) whose logs are in `folder`, and empty."""
    text = "[DEFAULT]\nbackend = polling\nfilter = nothing\nusedns = no\naction = dry\nenabled = true\n"
    for name, _, logs in (jail.partition("=") for jail in jails):
        paths = [folder / log for log in logs.split(",")]
        text += f"[{name}]\nlogpath = " + "\n  ".join(map(str, paths)) + "\n"
        for path in paths:
            path.touch()
    for file, content in {**FILES, "jail.conf": text}.items():
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(content.format(folder))


def command(folder: Path, sock: Path) -> list[str]:
    """Return what serves a folder on a socket, without touching any firewall."""
    return [sys.executable, "-m", "f2b", "serve", "--dry-run", "-c", str(folder), "-s", str(sock)]


@contextmanager
def serving(folder: Path, *jails: str) -> Iterator[Path]:
    """Yield the socket of a server with these jails (`NAME=LOG,LOG`); it is gone afterwards."""
    write(folder, *jails)
    path = folder / "f2b.sock"
    with (
        (folder / "out").open("w") as out,
        subprocess.Popen(command(folder, path), stdout=out, stderr=out, env=environment()) as process,
    ):
        try:
            until_ready(process, path)
            yield path
        finally:
            end(process)


def until_ready(process: subprocess.Popen[bytes], path: Path) -> None:
    """Wait until a server answers."""
    deadline = time.monotonic() + PATIENCE_S
    while not client.answers(str(path)):
        assert process.poll() is None, "the server ended"
        assert time.monotonic() < deadline, "the server does not answer"
        time.sleep(0.02)


def end(process: subprocess.Popen[bytes]) -> None:
    """End a process that we started."""
    process.terminate()
    try:
        process.wait(PATIENCE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


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
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "HOME": "/nonexistent",
        "TZ": "UTC",
        "LANG": "C.UTF-8",
    }
