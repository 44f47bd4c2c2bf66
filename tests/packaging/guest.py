"""A fresh Debian 12 on the guarded host: a root of its own over one that is kept, its own processes, no init."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.live.net import Host

BASE = Path("/var/cache/f2b-test/bookworm")
"""Kept between runs; remove it to have a new one."""
MIRROR = "http://deb.debian.org/debian"
PACKAGES = "python3,python3-click,nftables,iproute2,logrotate,procps"

# As if there were an init, invoke-rc.d may start services; what becomes an orphan is reaped by the loop.
START = """
set -e
cd "$1"
mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" root
mount -t proc proc root/proc
mount -t tmpfs tmpfs root/run
printf '#!/bin/sh\\nexit 0\\n' >root/usr/sbin/policy-rc.d
chmod 755 root/usr/sbin/policy-rc.d
: >root/var/log/auth.log
exec chroot root sh -c 'echo ready; while sleep 1; do :; done'
"""
ENVIRONMENT = (
    "env",
    "-i",
    "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL=C.UTF-8",
    "DEBIAN_FRONTEND=noninteractive",
)
NOT_OURS = ("/proc", "/run", "/dev", "/tmp", "/root", "/var/cache", "/var/lib/dpkg", "/var/log/dpkg.log")
"""What changes by other hands: dpkg's books, and the machine's."""
_OF_RC = "/etc/init.d/.depend."


class Guest:
    """The machine."""

    def __init__(self, pid: int, root: Path) -> None:
        self._enter = ["nsenter", "--target", str(pid), "--mount", "--pid", "--net", "--root", "--wd=/", *ENVIRONMENT]
        self.root = root

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command; return what it says, to either side."""
        done = subprocess.run(
            [*self._enter, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0 or not ok, f"{command}: {done.stdout}"
        return done.stdout

    def path(self, inside: str) -> Path:
        """Return a path as it is seen from outside."""
        return self.root / inside.lstrip("/")

    def files(self) -> set[str]:
        """Return every path of the machine's that a package may leave behind."""
        found = self.run("find", "/", "-xdev", "!", "-name", "__pycache__", "!", "-name", "*.pyc").splitlines()
        return {path for path in found if not path.startswith((*NOT_OURS, _OF_RC))}


@contextmanager
def guest(host: Host) -> Iterator[Guest]:
    """Start one; end all that runs on it afterwards."""
    if not BASE.is_dir():
        _bootstrap()
    with TemporaryDirectory(prefix="f2b-guest-") as folder:
        for name in ("upper", "work", "root"):
            Path(folder, name).mkdir()
        command = ["ip", "netns", "exec", host.name, "unshare", "--mount", "--pid", "--fork", "--kill-child"]
        process = subprocess.Popen([*command, "sh", "-c", START, "sh", folder, str(BASE)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"ready\n"
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield Guest(int(children[0]), Path(f"/proc/{children[0]}/root"))
        finally:
            process.kill()
            process.stdout.close()
            process.wait(60)


def _bootstrap() -> None:
    """Fill BASE, all or nothing."""
    fresh = BASE.with_name(f"{BASE.name}.new")
    fresh.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["rm", "-rf", str(fresh)], check=True)
    command = ["debootstrap", "--variant=minbase", f"--include={PACKAGES}", "bookworm", str(fresh), MIRROR]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    fresh.rename(BASE)
