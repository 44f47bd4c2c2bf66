"""Debian's Fail2Ban and f2b side by side: the same configuration, logs and commands, and all that can be seen of it.

Twelve jails read Debian's samples, two follow what a real sshd and a real nginx write, and two live through what
else a server lives through: bans that end, whitelists, bans by hand, `set`, reloads, a restart.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest

from tests.daemon.running import FILTER, fail, wait_for
from tests.live.net import ATTACKER, GUARDED, two_hosts
from tests.live.service import nginx, sshd
from tests.live.sides import Pair, Side

SAMPLES = Path("/usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
SAMPLED = (
    *("apache-auth", "asterisk", "courier-auth", "cyrus-imap", "dovecot", "exim", "mysqld-auth"),
    *("nginx-http-auth", "postfix", "proftpd", "roundcube-auth", "sshd"),
)
SERVED = ("sshd-live", "nginx-live")
LIVED = ("app", "brief")
JAILS = (*SAMPLED, *SERVED, *LIVED)

# So long that samples of any year count.
JAIL_CONF = """[DEFAULT]
enabled = true
backend = polling
usedns = no
filter = %(__name__)s
maxretry = 2
findtime = 3000w
bantime = 3000w
ignoreip = 192.0.2.7 198.51.100.0/24
ignoreself = false
action = record
"""
LIFE = """
[sshd-live]
filter = sshd
logpath = {sshd}
[nginx-live]
filter = app[failregex='^<ADDR> \\S+ <F-USER>\\S+</F-USER> .*" 404']
logpath = {nginx}
[app]
filter = app
logpath = {{here}}/app.log
maxretry = 3
findtime = 600
bantime = 600
[brief]
filter = app
logpath = {{here}}/brief.log
findtime = 600
bantime = 8
maxretry = 1
bantime.increment = {increment}
"""
NAMES = re.compile("INFO +(Starting|Exiting|---)")
"""Which program it is that starts and ends, each says in its own words."""
EVIL, WORSE, SPARED = "203.0.113.5", "2001:db8::5", "198.51.100.3"


def sample(name: str) -> bytes:
    """Return the lines of a sample log; its comments are about the test that it comes from."""
    lines = (SAMPLES / name).read_bytes().splitlines(keepends=True)
    return b"".join(line for line in lines if not line.startswith(b"# "))


class Story:
    """What happens, on both sides at once."""

    def __init__(self, folder: Path, logs: dict[str, Path]) -> None:
        self.pair = Pair(folder)
        self.answers: list[tuple[str, str, str]] = []
        """What was said, and what each side answered."""
        self._logs = logs
        text = JAIL_CONF + "".join(f"[{name}]\nlogpath = {{here}}/{name}.log\n" for name in SAMPLED)
        self._common = text
        for name in SAMPLED:
            for side in (self.pair.theirs, self.pair.ours):
                (side.folder / f"{name}.log").write_bytes(sample(name))
        self.pair.write("conf/filter.d/app.conf", FILTER)
        for name in LIVED:
            self.pair.write(f"{name}.log", "something else\n")
        self.configure("false")

    def configure(self, increment: str) -> None:
        """Write the jails."""
        text = self._common + LIFE.format(increment=increment, **self._logs)
        self.pair.write("conf/jail.conf", text)

    def fail(self, jail: str, who: str, times: int = 1) -> None:
        """Let somebody fail in the log of one of the jails that live."""
        for side in (self.pair.theirs, self.pair.ours):
            fail(side.folder / f"{jail}.log", who, times)

    def told(self, jail: str, text: str, times: int = 1) -> None:
        """Wait until both logs say this of a jail so many times, and nothing else in between."""
        self.pair.agree(lambda side: side.of(jail), lambda lines: sum(text in line for line in lines) >= times)

    def ask(self, *lines: str) -> None:
        """Say this to both servers, and keep what they answer."""
        theirs, ours = self.pair.both(lambda side: side.ask(*lines))
        self.answers += zip(lines, theirs, ours, strict=True)

    def look(self, *each: str) -> None:
        """Ask both servers for all that they show, and this of each jail."""
        self.ask("status", "banned", f"banned {EVIL}", *(line.format(name) for name in JAILS for line in each))

    def end(self) -> None:
        """Let both servers end."""
        self.pair.both(Side.stop)


def live(story: Story) -> None:
    """Tell the story. Nothing in it depends on anybody's speed."""
    story.pair.both(Side.start)
    for name in SAMPLED:
        story.told(name, "Ban ")
    for name in LIVED:
        story.fail(name, EVIL, 3)
        story.told(name, f"Ban {EVIL}")
        story.fail(name, "192.0.2.7")
        story.fail(name, SPARED)
        story.told(name, f"Ignore {SPARED}")
    story.told("brief", f"Unban {EVIL}")
    story.fail("app", EVIL, 3)  # later than the three seconds that count as the same burst
    story.told("app", f"{EVIL} already banned")
    for name in SERVED:
        story.told(name, "Ban ")
    story.ask(f"set app banip 203.0.113.9 {WORSE} 10.1.0.0/16 Badger", "set app unbanip 203.0.113.9")
    story.ask("set app maxretry 2", "set app findtime 5m", "set app bantime.maxtime 1h")
    story.pair.write("young.log", "something else\n")
    story.ask("set app addlogpath {here}/young.log", "set app dellogpath {here}/nobody.log")
    story.fail("young", "192.0.2.8")
    story.told("app", "Found 192.0.2.8")  # else one of them may not have read it before the reload forgets it
    story.ask("set app maxlines 2")
    story.told("app", "Ban Badger")
    story.look("status {0}", "get {0} banip", "get {0} logpath")
    story.configure("true")
    story.ask("reload", "set app attempt 203.0.113.77 one two three", "flushlogs", "nosuch", "status nosuch")
    story.told("app", "Ban 203.0.113.77")
    story.look("status {0}")
    story.end()
    story.pair.both(Side.start)
    for name in (*SAMPLED, *SERVED):
        story.told(name, "Restore Ban ")
    story.told("app", f"Restore Ban {WORSE}")
    story.look("get {0} findtime", "get {0} bantime", "get {0} actions")  # no counters: ours outlive the restart
    story.ask(f"unban {WORSE}", "reload --restart app")
    story.pair.agree(lambda side: side.called("app"), lambda lines: " ".join(lines).count("ban app Badger ") == 5)
    story.ask("unban --all", "status")
    story.end()


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """The story, told."""
    folder = tmp_path_factory.mktemp("sides")
    homes = {start.__name__: folder / start.__name__ for start in (sshd, nginx)}
    logs = {name: home / log for (name, home), log in zip(homes.items(), ("auth.log", "access.log"), strict=True)}
    for log in logs.values():
        log.parent.mkdir()
        log.write_text("it is young\n")
    told = Story(folder, logs)
    with ThreadPoolExecutor(1) as pool:
        attacks = pool.submit(attack, homes)
        try:
            live(told)
            attacks.result()
            yield told
        finally:
            told.end()


