"""The click side of `f2b`: the group of commands, the options they share, and how errors are told."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any, TypeVar

import click

from f2b import __version__
from f2b.cli.argument import WRONG_USAGE, fail, status_of
from f2b.cli.commands import COMMANDS
from f2b.control import client
from f2b.control.address import socket_path
from f2b.errors import F2bError

INTERRUPTED = 130

Function = TypeVar("Function", bound=Callable[..., Any])


class Server:
    """The server that a command talks to, found when it is first needed."""

    def __init__(self) -> None:
        self.socket: str | None = None
        self.directory: str | None = None

    @property
    def path(self) -> str:
        """Its socket."""
        return socket_path(self.socket, self.directory)

    def ask(self, request: str, **fields: object) -> Any:
        """Return the result of one request. Raises ControlError."""
        return client.request(self.path, request, client.PATIENCE_S, **fields)


class Commands(click.Group):
    """Commands whose modules are imported when they are called, listed under headings."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command, in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the command's module and return it."""
        if cmd_name not in COMMANDS:
            return None
        module = importlib.import_module(f"f2b.cli.{cmd_name}")
        command = getattr(module, cmd_name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under their headings, without importing any."""
        for heading in dict.fromkeys(entry.heading for entry in COMMANDS.values()):
            with formatter.section(heading):
                listed = [(name, entry.summary) for name, entry in COMMANDS.items() if entry.heading == heading]
                formatter.write_dl(listed)


def _set(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """Return a callback that notes an option, whether it stands before or after the command."""

    def note(ctx: click.Context, option: click.Parameter, value: str | None) -> None:
        if value is not None:
            setattr(ctx.find_object(Server), name, value)

    return note


def _where(function: Function) -> Function:
    for flags, name, what in (
        (("-c", "--config"), "directory", "Find the server by the configuration in DIR."),
        (("-s", "--socket"), "socket", "Talk to the server on this socket."),
    ):
        metavar = "DIR" if name == "directory" else "SOCKET"
        function = click.option(*flags, metavar=metavar, expose_value=False, callback=_set(name), help=what)(function)
    return function


def asks(function: Function) -> Function:
    """Give a command the options of all that ask the server: -s, -c and --json."""
    as_json = click.option("--json", "as_json", is_flag=True, help="Print the answer as JSON.")
    return _where(as_json(function))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@_where
@click.version_option(__version__, "-V", "--version", prog_name="f2b", message="%(prog)s %(version)s")
def f2b() -> None:
    """Reads logs, finds attackers and keeps them out.

    \b
    Examples:
      f2b status                 what is watched, who is banned
      f2b ban 192.0.2.7          keep an address out
      f2b COMMAND --help         more on a command, with examples

    Exit codes: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 no server answers.
    """


def run(argv: list[str]) -> int:
    """Run one command line; errors become one line on stderr, and the exit code."""
    try:
        status = f2b.main(argv or ["--help"], prog_name="f2b", standalone_mode=False, obj=Server())
        return status if isinstance(status, int) else 0
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "f2b"
        return fail(f"{error.format_message().rstrip('.')}; see '{command} --help'", WRONG_USAGE)
    except click.ClickException as error:
        return fail(error.format_message(), error.exit_code)
    except click.Abort:
        return INTERRUPTED
    except F2bError as error:
        return fail(str(error), status_of(error))
