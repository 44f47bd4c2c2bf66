"""Debian's Fail2Ban and ours, side by side: the very commands that action files lead to.

Both servers run for real, on the same configuration and the same log, in namespaces where `/bin/sh` is a program that
writes down what it was called with and executes nothing. What fails in one fails in the other.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest

DEBIAN = Path("/etc/fail2ban/action.d")
STOCK = sorted(path.stem for path in DEBIAN.glob("*.conf") if "[Definition]" in path.read_text())
TUNED = r"""
nftables[type=allports, table=x, table_family=ip, chain_priority=-5, blocktype="reject with tcp reset", actname=t1]
ufw[application=OpenSSH, insertpos=3, add=prepend, comment="by <name> after <failures> from <ip>", actname=t2]
firewallcmd-ipset[ipsettype=ipset, port="22,80", actname=t3]
hostsdeny[file="/tmp/a b", daemon_list="sshd: x", actname=t4]
sendmail-geoip-lines[dest="a@b.c, d@e.f", sender='x <y@z>', grepmax=5, grepopts="-m <grepmax>", actname=t5]
sendmail-whois-ipjailmatches[norestored=1, name="a b", actname=t6]
pf[port="{22 80}", protocol="{tcp udp}", actname=t7]
route[blocktype=blackhole, timeout=2m, actname=t8]
dummy[init="x; <ip> <nosuch> \ %%", actname=t9]
"""
"""Stock actions with parameters, odd ones too."""
TAGS = """ip family ip-rev ip-host fid failures matches time bantime bancount restored
F-USER F-NONE F-ID F-PORT F-user br sp fq-hostname sh-hostname
name actname timeout port nested composed-<mode> unknown actionban2"""
HISTORY = "ipfailures ipjailfailures ipmatches ipjailmatches jail.banned jail.banned_total"
FILTER = r"""[Definition]
failregex = ^ <jail> user=<F-USER>.*</F-USER> from <SUBNET>( port <F-PORT>\d+</F-PORT>)?$
"""

# Several lives of an action. What fails is in FAILS, by the action's name and the verb.
PER_FAMILY = "[Init?family=inet6]\nport = 66\n"
LIVES = {
    "families": ("start stop ban unban flush check", "", PER_FAMILY),
    "eager": ("start stop ban unban flush check", "actionstart_on_demand = false", PER_FAMILY),
    "lazy": ("start stop ban unban", "actionstart_on_demand = true", ""),
    "plain": ("start stop ban unban flush check", "", ""),
    "newonly": ("start stop ban unban", "norestored = 1", ""),
    "banfail": ("start stop ban unban", "", ""),
    "banfailchecked": ("start stop ban unban check", "", ""),
    "banfailbroken": ("start stop ban unban flush check", "", ""),
    "banfailbrokenfamilies": ("start stop ban unban check", "", PER_FAMILY),
    "banfailrepair": ("start stop ban unban check repair", "", ""),
    "unbanfail": ("start stop ban unban check repair", "", ""),
    "unbanfailrepair": ("start stop ban unban check repair", "actionrepair_on_unban = 1", ""),
    "startfail": ("start stop ban unban check", "", ""),
    "startfailfamilies": ("start stop ban unban check", "", PER_FAMILY),
    "flushfail": ("start stop ban unban flush", "", ""),
}
FAILS = r"^(ban banfail|check (banfailb|banfailr|unbanfail)|unban unbanfail|start startfail|flush flushfail)"

RECORDER = r"""
#include <fcntl.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char record[1 << 22];

