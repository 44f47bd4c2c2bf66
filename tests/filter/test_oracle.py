"""Sessions and addresses beside the real Fail2Ban: thousands of random lines in one run of fail2ban-regex."""

from __future__ import annotations

import os
import random
import re
import subprocess
from pathlib import Path

import pytest

from f2b.config.model import FilterSpec, Text
from f2b.errors import Place
from f2b.events import Failure, Line
from f2b.filter.regex import compile_filter

PLACE = Place("filter.d/x.conf")
TAIL = r"(?: <ADDR>)?(?: i=<F-ID>\w*</F-ID>)?(?: u=<F-USER>\w*</F-USER>)?$"
SESSION = (
    "^<F-NOFAIL>conn</F-NOFAIL>" + TAIL,
    "^bad" + TAIL,
    "^<F-MLFGAINED>ok</F-MLFGAINED>" + TAIL,
    "^<F-NOFAIL><F-MLFFORGET>close</F-MLFFORGET></F-NOFAIL>" + TAIL,
    "^<F-MLFFORGET>abort</F-MLFFORGET>" + TAIL,
    "^<F-MLFFORGET><F-MLFGAINED>done</F-MLFGAINED></F-MLFFORGET>" + TAIL,
)
PREFIX = r"^ s<F-MLFID>\d+</F-MLFID>: <F-CONTENT>.*</F-CONTENT>$"


def oracle(folder: Path, lines: list[str], regexes: tuple[str, ...], prefix: str = "") -> list[str]:
    """Return `id user | line` of each failure's lines, as fail2ban-regex prints them."""
    log, conf = folder / "x.log", folder / "x.conf"
    log.write_text("".join(f"{1700000000 + number // 100}{line}\n" for number, line in enumerate(lines)))
    head = f"prefregex = {prefix}\n" if prefix else ""
    conf.write_text(f"[Definition]\n{head}failregex = " + "\n    ".join(regexes) + "\ndatepattern = ^EPOCH\n")
    command = ["/usr/bin/fail2ban-regex", "-o", "<fid> <F-USER> | <msg>", str(log), str(conf)]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}
    )
    return done.stdout.splitlines()


def ours(lines: list[str], regexes: tuple[str, ...], prefix: str = "") -> list[str]:
    spec = FilterSpec(
        "x",
        PLACE,
        failregex=tuple(Text(regex, PLACE) for regex in regexes),
        prefregex=Text(prefix, PLACE) if prefix else None,
    )
    tested, problems = compile_filter(spec)
    assert tested is not None, problems
    found: list[str] = []
    for number, line in enumerate(lines):
        time = 1700000000 + number // 100
        for failure in tested.feed(Line(f"{line}\n", f"{time}{line}", time)):
            found += shown(failure)
    return found


def shown(failure: Failure) -> list[str]:
    return [f"{failure.id} {failure.captures.get('user', '')} | {line}" for line in failure.matches]


@pytest.mark.parametrize("seed", [1, 2])
def test_sessions_when_random_then_fail_as_in_fail2ban(seed: int, tmp_path: Path) -> None:
    dice = random.Random(seed)
    events = ["conn", "bad", "bad", "ok", "close", "abort", "done"]
    hosts = ["", "", " 192.0.2.1", " 192.0.2.2", " 2001:db8::1"]
    names = [*[""] * 6, " i=x7"]
    users = ["", "", " u=root", " u=bob", " u="]
    lines = [
        f" s{dice.randrange(40)}: {dice.choice(events)}{dice.choice(hosts)}{dice.choice(names)}{dice.choice(users)}"
        for _ in range(2000)
    ]
    expected = oracle(tmp_path, lines, SESSION, PREFIX)
    assert len(expected) > 500
    assert ours(lines, SESSION, PREFIX) == expected


def test_addresses_when_random_then_are_read_as_in_fail2ban(tmp_path: Path) -> None:
    dice = random.Random(3)
    units = [
        "1",
        "ff",
        "2001",
        "DB8",
        "c000",
        "::",
        ":",
        ".",
        "192",
        "0",
        "999",
        "[",
        "]",
        "/24",
        "/33",
        "%eth0",
        "a",
    ]
    whole = ["192.0.2.1", "::ffff:192.0.2.1", "2001:DB8::1", "[2001:db8::1]", "[192.0.2.1]", "192.0.2.9/24"]
    texts = ["".join(dice.choice(units) for _ in range(dice.randrange(1, 9))) for _ in range(600)]
    lone = re.compile("::|(?<![0-9a-fA-F]):")  # 1.0.2 reads less of this as IPv6
    texts = [text for text in texts if not lone.search(text)] + whole
    for regex in ("^ <ADDR>$", "^ <SUBNET>$", "^ <F-ID/>$", "^ <ADDR>/<CIDR>$", "<ADDR>"):
        plain = regex != "^ <F-ID/>$"  # 1.0.2 trips over some slashes in an id
        lines = [f" {text}" for text in texts if plain or "/" not in text or text in whole]
        assert ours(lines, (regex,)) == oracle(tmp_path, lines, (regex,)), regex
