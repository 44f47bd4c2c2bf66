"""Debian's configuration, mutilated: whatever becomes of it, it is read, and what is wrong is told with its place."""

from __future__ import annotations

import random
import tempfile
import time
from pathlib import Path

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from f2b.config.model import Settings
from f2b.config.search import load
from f2b.daemon.assemble import build_filter
from f2b.errors import ActionError, ConfigError
from f2b.firewall.choice import choose

STOCK = Path("/etc/fail2ban")
FILTERS = sorted((STOCK / "filter.d").glob("*.conf"))
ACTIONS = sorted((STOCK / "action.d").glob("*.conf"))
WRITTEN = r"""
%( )s %% %(known/failregex)s %(__prefix_line)s < > <HOST> <F-USER> </F-USER> [ ] [Definition] [Init?family=inet6] = :
( ) (?: | * + {2} \ ^ $ (?i) " ' ; # -1 99999999999999999999 inf nan 1e999 yes 0x10 <ip> <matches> <name> %s <known/x>
<actionban>
"""
WORDS = [
    *("", "\n", "\n ", "\t", " ;", "\0", "\ufeff", "\xa0", "\u2028", "\u00e9", "\u00b2", "1d 12h", "maxlines = 9"),
    *("[INCLUDES]\nbefore = common.conf", "before = {}.conf", "datepattern = %%Y", "ignoreregex =", "native = yes"),
    *("journalmatch = _A=1 + _B=2", *WRITTEN.split()),
]
LONGEST_S = 20
JAIL = "enabled = true\nlogpath = /dev/null\n"


def mutilated(dice: random.Random, text: str, others: list[str]) -> str:
    """Return a text of which some lines, words or characters are others."""
    lines = text.splitlines(keepends=True) or [""]
    for _ in range(dice.randrange(1, 8)):
        at, other = dice.randrange(len(lines)), dice.choice(others).splitlines(keepends=True) or [""]
        line, change = lines[at], dice.randrange(6)
        cut, end = sorted(dice.randrange(len(line) + 1) for _ in range(2))
        if change == 0:
            lines[at] = ""
        elif change == 1:
            lines.insert(at, dice.choice(lines + other))
        elif change == 2:
            lines[at] = line[:cut] + line[end:]
        elif change == 3:
            lines[at] = line[:cut] + dice.choice(WORDS) + line[end if dice.random() < 0.3 else cut :]
        elif change == 4:
            lines[at] = line[:cut] + line[cut:end] * dice.choice([2, 2, 30]) + line[end:]
        else:
            lines[at] = line[:cut] + dice.choice(other)[cut:]
    return "".join(lines)


def planted(folder: Path, seed: int) -> Path:
    """Make a configuration of a few of Debian's files, most of them changed."""
    dice = random.Random(seed)
    for kind in ("filter.d", "action.d"):
        (folder / kind).mkdir()
        for common in STOCK.glob(f"{kind}/*common*.conf"):
            (folder / kind / common.name).write_bytes(common.read_bytes())
    jails = ["[INCLUDES]\nbefore = paths-debian.conf\n[DEFAULT]\n", *(dice.choice(WORDS) for _ in range(2)), "\n"]
    for common in STOCK.glob("paths-*.conf"):
        (folder / common.name).write_bytes(common.read_bytes())
    for number in range(3):
        for files, kind in ((FILTERS, "filter.d"), (ACTIONS, "action.d")):
            first, second = dice.sample(files, 2)
            text = mutilated(dice, first.read_text(), [second.read_text()])
            (folder / kind / first.name).write_bytes(text.encode("utf-8", "surrogatepass"))
            if kind == "filter.d":
                jails += [f"[j{number}]\nfilter = {first.stem}\n", JAIL]
            else:
                jails += [f"action = {first.stem}[port=ssh, x={dice.choice(WORDS)!r}]\n"]
        if dice.random() < 0.5:
            jails.append(mutilated(dice, "port = ssh\nmaxretry = 3\nfindtime = 10m\nbantime = 1d\n", WORDS))
    (folder / "jail.conf").write_bytes("".join(jails).encode("utf-8", "surrogatepass"))
    return folder


def use(found: Settings) -> None:
    """Do with settings what the server does before it begins."""
    for jail in found.jails:
        build_filter(jail)
        for action in jail.actions:
            try:
                choose(action, jail, lambda name: {"ssh": 22}.get(name), lambda program: True)
            except (ActionError, ConfigError):
                pass


@settings(phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(st.integers(0, 2**32))
def test_configuration_of_debian_when_mutilated_then_it_is_read_in_time_and_faults_have_places(seed: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        begun = time.process_time()
        found = load(planted(Path(folder), seed))
        use(found)
        assert time.process_time() - begun < LONGEST_S
        assert all(problem.place for problem in found.problems if problem.severity == "error")
        assert found.jails or found.problems or found.broken
