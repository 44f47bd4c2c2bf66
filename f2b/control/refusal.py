"""Refusing a Fail2Ban command in Fail2Ban's own words, and reading its arguments.

Its clients print the exception that the server answers with, and people's scripts read that; so each of these is one
of Fail2Ban's exceptions, by name.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from f2b import duration
from f2b.control.pickles import Raised
from f2b.control.protocol import WordsError

Args = Sequence[str]
_WORD = re.compile(r"[^\W\d]\w*")
_TRUE = ("1", "on", "true", "yes")


def refusal(what: str, kind: str = "Exception") -> WordsError:
    """Return the failure that Fail2Ban reports as a Python exception of type `kind`."""
    return WordsError(what, Raised("builtins", kind, (what,)))


def too_few() -> WordsError:
    """Return the failure of a command that lacks an argument."""
    raised = Raised("builtins", "IndexError", ("list index out of range",))
    return WordsError("Sorry but the command is invalid", raised)


def no_jail(name: str) -> WordsError:
    """Return the failure of a command about a jail that is not there."""
    raised = Raised("fail2ban.exceptions", "UnknownJailException", (name,))
    return WordsError(f"Sorry but the jail '{name}' does not exist", raised)


def jail_exists(name: str) -> WordsError:
    """Return the failure of making a jail that is there."""
    raised = Raised("fail2ban.exceptions", "DuplicateJailException", (name,))
    return WordsError(f"The jail '{name}' already exists", raised)


def no_action(name: str) -> WordsError:
    """Return the failure of a command about an action that is not there."""
    return no_key(f"Invalid Action name: {name}")


def no_key(name: str) -> WordsError:
    """Return the failure that Python names by what it looked up and did not find."""
    return WordsError(repr(name), Raised("builtins", "KeyError", (name,)))


def no_file(path: str) -> WordsError:
    """Return the failure of a log that is not there."""
    what = "No such file or directory"
    return WordsError(f"[Errno 2] {what}: {path!r}", Raised("builtins", "FileNotFoundError", (2, what, path)))


def nth(args: Args, at: int) -> str:
    """Return an argument. Raises WordsError if there are fewer."""
    if at >= len(args):
        raise too_few()
    return args[at]


def whole(args: Args) -> int:
    """Return the first argument as a number. Raises WordsError."""
    try:
        return int(nth(args, 0))
    except ValueError as error:
        raise refusal(str(error), "ValueError") from None


def seconds(args: Args) -> float:
    """Return the first argument, a time expression, in seconds. Raises WordsError."""
    text = nth(args, 0)
    try:
        return duration.seconds(text)
    except ValueError as error:
        raise refusal(no_time(text, error), "ValueError") from None


def no_time(text: str, error: ValueError) -> str:
    """Return what Fail2Ban says of a text that is no time: it reads them as Python, which knows no such name."""
    word = next((found[0] for found in _WORD.finditer(text) if not _is_unit(found[0])), "")
    return f"name {word!r} is not defined" if word else str(error)


def _is_unit(word: str) -> bool:
    try:
        duration.seconds(f"1{word}")
    except ValueError:
        return False
    return True


def truth(args: Args) -> bool:
    """Return whether the first argument means yes; anything unknown does not. Raises WordsError if there is none."""
    return nth(args, 0).lower() in _TRUE


def number(value: float) -> float:
    """Return whole seconds as the int that Fail2Ban prints."""
    return int(value) if value == int(value) else value
