"""A whole Debian host in a network namespace: sshd, nginx, postfix and dovecot as their packages set them up.

It has processes, /etc, /run, /dev and logs of its own, and a syslog that writes Debian's files.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.live.net import Host
from tests.live.service import syslog, until

PORTS = {"sshd": 22, "nginx": 80, "postfix": 25, "dovecot": 993}
FILES = {4: "auth.log", 10: "auth.log", 2: "mail.log"}
"""Where rsyslog writes a facility on Debian; all else goes to syslog."""

BOOT = """
set -e
cd "$HOME_DIR"
for copied in etc var/mail var/spool/postfix var/lib/postfix var/lib/dovecot var/lib/nginx; do
    mkdir -p "copy/$copied"
    cp -a "/$copied/." "copy/$copied"
done
for own in etc var/mail var/spool/postfix var/lib; do
    mount --bind "copy/$own" "/$own"
done
mount --bind log /var/log
mkdir log/nginx
rm -rf /etc/fail2ban
mount -t tmpfs tmpfs /run
mkdir /run/sshd /run/lock
mount -t tmpfs tmpfs dev
for node in null zero full random urandom tty; do
    touch "dev/$node"
    mount --bind "/dev/$node" "dev/$node"
done
ln -s "$HOME_DIR/syslog" dev/log
ln -s /proc/self/fd dev/fd
mkdir dev/pts dev/shm
mount -t devpts -o newinstance,ptmxmode=0666 devpts dev/pts
ln -s pts/ptmx dev/ptmx
mount --move dev /dev
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=guarded -days 2 \
    -keyout /etc/dovecot/private/dovecot.key -out /etc/dovecot/private/dovecot.pem 2>/dev/null
nginx
/usr/sbin/sshd
postfix start
dovecot
touch started
exec sleep infinity
"""

ATTACK = """
import http.client, json, smtplib, socket, ssl, subprocess, sys, threading
target, attackers = sys.argv[1], json.loads(sys.argv[2])

def sshd(source):
    options = ["-F", "none", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-b", source]
    options += ["-o", "PubkeyAuthentication=no", "-o", "NumberOfPasswordPrompts=1", f"nobody@{target}", "true"]
    subprocess.run(["sshpass", "-p", "wrong", "ssh", *options], capture_output=True)

def nginx(source):
    client = http.client.HTTPConnection(target, 80, timeout=30, source_address=(source, 0))
    client.request("GET", "/phpmyadmin/index.php")
    client.getresponse().read()

def postfix(source):
    with smtplib.SMTP(target, 25, "client.example.net", 30, (source, 0)) as mail:
        mail.helo()
        mail.mail("eve@example.net")
        mail.rcpt("victim@example.org")

def dovecot(source):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection((target, 993), 30, (source, 0)) as plain, context.wrap_socket(plain) as tls:
        tls.recv(1000)
        tls.sendall(b"a LOGIN eve wrong\\r\\n")
        tls.recv(1000)

def attempt(attack, source):
    try:
        attack(source)
    except OSError as error:
        print(attack.__name__, error)

threads = [threading.Thread(target=attempt, args=(globals()[name], source)) for name, source in attackers.items()
           for _ in range(6)]
for thread in threads: thread.start()
for thread in threads: thread.join()
"""


class Debian:
    """The host."""

    def __init__(self, guarded: Host, home: Path, init: int) -> None:
        self.guarded = guarded
        self.home = home
        self.within = ("nsenter", "-t", str(init), "-m", "-p", "--")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command on it."""
        inside = ["ip", "netns", "exec", self.guarded.name, *self.within, *command]
        return subprocess.run(inside, check=False, capture_output=True, text=True, timeout=60)


@contextmanager
def debian(guarded: Host, home: Path) -> Iterator[Debian]:
    """Start it; all of it is gone afterwards."""
    (home / "log").mkdir()
    (home / "dev").mkdir()
    boot = ["unshare", "-m", "-p", "-f", "--mount-proc", "--kill-child", "sh", "-c", BOOT]
    command = ["ip", "netns", "exec", guarded.name, "env", f"HOME_DIR={home}", *boot]
    with (
        syslog(home / "syslog", lambda facility: home / "log" / FILES.get(facility, "syslog")),
        (home / "boot.out").open("wb") as out,
    ):
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            until(lambda: (home / "started").exists() or process.poll() is not None)
            assert process.poll() is None, (home / "boot.out").read_text()
            yield Debian(guarded, home, _child(process.pid))
        finally:
            process.kill()
            process.wait(60)


def attack(peer: Host, target: str, attackers: dict[str, str]) -> str:
    """Fail six times at each service, from the address given for it; return what went wrong with that."""
    inside = ["ip", "netns", "exec", peer.name, sys.executable, "-c", ATTACK, target, json.dumps(attackers)]
    return subprocess.run(inside, check=True, capture_output=True, text=True, timeout=120).stdout


def _child(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