def attack(homes: dict[str, Path]) -> None:
    """Attack an sshd and an nginx that log there."""
    with two_hosts() as (guarded, peer):
        for start, target, attacker in zip((sshd, nginx), GUARDED, ATTACKER, strict=True):
            with start(guarded, peer, target, homes[start.__name__]) as service:
                wait_for(partial(service.served, attacker))
                for _ in range(4):
                    service.attack(attacker)


def test_answers_when_debians_client_asks_both_then_they_are_the_same(story: Story) -> None:
    assert len(story.answers) > 100
    for line, theirs, ours in story.answers:
        assert ours == theirs, line


@pytest.mark.parametrize("jail", JAILS)
def test_log_when_it_speaks_of_a_jail_then_its_lines_are_those_of_fail2ban(story: Story, jail: str) -> None:
    theirs, ours = (side.of(jail) for side in (story.pair.theirs, story.pair.ours))
    assert len(theirs) > 4
    assert ours == theirs


@pytest.mark.parametrize("part", [".server ", ".jail ", ".filter ", ".actions ", ".database ", ".transmitter "])
def test_log_when_it_speaks_of_nobody_then_its_lines_are_those_of_fail2ban(story: Story, part: str) -> None:
    """In any order: Fail2Ban starts and stops its jails one after the other, by threads."""

    def general(side: Side) -> list[str]:
        lines = [line for line in side.said() if part in line and not NAMES.search(line)]
        return sorted(line for line in lines if "] " not in line.partition(":")[2])

    assert general(story.pair.ours) == general(story.pair.theirs)


@pytest.mark.parametrize("jail", JAILS)
def test_action_when_a_jail_calls_it_then_with_the_same_words_in_the_same_order(story: Story, jail: str) -> None:
    theirs, ours = story.pair.theirs.called(jail), story.pair.ours.called(jail)
    assert len(theirs) > 4
    assert ours == theirs


@pytest.mark.parametrize("table", ["jails", "logs", "bans", "bips"])
def test_database_when_both_have_ended_then_it_holds_the_same(story: Story, table: str) -> None:
    theirs, ours = (side.rows()[table] for side in (story.pair.theirs, story.pair.ours))
    assert ours == theirs
