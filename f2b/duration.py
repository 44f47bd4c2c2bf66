"""Durations: what people write (`10m`, `1d 12h`, `1y-6mo`) and seconds."""

from __future__ import annotations

import re

MINUTE, HOUR, DAY, WEEK = 60, 3600, 86400, 604800
MONTH, YEAR = 2629800, 31557600  # Fail2Ban's: a year of 365.25 days, and a twelfth of it
LONGEST = 100
"""Characters that an expression may have: no duration needs more, and nesting stays shallow."""

_UNITS = [
    (1, "s ss se sec second seconds"),
    (MINUTE, "m mm mi min minute minutes"),
    (HOUR, "h hh ho hou hour hours"),
    (DAY, "d dd da day days"),
    (WEEK, "w ww we wee week weeks"),
    (MONTH, "mo mon month months"),
    (YEAR, "y yy ye yea year years"),
]
_SECONDS = {word: size for size, words in _UNITS for word in words.split()}
_TOKEN = r"\s*(?:(?P<number>\d+(?:\.\d*)?|\.\d+)(?![.\d])|(?P<word>[a-z]+)|(?P<sign>[-+*/()]))\s*"
"""Compiled when it is first needed: clients, which are called in loops, only show durations."""
_LOG_YEAR = 365 * DAY
_SHOWN = [(WEEK, "w"), (DAY, "d"), (HOUR, "h"), (MINUTE, "m"), (1, "s")]


def seconds(text: str) -> float:
    """Return the seconds that a time expression of Fail2Ban means, an int when they are whole.

    Units, sums of neighbours (`1d 12h`), decimals and `+ - * / ( )`; letters in any case. A unit multiplies what
    stands left of it, as `*` would: `2h/30m` is `2*3600/30*60`, in Fail2Ban too. Raises ValueError.
    """
    try:
        total = _Sum(text).value()
    except ZeroDivisionError:
        raise ValueError(f"{text!r} divides by zero") from None
    return int(total) if total == int(total) else total


def human(duration: float) -> str:
    """Return seconds as people write them: `10m`, `1d 12h`; a negative number is `permanent`."""
    if duration < 0:
        return "permanent"
    if duration < 1:
        return f"{duration:g}s"
    return _parts(int(duration), *_SHOWN)


def spelt(duration: float) -> str:
    """Return seconds as Fail2Ban's log has them: the longer the rougher; a negative number is `permanent`.

    Found out by looking: minutes are exact (`17m 4s`), hours have whole minutes, weeks whole hours, years whole days.
    """
    if duration < 0:
        return "permanent"
    if duration < MINUTE:
        return f"{duration}s"
    minutes = round(duration / MINUTE, 1)
    if minutes < HOUR / MINUTE:
        rest = duration % MINUTE
        return f"{duration // MINUTE}m" + (f" {rest}s" if rest else "")
    if duration < DAY:
        return _parts(int(minutes) * MINUTE, (HOUR, "h"), (MINUTE, "m"))
    if duration < WEEK:
        return _parts(round(duration / MINUTE) * MINUTE, (DAY, "d"), (HOUR, "h"), (MINUTE, "m"))
    if duration < _LOG_YEAR:
        return _parts(round(duration / HOUR) * HOUR, (WEEK, "w"), (DAY, "d"), (HOUR, "h"))
    return _parts(round(duration / DAY) * DAY, (_LOG_YEAR, "y"), (WEEK, "w"), (DAY, "d"))


def _parts(rest: int, *units: tuple[int, str]) -> str:
    words = []
    for size, unit in units:
        count, rest = divmod(rest, size)
        if count:
            words.append(f"{count}{unit}")
    return " ".join(words)


class _Sum:
    """Reads one expression from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._tokens.reverse()

    def value(self) -> float:
        """Return the whole expression's value."""
        total = self._sum()
        if self._tokens:
            raise self._error()
        return total

    def _sum(self) -> float:
        total = self._product()
        while self._tokens and self._tokens[-1] != ")":
            if self._tokens[-1] == "-":
                self._tokens.pop()
                total -= self._product()
            elif self._tokens[-1] == "+":
                self._tokens.pop()
                total += self._product()
            elif self._tokens[-1][0] in ".0123456789":
                total += self._product()  # neighbours, as in `1d 12h`
            else:
                raise self._error()
        return total

    def _product(self) -> float:
        total = self._single()
        while self._tokens:
            if self._tokens[-1] in _SECONDS:
                total *= _SECONDS[self._tokens.pop()]
            elif self._tokens[-1] == "*":
                self._tokens.pop()
                total *= self._single()
            elif self._tokens[-1] == "/":
                self._tokens.pop()
                total /= self._single()
            else:
                break
        return total

    def _single(self) -> float:
        if not self._tokens:
            raise self._error()
        token = self._tokens.pop()
        if token == "-":
            return -self._single()
        if token == "+":
            return self._single()
        if token == "(":
            total = self._sum()
            if not self._tokens:
                raise self._error()
            self._tokens.pop()
            return total
        if token[0] not in ".0123456789":
            raise self._error()
        return int(token) if token.isdigit() else float(token)

    def _error(self) -> ValueError:
        return ValueError(f"{self._text!r} is no duration; write 600, 10m or 1d 12h")


def _tokens(text: str) -> list[str]:
    """Return numbers, words and signs, in lower case. Raises ValueError at anything else."""
    lower = text.lower() if text.isascii() and len(text) <= LONGEST else "?"
    tokens, position = [], 0
    pattern = re.compile(_TOKEN)
    while position < len(lower):
        token = pattern.match(lower, position)
        if token is None or (token["word"] or "s") not in _SECONDS:
            raise ValueError(f"{text!r} is no duration; write 600, 10m or 1d 12h")
        tokens.append(token[token.lastgroup or 0])
        position = token.end()
    return tokens
