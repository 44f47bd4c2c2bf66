"""The known forms of a date: what each directive of a date pattern stands for, and the default patterns.

Data only. `pattern` makes regexes of it, `value` makes times of what they catch. The directives are those of
`datepattern` in jail.conf(5): strptime's, with stricter twins under `%Ex`.
"""

from __future__ import annotations

import re

from f2b.named import NamedTuple

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_NAMES = (
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
)
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_NAMES = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")

YEARS_AHEAD = 3
"""`%ExY` takes the decades from 2000 to the one that this many years from now belong to."""

YEAR_WRITTEN = 2026
"""The real year is never before this one; a clock that is set back (to replay old logs) may be."""


class Directive(NamedTuple):
    """One `%x` of a date pattern."""

    group: str
    """The regex group that catches it. A pattern may hold each group once."""
    regex: str
    word: str
    """What it is called in a template's name, as Fail2Ban shows it."""


_OFFSET = r"[+-][01]\d(?::?\d\d)?"
_ABBREVIATION = r"[A-Z]{3,5}|[A-Z]"

DIRECTIVES = {
    "a": Directive("a", "|".join(DAYS), "DAY"),
    "A": Directive("A", "|".join(DAY_NAMES), "DAYNAME"),
    "b": Directive("b", "|".join(MONTHS), "MON"),
    "B": Directive("B", "|".join(MONTH_NAMES), "MONTH"),
    "d": Directive("d", r"[12]\d|0?[1-9]| [1-9]|3[01]", "Day"),
    "f": Directive("f", r"[0-9]{1,6}", "Microseconds"),
    "H": Directive("H", r"[01]?\d|2[0-3]", "24hour"),
    "I": Directive("I", r"1[0-2]|0?[1-9]", "12hour"),
    "j": Directive("j", r"36[0-6]|3[0-5]\d|[12]\d\d|0[1-9]\d|00[1-9]|[1-9]\d|0?[1-9]", "Yearday"),
    "k": Directive("k", r" ?[0-2]?\d", "%k"),
    "l": Directive("l", r" ?1?\d", "%l"),
    "m": Directive("m", r"0?[1-9]|1[0-2]", "Month"),
    "M": Directive("M", r"[0-5]?\d", "Minute"),
    "p": Directive("p", r"am|pm", "AMPM"),
    "S": Directive("S", r"[0-5]?\d|6[01]", "Second"),
    "U": Directive("U", r"5[0-3]|[0-4]\d|\d", "Yearweek"),
    "W": Directive("W", r"5[0-3]|[0-4]\d|\d", "Yearweek"),
    "w": Directive("w", r"[0-6]", "Weekday"),
    "y": Directive("y", r"\d\d", "Year2"),
    "Y": Directive("Y", r"\d{4}", "Year"),
    "z": Directive("z", rf"Z|UTC|GMT|{_OFFSET}", "Zone offset"),
    "Z": Directive("Z", r"Z|[A-Z]{3,5}", "Zone name"),
    "Exd": Directive("d", r"3[01]|[12]\d|0[1-9]", "ExDay"),
    "Exm": Directive("m", r"1[0-2]|0[1-9]", "ExMonth"),
    "ExH": Directive("H", r"2[0-3]|[01]\d", "Ex24hour"),
    "ExM": Directive("M", r"[0-5]\d", "ExMinute"),
    "ExS": Directive("S", r"6[01]|[0-5]\d", "ExSecond"),
    "Exk": Directive("k", r" ?(?:[01]?\d|2[0-3])", "Ex%k"),
    "Exl": Directive("l", r" ?(?:1[0-2]|\d)", "Ex%l"),
    "Exy": Directive("y", r"\d\d", "ExYear2"),
    "ExY": Directive("Y", "", "ExYear"),  # its regex depends on the year: see `decades`
    "Exz": Directive("z", rf"{_OFFSET}|(?:{_ABBREVIATION})(?:{_OFFSET})?", "ExZone offset"),
    "ExZ": Directive("Z", _ABBREVIATION, "ExZone name"),
}
COMPOSED = {
    "c": (r"%a\s+%b\s+%d\s+%H:%M:%S\s+%Y", "%c"),
    "x": ("%m/%d/%y", "%x"),
    "X": ("%H:%M:%S", "%X"),
}
"""Directives that stand for several, and their words."""

NAMES = frozenset("aAbBpc")
"""A pattern with one of these names things by letters, and so takes them in either case."""

_CLOCK = "%H:%M:%S"
_PADDED = "%k:%M:%S"
DEFAULTS = (
    rf"%ExY(?P<_sep>[-/.])%m(?P=_sep)%d(?:T|  ?){_CLOCK}(?:[.,]%f)?(?:\s*%z)?",
    rf"(?:%a )?%b %d {_PADDED}(?:\.%f)?(?: %ExY)?",
    rf"(?:%a )?%b %d %ExY {_PADDED}(?:\.%f)?",
    rf"%d(?P<_sep>[-/])%m(?P=_sep)(?:%ExY|%Exy) {_PADDED}",
    rf"%d(?P<_sep>[-/])%b(?P=_sep)%ExY[ :]?{_CLOCK}(?:\.%f)?(?: %z)?",
    f"%m/%d/%ExY:{_CLOCK}",
    rf"%m-%d-%ExY {_PADDED}(?:\.%f)?",
    "EPOCH",
    f"{{^LN-BEG}}{_CLOCK}",
    f"^<%m/%d/%Exy@{_CLOCK}>",
    f"%Exy%Exm%Exd  ?{_CLOCK}",
    "%b %d, %ExY %I:%M:%S %p",
    f"^%b-%d-%Exy {_PADDED}",
    r"%ExY%Exm%Exd(?:-|T|  ?)%ExH:?%ExM:?%ExS(?:[.,]%f)?(?:\s*%z)?",
    rf"(?:%Z )?(?:%a )?%b %d {_PADDED}(?:\.%f)?(?: %ExY)?",
    rf"(?:%z )?(?:%a )?%b %d {_PADDED}(?:\.%f)?(?: %ExY)?",
    "TAI64N",
)
"""What is looked for where no datepattern is set, in this order (jail.conf(5), Fail2Ban 1.1)."""

HINT = re.compile(r":\d|\d{8}|@[0-9a-f]{24}")
"""What a line with a date of any default pattern holds: most lines without a date need no other look."""


def decades(year: int) -> str:
    """Return the regex of `%ExY` in that year: four digits, 2000 to the end of the decade three years ahead."""
    last = (max(year, YEAR_WRITTEN) + YEARS_AHEAD) // 10
    return f"(?:{'|'.join(map(str, range(200, last + 1)))})\\d"
