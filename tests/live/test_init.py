"""Configurations at work on a Debian host: the one that `f2b init` writes, and one that was written for Fail2Ban."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.live.debian import PORTS, Debian, attack, debian
from tests.live.net import BYSTANDER, GUARDED, Host, two_hosts
from tests.live.service import until

F2B = ["env", f"PYTHONPATH={Path(__file__).parents[2]}", sys.executable, "-m", "f2b"]
TARGET, HONEST = GUARDED[0], BYSTANDER[0]
ATTACKERS = {name: f"192.0.2.{number}" for number, name in enumerate(PORTS, 81)}
GUESSER, CALLER = "192.0.2.91", "192.0.2.92"

JAIL_LOCAL = """
[DEFAULT]
bantime = 1d
findtime = 10m
maxretry = 5
banaction = ufw
destemail = root@localhost
sender = fail2ban@localhost
action = %(action_mwl)s

[nginx-http-auth]
enabled = true
port = http,https
logpath = %(nginx_error_log)s

[nginx-botsearch]
enabled = true

[fastapi-auth]
enabled = true
port = 8000
filter = fastapi-auth
logpath = /var/log/app/access.log
maxretry = 3
"""
CUSTOM = """
[sshd]
mode = aggressive
maxretry = 3
"""
SITE = """
server {
    listen 8080;
    location / {
        auth_basic "private";
        auth_basic_user_file /etc/nginx/users;
    }
}
"""
# What an application on Uvicorn serves and logs.
APP = """
import http.server

class App(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        status = 200 if self.path == "/" else 401
        with open("/var/log/app/access.log", "a") as log:
            host, port = self.client_address
            log.write(f'INFO:     {host}:{port} - "GET {self.path} HTTP/1.1" {status} Unauthorized\\n')
        self.send_response(status)
        self.end_headers()
    def log_message(self, *args):
        pass

http.server.ThreadingHTTPServer(("", 8000), App).serve_forever()
"""


class Site:
    """The Debian host, and another one from which all others come."""

    def __init__(self, host: Debian, peer: Host) -> None:
        self.host = host
        self.peer = peer

    def f2b(self, *words: str) -> str:
        """Run an f2b command on the host; return what it prints."""
        done = self.host.run(*F2B, *words)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    @contextmanager
    def running(self, *command: str) -> Iterator[subprocess.Popen[bytes]]:
        """Run a program on the host."""
        inside = ["ip", "netns", "exec", self.host.guarded.name, *self.host.within, *command]
        with (self.host.home / "out").open("ab") as out:
            process = subprocess.Popen(inside, stdout=out, stderr=out)
        try:
            yield process
        finally:
            process.kill()
            process.wait(60)

    @contextmanager
    def serving(self, *options: str) -> Iterator[None]:
        """Let f2b guard the host."""
        with self.running(*F2B, "serve", *options) as server:
            until(lambda: server.poll() is not None or self.host.run(*F2B, "ping").returncode == 0)
            assert server.poll() is None, (self.host.home / "out").read_text()
            yield
            self.f2b("stop")
            server.wait(60)

    def reaches(self, source: str, port: int) -> bool:
        return self.peer.connects(source, TARGET, port) == "open"

    def gets(self, source: str, port: int, path: str) -> str:
        """Return with what status a page is answered; 000 if the host is not reached."""
        url = f"http://{TARGET}:{port}{path}"
        words = [
            "-s",
            "-m",
            "10",
            "-u",
            "eve:wrong",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "--interface",
            source,
            url,
        ]
        inside = ["ip", "netns", "exec", self.peer.name, "curl", *words]
        return subprocess.run(inside, check=False, capture_output=True, text=True, timeout=60).stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """One host for all; each test ends what it began there."""
    with two_hosts() as (guarded, peer):
        for address in (*ATTACKERS.values(), GUESSER, CALLER):
            peer.run("ip", "address", "add", f"{address}/24", "dev", "cable")
        with debian(guarded, tmp_path_factory.mktemp("debian")) as host:
            yield Site(host, peer)


def test_init_when_sshd_nginx_postfix_and_dovecot_run_then_attackers_of_each_are_banned(site: Site) -> None:
    assert "wrote /etc/f2b/jail.local" in site.f2b("init")
    site.f2b("check")
    with site.serving():
        attack(site.peer, TARGET, ATTACKERS)
        until(lambda: not any(site.reaches(ATTACKERS[name], port) for name, port in PORTS.items()))
        assert all(site.reaches(HONEST, port) for port in PORTS.values())


def test_jail_local_when_it_was_written_for_fail2ban_then_it_runs_on_our_jails_as_it_is(site: Site) -> None:
    etc = site.host.home / "copy" / "etc"
    (etc / "mine" / "jail.d").mkdir(parents=True)
    (etc / "mine" / "jail.local").write_text(JAIL_LOCAL)
    (etc / "mine" / "jail.d" / "custom.conf").write_text(CUSTOM)
    (etc / "nginx" / "conf.d" / "private.conf").write_text(SITE)
    (etc / "nginx" / "users").write_text("ann:{PLAIN}right\n")
    (site.host.home / "log" / "app").mkdir()
    (site.host.home / "log" / "app" / "access.log").touch()
    mail = site.host.home / "copy" / "var" / "mail" / "root"
    site.host.run("nginx", "-s", "reload")
    for port in ("22", "8080", "8000"):
        site.host.run("ufw", "allow", port)
    site.host.run("ufw", "--force", "enable")
    with site.running(sys.executable, "-c", APP), site.serving("-c", "/etc/mine", "--db", "None"):
        until(lambda: site.gets(CALLER, 8000, "/") == "200" and site.gets(GUESSER, 8080, "/") == "401")
        for _ in range(5):
            site.gets(GUESSER, 8080, "/")
            site.gets(CALLER, 8000, "/admin")
        until(lambda: not site.reaches(GUESSER, 8080) and not site.reaches(CALLER, 8000))
        assert site.gets(HONEST, 8080, "/") == "401"
        rules = site.host.run("ufw", "status").stdout
        assert all(text in rules for text in (GUESSER, CALLER, "f2b: fastapi-auth")), rules
        bans = json.loads(site.f2b("banned", "--json"))["bans"]
        assert {(ban["jail"], ban["id"], ban["duration"]) for ban in bans} >= {
            ("nginx-http-auth", GUESSER, 86400),
            ("fastapi-auth", CALLER, 86400),
        }
        until(lambda: mail.exists() and all(f"banned {who} on" in mail.read_text() for who in (GUESSER, CALLER)))
        assert f"INFO:     {CALLER}" in mail.read_text()
    assert GUESSER not in site.host.run("ufw", "status").stdout
    site.host.run("ufw", "disable")