int main(int count, char **words) {
    regex_t fails;
    size_t size = 0;
    if (!strcmp(words[2], "pause")) usleep(700000);
    for (int at = 2; at < count; at++) size += sprintf(record + size, "=%s", words[at]) + 1;
    write(open(getenv("F2B_RECORD"), O_WRONLY | O_APPEND), record, size + 1);
    regcomp(&fails, getenv("F2B_FAILS"), REG_EXTENDED | REG_NOSUB);
    return !regexec(&fails, words[2], 0, NULL, 0);
}
"""
"""In C, since it runs two thousand times; one write a command, for ours run beside each other."""
SPY = Path(__file__).with_name("spy.py")


V4 = "192.0.2.1"
V6 = "2001:db8::1"
LINES = {
    V4: f"user=bob from {V4} port 22",
    V6: f"user=b;o$(b) 'x' \"`<ip>` \\\\ %s ü€ from {V6}",
    "10.1.0.0/20": "user=two words! from 10.1.0.0/20",
}
OTHERS = {V4: "192.0.2.9", V6: "2001:db8::9", "10.1.0.0/20": "10.9.0.0/20"}
BY_HAND = "198.51.100.7"
BANNED = {"tags": [*LINES], "stock": [V4, V6], "lives": [*OTHERS.values()]}
"""Who offends in which jail: others where commands fail, and fewer where each costs sixty commands."""
NOBODY = {jail: [""] for jail in BANNED}
PHASES = ["start", "lines", "unban", "stop", "restored", "by hand", "flush", "end"]
Command = tuple[str, tuple[str, ...]]
NEXT = "\n  "
"""Between the actions of a jail."""


def tags_action(tags: str) -> str:
    """Return an action file of which every command names every tag."""
    body = "\n".join(f"  {tag}=[<{tag}>]" for tag in tags.split())
    commands = "".join(f"action{verb} = {verb}\n{body}\n" for verb in ("start", "stop", "ban", "unban"))
    init = "port = 22\nmode = x\nnested = <composed-x>+<ip>\ncomposed-x = {<port>}\n"
    return f"[Definition]\n{commands}[Init]\n{init}{PER_FAMILY}"


def history_action() -> str:
    """Return an action file that tells what is on record; without a ban Fail2Ban knows nothing and counts once."""
    body = "\n".join(f"  {tag}=[<{tag}>]" for tag in HISTORY.split())
    return "[Definition]\n" + "".join(f"action{verb} = {verb}\n{body}\n" for verb in ("ban", "unban"))


def life_action(verbs: str, definition: str, init: str) -> str:
    words = {verb: "ip=<ip> port=<port>" if verb in ("ban", "unban") else "" for verb in verbs.split()}
    commands = "".join(f"action{verb} = {verb} <actname> family=<family> {rest}\n" for verb, rest in words.items())
    # A check of no family has none to tell.
    commands = commands.replace("check <actname> family=<family>", "check <name>")
    return f"[Definition]\n{commands}{definition}\n[Init]\nport = 22\n{init}"


class Side:
    """One of the two servers: what it was called with, phase by phase."""

    def __init__(self, folder: Path, name: str, server: list[str], env: dict[str, str]) -> None:
        self.record = folder / f"{name}.record"
        self.record.touch()
        self.phases: dict[str, list[Command]] = {}
        self._folder = folder
        self._name = name
        self._server = server
        self._env = env
        self._taken = 0
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        inside = 'mount --bind "$0" "$1" && shift && exec "$@"'
        shell = os.path.realpath("/bin/sh")
        with (self._folder / f"{self._name}.out").open("ab") as out:
            self._process = subprocess.Popen(
                ["unshare", "-nm", "bash", "-c", inside, str(self._folder / "recorder"), shell, *self._server],
                cwd=self._folder,
                env={**os.environ, **self._env, "F2B_RECORD": str(self.record), "F2B_FAILS": FAILS},
                stdout=out,
                stderr=out,
            )

    def terminate(self) -> None:
        if self._process:
            self._process.send_signal(signal.SIGTERM)

    def end(self) -> None:
        """Wait until it has ended; a second signal would cut short what it does at its end."""
        process, self._process = self._process, None
        if process:
            process.wait(90)

    def new(self) -> list[Command]:
        called = self.record.read_text().split("\0\0")[self._taken : -1]
        words = [[word[1:] for word in each.split("\0")] for each in called]
        return [(text, tuple(args)) for text, *args in words]

    def close(self, phase: str) -> None:
        """Take what was recorded as a phase's."""
        commands = self.new()
        self._taken += len(commands)
        self.phases[phase] = commands

    def wait(self, enough: Callable[[list[Command]], bool], patience_s: float = 60) -> bool:
        deadline = time.monotonic() + patience_s
        while not enough(self.new()):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True


