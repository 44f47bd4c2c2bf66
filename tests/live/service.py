"""Real services on the guarded host, each with what an attacker and an honest client do there."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.live.net import Host

SSHD_CONFIG = """
HostKey {home}/host_key
AuthorizedKeysFile {home}/key.pub
PidFile none
UsePAM no
StrictModes no
PermitRootLogin yes
MaxStartups 100
"""

# sshd wants /run/sshd, and speaks to /dev/log: both its own, in a mount namespace of its own.
SSHD_START = """
set -e
mount -t tmpfs tmpfs /run
mkdir /run/sshd
touch /run/utmp
mount -t tmpfs tmpfs "$HOME_DIR/dev"
for node in null zero full random urandom tty; do
    touch "$HOME_DIR/dev/$node"
    mount --bind "/dev/$node" "$HOME_DIR/dev/$node"
done
ln -s "$HOME_DIR/syslog" "$HOME_DIR/dev/log"
mkdir "$HOME_DIR/dev/pts"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$HOME_DIR/dev/pts"
ln -s pts/ptmx "$HOME_DIR/dev/ptmx"
mount --move "$HOME_DIR/dev" /dev
exec /usr/sbin/sshd -D -f "$HOME_DIR/sshd_config"
"""

NGINX_CONFIG = """
daemon off;
user root;
worker_processes 1;
pid {home}/nginx.pid;
error_log {home}/error.log;
events {{}}
http {{
    access_log {home}/access.log;
    server {{
        listen [::]:80 ipv6only=off;
        root {home}/www;
    }}
}}
"""

# An application with a log format of its own: time - level - IP: address - User-Agent: agent.
WEBAPP = """
import http.server, logging, socket, sys
logging.basicConfig(filename=sys.argv[1], level="INFO", format="%(asctime)s - %(levelname)s - %(message)s")

class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path == "/"
        if not good:
            address = self.client_address[0].removeprefix("::ffff:")
            logging.warning("IP: %s - User-Agent: %s", address, self.headers["User-Agent"])
        self.send_response(200 if good else 401)
        self.end_headers()
    def log_message(self, *args):
        pass

class Server(http.server.ThreadingHTTPServer):
    address_family = socket.AF_INET6

Server(("::", 8000), App).serve_forever()
"""


class Service(NamedTuple):
    """One service: where it listens and logs, and how its clients behave."""

    jail: str
    port: int
    log: Path
    attack: Callable[[str], None]
    """Fail once, from this address."""
    served: Callable[[str], bool]
    """Whether an honest client at this address gets what it wants."""
    within: tuple[str, ...] = ()
    """Runs a command where the service runs: it sees the same /run."""
    stay: Callable[[str], subprocess.Popen[bytes]] | None = None
    """Log in from this address and do what standard input says; what comes back is in `session` beside the log."""


def until(true: Callable[[], bool], seconds: float = 60) -> None:
    """Wait until something is true. Raises AssertionError when it takes too long."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.05)


@contextmanager
def running(host: Host, command: Sequence[str | Path], output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program on a host; end it afterwards."""
    with output.open("ab") as out:
        process = subprocess.Popen(["ip", "netns", "exec", host.name, *command], stdout=out, stderr=out)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def sshd(guarded: Host, peer: Host, target: str, home: Path) -> Iterator[Service]:
    """OpenSSH's server, which logs through syslog."""
    for key in ("host_key", "key"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", home / key], check=True)
    (home / "sshd_config").write_text(SSHD_CONFIG.format(home=home))
    (home / "dev").mkdir()
    log = home / "auth.log"
    client = ["ssh", "-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
    client += ["-o", "ConnectTimeout=5"]

    def attack(source: str) -> None:
        wrong = [
            "sshpass",
            "-p",
            "wrong",
            *client,
            "-o",
            "PubkeyAuthentication=no",
            "-o",
            "NumberOfPasswordPrompts=1",
        ]
        _run(peer, [*wrong, "-b", source, f"root@{target}", "true"])

    def served(source: str) -> bool:
        right = [*client, "-i", str(home / "key"), "-o", "BatchMode=yes", "-b", source, f"root@{target}", "true"]
        return _run(peer, right).returncode == 0

    def stay(source: str) -> subprocess.Popen[bytes]:
        right = [*client, "-i", str(home / "key"), "-o", "BatchMode=yes", "-b", source, "-tt", f"root@{target}"]
        command = ["ip", "netns", "exec", peer.name, *right, "stty -echo; exec sh"]
        with (home / "session").open("wb") as out:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out)

    start = ["env", f"HOME_DIR={home}", "unshare", "-m", "sh", "-c", SSHD_START]
    with _syslog(home / "syslog", log), running(guarded, start, home / "sshd.out") as process:
        yield Service("sshd", 22, log, attack, served, ("nsenter", "-t", str(process.pid), "-m"), stay)


@contextmanager
def nginx(guarded: Host, peer: Host, target: str, home: Path) -> Iterator[Service]:
    """nginx with one page."""
    (home / "www").mkdir()
    (home / "www" / "index.html").write_text("welcome\n")
    config = home / "nginx.conf"
    config.write_text(NGINX_CONFIG.format(home=home))
    command: list[str | Path] = ["nginx", "-e", home / "error.log", "-c", config]
    with running(guarded, command, home / "nginx.out"):
        yield _web("nginx-404", 80, home / "access.log", peer, target)


@contextmanager
def webapp(guarded: Host, peer: Host, target: str, home: Path) -> Iterator[Service]:
    """A Python application that logs as it likes."""
    log = home / "app.log"
    with running(guarded, [sys.executable, "-c", WEBAPP, log], home / "app.out"):
        yield _web("webapp", 8000, log, peer, target)


def _web(jail: str, port: int, log: Path, peer: Host, target: str) -> Service:
    base = f"http://[{target}]:{port}" if ":" in target else f"http://{target}:{port}"

    def fetch(source: str, path: str) -> str:
        command = [
            "curl",
            "-s",
            "-m",
            "5",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--interface",
            source,
            base + path,
        ]
        return _run(peer, command).stdout

    def attack(source: str) -> None:
        fetch(source, "/secret")

    def served(source: str) -> bool:
        return fetch(source, "/") == "200"

    return Service(jail, port, log, attack, served)


def _run(host: Host, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    inside = ["ip", "netns", "exec", host.name, *command]
    return subprocess.run(inside, check=False, capture_output=True, text=True, timeout=60)


@contextmanager
def _syslog(path: Path, log: Path) -> Iterator[None]:
    """Write what arrives at the socket `path` into `log`, as syslog daemons do."""
    log.touch()
    with syslog(path, lambda facility: log):
        yield


@contextmanager
def syslog(path: Path, log_of: Callable[[int], Path]) -> Iterator[None]:
    """Write what arrives at the socket `path` into the log of its facility (RFC 3164)."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as inbox:
        inbox.bind(str(path))
        path.chmod(0o666)

        def receive() -> None:
            while message := inbox.recv(65536):
                number, _, rest = message.rstrip(b"\n\0").partition(b">")
                text = rest.decode(errors="replace")
                with log_of(int(number[1:]) >> 3).open("a") as out:
                    out.write(f"{text[:16]}guarded {text[16:]}\n")

        thread = threading.Thread(target=receive)
        thread.start()
        try:
            yield
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as stop:
                stop.sendto(b"", str(path))
            thread.join()
