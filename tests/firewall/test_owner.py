from __future__ import annotations

from pathlib import Path

import pytest

from f2b.firewall.owner import fail2ban

THEIRS = "#!/usr/bin/python3\nimport fail2ban.client\n"
OURS = "#!/opt/f2b/bin/python\nfrom f2b.cli.compat import server\n"


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A /proc in which we ourselves are."""
    (tmp_path / "self/ns").mkdir(parents=True)
    (tmp_path / "self/ns/net").symlink_to("net:[1]")
    return tmp_path


def process(proc: Path, pid: int, command: str, script: str = "", net: str = "net:[1]") -> None:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "ns/net").symlink_to(net)
    (folder / "cmdline").write_text("\0".join(command.split()) + "\0")
    for base in ("root/usr/bin", "cwd/bin"):
        (folder / base).mkdir(parents=True)
        (folder / base / "fail2ban-server").write_text(script)


@pytest.mark.parametrize("script", ["/usr/bin/fail2ban-server", "bin/fail2ban-server"])
def test_server_when_it_is_fail2bans_then_its_pid(script: str, proc: Path) -> None:
    process(proc, 7, "vim /usr/bin/fail2ban-client")
    process(proc, 8, f"/usr/bin/python3 {script} -f start", THEIRS)
    assert fail2ban(proc) == 8


@pytest.mark.parametrize("script", ["/usr/bin/fail2ban-server", "bin/fail2ban-server"])
def test_server_when_it_is_our_own_then_it_does_not_count(script: str, proc: Path) -> None:
    process(proc, 8, f"/opt/f2b/bin/python {script} -f start", OURS)
    assert fail2ban(proc) is None


def test_server_when_it_is_in_another_network_then_it_does_not_count(proc: Path) -> None:
    process(proc, 8, "/usr/bin/fail2ban-server start", THEIRS, net="net:[2]")
    assert fail2ban(proc) is None


def test_server_when_its_script_is_gone_then_it_is_fail2bans(proc: Path) -> None:
    process(proc, 8, "/usr/bin/python3 /elsewhere/fail2ban-server start")
    assert fail2ban(proc) == 8
