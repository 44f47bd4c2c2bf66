"""Real journals for tests, written by systemd-journal-remote."""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

REMOTE = "/lib/systemd/systemd-journal-remote"


class Writer:
    """A journal that is being written."""

    def __init__(self, path: Path) -> None:
        self.path = path
        command = [REMOTE, f"--output={path}", "-"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)

    def write(self, message: bytes | None, when: float, **fields: str | bytes) -> None:
        """Write an entry of sshd, or of whom these fields say; an empty one is left out."""
        stamp = int(when * 1e6)
        text = f"__REALTIME_TIMESTAMP={stamp}\n__MONOTONIC_TIMESTAMP={stamp % 10**12}\n_BOOT_ID={'a' * 32}\n"
        found: dict[str, str | bytes] = {"_HOSTNAME": "h", "SYSLOG_IDENTIFIER": "sshd", "_PID": "7"}
        found |= {"_SYSTEMD_UNIT": "ssh.service"} | fields | ({} if message is None else {"MESSAGE": message})
        data = text.encode() + b"".join(_field(name, value) for name, value in found.items() if value != "")
        assert self.process.stdin
        self.process.stdin.write(data + b"\n")
        self.process.stdin.flush()

    def close(self) -> None:
        """Write all to the file and end."""
        assert self.process.stdin
        self.process.stdin.close()
        self.process.wait()


def _field(name: str, value: str | bytes) -> bytes:
    data = value if isinstance(value, bytes) else value.encode()
    return name.encode() + b"\n" + struct.pack("<Q", len(data)) + data + b"\n"
