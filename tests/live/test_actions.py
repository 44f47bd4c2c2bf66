"""Stock actions at work: each really keeps somebody out, or really sends a mail, in a namespace of its own.

The server runs there with copies of /etc and /run, so that ufw, firewalld and shorewall have a host to themselves.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest

from tests.daemon.running import Server, wait_for
from tests.live.mailbox import Mailbox
from tests.live.net import Host

V4 = "192.0.2.1"
V6 = "2001:db8::1"
FILTER = "[Definition]\nfailregex = ^ app: failure of <F-USER>\\S+</F-USER> from <HOST>$\n"
WHOIS = "127.0.0.1 localhost vm whois.arin.net whois.iana.org whois.ripe.net\n"
PRELUDE = """set -e
cp -a /etc {folder}/etc && mount --bind {folder}/etc /etc
mount -t tmpfs none /run && mkdir -p /run/lock /run/dbus /run/fail2ban
[ ! -d /var/lib/shorewall ] || mount -t tmpfs none /var/lib/shorewall
ip link set lo up
mount --bind /usr/bin/msmtp "$(readlink -f /usr/sbin/sendmail)"
printf '%s' '{hosts}' >/etc/hosts
printf 'account default\\nhost 127.0.0.1\\nport %s\\nfrom f2b@localhost\\n' {mail} >/etc/msmtprc
{more}
exec "$@"
"""
UFW_AND_FIREWALLD = """
dbus-daemon --system --fork
firewalld --nofork --nopid >{folder}/firewalld.log 2>&1 &
while ! firewall-cmd --state; do sleep 0.2; done
ufw --force enable
"""
SHOREWALL = """
printf 'fw firewall\\nnet ipv4\\n' >/etc/shorewall/zones
echo 'net eth0' >/etc/shorewall/interfaces
printf 'fw net ACCEPT\\nnet all ACCEPT\\n' >/etc/shorewall/policy
sed -i 's/^STARTUP_ENABLED=.*/STARTUP_ENABLED=Yes/' /etc/shorewall/shorewall.conf
shorewall start
"""
# A user's own action, and the program it has always called.
BAN_LOG = """import sys, time
with open(sys.argv[1], "a") as log:
    log.write(f"{sys.argv[2]} after {sys.argv[3]} failures\\n")
