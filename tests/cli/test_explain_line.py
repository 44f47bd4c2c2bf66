"""`f2b explain --line`: each case of "why does it not ban" that a line alone can show."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import main

HEAD = "[Definition]\n"
APP = r"failregex = ^ app: failure of <F-USER>\S+</F-USER> from <HOST>$"
SESSION = r"""prefregex = ^ app\[<F-MLFID>\d+</F-MLFID>\]: <F-CONTENT>.+</F-CONTENT>$
failregex = ^<F-NOFAIL>connect</F-NOFAIL> from <HOST>$
    ^bad password$
"""
FILTERS = {
    "app": f"{APP}\nignoreregex = of backup from\n",
    "wrong-date": f"{APP}\ndatepattern = ^%%d\\.%%m\\.%%Y %%H:%%M:%%S\n",
    "no-names": f"{APP}\nusedns = no\n",
    "session": SESSION,
    "agents": "filtertype = http\npaths = ^/admin\n",
    "over": "filtertype = blocklist\nbase = app\nlists = {list}\n",
    "success": f"{APP}\nokregex = ^ app: welcome <HOST>$\n",
}
JAIL = "[DEFAULT]\nenabled = true\nbackend = auto\nfilter = app\nlogpath = /var/log/app.log\naction =\n"
JAILS = """[app]
ignoreip = 192.0.2.0/24
maxretry = 5
[once]
maxretry = 1
protect = 198.51.100.1
"""
EVIL = "203.0.113.5"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("conf")
    (made / "filter.d").mkdir()
    (made / "list").write_text("198.51.100.0/24\n")
    for name, text in FILTERS.items():
        (made / "filter.d" / f"{name}.conf").write_text(HEAD + text.replace("{list}", str(made / "list")))
    (made / "jail.conf").write_text(JAIL + JAILS)
    return made


def stamp(behind_s: float = 0) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - behind_s))


def ask(capsys: pytest.CaptureFixture[str], folder: Path, what: str, *lines: str) -> tuple[int, list[dict[str, Any]]]:
    words = [word for line in lines for word in ("--line", line)]
    status = main.run(["explain", "-c", str(folder), "--json", *words, what])
    return status, json.loads(capsys.readouterr().out)["lines"]


def one(capsys: pytest.CaptureFixture[str], folder: Path, what: str, line: str) -> dict[str, Any]:
    return ask(capsys, folder, what, line)[1][0]


@pytest.mark.parametrize(
    ("what", "text", "cause", "words"),
    [
        ("app", f"app: failure of root from {EVIL}", "counts", "1 of 5; 4 more within findtime"),
        ("once", f"app: failure of root from {EVIL}", "bans", "at once"),
        ("once", "app: failure of root from 198.51.100.1", "protected", "it stands in protect"),
        ("app", "app: failure of root from 192.0.2.7", "ignored id", "ignoreip (ip) spares 192.0.2.7"),
        ("app", "app: failure of root from 127.0.0.1", "ignored id", "ignoreself"),
        ("app", f"app: failure of backup from {EVIL}", "ignored", "ignoreregex 1"),
        ("app", f"app: success of root from {EVIL}", "no match", "no failregex matches"),
        ("app", f"host app: failure of root from {EVIL}", "no match", "behind ' host'"),
        ("app", "app: failure of root from no.such.host.invalid", "dns", "no address is found"),
        ("no-names", "app: failure of root from a.example", "dns", "usedns = no"),
        ("wrong-date", f"app: failure of root from {EVIL}", "date", "datepattern does not fit"),
        ("session", "app[7]: bad password", "session", "does not say who"),
        ("session", f"app[7]: connect from {EVIL}", "session", "if a failure of its session '7' follows"),
        ("session", "other: x", "no match", "prefregex"),
        ("agents", f"app: failure of root from {EVIL}", "type", "no line of an access log"),
        ("over", f"app: failure of root from {EVIL}", "type", EVIL),
        ("over", "app: failure of root from 198.51.100.9", "counts", "198.51.100.9"),
        ("over", "app: hello", "no match", "no failregex matches"),
        ("success", f"app: welcome {EVIL}", "success", "clears its failures"),
        (f"^ app: failure of root from {EVIL}$|<HOST> never", "x", "no match", "no failregex"),
    ],
)
def test_explain_when_a_line_is_given_then_the_verdict_names_the_cause(
    capsys: pytest.CaptureFixture[str], folder: Path, what: str, text: str, cause: str, words: str
) -> None:
    status, reports = ask(capsys, folder, what, f"{stamp()} {text}")
    assert reports[0]["verdict"]["cause"] == cause
    assert words in reports[0]["verdict"]["text"]
    assert status == (0 if cause in ("counts", "bans", "success") else 1)


def test_explain_when_a_date_is_off_by_hours_then_it_guesses_the_zone(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    report = one(capsys, folder, "app", f"{stamp(2 * 3600)} app: failure of root from {EVIL}")
    date = report["date"]
    assert (date["start"], date["end"], date["hours_off"]) == (0, 19, 2)
    assert date["zone"] in report["notes"][0]
    assert "passed over" in report["notes"][1]
    east = time.localtime().tm_gmtoff - 7200
    assert date["zone"] == f"UTC{'-' if east < 0 else '+'}{abs(east) // 3600:02}{abs(east) % 3600 // 60:02}"


def test_explain_when_a_date_names_its_zone_then_the_clock_is_to_blame(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    written = time.strftime("%Y-%m-%dT%H:%M:%S+00:00", time.gmtime(time.time() + 3600))
    report = one(capsys, folder, "app", f"{written} app: failure of root from {EVIL}")
    assert (report["date"]["hours_off"], report["date"]["zone"]) == (-1, None)
    assert "the clock that wrote it is wrong" in report["notes"][0]


def test_explain_when_a_date_is_simply_old_then_no_zone_is_guessed(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    report = one(capsys, folder, "app", f"{stamp(3000)} app: failure of root from {EVIL}")
    assert report["date"]["hours_off"] is None
    assert "counts as written when it is read" in report["notes"][0]


def test_explain_when_a_date_is_not_recognised_then_it_says_where_it_stands(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    report = one(capsys, folder, "app", f"at 20261121x101010 app: failure of root from {EVIL}")
    assert report["date"] is None
    assert report["verdict"]["cause"] == "date"
    assert "20261121x101010" in report["verdict"]["text"]


def test_explain_when_lines_make_a_session_then_the_last_one_counts(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    lines = [f"{stamp()} app[7]: connect from {EVIL}", f"{stamp()} app[7]: bad password"]
    reports = ask(capsys, folder, "session", *lines)[1]
    assert [report["verdict"]["cause"] for report in reports] == ["session", "counts"]
    assert reports[1]["session"] == {"id": "7", "state": "complete", "host": EVIL, "lines": lines}


def test_explain_when_a_regex_stops_then_it_shows_up_to_where(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    line = f"{stamp()} app: failure of root at {EVIL}"
    assert main.run(["explain", "-c", str(folder), "--line", line, "app"]) == 1
    said = capsys.readouterr().out
    assert r"^ app: failure of <F-USER>\S+</F-USER>  >>> from <HOST>$" in said
    assert f"finds 'at {EVIL}'" in said
    assert "\x1b" not in said


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["--line", "x", "no-such"], "there is no jail and no filter 'no-such'"),
        (["--line", "x"], "Missing argument"),
        (["--line", "x", "(<HOST>"], "bad regex"),
    ],
)
def test_explain_when_asked_wrongly_then_it_names_cause_and_cure(
    capsys: pytest.CaptureFixture[str], folder: Path, words: list[str], what: str
) -> None:
    assert main.run(["explain", "-c", str(folder), *words]) == 2
    assert what in capsys.readouterr().err


def test_explain_when_a_regex_runs_away_then_the_line_is_given_up(
    capsys: pytest.CaptureFixture[str], folder: Path
) -> None:
    report = one(capsys, folder, r"^ (a+)+b <HOST>$", f"{stamp()} {'a' * 60}")
    assert report["verdict"]["cause"] == "runaway"
