"""`f2b`: finds the command that is called, and runs it.

A command's module is imported when the command is called, and click only for commands that use it: whoever calls
`f2b status` in a loop pays for status alone.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from collections.abc import Sequence

from f2b.cli.commands import COMMANDS

SELDOM = 50_000
"""So many objects more, and commands look for garbage: hardly anything of ours is any that has to be looked for, and
the looks take a seventh of the start of `f2b regex`, a tenth of a long replay. The server, once it is up, has numbers
of its own (`memory`)."""
_WHERE = ("-s", "--socket", "-c", "--config")


def main() -> None:
    """Run the command line and exit: 0 done, 1 the answer is no, 2 wrong usage or configuration, 3 no server."""
    gc.set_threshold(SELDOM)
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `f2b banned | head`: whoever read our output has seen enough
        sys.stdout = None
        status = 0
    if asks(sys.argv[1:]):
        os._exit(status)  # taking the interpreter down in good order takes a tenth of such a command
    sys.exit(status)


def asks(argv: Sequence[str]) -> bool:
    """Return whether a command line does nothing but ask, and has nothing to end in good order."""
    return _command_first(argv)[:1] in (["status"], ["ping"])


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