"""


class Guarded:
    """A host of its own: a network namespace, a server in it, a mail server beside it."""

    def __init__(self, folder: Path, host: Host, mailbox: Mailbox) -> None:
        self.folder = folder
        self.host = host
        self.mailbox = mailbox
        self.server = Server(
            folder, ["ip", "netns", "exec", host.name, "unshare", "-m", f"{folder}/enter"], dry=False
        )
        self.log = folder / "log"
        self.log.touch()
        (folder / "jail.conf").write_text("[DEFAULT]\nnative = no\n")
        (folder / "action.d").mkdir()
        for stock in Path("/etc/fail2ban/action.d").iterdir():
            (folder / "action.d" / stock.name).symlink_to(stock)

    def prepare(self, more: str = "") -> None:
        enter = PRELUDE.format(
            folder=self.folder, hosts=WHOIS, mail=self.mailbox.port, more=more.format(folder=self.folder)
        )
        path = self.folder / "enter"
        path.write_text(f"#!/bin/bash\n{enter}")
        path.chmod(0o755)

    def jail(self, action: str, name: str = "") -> None:
        name = name or action.partition("[")[0]
        self.server.jail(name, logpath=self.log, maxretry=3, action=action)

    def start(self) -> None:
        self.server.start()

    def offend(self, *addresses: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with self.log.open("a") as log:
            for address in addresses:
                log.write(f"{stamp} app: failure of root from {address}\n" * 3)

    def run(self, *command: str) -> str:
        """Run a command where the server runs; return what it prints, whatever comes of it."""
        assert self.server.process
        inside = ["nsenter", "-t", str(self.server.process.pid), "-n", "-m", *command]
        return subprocess.run(inside, capture_output=True, text=True, timeout=60, check=False).stdout

    def client(self, *words: str) -> None:
        program = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()", "-s", self.server.socket]
        subprocess.run([*program, *words], check=True, capture_output=True, timeout=60)


@contextmanager
def guarded(folder: Path) -> Iterator[Guarded]:
    host = Host(f"f2b-act-{os.getpid()}")
    subprocess.run(["ip", "netns", "add", host.name], check=True)
    subprocess.run(["ip", "-n", host.name, "link", "set", "lo", "up"], check=True)
    mailbox = Mailbox(host.listen(0))
    it = Guarded(folder, host, mailbox)
    try:
        yield it
    finally:
        if it.server.process:
            it.server.end()
        mailbox.close()
        for pid in subprocess.run(["ip", "netns", "pids", host.name], capture_output=True, text=True).stdout.split():
            os.kill(int(pid), 9)
        subprocess.run(["ip", "netns", "del", host.name], check=True)


def rules(it: Guarded) -> dict[str, Callable[[], str]]:
    """Return where each firewall says whom it keeps out."""
    return {
        "nftables-multiport": lambda: it.run("nft", "list", "table", "inet", "f2b-table"),
        "iptables-multiport": lambda: (
            it.run("iptables", "-S", "f2b-iptables-multiport") + it.run("ip6tables", "-S", "f2b-iptables-multiport")
        ),
        "iptables-ipset-proto6": lambda: (
            it.run("ipset", "list", "f2b-iptables-ipset-proto6")
            + it.run("ipset", "list", "f2b-iptables-ipset-proto66")
        ),
        "ufw": lambda: it.run("ufw", "status"),
        "firewallcmd-multiport": lambda: it.run("firewall-cmd", "--direct", "--get-all-rules"),
    }


def says(look: Callable[[], str], those: Sequence[str], but: Sequence[str] = ()) -> bool:
    """Say whether a look finds these addresses, and not the others."""
    found = look()
    return all(one in found for one in those) and not any(one in found for one in but)


def test_firewalls_when_somebody_offends_then_each_keeps_him_out_and_lets_him_in_again(tmp_path: Path) -> None:
    with guarded(tmp_path) as it:
        it.prepare(UFW_AND_FIREWALLD)
        looks = rules(it)
        for name in looks:
            it.jail(f"{name}[port=ssh]")
        it.start()
        it.offend(V4, V6)
        for look in looks.values():
            wait_for(partial(says, look, (V4, V6)))
        it.client("unban", V6)
        for look in looks.values():
            wait_for(partial(says, look, (V4,), (V6,)))
        assert "ERROR" not in it.server.said()


def test_files_and_routes_when_somebody_offends_then_he_is_in_them_for_as_long_as_he_is_banned(
    tmp_path: Path,
) -> None:
    with guarded(tmp_path) as it:
        it.prepare(SHOREWALL)
        deny = tmp_path / "hosts.deny"
        deny.touch()
        it.jail(f"hostsdeny[file={deny}]")
        it.jail("route")
        it.jail("shorewall")
        looks: dict[str, Callable[[], str]] = {
            "hostsdeny": deny.read_text,
            "route": lambda: it.run("ip", "route"),
            "shorewall": lambda: it.run("iptables", "-S", "dynamic"),
        }
        it.start()
        it.offend(V4)
        for look in looks.values():
            wait_for(partial(says, look, (V4,)))
        it.client("unban", V4)
        for look in looks.values():
            wait_for(partial(says, look, (), (V4,)))
        assert "ERROR" not in it.server.said()


@pytest.fixture(scope="module")
def mailing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    """Give a server that told of one offender in every way at once."""
    folder = tmp_path_factory.mktemp("mailing")
    with guarded(folder) as it:
        whois = it.server.write("whois", "#!/bin/sh\necho OrgName: Test Net\n")
        whois.chmod(0o755)
        it.prepare("export PATH={folder}:$PATH")
        it.jail("mail-whois[dest=root@localhost]")
        it.jail(f"sendmail-whois-lines[dest=root@localhost, logpath={it.log}]")
        it.jail(f"smtp.py[host=127.0.0.1:{it.mailbox.port}, dest=root@localhost, matches=matches]", "smtp")
        (folder / "banlog.py").write_text(BAN_LOG)
        command = f"{sys.executable} {folder}/banlog.py {folder}/bans <ip> <failures>"
        it.server.write("action.d/banlog.conf", f"[Definition]\nactionban = {command}\n")
        it.jail("banlog")
        it.server.write("action.d/notify.conf", f"[Definition]\nscript = {folder}/notify --to ops\n")
        notify = it.server.write("notify", f"#!/bin/sh\n(echo $2 $F2B_EVENT $F2B_IP; cat) >>{folder}/notified\n")
        notify.chmod(0o755)
        it.jail("notify")
        it.start()
        it.offend(V4)
        yield it


def test_mail_when_somebody_is_banned_then_it_says_who_he_is(mailing: Guarded) -> None:
    wait_for(
        lambda: mailing.mailbox.about("[Fail2Ban] mail-whois: banned 192.0.2.1", "after\n3 attempts", "Test Net")
    )
    assert mailing.mailbox.about("[Fail2Ban] mail-whois: started")


def test_mail_when_its_action_shows_lines_then_it_has_those_of_the_log(mailing: Guarded) -> None:
    wait_for(
        lambda: mailing.mailbox.about(
            "Subject: [Fail2Ban] sendmail-whois-lines: banned 192.0.2.1", "app: failure of root from 192.0.2.1"
        )
    )


def test_mail_when_debians_smtp_py_sends_it_then_no_fail2ban_is_needed(mailing: Guarded) -> None:
    assert subprocess.run([sys.executable, "-c", "import fail2ban"], capture_output=True).returncode != 0
    wait_for(
        lambda: mailing.mailbox.about(
            "Subject: [Fail2Ban] smtp: banned 192.0.2.1", "3 attempts", "app: failure of root from 192.0.2.1"
        )
    )
    assert mailing.mailbox.about("Subject: [Fail2Ban] smtp: started")


def test_own_python_script_when_it_is_called_with_tags_then_it_writes_its_ban_log(mailing: Guarded) -> None:
    log = mailing.folder / "bans"
    wait_for(lambda: log.exists() and log.read_text() == "192.0.2.1 after 3 failures\n")


def test_script_when_somebody_is_banned_then_it_has_the_event(mailing: Guarded) -> None:
    notified = mailing.folder / "notified"
    wait_for(lambda: notified.exists() and notified.read_text().endswith("}\n"))
    head, event = notified.read_text().splitlines()
    assert head == "ops ban 192.0.2.1"
    assert json.loads(event)["captures"]["user"] == "root"
