"""`f2b`: which commands there are, and which module does each.

A command's module is imported when the command is called, and click only for commands that use it: whoever calls
`f2b status` in a loop pays for status alone.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from typing import NamedTuple


class Entry(NamedTuple):
    """A command: the heading it stands under in `f2b --help`, and what it does."""

    heading: str
    summary: str
    by_hand: bool = False
    """Its module reads the arguments itself (`main(argv) -> int`); else it holds a click command of its own name."""


_ASK = "Ask the server"
_TELL = "Tell the server"
_RUN = "Run it"
_TRY = "Try things out, without a server"

COMMANDS = {
    "status": Entry(_ASK, "What the server watches, and whom each jail keeps out"),
    "banned": Entry(_ASK, "Who is banned, where and until when"),
    "ping": Entry(_ASK, "Whether the server answers, and whether it enforces bans"),
    "ban": Entry(_TELL, "Keep addresses out"),
    "unban": Entry(_TELL, "Let addresses in again"),
    "reload": Entry(_TELL, "Read the configuration again"),
    "stop": Entry(_TELL, "End the server"),
    "serve": Entry(_RUN, "Watch logs and ban, in the foreground"),
    "regex": Entry(_TRY, "Run a filter over a log and report what it finds", by_hand=True),
    "demo": Entry(_TRY, "See an attack detected and banned, harmlessly"),
}
_WHERE = ("-s", "--socket", "-c", "--config")


def main() -> None:
    """Run the command line and exit: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 no server."""
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `f2b banned | head`: whoever read our output has seen enough
        sys.stdout = None
        status = 0
    sys.exit(status)


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    words = _command_first(argv)
    if words and words[0] in COMMANDS and COMMANDS[words[0]].by_hand:
        module = importlib.import_module(f"f2b.cli.{words[0]}")
        return int(module.main(words[1:]))
    group = importlib.import_module("f2b.cli.group")
    return int(group.run(words))


def _command_first(argv: Sequence[str]) -> list[str]:
    """Move what tells where the server is (-s, -c) behind the command: every command takes it there."""
    at = 0
    while at < len(argv) and argv[at].startswith(_WHERE):
        at += 2 if argv[at] in _WHERE else 1
    if at < len(argv) and argv[at] in COMMANDS:
        return [argv[at], *argv[:at], *argv[at + 1 :]]
    return list(argv)
