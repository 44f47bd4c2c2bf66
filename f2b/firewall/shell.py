"""The steps of an action and what came of them: the values between who words them, who runs and who judges them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Mapping

from f2b.named import NamedTuple

SHELL = "/bin/sh"

NOT_FOUND = 127
"""The shell's status for a command that it cannot find."""


class Command(NamedTuple):
    """What `/bin/sh -c` gets: the text, and the values of `$0`, `$1`, ... in it."""

    text: str
    args: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What is executed."""
        return (SHELL, "-c", self.text, *self.args)


class Program(NamedTuple):
    """What runs without a shell: its words, what its environment has beside ours, and what it can read."""

    words: tuple[str, ...]
    environ: Mapping[str, str]
    input: str


class HostName(NamedTuple):
    """A question: what is an address called? The name is the result's output; a failure means that it has none."""

    address: str


class Call(NamedTuple):
    """A call of a Python action's method, made by a thread. What it returns is the result's value."""

    what: str
    make: Callable[[], object]


Step = Command | Program | HostName | Call


class Result(NamedTuple):
    """How a step ended. `status` is the exit status, or minus the number of the signal that ended it."""

    status: int
    output: str = ""
    timed_out: bool = False
    value: object = None

    @property
    def ok(self) -> bool:
        """Only exit status 0 is success."""
        return self.status == 0 and not self.timed_out

    def reason(self, timeout: float) -> str:
        """Return why it failed, in Fail2Ban's words; `timeout` is what it was given, in seconds."""
        if self.timed_out:
            return f"timed out after {timeout:g} seconds."
        if self.status == NOT_FOUND:
            return "returned 127: a command was not found; is it installed, and is it in the server's PATH?"
        number = -self.status if self.status < 0 else self.status - 128
        if number > 0 and number in list(signal.Signals):
            return f"killed with {signal.Signals(number).name} (return code: {self.status})"
        return f"returned {self.status}"
