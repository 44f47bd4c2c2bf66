"""`fail2ban-client`: Fail2Ban's commands for our server; same arguments, same output, same exit codes.

People and monitoring call it in loops, so it imports little and parses by hand.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from f2b import __version__
from f2b.cli import compat_show
from f2b.cli.compat_help import usage
from f2b.cli.compat_options import FAILED, Answered, Options, parse
from f2b.control import FAIL2BAN_VERSION, client
from f2b.errors import ControlError

if TYPE_CHECKING:
    from pathlib import Path

    from f2b.config.model import Problem

PROGRAM = "fail2ban-client"
_VERBOSE = 1
_RELOAD_OPTIONS = ("--restart", "--unban", "--if-exists", "--all")
_BANNER = f"Fail2Ban v{FAIL2BAN_VERSION}'s commands, for f2b {__version__}\n'help' lists them, 'exit' ends.\n"

Start = Callable[[Options, str], int]
"""Starts a server that will answer on a socket; returns the exit code."""


def main() -> None:
    """Run the command line and exit: 0 done, 255 anything else."""
    leave(PROGRAM, _spawn)


def leave(program: str, start: Start) -> None:
    """Run the command line of `program` and exit."""
    try:
        status = run(sys.argv[1:], program, start)
        sys.stdout.flush()
    except BrokenPipeError:
        sys.stdout = None
        status = 0
    except KeyboardInterrupt:
        status = FAILED
    sys.exit(status)


def run(argv: Sequence[str], program: str, start: Start) -> int:
    """Run one command line and return its exit code; `start` is how this program starts the server."""
    try:
        return Client(parse(argv, program), program, start).run()
    except Answered as answered:
        print(answered.text)
        if answered.log:
            print(answered.log, file=sys.stderr)
        return answered.status


class Client:
    """One run of the program."""

    def __init__(self, options: Options, program: str, start: Start) -> None:
        self._options = options
        self._program = program
        self._start_server = start
        self._socket = ""

    def run(self) -> int:
        """Find the server and do what was asked."""
        options = self._options
        directory = options.value("conf")
        if directory is not None and not options.value("socket") and not os.path.isdir(directory):
            print(f"ERROR: Base configuration directory {directory} does not exist ")
            return self._error("Init of command line failed")
        self._socket = options.value("socket") or _configured_socket(directory)
        if options.verbosity >= _VERBOSE:
            self._log("INFO", f"Using socket file {self._socket}")
        if options.flags & {"d", "dp"}:
            return self._dump(directory)
        if "test" in options.flags and not self._passes(directory):
            return FAILED
        return self._do_all()

    def _dump(self, directory: str | None) -> int:
        """Print the commands that would set a server up."""
        flags = self._options.flags
        lines, errors = _dumped(directory, "dp" in flags)
        for line in lines:
            print(line)
        for error in errors:
            self._error(str(error))
        if errors and ("test" in flags or not any(line.startswith("['start'") for line in lines)):
            print("ERROR: test configuration failed")
            return FAILED
        if "test" in flags:
            print("OK: configuration test is successful")
        return 0

    def _do_all(self) -> int:
        """Carry out the command, and those from standard input with -i."""
        options = self._options
        status = self._carry_out(options.command) if options.command else FAILED
        if "i" in options.flags:
            return self._converse()
        if not options.command and "test" in options.flags:
            print("OK: configuration test is successful")
            return 0
        if not options.command:
            print(usage(self._program))
        return status

    def _passes(self, directory: str | None) -> bool:
        """Return whether the configuration is without errors; tell those that it has."""
        errors = _test(directory)
        for error in errors:
            self._error(str(error))
        if errors:
            print("ERROR: test configuration failed")
        return not errors

    def _carry_out(self, command: Sequence[str]) -> int:
        name, args = command[0], command[1:]
        if name == "start" and not args:
            return self._start()
        if name == "restart":
            return self._reload(["--restart", *args]) if args else self._restart()
        if name == "reload":
            return self._reload(args)
        if name == "ping":
            return self._ping(command)
        return self._tell(command)

    def _converse(self) -> int:
        """Carry out commands from standard input until it ends."""
        import shlex  # late: nobody else needs it

        print(_BANNER)
        while True:
            try:
                line = input("fail2ban> ")
            except EOFError as error:
                print()
                return self._error(str(error))
            try:
                command = shlex.split(line)
            except ValueError as error:
                self._error(str(error))
                continue
            if command in (["exit"], ["quit"]):
                return 0
            if command == ["help"]:
                print(usage(self._program))
            elif command:
                self._carry_out(command)

    # ---- what needs the server ----------------------------------------------------------------------------

    def _tell(self, command: Sequence[str], timeout: float = client.PATIENCE_S) -> int:
        """Send a command and print its answer."""
        try:
            result = client.words(self._socket, command, timeout)
        except client.AnswerError as error:
            if command[0] == "reload" and not error.kind:  # the configuration is at fault, and it has many lines
                return self._error(f"Failed during configuration: {error}")
            print(error)
            return self._error(f"NOK: {error.details or (str(error),)}")
        except client.NoServerError as error:
            return self._error(self._reason(error, command[0]))
        except ControlError as error:
            return self._error(str(error))
        print(compat_show.render(command, result))
        return 0

    def _ping(self, command: Sequence[str]) -> int:
        try:
            timeout = float(command[1]) if len(command) > 1 else client.PATIENCE_S
        except ValueError as error:
            return self._error(str(error))
        return self._tell(command, timeout)

    def _reason(self, error: client.NoServerError, command: str) -> str:
        if not os.path.exists(self._socket):
            return f"Failed to access socket path: {self._socket}. Is fail2ban running?"
        if isinstance(error.cause, PermissionError):
            return f"Permission denied to socket: {self._socket}, (you must be root)"
        return str(error.cause) if command == "ping" else f"[{error.cause}] Unable to contact server. Is it running?"

    def _reload(self, args: Sequence[str]) -> int:
        names = [word for word in args if word not in _RELOAD_OPTIONS]
        if len(names) > 1:
            return self._error(f"Unexpected argument(s) for reload: {names}")
        if not self._answers():
            return self._error("Could not find server")
        directory = self._options.value("conf")
        if names and (directory or not self._options.value("socket")) and not _has_jail(directory, names[0]):
            return self._error(f"Failed during configuration: No section: {names[0]!r}")
        self._say("reload")
        options = [word for word in args if word in _RELOAD_OPTIONS and word != "--all"]
        return self._tell(["reload", names[0] if names else "--all", *options])

    def _answers(self) -> bool:
        return client.answers(self._socket, self._options.timeout)

    # ---- start and restart --------------------------------------------------------------------------------

    def _restart(self) -> int:
        self._say("stop")
        if self._tell(["stop"]) == 0 and not client.wait_gone(self._socket, self._options.timeout):
            return self._error("Could not stop server")
        self._say("load configuration")
        self._say("start")
        return self._start()

    def _start(self) -> int:
        if self._answers():
            return self._error("Server already running")
        sys.stdout.flush()
        return self._start_server(self._options, self._socket)

    def _say(self, step: str) -> None:
        """Name what is being done to whoever types commands."""
        if "i" in self._options.flags:
            print(f"  ## {step} ... ")

    # ---- stderr -------------------------------------------------------------------------------------------

    def _error(self, text: str) -> int:
        self._log("ERROR", text)
        return FAILED

    def _log(self, level: str, text: str) -> None:
        now = time.time()
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
        head = f"{stamp},{int(now % 1 * 1000):03d} {'fail2ban':<24}[{os.getpid()}]: {level:<7}"
        print(f"{head} {text}", file=sys.stderr)


def _configured_socket(directory: str | None) -> str:
    # Late: reading the configuration costs three times what asking the server does, and -s does without.
    from f2b.control.address import socket_path

    return socket_path(None, directory)


def _folder(directory: str | None) -> Path | None:
    from pathlib import Path  # late for the same reason

    return Path(directory) if directory else None


def _has_jail(directory: str | None, name: str) -> bool:
    from f2b.config import search  # late for the same reason

    settings = search.load(_folder(directory), only=(name,), disabled=True)
    named = (*(spec.name for spec in (*settings.jails, *settings.broken)), *(it.jail for it in settings.problems))
    return name in named


def _test(directory: str | None) -> list[Problem]:
    from f2b.config import search  # late for the same reason

    settings = search.load(_folder(directory))
    return [problem for problem in settings.problems if problem.severity == "error"]


def _dumped(directory: str | None, pretty: bool) -> tuple[list[str], list[Problem]]:
    """Return the commands, and the errors of the configuration."""
    from f2b.config import search, stream  # late for the same reason

    settings = search.load(_folder(directory))
    show = stream.pretty if pretty else repr
    lines = [show(command) for command in stream.commands(settings, search.Machine().logs)]
    return lines, [problem for problem in settings.problems if problem.severity == "error"]


def _spawn(options: Options, socket: str) -> int:
    """Hand over to `fail2ban-server`, which says `Server ready` when it is."""
    script = os.path.join(os.path.dirname(sys.argv[0]), "fail2ban-server")  # so that `ps` shows its name
    from f2b import bundle  # late: only who starts a server needs it

    ours = bundle.again("fail2ban-server", "f2b.cli.compat_server")
    program = [sys.executable, script] if os.path.isfile(script) else ours
    mode = "-f" if "f" in options.flags else "-b"
    return os.spawnv(os.P_WAIT, sys.executable, [*program, *options.passed_on(), mode, "start"])
