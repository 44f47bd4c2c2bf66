"""Debian's Fail2Ban and ours, side by side: the very commands that action files lead to.

Fail2Ban runs for real, in namespaces where `/bin/sh` is a program that writes down what it was called with and
executes nothing. Ours is given the same options (`fail2ban-client -d` tells them), the same events, and the same
commands fail.
"""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from f2b.events import Ban
from f2b.firewall.lifecycle import Lifecycle, Routine
from f2b.firewall.render import Context, Counts, Recipe
from f2b.firewall.shell import Command, Result

DEBIAN = Path("/etc/fail2ban/action.d")
STOCK = sorted(path.stem for path in DEBIAN.glob("*.conf"))
TAGS = """ip family ip-rev ip-host fid failures ipfailures ipjailfailures matches ipmatches ipjailmatches time
bantime bancount restored F-USER F-NONE F-ID F-PORT F-user br sp fq-hostname sh-hostname
name actname timeout port nested composed-<mode> unknown actionban2"""
FILTER = r"""[Definition]
failregex = ^ fail user=<F-USER>.*</F-USER> from <SUBNET>( port <F-PORT>\d+</F-PORT>)?$
"""

# Several lives of an action. What fails is in FAILS, by the action's name and the verb.
PER_FAMILY = "[Init?family=inet6]\nport = 66\n"
LIVES = {
    "families": ("start stop ban unban flush check", "", PER_FAMILY),
    "eager": ("start stop ban unban flush check", "actionstart_on_demand = false", PER_FAMILY),
    "lazy": ("start stop ban unban", "actionstart_on_demand = true", ""),
    "plain": ("start stop ban unban flush check", "", ""),
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

RECORDER = """#!/usr/bin/python3 -SE
import json, os, re, sys
text, args = sys.argv[2], sys.argv[3:]
with open(os.environ["F2B_RECORD"], "a") as record:
    record.write(json.dumps([text, args]) + "\\n")
sys.exit(bool(re.search(os.environ["F2B_FAILS"], text)))
"""

V4 = "192.0.2.1"
LINES = [
    (V4, f"fail user=bob from {V4} port 22", {"user": "bob", "fport": "22"}),
    ("2001:db8::1", "fail user=b;o$(b) 'x' from 2001:db8::1", {"user": "b;o$(b) 'x'"}),
    ("10.1.0.0/20", "fail user=two words! from 10.1.0.0/20", {"user": "two words!"}),
]
FIRST_PHASES = ["start", *(who for who, _, _ in LINES), "unban"]


def tags_action() -> str:
    """Return an action file of which every command names every tag."""
    body = "\n".join(f"  {tag}=[<{tag}>]" for tag in TAGS.split())
    commands = "".join(f"action{verb} = {verb}\n{body}\n" for verb in ("start", "stop", "ban", "unban"))
    # Without a ban Fail2Ban counts once and tells the same ever after.
    for verb in ("ban", "unban"):
        commands = commands.replace(
            f"action{verb} = {verb}\n", f"action{verb} = {verb} <jail.banned>/<jail.banned_total>\n"
        )
    init = "port = 22\nmode = x\nnested = <composed-x>+<ip>\ncomposed-x = {<port>}\n"
    return f"[Definition]\n{commands}[Init]\n{init}{PER_FAMILY}"


def life_action(verbs: str, definition: str, init: str) -> str:
    words = {verb: "ip=<ip> port=<port>" if verb in ("ban", "unban") else "" for verb in verbs.split()}
    commands = "".join(f"action{verb} = {verb} <name> family=<family> {rest}\n" for verb, rest in words.items())
    # A check of no family has none to tell.
    commands = commands.replace("check <name> family=<family>", "check <name>")
    return f"[Definition]\n{commands}{definition}\n[Init]\nport = 22\n{init}"


class Oracle:
    """A Fail2Ban that ran once: the commands of each phase, and the options of each action of each jail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = folder / "record"
        self.record.touch()
        self.taken = 0
        self.phases: dict[str, list[Command]] = {}
        self.times: dict[str, float] = {}
        self._configure()
        self.options = self._options()
        self._run()

    def _configure(self) -> None:
        conf = self.folder / "conf"
        (conf / "filter.d").mkdir(parents=True)
        (conf / "action.d").mkdir()
        for stock in DEBIAN.glob("*.conf"):
            (conf / "action.d" / stock.name).symlink_to(stock)
        (conf / "action.d" / "tags.conf").write_text(tags_action())
        for name, life in LIVES.items():
            (conf / "action.d" / f"{name}.conf").write_text(life_action(*life))
        (conf / "filter.d" / "f.conf").write_text(FILTER)
        where = f"socket = {self.folder}/s\npidfile = {self.folder}/p\ndbfile = None\n"
        (conf / "fail2ban.conf").write_text(
            f"[Definition]\nloglevel = INFO\nlogtarget = {self.folder}/own.log\nsyslogsocket = auto\n"
            f"dbpurgeage = 1d\nallowipv6 = yes\n{where}"
        )
        actions = {"tags": ["tags"], "stock": STOCK, **{name: [name] for name in LIVES}}
        log = self.folder / "log"
        log.touch()
        common = f"filter = f\nbackend = polling\nusedns = no\nmaxretry = 1\nbantime = 600\nlogpath = {log}"
        (conf / "jail.conf").write_text(
            "".join(f"[{jail}]\nenabled = true\n{common}\naction = {' '.join(a)}\n" for jail, a in actions.items())
        )
        self.jails = list(actions)

    def _options(self) -> dict[tuple[str, str], dict[str, str]]:
        dump = self._client("-d").splitlines()
        options = {}
        for line in filter(lambda line: line.startswith("['multi-set'"), dump):
            _, jail, _, action, pairs = ast.literal_eval(line)
            options[jail, action] = {name: str(value) for name, value in pairs if value is not None}
        return options

    def _client(self, *words: str) -> str:
        command = ["/usr/bin/fail2ban-client", "-c", f"{self.folder}/conf", "-s", f"{self.folder}/s", *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def _run(self) -> None:
        recorder = self.folder / "recorder"
        recorder.write_text(RECORDER)
        recorder.chmod(0o755)
        inside = 'mount --bind "$0" "$1" && shift && exec "$@"'
        server = ["/usr/bin/fail2ban-server", "-c", "conf", "-s", "s", "-p", "p", "-f", "start"]
        process = subprocess.Popen(
            ["unshare", "-nm", "bash", "-c", inside, str(recorder), os.path.realpath("/bin/sh"), *server],
            cwd=self.folder,
            env={**os.environ, "F2B_RECORD": str(self.record), "F2B_FAILS": FAILS},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            self._play()
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(60)
        self._end_phase("stop")

    def _play(self) -> None:
        self._wait("Jail '{}' started")
        self._end_phase("start")
        for who, text, _ in LINES:
            now = time.time()
            self.times[who] = float(int(now))
            with (self.folder / "log").open("a") as log:
                log.write(f"{self.stamp(who)} {text}\n")
            self._wait(f"[{{}}] Ban {who}\n")
            self._end_phase(who)
        self._client("unban", V4)
        self._end_phase("unban")

    def stamp(self, who: str) -> str:
        return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.times[who]))

    def _wait(self, sign: str) -> None:
        """Wait until every jail has logged something."""
        log, end = self.folder / "own.log", time.monotonic() + 60
        while not log.exists() or not all(sign.format(jail) in log.read_text() for jail in self.jails):
            assert time.monotonic() < end, f"no {sign!r}"
            time.sleep(0.1)

    def _end_phase(self, name: str) -> None:
        """Take what was recorded once nothing has been for a second."""
        size, since = -1, time.monotonic()
        while time.monotonic() < since + 1:
            if self.record.stat().st_size != size:
                size, since = self.record.stat().st_size, time.monotonic()
            time.sleep(0.1)
        lines = self.record.read_text().splitlines()
        commands = [Command(text, tuple(args)) for text, args in map(json.loads, lines[self.taken :])]
        self.taken += len(commands)
        # What an action file leaves out Fail2Ban runs as a tag, which the shell takes for a redirection.
        self.phases[name] = [command for command in commands if not re.fullmatch(r"<action\w+>", command.text)]

    def told(self, tag: str) -> str:
        """Return what Fail2Ban thinks this host is called."""
        whole = "".join(command.text for command in self.phases[V4])
        found = re.search(rf"^{tag}=\[(.*)\]$", whole, re.MULTILINE)
        assert found
        return found[1]

    def bans(self, jail: str) -> list[Ban]:
        """Return the bans of a jail as our engine would make them."""
        return [
            Ban(
                jail=jail,
                id=who,
                time=self.times[who],
                duration=600,
                failures=1,
                matches=(f"{self.stamp(who)} {text}",),
                captures=captures,
            )
            for who, text, captures in LINES
        ]


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    return Oracle(tmp_path_factory.mktemp("oracle"))


class Ours:
    """The same phases in our words."""

    def __init__(self, oracle: Oracle, jail: str, action: str) -> None:
        self.banned = 0
        self.total = 0
        context = Context(
            fq_hostname=oracle.told("fq-hostname"),
            sh_hostname=oracle.told("sh-hostname"),
            counts=lambda: Counts(self.banned, self.total),
        )
        options: Mapping[str, str] = {"name": jail, "actname": action, **oracle.options[jail, action]}
        recipe = Recipe(options, context)
        life = Lifecycle(recipe, action, jail, context, time.time, lambda level, text: None)
        self.phases = {"start": list(played(life.start()))}
        bans = oracle.bans(jail)
        for ban in bans:
            self.banned += 1
            self.total += 1
            self.phases[ban.id] = list(played(life.ban(ban)))
        self.banned -= 1
        self.phases["unban"] = list(played(life.unban(bans[0])))
        self.banned = 0
        steps = [life.flush] if life.flushes else [unban(life, ban) for ban in bans[1:]]
        self.phases["stop"] = [command for step in [*steps, life.stop] for command in played(step())]


def unban(life: Lifecycle, ban: Ban) -> Callable[[], Routine]:
    return lambda: life.unban(ban)


def played(routine: Routine) -> Iterator[Command]:
    """Yield the commands of a routine; those fail that fail Fail2Ban."""
    result: Result | None = None
    while True:
        try:
            command = next(routine) if result is None else routine.send(result)
        except StopIteration:
            return
        yield command
        result = Result(int(bool(re.search(FAILS, command.text))))


@cache
def without_now(text: str) -> str:
    """Return a text without the moment at which it was made; those of bans are whole seconds."""
    return re.sub(r"\b1[0-9]{9}\.[0-9]*[1-9]\b", "NOW", text)


def comparable(commands: list[Command]) -> Counter[tuple[str, tuple[str, ...]]]:
    return Counter((without_now(command.text), command.args) for command in commands)


@pytest.mark.parametrize("phase", [*FIRST_PHASES, "stop"])
def test_tags_when_every_one_is_used_then_each_command_is_fail2bans(oracle: Oracle, phase: str) -> None:
    theirs = [command for command in oracle.phases[phase] if "composed-x=[{" in command.text]
    ours = Ours(oracle, "tags", "tags").phases[phase]
    assert comparable(ours) == comparable(theirs)


# After a repair Fail2Ban forgets whom it banned and never lets them in again; we do.
MENDED = ("unbanfailrepair", "stop")


@pytest.mark.parametrize(
    ("life", "phase"),
    [(life, phase) for life in LIVES for phase in [*FIRST_PHASES, "stop"] if (life, phase) != MENDED],
)
def test_life_when_commands_fail_or_not_then_the_same_ones_run_in_the_same_order(
    oracle: Oracle, life: str, phase: str
) -> None:
    theirs = [command for command in oracle.phases[phase] if f" {life} " in f"{command.text} "]
    assert Ours(oracle, life, life).phases[phase] == theirs


def test_stock_actions_when_they_live_then_their_commands_are_fail2bans(oracle: Oracle) -> None:
    made_by_us = {name: Ours(oracle, "stock", name).phases for name in STOCK if ("stock", name) in oracle.options}
    assert len(made_by_us) > 50
    others = re.compile(rf"composed-x=\[|\b({'|'.join(LIVES)})( |$)")
    for phase in [*FIRST_PHASES, "stop"]:
        theirs = comparable([command for command in oracle.phases[phase] if not others.search(command.text)])
        ours = comparable([command for phases in made_by_us.values() for command in phases[phase]])
        assert ours == theirs, phase
