"""The server as its systemd unit would start it, without systemd: its user, rights, environment and file system."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

from tests.daemon.running import wait_for

UNITS = Path(__file__).parents[2] / "packaging" / "systemd"
USER = 65534
"""Stands for the user `f2b`, whom this host need not have."""
_JOURNALD = """
mount --make-rprivate /
ip link set lo up
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /var/log
mkdir -p /run/log/journal /run/systemd/journal
/lib/systemd/systemd-journald >/dev/null 2>&1 & echo $! >{here}/journald
until [ -S /run/systemd/journal/socket ]; do sleep 0.1; done
exec unshare -m sh -ec "$0" "$@"
"""
_STRICT = """
mount -t tmpfs tmpfs /var/lib
mount --bind {conf} /etc/fail2ban
for each in {folders}; do mkdir -p $each; mount --bind {here}/own$each $each; done
while read -r _ _ _ _ where _; do
    case $where in /proc*|/sys*|/dev*{keep}) ;; *) mount -o remount,bind,ro "$where" 2>/dev/null || true ;; esac
done </proc/self/mountinfo  # what lies below /run and /var/lib is hidden
cd /
umask {umask}
exec "$@"
"""


class Unit:
    """A unit file and its drop-in, and the process that they describe."""

    def __init__(self, here: Path, *names: str) -> None:
        self._here = here
        self.lines: dict[str, list[str]] = {}
        for name in names:
            for line in (UNITS / name).read_text().splitlines():
                key, sign, value = line.partition("=")
                if sign and not line.startswith("#"):
                    self.lines.setdefault(key, []).append(value)
        self.process: subprocess.Popen[bytes] | None = None
        self.out = here / "out"
        self.notices = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.notices.bind(str(here / "notify"))
        (here / "notify").chmod(0o777)
        self.notices.settimeout(60)

    def __getitem__(self, key: str) -> str:
        """The last word of the unit on something; empty if it says nothing."""
        return self.lines.get(key, [""])[-1]

    def folders(self) -> dict[str, Path]:
        """Return the folders that the unit makes for it, by what it knows them as, and where they really are."""
        roots = {"Runtime": "/run", "State": "/var/lib"}
        found = [
            (kind, f"{root}/{name}")
            for kind, root in roots.items()
            for line in self.lines[f"{kind}Directory"]  # systemd.exec(5): further lines add to them
            for name in line.split()
        ]
        for kind, folder in found:
            real = Path(f"{self._here}/own{folder}")
            real.mkdir(parents=True, exist_ok=True)
            real.chmod(int(self[f"{kind}DirectoryMode"] or "755", 8))
            shutil.chown(real, USER, USER)
        return {folder: Path(f"{self._here}/own{folder}") for _, folder in found}

    def start(self, conf: Path) -> None:
        """Start it with a configuration in /etc/fail2ban, and wait until it says that it is ready."""
        folders = self.folders()
        strict = _STRICT.format(
            folders=" ".join(folders),
            keep="".join(f"|{each}" for each in folders),
            here=self._here,
            conf=conf,
            umask=self["UMask"] or "022",
        )
        begin = _JOURNALD.format(here=self._here)
        command = ["unshare", "-nm", "sh", "-ec", begin, strict, "sh", *self._confined(self["ExecStart"])]
        with self.out.open("ab") as out:
            self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out)
        wait_for(lambda: self._notice() == "READY=1")

    def _notice(self) -> str:
        assert self.process
        self.notices.settimeout(0.2)
        try:
            return self.notices.recv(4096).decode().splitlines()[0]
        except TimeoutError:
            assert self.process.poll() is None, self.out.read_text()
            return ""

    def _confined(self, command: str) -> list[str]:
        """Return a command of the unit's with its user, rights and environment, and f2b from here."""
        bounding, ambient = self["CapabilityBoundingSet"], self["AmbientCapabilities"]
        words = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        words += [f"--bounding-set=-all{_rights(bounding)}", f"--inh-caps=-all{_rights(ambient)}"]
        words += [f"--ambient-caps=-all{_rights(ambient)}", *(["--no-new-privs"] if self["NoNewPrivileges"] else [])]
        environment = [
            *self["Environment"].split(),
            f"NOTIFY_SOCKET={self._here}/notify",
            f"PATH={os.environ['PATH']}",
        ]
        environment.append(f"PYTHONPATH={Path(__file__).parents[2]}")
        program, *rest = command.split()
        assert program == "/usr/bin/f2b"
        return [*words, "env", "-i", *environment, sys.executable, "-m", "f2b", *rest]

    def reload(self) -> None:
        """Do what `systemctl reload` would."""
        self.inside(*self._confined(self["ExecReload"]))

    def inside(self, *command: str) -> str:
        """Run a command where the server runs; return what it says."""
        assert self.process
        words = ["nsenter", "-t", str(self.process.pid), "-n", "-m", *command]
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        assert not done.returncode, (command, done.stdout, done.stderr)
        return done.stdout

    def end(self) -> int:
        """Stop it as systemd does, and return its exit code."""
        assert self.process
        self.process.terminate()
        return self.process.wait(timeout=60)

    def close(self) -> None:
        """End all that runs."""
        if self.process:
            self.process.kill()
            self.process.wait()
        journald = self._here / "journald"
        if journald.exists():
            subprocess.run(["kill", "-9", journald.read_text().strip()], check=False)
        self.notices.close()


def _rights(words: str) -> str:
    return "".join(f",+{word.removeprefix('CAP_').lower()}" for word in words.split())
