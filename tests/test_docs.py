"""README.md and docs/: commands and options that exist, links that lead somewhere, a picture of a real run."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
OPTION = re.compile(r"(?<![\w<-])(-\w|--[\w-]+)(?:[ =](<?[A-Z]+\b>?|auto\|<FILE>))?")
PROGRAMS = {
    "f2b": "f2b.cli.main",
    "fail2ban-client": "f2b.cli.compat_ping",
    "fail2ban-server": "f2b.cli.compat_server",
    "fail2ban-regex": "f2b.cli.compat_regex",
}
ATTACKER = "203.0.113.66"


class Written(NamedTuple):
    """A command line in a page."""

    page: str
    words: list[str]


def commands() -> Iterator[Written]:
    """Yield every command line of ours: all of `sh` blocks, of `console` blocks those behind a prompt."""
    for page in PAGES:
        for kind, block in FENCE.findall(page.read_text()):
            prompt = {"sh": "", "console": "$ "}.get(kind)
            lines = [line for line in block.splitlines() if prompt is not None and line.startswith(prompt)]
            for line in lines:
                for words in _split(line.removeprefix(prompt or "")):
                    if words[0] in PROGRAMS:
                        yield Written(page.name, words)


def _split(line: str) -> list[list[str]]:
    """Return the commands of a shell line, without their redirections' and pipes' company."""
    found: list[list[str]] = [[]]
    for word in shlex.split(line, comments=True):
        if word in ("|", "&&", "||", ";"):
            found.append([])
        elif word != "sudo":
            found[-1].append(word)
    return [words for words in found if words]


@cache
def usage(program: str, *command: str) -> str:
    """Return what a program says of itself or of one of its commands."""
    call = [sys.executable, "-c", f"from {PROGRAMS[program]} import main; main()", *command, "--help"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=ROOT, env=_environment(), timeout=99)
    assert done.returncode == 0, f"{program} {' '.join(command)} --help: {done.stderr}"
    return done.stdout


def _environment() -> dict[str, str]:
    return {**os.environ, "COLUMNS": "200"}


def options(text: str) -> dict[str, bool]:
    """Return the options that a help text lists, and whether each takes a value."""
    found: dict[str, bool] = {}
    for line in text.splitlines():
        if line.lstrip().startswith("-"):
            listed = OPTION.findall(re.split(r"\s{2,}", line.strip())[0])
            takes = any(value for _, value in listed)
            found.update({name: takes for name, _ in listed})
    return found


def parsed(words: list[str], known: dict[str, bool]) -> list[str]:
    """Return the arguments that are no options; every option must be known."""
    arguments: list[str] = []
    rest = iter(words)
    for word in rest:
        if word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            assert name in known, f"there is no option {name}"
            if known[name] and not equals:
                next(rest)
        else:
            arguments.append(word)
    return arguments


def check(words: list[str]) -> None:
    """Fail if this command line cannot be meant."""
    program, *rest = words
    text = usage(program)
    known = options(text)
    if program == "f2b":
        at = next(
            (n for n, word in enumerate(rest) if re.search(rf"^  {re.escape(word)}  ", text, re.MULTILINE)), None
        )
        before = rest if at is None else rest[:at]
        assert not parsed(before, known), f"f2b has no command {before}"
        if at is not None:
            parsed(rest[at + 1 :], options(usage(program, rest[at])))
        return
    arguments = parsed(rest, known)
    if program != "fail2ban-regex" and arguments:
        listed = [
            line.split() for line in text.splitlines() if line.startswith("    ") and not line.startswith("     ")
        ]
        assert any(_fits(arguments, pattern) for pattern in listed), f"{program} has no command {arguments}"


def _fits(arguments: list[str], pattern: list[str]) -> bool:
    """Whether this is the listed command; `get` and `set` name the jail first, then what of it."""
    words = slice(0, 3, 2) if pattern[0] in ("get", "set") else slice(0, 1)
    return arguments[words] == pattern[words]


@pytest.mark.parametrize(
    "written", list(commands()), ids=lambda written: f"{written.page}: {' '.join(written.words)}"
)
def test_command_when_a_page_shows_it_then_it_and_its_options_exist(written: Written) -> None:
    check(written.words)


@pytest.mark.parametrize(
    "line",
    [
        "f2b frobnicate",
        "f2b status --no-such-option",
        "f2b --no-such-option status",
        "f2b regex --no-such-option x y",
        "fail2ban-client --no-such-option status",
        "fail2ban-client frobnicate",
        "fail2ban-client set sshd frobnicate 1",
    ],
)
def test_command_when_it_does_not_exist_then_the_check_says_so(line: str) -> None:
    with pytest.raises(AssertionError, match=r"there is no option|has no command"):
        check(shlex.split(line))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_link_when_it_is_relative_then_it_leads_to_a_file(page: Path) -> None:
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if not re.match(r"[a-z]+:|#", target):
            path, _, heading = target.partition("#")
            file = page.parent / path
            assert file.is_file(), f"{page.name} links to {target}"
            assert not heading or heading in headings(file), f"{page.name} links to {target}"


def headings(page: Path) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    found = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-") for text in found}


def test_picture_when_it_is_read_then_it_is_whole_and_shows_a_real_run() -> None:
    texts = ["".join(node.itertext()) for node in picture().iter("{http://www.w3.org/2000/svg}text")]
    assert any(re.fullmatch(rf"Ban {ATTACKER} for \d+ s", text) for text in texts)
    assert any(re.fullmatch(rf"set \S+: {ATTACKER} timeout \w+ expires \w+", text) for text in texts)
    assert any(text.startswith(f"{ATTACKER} tries again: connection refused") for text in texts)
    assert any(text.startswith(f"Unban {ATTACKER}") for text in texts)


def test_picture_when_it_is_shown_then_it_needs_nothing_from_elsewhere() -> None:
    text = (ROOT / "docs" / "demo.svg").read_text().replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?:|url\(|@import|<script|<image|href", text)
    assert "monospace" in text


def picture() -> ElementTree.Element:
    """Return the picture, which must be well-formed."""
    return ElementTree.parse(ROOT / "docs" / "demo.svg").getroot()