class Play:
    """Both servers, through all phases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tuned = TUNED.strip().splitlines()
        self.jails = {"tags": ["tags", "pause", "history", "spy.py"], "stock": [*STOCK, *tuned], "lives": [*LIVES]}
        self._configure()
        theirs = ["/usr/bin/fail2ban-server", "-c", "conf", "-s", "s", "-p", "p", "-f", "start"]
        ours = [sys.executable, "-m", "f2b", "serve", "-c", "conf", "-s", "s2", "-p", "p2", "--db", "db2"]
        self.theirs = Side(folder, "theirs", theirs, {})
        self.ours = Side(folder, "ours", [*ours, "--logtarget", "ours.log"], {"PYTHONPATH": os.getcwd()})
        try:
            self._play()
        finally:
            for side in (self.theirs, self.ours):
                side.terminate()
                side.end()

    def _configure(self) -> None:
        conf = self.folder / "conf"
        (conf / "filter.d").mkdir(parents=True)
        (conf / "action.d").mkdir()
        for stock in DEBIAN.glob("*.conf"):
            (conf / "action.d" / stock.name).symlink_to(stock)
        sentinel = "".join(
            f"action{verb} = sentinel {verb} <name> <ip>\n" for verb in ("start", "ban", "unban", "flush")
        )
        files = {
            "tags": tags_action(TAGS),
            "history": history_action(),
            "pause": "[Definition]\nactionban = pause\n",
            "sentinel": f"[Definition]\n{sentinel}",
            **{name: life_action(*life) for name, life in LIVES.items()},
        }
        for name, text in files.items():
            (conf / "action.d" / f"{name}.conf").write_text(text)
        (conf / "action.d" / "spy.py").symlink_to(SPY)
        (conf / "filter.d" / "f.conf").write_text(FILTER)
        where = f"socket = {self.folder}/s\npidfile = {self.folder}/p\ndbfile = {self.folder}/db\n"
        (conf / "fail2ban.conf").write_text(
            f"[Definition]\nloglevel = INFO\nlogtarget = {self.folder}/theirs.log\nsyslogsocket = auto\n"
            f"dbpurgeage = 1d\nallowipv6 = yes\n{where}"
        )
        log = self.folder / "log"
        log.touch()
        common = "filter = f[jail=%(__name__)s]\nbackend = polling\nusedns = no\nmaxretry = 1\nbantime = 600\n"
        common += f"logpath = {log}\nnative = no"
        (conf / "jail.conf").write_text(
            "".join(
                f"[{jail}]\nenabled = true\n{common}\naction = {NEXT.join([*actions, 'sentinel'])}\n"
                for jail, actions in self.jails.items()
            )
        )
        (self.folder / "recorder.c").write_text(RECORDER)
        subprocess.run(["gcc", "-w", "-o", "recorder", "recorder.c"], cwd=self.folder, check=True)

    def _client(self, *words: str) -> None:
        ours = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()"]
        calls = [
            subprocess.Popen([*program, "-s", f"{self.folder}/{socket}", *words], stdout=subprocess.DEVNULL)
            for program, socket in ((["/usr/bin/fail2ban-client"], "s"), (ours, "s2"))
        ]
        assert [call.wait(60) for call in calls] == [0, 0]

    def _play(self) -> None:
        self._start("start", self._all("start"))
        for jail in ("stock", "lives"):
            self._offend(jail)
        # So that what tags tell of all jails does not depend on whose ban is on record first.
        assert self.theirs.wait(self._all("ban", {"stock": BANNED["stock"]}))
        self._offend("tags")
        self._phase("lines", self._all("ban", BANNED))
        self._client("unban", V4, OTHERS[V4])
        self._phase("unban", self._all("unban", {jail: those[:1] for jail, those in BANNED.items()}))
        self._stop("stop")
        self._start("restored", self._all("ban", {jail: those[1:] for jail, those in BANNED.items()}))
        by_hand = {"tags": [BY_HAND], "lives": [BY_HAND]}
        for jail in by_hand:
            self._client("set", jail, "banip", BY_HAND)
        self._phase("by hand", self._all("ban", by_hand))
        self._client("unban", "--all")
        self._phase("flush", self._all("flush"))
        self._stop("end")

    def _offend(self, jail: str) -> None:
        """Write the lines of a jail's offenders into the log."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        with (self.folder / "log").open("a") as log:
            for (who, text), named in zip(LINES.items(), BANNED[jail], strict=False):
                log.write(f"{stamp} {jail} {text.replace(who, named)}\n")

    def _start(self, phase: str, enough: Callable[[list[Command]], bool]) -> None:
        for side in (self.theirs, self.ours):
            side.begin()
        self._phase(phase, enough)

    def _stop(self, phase: str) -> None:
        for side in (self.theirs, self.ours):
            side.terminate()
        for side in (self.theirs, self.ours):
            side.end()
            side.close(phase)

    def _all(self, verb: str, whom: Mapping[str, list[str]] = NOBODY) -> Callable[[list[Command]], bool]:
        """Return what tells whether the last action of each jail has had its turn."""
        wanted = {f"sentinel {verb} {jail} {who}" for jail, those in whom.items() for who in those}
        return lambda commands: wanted <= {text for text, _ in commands}

    def _phase(self, name: str, enough: Callable[[list[Command]], bool]) -> None:
        """Fail2Ban is through when the last action of each jail is; ours when it has run as many commands."""
        assert self.theirs.wait(enough), name
        count = len(self.theirs.new())
        self.ours.wait(lambda commands: len(real(commands)) >= count)
        self.theirs.close(name)
        self.ours.close(name)


