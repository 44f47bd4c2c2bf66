"""Text to values. Every function raises ConfigError, with the place and what to write instead."""

from __future__ import annotations

from collections.abc import Sequence

from f2b import duration
from f2b.config.text import Value
from f2b.errors import ConfigError

_TRUE = ("1", "on", "true", "yes")
_FALSE = ("0", "off", "false", "no", "")


def boolean(value: Value) -> bool:
    """Return whether the word means yes."""
    word = value.text.lower()
    if word not in _TRUE and word not in _FALSE:
        raise ConfigError(f"{value.text!r} is neither true nor false", value.place, "write true or false")
    return word in _TRUE


def integer(value: Value) -> int:
    """Return a whole number."""
    try:
        return int(value.text)
    except ValueError:
        raise ConfigError(f"{value.text!r} is no whole number", value.place, "write a number such as 5") from None


def seconds(value: Value) -> float:
    """Return a time expression's seconds."""
    try:
        return duration.seconds(value.text)
    except ValueError as error:
        what, _, cure = str(error).partition("; ")
        raise ConfigError(what, value.place, cure) from None


def integers(value: Value) -> tuple[int, ...]:
    """Return whole numbers that blanks separate."""
    return tuple(integer(Value(word, value.places)) for word in value.text.split())


def near(word: str, choice: Sequence[str], cutoff: float = 0.65) -> str:
    """Return the cure for a misspelt word: the one of `choice` that was meant, or no cure."""
    import difflib  # only needed once something is wrong

    matches = difflib.get_close_matches(word.lower(), choice, 1, cutoff)
    return f"did you mean {matches[0]!r}?" if matches else ""
