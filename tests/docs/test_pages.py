"""Every page of the book, played from top to bottom: its commands work, and print what the page shows."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.docs.stage import ELSEWHERE, ROOT, Outcome, missing, play, steps

BOOK = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [page for page in BOOK if list(steps(page.read_text()))]
EXITS = re.compile(r"# exits with (\d)")


def fault(outcome: Outcome) -> str:
    """Return what is wrong with what became of a step, or nothing."""
    command = outcome.step.command
    told = EXITS.search(command)
    absent = missing(outcome)
    if outcome.status != (int(told[1]) if told else 0) or absent:
        wanting = "".join(f"\n  missing: {line}" for line in absent)
        return f"$ {command}\n{outcome.output}  exit {outcome.status}{wanting}\n"
    return ""


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_when_it_is_played_then_every_command_does_what_it_shows(page: Path, tmp_path: Path) -> None:
    assert not "".join(map(fault, play(page.read_text(), tmp_path)))


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("```sh\nfalse\n```\n", "exit 1"),
        ("```console\n$ echo one\ntwo\n```\n", "missing: two"),
        ("```console\n$ printf 'a\\nb\\n'\nb\na\n```\n", "missing: a"),
        ("```console\n$ true   # exits with 2: never\n```\n", "exit 0"),
        ("```sh\nf2b serve --no-such-option\n```\n", "No such option"),
        ("<!-- run: nosuchcommand -->\n", "exit 127"),
    ],
)
def test_stage_when_a_page_is_wrong_then_it_is_told(text: str, word: str, tmp_path: Path) -> None:
    assert word in "".join(map(fault, play(text, tmp_path)))


def test_stage_when_a_page_is_right_then_nothing_is_told_and_nothing_remains(tmp_path: Path) -> None:
    page = (
        "<!-- file: /etc/it/x -->\n```ini\na '%s'\n```\n"
        "```console\n$ cat /etc/it/x\na '%s'\n$ echo 17 \\\n  and\n18…\n```\n"
    )
    assert not "".join(map(fault, play(page, tmp_path)))
    assert not Path("/etc/it").exists()


def test_elsewhere_when_a_page_has_what_cannot_run_here_then_something_else_has_it() -> None:
    assert not [place for place in ELSEWHERE.values() if not (ROOT / place).exists()]
