"""`fail2ban-regex` beside the real one: same counts, same hits, same lists of lines, same -o."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from f2b.cli import compat_regex, main
from tests.cli.beside import ours, real
from tests.filter import sample

ALL = ("--print-all-matched", "--print-all-ignored", "--print-all-missed")
LOGS = ["apache-auth", "dovecot", "exim", "freeswitch", "guacamole", "sshd"]
"""A prefregex, sessions, ignoreregex, several lines at once."""


def body(report: str) -> str:
    """Return what matters of a report: from the first result on, without the time it took and date templates."""
    text = report.partition("Results\n=======\n")[2]
    text = re.sub(r"(?s)\nDate template hits:.*?\n\n", "\n", text)
    text = re.sub(r"(Prefregex: .*\n).*\n", r"\1", text)  # shown expanded: our own words for the same tags
    return re.sub(r"\[processed in .*\]", "", text)


@pytest.mark.parametrize("log", LOGS)
def test_report_when_beside_the_real_one_then_is_the_same(log: str) -> None:
    words: list[str | Path] = [*ALL, "--usedns", "raw", sample.LOGS / log, log]
    found = body(ours(words))
    assert "Lines: " in found
    assert found == body(real(words).stdout)


@pytest.mark.parametrize("log", ["exim", "guacamole", "sshd"])
def test_lines_of_our_own_tool_when_beside_the_real_one_then_are_the_same(log: str, tmp_path: Path) -> None:
    copy = tmp_path / log
    copy.write_bytes((sample.LOGS / log).read_bytes() + b"\n")  # the real one leaves out a last line without an end
    words: list[str | Path] = ["--usedns", "raw", copy, log]
    reports = (ours(["regex", *words], main.run), real(words).stdout)
    counts = [re.findall(r"^(?:Lines|Failregex): .*", report, re.MULTILINE) for report in reports]
    assert len(counts[0]) == 2
    assert counts[0] == counts[1]


@pytest.mark.parametrize("form", ["msg", "user", "<ip> <F-USER> <time> <family> <ip-rev>"])
def test_out_when_beside_the_real_one_then_is_the_same(form: str) -> None:
    words: list[str | Path] = ["-o", form, "--usedns", "raw", sample.LOGS / "sshd", "sshd"]
    found = ours(words)
    assert found
    assert found == real(words).stdout


def test_lists_when_long_then_are_held_back(capsys: pytest.CaptureFixture[str]) -> None:
    text = "\n".join(f"line {number}" for number in range(25))
    assert compat_regex.run([text, "<ADDR>"]) == 0
    out = capsys.readouterr().out
    assert "Missed line(s): too many to print.  Use --print-all-missed to print all 25 lines" in out
    assert compat_regex.run([text, "<ADDR>", "--print-no-missed"]) == 0
    assert "Missed" not in capsys.readouterr().out


def test_inverted_when_asked_with_out_then_prints_what_does_not_match(capsys: pytest.CaptureFixture[str]) -> None:
    assert compat_regex.run(["-o", "msg", "-i", "a 192.0.2.1\nb", "<ADDR>$"]) == 0
    assert capsys.readouterr().out == "b\n"


@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["--help"], 0),
        (["-V"], 0),
        (["--version"], 0),
        ([], 255),
        (["a", "b", "c", "d"], 255),
        (["--bogus", "a", "b"], 2),
        (["-L", "x", "a", "b"], 2),
        (["x", "web%"], 255),
        (["x", "("], 255),
        (["x", "<HOST>", "("], 255),
        (["-d", "%Q", "x", "<HOST>"], 255),
        (["--TZ", "Foo/Bar", "x", "<HOST>"], 255),
        (["--print-all-missed", "--print-no-missed", "x", "<HOST>"], 255),
        (["x", "<HOST>y"], 0),
    ],
)
def test_exit_status_when_beside_the_real_one_then_is_the_same(
    words: list[str], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compat_regex.run(words) == status
    assert real(words).returncode == status
    printed = capsys.readouterr()
    assert (printed.err if status else printed.out).strip()


USERS = (
    "[Definition]\nprefregex = ^<F-MLFID> app\\[\\d+\\]:</F-MLFID> <F-CONTENT>.+</F-CONTENT>$\n"
    "failregex = ^failure of <F-USER>\\S+</F-USER> from <ADDR>$\n"
)
TUPLE = "[Definition]\nfailregex = failure of <F-TUPLE_ID>\\S+</F-TUPLE_ID> from <F-ID><ADDR></F-ID>$\n"
PLAIN = (
    "[Definition]\nfailregex = failure of <F-ID>\\S+</F-ID> from <ADDR>$\ndatepattern = ^%%Y-%%m-%%d %%H:%%M:%%S\n"
)
LINES = "2026-11-20 10:00:00 app[{}]: failure of {} from {}\n"


FORM = ["-o", "<fid>|<F-ID/>|<F-user>|<F-USER>|<other>|<msg>"]
SOME = [[], ["-o", "row"], FORM]
ALL_OPTIONS = [
    *(["-o", form] for form in ("id", "fid", "user", "")),
    *(["-L", "4"], ["-d", "^%Y-%m-%d %H:%M:%S", "-e", "latin-1"], ["-e", "utf-8", "--no-check-all"]),
]


@pytest.mark.parametrize(
    ("rules", "options"),
    [
        *(pytest.param(rules, options) for rules in (USERS, TUPLE, PLAIN) for options in SOME),
        *(pytest.param(USERS, options) for options in ALL_OPTIONS),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value[13:40],
)
def test_users_filter_when_beside_the_real_one_then_all_of_the_output_is_the_same(
    rules: str, options: list[str], tmp_path: Path
) -> None:
    (tmp_path / "filter.d").mkdir()
    mine = tmp_path / "filter.d" / "mine.conf"
    mine.write_text(rules)
    log = tmp_path / "log"
    log.write_text(LINES.format(1, "bob", "192.0.2.1") + LINES.format(2, "[eve]", "[2001:db8::1]") + "other\n")
    words: list[str | Path] = [*options, "--usedns", "raw", log, mine]
    found = ours(words)
    assert found
    assert re.sub(r"processed in .*", "", found) == re.sub(r"processed in .*", "", real(words).stdout)