def real(commands: list[Command]) -> list[Command]:
    """Return commands without those that an action file leaves out: Fail2Ban runs their tag."""
    return [command for command in commands if not re.fullmatch(r"<action\w+>", command[0])]


@pytest.fixture(scope="module")
def play(tmp_path_factory: pytest.TempPathFactory) -> Play:
    return Play(tmp_path_factory.mktemp("oracle"))


@cache
def without_now(text: str) -> str:
    """Return a text without the moment at which it was made; those of bans are whole seconds."""
    return re.sub(r"(?<!\d)1\d{9}\.\d*[1-9]", "NOW", text)


def without_races(text: str) -> str:
    """Return a text without what depends on who is quicker.

    Fail2Ban writes a ban down beside the actions that already tell of it, and counts the bans of a batch one by one.
    """
    text = re.sub(r"jail\.banned(_total)?=\[\d+\]", "", text)
    return re.sub(r'"ip(jail)?(failures|matches)": ("(\\.|[^"\\])*"|\d+)', "", text)


def comparable(commands: list[Command]) -> Counter[Command]:
    """Return commands without what no run repeats, nor the one tag that is ours alone (docs/actions.md)."""
    plain = ((text.replace('"ip-seen", ', ""), args) for text, args in real(commands))
    return Counter((without_races(without_now(text)), args) for text, args in plain)


@pytest.mark.parametrize("phase", PHASES)
def test_actions_when_they_live_through_a_phase_then_what_runs_is_what_fail2ban_runs(play: Play, phase: str) -> None:
    theirs, ours = comparable(play.theirs.phases[phase]), comparable(play.ours.phases[phase])
    assert (list(ours - theirs), list(theirs - ours)) == ([], [])


@pytest.mark.parametrize("life", LIVES)
def test_life_when_commands_fail_or_not_then_the_same_ones_run_in_the_same_order(play: Play, life: str) -> None:
    def ran(side: Side) -> list[tuple[str, str]]:
        return [(phase, text) for phase in PHASES for text, _ in side.phases[phase] if f" {life} " in f"{text} "]

    assert len(ran(play.theirs)) > 5
    assert ran(play.ours) == ran(play.theirs)


def test_stock_actions_when_they_are_counted_then_all_of_debians_took_part() -> None:
    without = {path.stem for path in DEBIAN.glob("*.conf")} - {*STOCK}
    assert without == {"firewallcmd-common", "helpers-common", "mail-whois-common"}  # these only help others
    assert len(STOCK) > 55
