"""man/ and completions/: made from --help, clean, and of use."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from f2b.config import jail
from f2b.filter.kind import OVER_EVENTS, OVER_FAILURES, OVER_REQUESTS
from script.helptext import Page, of_commands, read

ROOT = Path(__file__).parent.parent

COMPLETE = """
source completions/f2b
COMP_WORDS=("$@")
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
_f2b
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words: str) -> list[str]:
    """Return what bash would offer for the last of the words."""
    command = ["bash", "--norc", "-c", COMPLETE, "bash", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert done.stderr == ""
    return done.stdout.split()


def test_pages_when_linted_then_mandoc_has_nothing_to_say() -> None:
    pages = sorted(map(str, (ROOT / "man").glob("*.[1-9]")))
    done = subprocess.run(["mandoc", "-Tlint", *pages], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["f2b", "stat"], {"status", "stats"}),
        (["f2b", "-s", "status", "pi"], {"ping"}),  # the first `status` is a socket
        (["f2b", "jail", "en"], {"enable"}),
        (["f2b", "jail", "enable", "--conf"], {"--config"}),
        (["f2b", "ban", "--ja"], {"--jail"}),
        (["f2b", "regex", "--usedns", ""], {"yes", "warn", "no", "raw"}),
        (["f2b", "check", "-c", "filt"], {"filters"}),
        (["f2b", "regex", "setup."], {"setup.cfg"}),
        (["f2b", "ban", "--time", ""], set()),
    ],
)
def test_bash_when_asked_for_the_next_word_then_it_offers_what_fits(words: list[str], offered: set[str]) -> None:
    assert set(completed(*words)) == offered


def test_help_when_read_then_each_option_has_its_row() -> None:
    (serve,) = (page for page in of_commands() if page.name == "f2b serve")
    assert "-s, --socket SOCKET" in [entry.term for entry in serve.options()]
    assert all(entry.text for entry in serve.options())


def test_text_when_read_then_tables_examples_and_exit_codes_are_told_apart() -> None:
    text = """\
Usage: x [OPTIONS] LOG

  Words
  that go on. Exit codes: 0 done, 1 not.

LOG    a file
OTHER  another,
       and more

Options:
  -n, --number N a number
  --long-option-of-many-words WORD
                 a word
  -q             quiet

Examples:
  x -q  now
"""
    page = read(text, Page("x", "do"))
    assert page.usage == "x [OPTIONS] LOG"
    rows = {section.heading: [(row.term, row.text) for row in section.entries()] for section in page.sections}
    assert rows == {
        "": [("LOG", "a file"), ("OTHER", "another, and more")],
        "Exit status": [("0", "done"), ("1", "not")],
        "Options": [
            ("-n, --number N", "a number"),
            ("--long-option-of-many-words WORD", "a word"),
            ("-q", "quiet"),
        ],
        "Examples": [],
    }
    assert page.section("").blocks[0] == "Words that go on."
    assert page.section("Examples").blocks == [["x -q  now"]]


def test_manual_when_made_again_then_nothing_changes() -> None:
    """If this fails: run script/manual, and commit what it writes."""
    done = subprocess.run(
        [sys.executable, "script/manual", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("f2b-jail.conf", (*jail.OPTIONS, *jail.OWN)),
        ("f2b-filter", (*OVER_FAILURES, *OVER_REQUESTS, *OVER_EVENTS)),
        ("f2b-jail.conf", ("port", "protocol", "chain", "native", "banaction")),
    ],
)
def test_page_when_compared_with_what_is_known_then_it_names_every_option(page: str, names: tuple[str, ...]) -> None:
    text = (ROOT / "man" / f"{page}.txt").read_text(encoding="utf-8")
    assert not [name for name in names if not re.search(rf"(?<![\w.]){re.escape(name)}(?!\w|\.\w)", text)]
