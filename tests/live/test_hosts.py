"""Where the shipped jails read on the hosts that people have: folders laid out as each distribution lays them out."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

JAILS = ("sshd", "postfix", "dovecot", "nginx-http-auth", "apache-auth")
JOURNAL = "journal/0123456789abcdef0123456789abcdef/system.journal"
LOOK = """
import json, sys
from pathlib import Path
from f2b.config import search
settings, machine = search.load(Path(sys.argv[1])), search.Machine()
files = {it.name: [file for log in it.logpath for file in machine.logs(log.pattern)] for it in settings.jails}
print(json.dumps({it.name: "journal" if it.journal else files[it.name] for it in settings.jails}))
"""
ENTER = 'mount --bind "$0" /var/log && mount -t tmpfs tmpfs /run && exec "$@"'
WEB = ("nginx/access.log", "nginx/error.log")
NGINX = ["nginx/error.log"]


@pytest.mark.parametrize(
    ("there", "expected"),
    [
        pytest.param(
            ("auth.log", "mail.log", "syslog", JOURNAL, "apache2/access.log", "apache2/error.log", *WEB),
            (["auth.log"], ["mail.log"], ["mail.log"], NGINX, ["apache2/error.log"]),
            id="Debian with rsyslog",
        ),
        pytest.param(
            (JOURNAL, "apache2/error.log", "apache2/shop-error.log", *WEB),
            ("journal", "journal", "journal", NGINX, ["apache2/error.log", "apache2/shop-error.log"]),
            id="Debian 12",
        ),
        pytest.param(
            ("secure", "maillog", "messages", JOURNAL, "httpd/error_log", "httpd/ssl_error_log", *WEB),
            (
                ["secure", "messages"],
                *[["maillog", "messages"]] * 2,
                NGINX,
                ["httpd/error_log", "httpd/ssl_error_log"],
            ),
            id="Red Hat",
        ),
        pytest.param(
            (JOURNAL, "httpd/access_log", "httpd/error_log", *WEB),
            ("journal", "journal", "journal", NGINX, ["httpd/error_log"]),
            id="Arch",
        ),
        pytest.param(
            ("messages", "apache2/access.log", "apache2/error.log", *WEB),
            (["messages"], ["messages"], ["messages"], NGINX, ["apache2/error.log"]),
            id="Alpine",
        ),
        pytest.param(
            ("auth.log", "maillog", "messages", "httpd-access.log", "httpd-error.log", *WEB),
            (["auth.log", "messages"], ["maillog", "messages"], ["maillog", "messages"], NGINX, ["httpd-error.log"]),
            id="FreeBSD",
        ),
    ],
)
def test_shipped_jails_when_a_host_has_these_logs_then_they_are_read(
    there: tuple[str, ...], expected: tuple[str | list[str], ...], tmp_path: Path
) -> None:
    for name in there:
        (tmp_path / "log" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "log" / name).touch()
    (tmp_path / "jail.local").write_text("".join(f"[{name}]\nenabled = true\n" for name in JAILS))
    inside = ["unshare", "-m", "sh", "-c", ENTER, f"{tmp_path}/log"]
    inside += [sys.executable, "-c", LOOK, str(tmp_path)]
    found = json.loads(subprocess.run(inside, check=True, capture_output=True, text=True, timeout=60).stdout)
    read = {
        name: [f"/var/log/{it}" for it in what] if isinstance(what, list) else what
        for name, what in zip(JAILS, expected, strict=True)
    }
    assert {name: found[name] for name in JAILS} == read
