"""`fail2ban-regex` beside the real one: same counts, same hits, same lists of lines, same -o."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from f2b.cli import compat_regex
from tests.filter import sample

ROOT = Path(__file__).parent.parent.parent
OURS = [sys.executable, "-c", "from f2b.cli.compat_regex import main; main()"]
ENV = {**os.environ, "TZ": "Europe/Zurich", "PYTHONPATH": str(ROOT)}
ALL = ("--print-all-matched", "--print-all-ignored", "--print-all-missed")
LOGS = ["apache-auth", "dovecot", "ejabberd-auth", "exim", "freeswitch", "guacamole"]
LOGS += ["mongodb-auth", "named-refused", "postfix", "proftpd", "slapd", "sshd"]


def run(command: Sequence[str], words: Sequence[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *map(str, words)], capture_output=True, text=True, env=ENV, check=False)


def body(words: Sequence[str | Path], command: Sequence[str]) -> str:
    """Return what matters of a report: from the first result on, without the time it took and date templates."""
    text = run(command, words).stdout.partition("Results\n=======\n")[2]
    text = re.sub(r"(?s)\nDate template hits:.*?\n\n", "\n", text)
    text = re.sub(r"(Prefregex: .*\n).*\n", r"\1", text)  # shown expanded: our own words for the same tags
    return re.sub(r"\[processed in .*\]", "", text)


@pytest.mark.parametrize("log", LOGS)
def test_report_when_beside_the_real_one_then_is_the_same(log: str) -> None:
    words: list[str | Path] = [*ALL, "--usedns", "raw", sample.LOGS / log, log]
    ours = body(words, OURS)
    assert "Lines: " in ours
    assert ours == body(words, ["/usr/bin/fail2ban-regex"])


@pytest.mark.parametrize("log", LOGS)
def test_lines_of_our_own_tool_when_beside_the_real_one_then_are_the_same(log: str, tmp_path: Path) -> None:
    copy = tmp_path / log
    copy.write_bytes((sample.LOGS / log).read_bytes() + b"\n")  # the real one leaves out a last line without an end
    words: list[str | Path] = ["--usedns", "raw", copy, log]
    counts = [
        re.findall(r"^(?:Lines|Failregex): .*", run(command, words).stdout, re.MULTILINE)
        for command in ([sys.executable, "-m", "f2b", "regex"], ["/usr/bin/fail2ban-regex"])
    ]
    assert len(counts[0]) == 2
    assert counts[0] == counts[1]


@pytest.mark.parametrize("form", ["msg", "id", "ip", "user", "<ip> <F-USER> <time> <family> <ip-rev>"])
def test_out_when_beside_the_real_one_then_is_the_same(form: str) -> None:
    words: list[str | Path] = ["-o", form, "--usedns", "raw", sample.LOGS / "sshd", "sshd"]
    ours = run(OURS, words).stdout
    assert ours
    assert ours == run(["/usr/bin/fail2ban-regex"], words).stdout


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
    assert run(["/usr/bin/fail2ban-regex"], words).returncode == status
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


@pytest.mark.parametrize("rules", [USERS, TUPLE, PLAIN], ids=("users", "tuple", "id"))
@pytest.mark.parametrize(
    "options",
    [
        *(["-o", form] for form in ("row", "id", "fid", "user", "<fid>|<F-ID/>|<F-user>|<F-USER>|<other>|<msg>")),
        *(
            [],
            ["-o", ""],
            ["-L", "4"],
            ["-d", "^%Y-%m-%d %H:%M:%S", "-e", "latin-1"],
            ["-e", "utf-8", "--no-check-all"],
        ),
    ],
    ids=" ".join,
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
    ours, real = (run(command, words).stdout for command in (OURS, ["/usr/bin/fail2ban-regex"]))
    assert ours
    assert re.sub(r"processed in .*", "", ours) == re.sub(r"processed in .*", "", real)
