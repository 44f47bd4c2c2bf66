"""The options of `fail2ban-client` and `fail2ban-server`, read as Fail2Ban reads them: by getopt, in their order."""

from __future__ import annotations

import getopt
from collections.abc import Sequence

from f2b import __version__, duration
from f2b.cli.compat_help import usage
from f2b.control import FAIL2BAN_VERSION

FAILED = 255
"""Fail2Ban's exit code for everything that goes wrong."""
_SHORT = "c:s:p:dtivqxbfhV"
_LONG = ["conf=", "socket=", "pidfile=", "pname=", "loglevel=", "logtarget=", "syslogsocket=", "timeout=", "str2sec="]
_LONG_FLAGS = ["dp", "dump-pretty", "test", "async", "help", "version"]


class Options:
    """What stands before the command, and the command."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        """By long name; what was given only."""
        self.flags: set[str] = set()
        self.verbosity = 0
        self.timeout = 30.0
        """Seconds to wait for the server's start or end."""
        self.command: list[str] = []

    def value(self, name: str) -> str | None:
        """Return an option's value, None if it was not given."""
        return self.values.get(name)

    def passed_on(self) -> list[str]:
        """Return the arguments that a server is started with on our behalf."""
        given = [word for name, value in self.values.items() for word in (f"--{name}", value)]
        return [*given, "--timeout", f"{self.timeout:g}", *(["-x"] if "x" in self.flags else [])]


class Answered(Exception):  # noqa: N818 - no error: help was asked for, say
    """The command line needs no server: `text` is for stdout, `log` for stderr, `status` the exit code."""

    def __init__(self, text: str, status: int = 0, log: str = "") -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.log = log


def parse(argv: Sequence[str], program: str) -> Options:
    """Return what a command line says. Raises Answered."""
    options = Options()
    try:
        given, options.command = getopt.getopt(list(argv), _SHORT, _LONG + _LONG_FLAGS)
    except getopt.GetoptError:
        raise _wrong(usage(program)) from None
    if program == "fail2ban-server" and not options.command:
        options.command = ["start"]
    for flag, value in given:
        _note(options, flag, value, program)
    return options


_NAMES = {"-c": "conf", "-s": "socket", "-p": "pidfile", "-h": "help", "-t": "test", "--dump-pretty": "dp"}


def _note(options: Options, flag: str, value: str, program: str) -> None:
    name = _NAMES.get(flag, flag.lstrip("-"))
    if flag in ("-v", "-q"):
        options.verbosity += 1 if flag == "-v" else -1
    elif name == "timeout":
        options.timeout = _seconds(value)
    elif f"{name}=" in _LONG:
        _note_value(options, name, value)
    elif name == "help":
        raise Answered(usage(program))
    elif flag == "-V":
        raise Answered(FAIL2BAN_VERSION)
    elif name == "version":
        raise Answered(f"Fail2Ban v{FAIL2BAN_VERSION} (f2b {__version__})")
    else:
        options.flags.add(name)


def _note_value(options: Options, name: str, value: str) -> None:
    if name == "str2sec":
        raise Answered(str(_seconds(value)))
    options.values[name] = value


def _seconds(text: str) -> float:
    try:
        return duration.seconds(text)
    except ValueError as error:
        raise _wrong(f"ERROR: {error}") from None


def _wrong(text: str) -> Answered:
    return Answered(text, FAILED, "Init of command line failed")
