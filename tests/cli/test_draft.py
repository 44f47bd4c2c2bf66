"""`f2b draft`: what it prints is a filter that works, and that lint has nothing against."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import main

STAMP = "2026-11-21 10:00:00"
USERS = ["root", "admin", "bob", "x1", "oracle"]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = []
    for number, user in enumerate(USERS * 2):
        lines += [
            f" mail imapd[{number}]: login failed for {user} from 203.0.113.{number} port {number}",
            f' app: bad password, user="{user}" ip=2001:db8::{number} 100% sure',
            f" mail imapd[{number}]: session opened for {user} from 192.0.2.{number}",
            f" app: denied 198.51.100.{number} to 10.0.0.1 by rule",
            f" 203.0.113.{number} {number} {number}",
            " app: nothing to see here",
        ]
    path = tmp_path_factory.mktemp("draft") / "app.log"
    path.write_text("".join(f"{STAMP}{line}\n" for line in lines))
    return path


def drafted(capsys: pytest.CaptureFixture[str], log: Path, *more: str) -> dict[str, Any]:
    assert main.run(["draft", "--json", *more, str(log)]) == 0
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def test_draft_when_a_log_is_given_then_each_form_with_an_address_gets_an_anchored_regex(
    capsys: pytest.CaptureFixture[str], log: Path
) -> None:
    found = drafted(capsys, log)
    assert found["lines"] == 60
    assert {one["regex"]: one["lines"] for one in found["drafts"] if one["fails"]} == {
        r"^ ?\S+ imapd(?:\[\d+\])?: login failed for <F-USER>\S+</F-USER> from <HOST> port \d+$": 10,
        r'^ app: bad password, user="<F-USER>[^"]*</F-USER>" ip=<HOST> \S+ sure$': 10,
        r"^ app: denied <HOST> to \S+ by rule$": 10,
    }
    assert [one["lines"] for one in found["drafts"] if not one["fails"]] == [10]
    assert [one["why"].partition(":")[0] for one in found["dropped"]] == ["slow"]


def test_draft_when_saved_then_it_is_a_filter_that_lint_passes_and_the_log_fails(
    capsys: pytest.CaptureFixture[str], log: Path, tmp_path: Path
) -> None:
    assert main.run(["draft", str(log)]) == 0
    (tmp_path / "filter.d").mkdir()
    (tmp_path / "filter.d" / "mine.conf").write_text(capsys.readouterr().out)
    assert main.run(["lint", "-c", str(tmp_path), "mine"]) == 0, capsys.readouterr().out
    capsys.readouterr()
    assert main.run(["regex", "--json", "-c", str(tmp_path), str(log), "mine"]) == 0
    rows = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert rows[-1]["summary"]["matched"] == 30
    assert rows[0]["failures"][0]["captures"]["user"] == "root"
    assert {row["failures"][0]["id"] for row in rows[:-1]} >= {"203.0.113.0", "2001:db8::3", "198.51.100.9"}


def test_draft_when_another_filter_is_named_then_its_lines_are_left_out(
    capsys: pytest.CaptureFixture[str], log: Path
) -> None:
    found = drafted(capsys, log, "--besides", r"^ \S+ imapd\[\d+\]: .* from <HOST>.*$")
    assert found["lines"] == 40
    assert not any("imapd" in one["regex"] for one in found["drafts"])


@pytest.mark.parametrize(
    ("words", "status", "what"),
    [(["/no/such.log"], 2, "there is no log"), (["--besides", "no-such", "LOG"], 2, "no jail and no filter")],
)
def test_draft_when_asked_wrongly_then_it_names_cause_and_cure(
    capsys: pytest.CaptureFixture[str], log: Path, words: list[str], status: int, what: str
) -> None:
    assert main.run(["draft", *(str(log) if word == "LOG" else word for word in words)]) == status
    assert what in capsys.readouterr().err


def test_draft_when_no_line_names_an_address_then_there_is_nothing(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "log").write_text(f"{STAMP} app: nothing\n")
    assert main.run(["draft", str(tmp_path / "log")]) == 1
    assert "failregex =" in capsys.readouterr().out
