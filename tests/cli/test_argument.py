"""Command lines read by hand: the words of click, without it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from f2b.cli.argument import Command, Given
from f2b.errors import ConfigError, ControlError, StoreError

COMMAND = Command(
    "probe", "Usage: f2b probe\n", {"s": "socket=", "q": "quiet", "json": "json", "db=": "db="}, words=1
)


@pytest.mark.parametrize(
    ("line", "values", "words"),
    [
        ("", {}, []),
        ("word", {}, ["word"]),
        ("-s a word --json", {"socket": ["a"], "json": [""]}, ["word"]),
        ("--socket=a -sb --socket c", {"socket": ["a", "b", "c"]}, []),
        ("-qsa --db x", {"quiet": [""], "socket": ["a"], "db": ["x"]}, []),
        ("-- -s", {}, ["-s"]),
    ],
)
def test_command_when_the_line_makes_sense_then_it_is_understood(
    line: str, values: dict[str, list[str]], words: list[str]
) -> None:
    seen: list[Given] = []

    def act(given: Given) -> int:
        seen.append(given)
        return 7

    assert COMMAND.run(line.split(), act) == 7
    assert seen == [Given(values, words)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("--nosuch", "No such option '--nosuch'"),
        ("-x", "No such option '-x'"),
        ("-s", "Option '-s' requires an argument"),
        ("a b", "Got unexpected extra argument (b)"),
    ],
)
def test_command_when_the_line_makes_no_sense_then_it_says_why(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert COMMAND.run(line.split(), lambda given: 0) == 2
    assert capsys.readouterr() == ("", f"f2b: {said}; see 'f2b probe --help'\n")


@pytest.mark.parametrize("line", ["-h", "--help", "-q --help a b"])
def test_command_when_help_is_asked_for_then_it_is_printed(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND.run(line.split(), lambda given: 1) == 0
    assert capsys.readouterr() == ("Usage: f2b probe\n", "")


@pytest.mark.parametrize(
    ("error", "status"), [(ControlError("it", 3), 3), (ConfigError("it"), 2), (StoreError("it"), 1)]
)
def test_command_when_it_fails_then_the_exit_code_says_by_whose_fault(
    error: Exception, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    def act(given: Given) -> int:
        raise error

    assert COMMAND.run([], act) == status
    assert capsys.readouterr().err == "f2b: it\n"


DEAR = {
    "asyncio",
    "argparse",
    "click",
    "ctypes.util",
    "dataclasses",
    "inspect",
    "logging",
    "pyroute2",
    "subprocess",
    "tempfile",
}


def brought(module: str) -> set[str]:
    """Return what an import brings along; what an editable install brings at every start does not count."""
    listed = f"import sys; before = {{*sys.modules}}; import {module}; print(*{{*sys.modules}} - before)"
    return {
        *subprocess.run([sys.executable, "-c", listed], capture_output=True, text=True, check=True).stdout.split()
    }


@pytest.mark.parametrize("module", ["f2b.cli.serve", "f2b.cli.status", "f2b.cli.ping", "f2b.cli.compat_client"])
def test_command_when_imported_then_nothing_dear_comes_along(module: str) -> None:
    assert not brought(module) & DEAR


@pytest.mark.parametrize("module", ["f2b.cli.status", "f2b.cli.ping", "f2b.cli.compat_client"])
def test_client_when_imported_then_it_does_not_bring_the_server_or_the_reader(module: str) -> None:
    unwanted = ("f2b.config", "f2b.daemon", "f2b.engine", "pathlib")
    assert not [name for name in brought(module) if name.startswith(unwanted)]
