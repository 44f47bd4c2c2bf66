"""A shell command and what came of it: the values between who words it, who runs it and who judges it."""

from __future__ import annotations

import signal
from typing import NamedTuple

NOT_FOUND = 127
"""The shell's status for a command that it cannot find."""


class Command(NamedTuple):
    """What `/bin/sh -c` gets: the text, and the values of `$0`, `$1`, ... in it."""

    text: str
    args: tuple[str, ...] = ()


class Result(NamedTuple):
    """How a command ended. `status` is the exit status, or minus the number of the signal that ended it."""

    status: int
    output: str = ""
    timed_out: bool = False

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
