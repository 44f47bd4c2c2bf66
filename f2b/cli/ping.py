"""`f2b ping`: whether the server answers."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.cli import show
from f2b.cli.argument import WHERE, Command, Given

HELP = """\
Usage: f2b ping [OPTIONS]

  Ask the server whether it is there. Exits with 3 if it is not.

  Examples:
    f2b ping || systemctl restart f2b
    f2b ping --json | jq .enforcing

Options:
  --json               Print the answer as JSON.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Find the server by the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("ping", HELP, {**WHERE, "json": "json"})


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _ping)


def _ping(given: Given) -> int:
    answer = given.ask("ping")
    if "json" in given.values:
        show.as_json(answer)
        return 0
    bans = "yes" if answer["enforcing"] else f"no ({answer['reason']})"
    print(f"pong from f2b {answer['version']}, process {answer['pid']}, enforcing: {bans}")
    return 0
