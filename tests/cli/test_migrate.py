"""What becomes of a Fail2Ban configuration: Debian's, and a broken one."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

DEBIAN = Path("/etc/fail2ban")
LOCAL = """
[DEFAULT]
banaction = iptables-multiport
[sshd]
enabled = true
logpath = /dev/null
[nginx-http-auth]
enabled = true
logpath = /dev/null
action = %(action_mwl)s
         smtp.py[host=localhost]
[apache-auth]
enabled = true
logpath = /dev/null
banaction = ufw
[dovecot]
enabled = true
logpath = /dev/null
banaction = nftables-allports
[postfix]
enabled = true
logpath = /dev/null
banaction = iptables-ipset-proto6
"""


def f2b(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", "migrate", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def tree(folder: Path, local: str) -> str:
    shutil.copytree(DEBIAN, folder / "conf")
    shutil.rmtree(folder / "conf" / "jail.d")
    (folder / "conf" / "jail.local").write_text(local)
    return str(folder / "conf")


def test_migrate_when_debians_tree_is_used_then_says_who_carries_out_what(tmp_path: Path) -> None:
    run = f2b("-c", tree(tmp_path, LOCAL), "--json")
    assert run.returncode == 0
    jails = {it["name"]: it for it in json.loads(run.stdout)["jails"]}
    assert not any(it["faults"] for it in jails.values())
    done = {name: [it["carried_out"] for it in jail["actions"]] for name, jail in jails.items()}
    assert done == {
        "sshd": ["native: iptables"],
        "nginx-http-auth": ["native: iptables", "runs its own commands", "runs as it is, in a thread"],
        "apache-auth": ["runs its own commands"],
        "dovecot": ["native: nftables"],
        "postfix": ["native: ipset"],
    }


def test_migrate_when_a_jail_cannot_run_then_says_why_and_exits_with_2(tmp_path: Path) -> None:
    broken = LOCAL + "[custom]\nenabled = true\nlogpath = /dev/null\nfailregex = ^(unbalanced <HOST>$\nfilter =\n"
    run = f2b("-c", tree(tmp_path, broken))
    assert run.returncode == 2
    assert "6 enabled jails" in run.stdout
    line = broken.splitlines().index("failregex = ^(unbalanced <HOST>$") + 1
    assert f"{tmp_path}/conf/jail.local:{line}: jail custom: " in run.stdout
    lines = run.stdout.splitlines()
    assert any(line.split()[:2] == ["custom", "iptables-multiport"] and line.endswith("cannot run") for line in lines)
    assert any(line.split()[:3] == ["sshd", "sshd", "iptables-multiport"] for line in lines)


def test_migrate_when_there_is_nothing_then_says_so(tmp_path: Path) -> None:
    run = f2b("-c", str(tmp_path / "none"))
    assert (run.returncode, run.stdout) == (2, "")
    assert "there is no such folder" in run.stderr
