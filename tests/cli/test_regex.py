"""`f2b regex`: its JSON, its report, its errors, as users and scripts call it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import regex
from tests.filter import sample

ROOT = Path(__file__).parent.parent.parent
FILTER = """[Definition]
prefregex = ^ svc\\[<F-MLFID>\\d+</F-MLFID>\\]: <F-CONTENT>.+</F-CONTENT>$
failregex = ^<F-NOFAIL>conn</F-NOFAIL> <HOST>$
            ^bad <F-USER>\\w+</F-USER>$
ignoreregex = spare
datepattern = {^LN-BEG}EPOCH
"""
LOG = """1700000000 svc[1]: conn 192.0.2.1
# a comment

1700000001 svc[1]: bad root
1700000002 nothing
1700000003 svc[1]: bad spare
"""


def f2b(*words: str | Path, stdin: str = "", env: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", "regex", *map(str, words)]
    return subprocess.run(
        command, input=stdin, capture_output=True, text=True, cwd=ROOT, check=False, env={**os.environ, **(env or {})}
    )


@pytest.fixture
def tried(tmp_path: Path) -> tuple[Path, Path]:
    """A log and a filter."""
    log, conf = tmp_path / "x.log", tmp_path / "x.conf"
    log.write_text(LOG)
    conf.write_text(FILTER)
    return log, conf


def objects(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_when_lines_fail_or_are_ignored_then_tells_of_each(tried: tuple[Path, Path]) -> None:
    *entries, last = objects(f2b("--json", *tried).stdout)
    assert [(entry["line"], [one["nofail"] for one in entry["failures"]]) for entry in entries] == [
        (1, [True]),
        (4, [False]),
        (6, []),
    ]
    assert entries[1]["failures"][0] == {
        "id": "192.0.2.1",
        "host": "192.0.2.1",
        "time": 1700000001.0,
        "nofail": False,
        "attempts": 2,
        "matches": ["1700000000 svc[1]: conn 192.0.2.1", "1700000001 svc[1]: bad root"],
        "captures": {"mlfid": "1", "ip4": "192.0.2.1", "user": "root"},
    }
    summary = last["summary"]
    assert (summary["lines"], summary["matched"], summary["ignored"], summary["missed"]) == (4, 1, 2, 1)
    assert [rule["hits"] for rule in summary["failregex"]] == [1, 1]


def test_log_when_it_comes_by_stdin_then_reads_as_a_file(tried: tuple[Path, Path]) -> None:
    assert f2b("--json", "-", tried[1], stdin=LOG).stdout == f2b("--json", *tried).stdout


def test_log_when_a_chunk_ends_amid_a_line_then_no_line_is_lost(
    tried: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = f2b("--json", *tried).stdout
    for size in (1, 7, 40):
        monkeypatch.setattr("f2b.cli.sample.CHUNK", size)
        assert regex.main(["--json", *map(str, tried)]) == 0
        assert capsys.readouterr().out == expected


def test_text_when_given_as_log_and_regex_then_reports() -> None:
    done = f2b("1700000000 bad 192.0.2.1", "bad <HOST>$")
    assert done.returncode == 0
    assert "Lines: 1 lines, 0 ignored, 1 matched, 0 missed" in done.stdout


def test_journal_text_when_tried_then_takes_the_given_time() -> None:
    done = f2b("--json", "--as-journal", "--now", "1700000000", "bad 192.0.2.1", "^bad <HOST>$")
    assert objects(done.stdout)[0]["failures"][0]["time"] == 1700000000.0


def test_names_when_looked_up_then_each_address_fails() -> None:
    (found, _) = objects(f2b("--json", "bad localhost", "bad <HOST>$").stdout)
    assert {one["id"] for one in found["failures"]} & {"127.0.0.1", "::1"}
    (kept, _) = objects(f2b("--json", "--usedns", "raw", "bad localhost", "bad <HOST>$").stdout)
    assert kept["failures"][0]["id"] == "localhost"


@pytest.mark.parametrize(
    ("words", "status", "told"),
    [
        ((), 2, "give a LOG and a FILTER"),
        (("x",), 2, "give a FILTER"),
        (("--frob", "x", "y"), 2, "--frob"),
        (("--now", "soon", "x", "<HOST>"), 2, "seconds since 1970"),
        (("--usedns", "maybe", "x", "<HOST>"), 2, "yes, warn, no or raw"),
        (("x", "<HOST> ("), 2, "position 7"),
        (("x", "no-such-filter"), 2, "add <HOST>"),
        (("-d", "%Q", "x", "<HOST>"), 2, "%Q"),
        (("-c", "/nonexistent", "x", "sshd"), 2, "/nonexistent"),
    ],
)
def test_command_line_when_wrong_then_says_cause_and_cure(words: tuple[str, ...], status: int, told: str) -> None:
    done = f2b(*words)
    assert (done.returncode, done.stdout) == (status, "")
    assert told in done.stderr
    assert "Traceback" not in done.stderr


def test_help_when_asked_then_shows_examples() -> None:
    done = f2b("--help")
    assert done.returncode == 0
    assert "Examples:" in done.stdout


@pytest.mark.parametrize("log", ["sshd", "postfix", "ejabberd-auth"])
def test_sample_when_run_as_users_do_then_agrees_with_its_annotations(log: str, tmp_path: Path) -> None:
    for run in sample.runs(log):
        path = tmp_path / "sample.log"
        path.write_text("".join(f"{one.text}\n" for one in run.samples), encoding="utf-8")
        words = ("--json", "-c", "/etc/fail2ban", "--now", str(int(sample.NOW)), "--usedns", "raw")
        *entries, _ = objects(f2b(*words, path, run.filter, env={"TZ": "Europe/Zurich"}).stdout)
        failed = {entry["line"] for entry in entries if any(not one["nofail"] for one in entry["failures"])}
        expected = {number for number, one in enumerate(run.samples, 1) if one.expected.get("match")}
        assert failed == expected, run.filter
