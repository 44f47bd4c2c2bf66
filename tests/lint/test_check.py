"""Lint over filters with one fault each, and over what f2b ships."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import lint
from f2b.config import search
from f2b.lint.finding import Tally

ROOT = Path(__file__).parent.parent.parent
VICTIM = "198.51.100.9"
SAFE = [
    "^ app: login failed from <ADDR> for user .*$",
    "^ app: login failed for user <F-USER>.*</F-USER> from <ADDR>$",
    "^ app: login failed for user [^\\s]+ from <ADDR> by .*$",
    r"^ app: [\w.-]+\[<ADDR>\]: refused: .*$",
    r'^ app: "(?:[^"\\]|\\.)*" from <ADDR>$',
]
FAULTY = {
    "injection": [
        r"^ app: login failed for user <F-USER>\S+</F-USER> from <HOST>",
        "^ app: login failed for user .* from <ADDR>(?: port \\d+)?(?: .*)?$",
        '^ app: bad user "[^"]*" from <ADDR>: .*$',
        r"^ app: user \w+ from <ADDR> refused",
        "^ app: mail from <HOST>.*: spam$",
    ],
    "runaway": [
        "^ app: (?:\\w+\\s?)*!<ADDR>$",
        "^ app: (?:[^\\[]+ )*<ADDR> refused$",
        "^ app: (?:x|\\w+)+ by <ADDR>$",
    ],
    "unanchored": ["app: login failed from <ADDR>", "refused <HOST> for ever$", "^.* app: refused <ADDR>$"],
    "dead": ["^ app: login$ failed from <ADDR>", "^ app: (?!x)x from <ADDR>$"],
    "slow": [r"^ \w+ \d+ <ADDR>$", "(?i)^ (?:is|sis) <ADDR>$"],
    "misread": ["^ app: login failed .*<IP4>$"],
    "broken": ["^ app: (login from <ADDR>$"],
    "duplicate": ["^ app: from <ADDR>$\n            ^ app: from <ADDR>$"],
}


def judged(folder: Path, failregex: str, more: str = "") -> Tally:
    (folder / "filter.d").mkdir(exist_ok=True)
    text = f"[Definition]\nfailregex = {failregex}\n{more}"
    (folder / "filter.d" / "app.conf").write_text(text)
    return lint.run(["app"], folder, None)


@pytest.mark.parametrize("regex", SAFE)
def test_lint_when_a_regex_is_safe_then_nothing_is_found(regex: str, tmp_path: Path) -> None:
    tally = judged(tmp_path, regex)
    assert not tally.findings
    assert tally.positions > 0
    assert tally.planted > tally.positions


@pytest.mark.parametrize(("kind", "regex"), [(kind, regex) for kind, some in FAULTY.items() for regex in some])
def test_lint_when_a_regex_has_a_fault_then_it_is_found(kind: str, regex: str, tmp_path: Path) -> None:
    assert kind in {finding.kind for finding in judged(tmp_path, regex).findings}


@pytest.mark.parametrize("regex", FAULTY["injection"])
def test_lint_when_a_filter_can_be_fooled_then_the_line_bans_the_victim(regex: str, tmp_path: Path) -> None:
    (line, *_) = [one.line for one in judged(tmp_path, regex).findings if one.kind == "injection"]
    command = [sys.executable, "-m", "f2b", "regex", "--json", "-c", str(tmp_path), "--usedns", "no", "-", "app"]
    done = subprocess.run(command, input=f"{line}\n", capture_output=True, text=True, check=True, cwd=ROOT)
    found = [json.loads(row) for row in done.stdout.splitlines()[:-1]]
    assert VICTIM in [failure["id"] for entry in found for failure in entry["failures"]]


def test_lint_when_a_prefix_leads_to_content_then_both_are_planted_in(tmp_path: Path) -> None:
    prefix = r"prefregex = ^ app: <F-CONTENT>.+</F-CONTENT>$"
    assert not judged(tmp_path, "^failed for .* from <ADDR>$", prefix).findings
    (finding,) = judged(tmp_path, r"^failed for \S* from <ADDR>", prefix).findings
    assert finding.kind == "injection"


def test_lint_when_a_session_takes_the_address_from_a_forged_line_then_it_is_found(tmp_path: Path) -> None:
    more = r"prefregex = ^ app<F-MLFID>\[\d+\]</F-MLFID>: <F-CONTENT>.+</F-CONTENT>$"
    regexes = r"^<F-NOFAIL>user \S+ from</F-NOFAIL> <ADDR>" + "\n            ^login failed$"
    assert "injection" in {finding.kind for finding in judged(tmp_path, regexes, more).findings}


def test_lint_when_only_a_sample_shows_the_fault_then_cases_find_it(tmp_path: Path) -> None:
    (tmp_path / "filter.d").mkdir()
    cases = tmp_path / "cases"
    cases.mkdir()
    # No line is made for the seventh of many alternatives with a field in it: the sample leads there.
    words = "|".join(f"w{number}" for number in range(60))
    regex = rf"^ app: (?:{words}|name \S+)(?: from <ADDR>| x)"
    (tmp_path / "filter.d" / "app.conf").write_text(f"[Definition]\nfailregex = {regex}\n")
    (cases / "app.log").write_text("[]\n192.0.2.1 | Nov 21 10:00:00 app: name bob from 192.0.2.1\n")
    assert not [one for one in lint.run(["app"], tmp_path, None).findings if one.kind == "injection"]
    assert [one for one in lint.run(["app"], tmp_path, cases).findings if one.kind == "injection"]


def test_lint_when_run_over_what_f2b_ships_then_nothing_is_found() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "f2b", "lint", "--json"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    said: dict[str, Any] = json.loads(done.stdout)
    assert said["findings"] == []
    assert done.returncode == 0
    assert said["filters"] >= len(list((ROOT / "filters").glob("*.conf")))
    assert said["planted"] > said["positions"] > said["lines"] > said["filters"]


@pytest.mark.parametrize("arguments", [["app"], ["--all"]])
def test_lint_when_it_finds_something_then_it_exits_with_1_and_tells_where(
    arguments: list[str], tmp_path: Path
) -> None:
    judged(tmp_path, "refused <HOST>")
    command = [sys.executable, "-m", "f2b", "lint", "-c", str(tmp_path), *arguments]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment)
    assert done.returncode == 1
    assert "app.conf:2" in done.stdout
    assert "unanchored app" in done.stdout


def test_lint_when_there_is_no_such_filter_then_usage_is_wrong(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "f2b", "lint", "-c", str(tmp_path), "nothing"]
    assert subprocess.run(command, capture_output=True, check=False, cwd=ROOT).returncode == 2


def test_shipped_filters_when_listed_then_these_are_all_files_with_a_failregex() -> None:
    names = {spec.name for spec in search.load_filters()}
    files = (ROOT / "filters").glob("*.conf")
    assert names == {path.stem for path in files if "failregex" in path.read_text(encoding="utf-8")}
