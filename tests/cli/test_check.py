"""`f2b check`, as a user runs it: Debian's tree is sound, and planted mistakes are found where they were planted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STOCK = "/etc/fail2ban"
FILTER = "[Definition]\nfailregex = ^bad <HOST>$\n"
ACTION = "[Definition]\nactionban = echo <ip>\n"

# Every mistake: the jail's options, other files, and (file, text of the line that is to be named, words about it).
Mistake = tuple[str, dict[str, str], tuple[str, str, str]]
MISTAKES: dict[str, Mistake] = {
    "misspelt option": ("fitler = web", {}, ("jail.local", "fitler = web", "did you mean 'filter'?")),
    "misspelt filter": ("filter = webb", {}, ("jail.local", "filter = webb", "did you mean 'web'?")),
    "missing action": ("action = shout", {}, ("jail.local", "action = shout", "there is no action.d/shout.conf")),
    "bad time": ("findtime = 10 minuets", {}, ("jail.local", "findtime = 10 minuets", "minuets")),
    "bad number": ("maxretry = three", {}, ("jail.local", "maxretry = three", "no whole number")),
    "bad truth": ("ignoreself = perhaps", {}, ("jail.local", "ignoreself = perhaps", "neither true nor false")),
    "broken regex": (
        "filter = paren",
        {"filter.d/paren.conf": "[Definition]\nfailregex = ^a <HOST>$\n            ^b (<HOST>$\n"},
        ("filter.d/paren.conf", "^b (<HOST>$", "position"),
    ),
    "regex without host": (
        "filter = nobody",
        {"filter.d/nobody.conf": "[Definition]\n\nfailregex = ^nobody$\n"},
        ("filter.d/nobody.conf", "failregex = ^nobody$", "<HOST>"),
    ),
    "broken ignoreregex": ("ignoreregex = ^x[", {}, ("jail.local", "ignoreregex = ^x[", "")),
    "bad date pattern": ("datepattern = ^(%%Y", {}, ("jail.local", "datepattern = ^(%%Y", "")),
    "bad time zone": ("logtimezone = Mars/Base", {}, ("jail.local", "logtimezone = Mars/Base", "Mars/Base")),
    "bad encoding": ("logencoding = utf-9", {}, ("jail.local", "logencoding = utf-9", "utf-9")),
    "unknown option named": ("port = %(porrt)s", {}, ("jail.local", "port = %(porrt)s", "porrt")),
    "unknown section named": ("bantime = %(nosuch/time)s", {}, ("jail.local", "%(nosuch/time)s", "nosuch/time")),
    "lone percent": ("ignorecommand = a 5% b", {}, ("jail.local", "ignorecommand = a 5% b", "%%")),
    "endless tag": (
        "filter = round",
        {"filter.d/round.conf": "[Definition]\nfailregex = ^<one> <HOST>\none = <two>\ntwo = <one>\n"},
        ("filter.d/round.conf", "two = <one>", "refers to itself"),
    ),
    "no option": ("just some words", {}, ("jail.local", "just some words", "is no option")),
    "option given twice": ("bantime = 1h\nbantime = 2h", {}, ("jail.local", "bantime = 2h", "given twice")),
    "bytes that are no text": (
        "filter = latin",
        {"filter.d/latin.conf": "[Definition]\n# gr\udcfc\udcdfe\nfailregex = <HOST>\n"},
        ("filter.d/latin.conf", "# gr", "not UTF-8"),
    ),
    "bad network": ("ignoreip = ::1\n  10.0.0.0/33", {}, ("jail.local", "10.0.0.0/33", "10.0.0.0/33")),
    "bad backend": ("backend = systemdd", {}, ("jail.local", "backend = systemdd", "did you mean 'systemd'?")),
    "bad port": (
        "port = htpps\naction = native[port=%(port)s]",
        {"action.d/native.conf": "[Definition]\nactiontype = nftables\n[Init]\nblocktype = reject\n"},
        ("jail.local", "port = htpps", "htpps"),
    ),
    "bad blocktype": (
        "action = away",
        {"action.d/away.conf": "[Definition]\nactiontype = nftables\n[Init]\nname = x\nblocktype = away\n"},
        ("action.d/away.conf", "blocktype = away", "away"),
    ),
    "bad action type": (
        "action = kind",
        {"action.d/kind.conf": "[Definition]\nactiontype = magic\n"},
        ("action.d/kind.conf", "actiontype = magic", "magic"),
    ),
    "open bracket": ('action = say[name="x]', {}, ("jail.local", 'say[name="x]', "does not end")),
    "two actions of one name": ("action = say\n  say[x=1]", {}, ("jail.local", "say[x=1]", "two actions")),
    "circle of bases": (
        "filter = up",
        {
            "filter.d/up.conf": FILTER + "base = down\n",
            "filter.d/down.conf": FILTER + "base = up # comes round\n",
        },
        ("filter.d/down.conf", "base = up", "itself"),
    ),
}


@pytest.fixture
def tree(tmp_path: Path) -> Callable[[dict[str, Mistake]], Path]:
    """Write a configuration with a jail for each mistake, and nothing else that is wrong."""

    def write(mistakes: dict[str, Mistake]) -> Path:
        files = {"filter.d/web.conf": FILTER, "action.d/say.conf": ACTION}
        (tmp_path / "web.log").touch()
        jails = [f"[DEFAULT]\nenabled = true\nfilter = web\naction = say\nlogpath = {tmp_path}/web.log\nport = 1"]
        for number, (options, more, _) in enumerate(mistakes.values()):
            jails.append(f"[j{number}]\n{options}")
            files.update(more)
        files["jail.local"] = "\n".join(jails) + "\n"
        for name, text in files.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            (tmp_path / name).write_text(text, errors="surrogateescape")
        (tmp_path / "jail.conf").touch()
        return tmp_path

    return write


def checked(*args: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "f2b", "check", *args]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def found(*args: str) -> dict[str, Any]:
    answer: dict[str, Any] = json.loads(checked("--json", *args).stdout)
    return answer


def place(directory: Path, mistake: Mistake) -> tuple[str, int]:
    """Return where a mistake was planted."""
    file, line, _ = mistake[2]
    lines = (directory / file).read_text(errors="surrogateescape").splitlines()
    (number,) = [number for number, text in enumerate(lines, 1) if line in text]
    return str(directory / file), number


def test_debians_tree_when_all_of_it_is_checked_then_there_is_no_error() -> None:
    done = checked("--all", "-c", STOCK)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1].startswith("0 errors, ")


def test_mistakes_when_all_are_planted_then_each_is_named_with_its_line(
    tree: Callable[[dict[str, Mistake]], Path],
) -> None:
    directory = tree(MISTAKES)
    done = checked("-c", str(directory))
    assert done.returncode == 2, done
    lines = done.stdout.splitlines()
    for name, mistake in MISTAKES.items():
        file, line = place(directory, mistake)
        assert any(text.startswith(f"{file}:{line}: ") and mistake[2][2] in text for text in lines), (name, lines)
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_when_it_is_alone_then_nothing_else_is_told(
    tree: Callable[[dict[str, Mistake]], Path], name: str
) -> None:
    directory = tree({name: MISTAKES[name]})
    (problem,) = found("-c", str(directory))["problems"]
    assert (problem["file"], problem["line"]) == place(directory, MISTAKES[name])
    assert problem["jail"] == "j0"


def test_json_when_there_are_errors_and_warnings_then_counts_them(
    tree: Callable[[dict[str, Mistake]], Path],
) -> None:
    directory = tree({name: MISTAKES[name] for name in ("misspelt option", "bad time")})
    answer = found("-c", str(directory))
    assert (answer["errors"], answer["warnings"]) == (1, 1)
    assert [problem["severity"] for problem in answer["problems"]] == ["error", "warning"]
    assert set(answer["problems"][0]) == {"severity", "file", "line", "jail", "what", "cure"}


def test_what_the_host_lacks_when_a_jail_wants_it_then_is_a_warning(
    tree: Callable[[dict[str, Mistake]], Path],
) -> None:
    lacks = "logpath = /nonexistent/log\naction = tool"
    tool = {"action.d/tool.conf": "[Definition]\nactionban = nosuchprogram --ban <ip>\n"}
    done = checked("-c", str(tree({"": (lacks, tool, ("", "", ""))})))
    assert done.returncode == 0
    assert "nosuchprogram is not installed" in done.stdout
    assert "/nonexistent/log" in done.stdout
    assert done.stdout.splitlines()[-1] == "0 errors, 2 warnings"


def test_unused_files_when_all_are_checked_then_their_mistakes_are_told(
    tree: Callable[[dict[str, Mistake]], Path],
) -> None:
    files = {
        "filter.d/a.conf": "[Definition]\nfailregex = (<HOST>\n",
        "filter.d/b.conf": "[Definition]\nfailrgex = <HOST>\n",
        "filter.d/common.conf": "[Definition]\nx = %(given_by_who_includes_it)s\n",
        "filter.d/c.conf": "[INCLUDES]\nbefore = common.conf\n[Definition]\ngiven_by_who_includes_it = 1\n",
        "action.d/d.conf": "[Definition]\nactionban = <x>\nx = <x>\n",
    }
    directory = tree({"": ("enabled = false\nfindtime = x", files, ("", "", ""))})
    assert found("-c", str(directory))["problems"] == []
    told = found("--all", "-c", str(directory))["problems"]
    places = {(Path(one["file"]).name, one["line"]) for one in told}
    assert places == {("a.conf", 2), ("b.conf", 2), ("d.conf", 3), ("jail.local", 9)}


def test_folder_when_there_is_none_then_it_is_one_line_and_wrong_usage() -> None:
    done = checked("-c", "/nonexistent")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "/nonexistent" in line
