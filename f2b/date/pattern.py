"""The language of `datepattern`: from one pattern to a regex, a name, and how to read what the regex caught.

jail.conf(5) describes it. A regex with directives (`%Y`), bounded at both ends unless it says otherwise, whose
group 1 is what is cut out of a line; or one of the machine's own forms (EPOCH, LEPOCH, TAI64N).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Literal

from f2b.date.formats import COMPOSED, DEFAULTS, DIRECTIVES, NAMES, decades
from f2b.errors import ConfigError
from f2b.named import NamedTuple

Kind = Literal["fields", "seconds", "long", "tai", "none"]

LINE_BEGIN = "{^LN-BEG}"
UNBOUND = "{UNB}"
ANCHOR_WEIGHT = 100
"""What a hit of a default that is tried at the line's begin counts for."""


class Pattern(NamedTuple):
    """One date pattern, ready to be searched for."""

    text: str
    """As configured."""
    name: str
    """As Fail2Ban shows it: unique among the patterns of a reader."""
    regex: str
    flags: int
    kind: Kind
    """How its catch is read: fields, seconds since the epoch, these or milli- or microseconds, TAI, not at all."""
    anchored: bool
    """It stands at a fixed end of the line, so where it was found last says nothing."""
    first: bool
    """It can match at the line's first character only."""
    clean: bool
    """Its cut never joins two characters of which one belongs to a word: filters' literals rely on it."""


_BEGIN = r"^\W{0,2}"
_LEFT = r"(?:(?<!\w)|(?!\w))"
_RIGHT = r"(?:(?!\w)|(?<!\w))"

_SECONDS = r"\d{10,11}"
_EPOCH_LEFT = r"(?:^|(?<=^\[)|(?<=\baudit\())"
_EPOCH = rf"{_SECONDS}(?:\.\d{{3,6}})?"
_LONG = rf"{_SECONDS}(?:\d{{3}}(?:\.\d{{1,6}}|\d{{3}})?)?"
_TAI = "@[0-9a-f]{24}"

_MACHINE: dict[str, tuple[str, str, Kind]] = {
    "EPOCH": (_EPOCH, "Epoch", "seconds"),
    "LEPOCH": (_LONG, "LongEpoch", "long"),
    "TAI64N": (_TAI, "TAI64N", "tai"),
}

_DIRECTIVE = re.compile(r"%(Ex[A-Za-z]|.|$)", re.DOTALL)
_PLAIN_GROUP = re.compile(r"(?<!\\)(?:\\\\)*\((?!\?)")
_LEAD = re.compile(r"(\^?)\(\?([aimsux]+)\)(\^?)")
_OPEN_LEFT = re.compile(r"\^|\((?:\?:)?\^")
_OPEN_RIGHT = re.compile(r"(?:\$\)?|\\b|\\s)\Z")
_WORDS = re.compile(r"(?:\(\?:)?%(?!z).*%(?:Ex)?\w(?:\)\?)?", re.DOTALL)
"""Begins and ends with a directive whose text is a word."""
_LINE_END = re.compile(r"\$\)?\Z")
_FLAGS = {"a": re.A, "i": re.I, "m": re.M, "s": re.S, "u": re.U, "x": re.X}


def defaults(year: int) -> list[tuple[Pattern, int]]:
    """Return the default patterns and their weights: first those that stand at the line's begin, then all."""
    return [(one, ANCHOR_WEIGHT) for one in _tolerant(year)] + [
        (one, 1) for one in (single(text, year) for text in DEFAULTS)
    ]


def expand(text: str, year: int) -> list[tuple[Pattern, int]]:
    """Return the patterns and their weights that one line of `datepattern` stands for, read in that year.

    Raises ConfigError if it is none.
    """
    key = text if "%" in text else text.upper()
    if key == "{DEFAULT}":
        return []
    if key == LINE_BEGIN:
        fixed = [single(one, year) for one in DEFAULTS if _starts(one)]
        return [(one, ANCHOR_WEIGHT) for one in _tolerant(year)] + [(one, 1) for one in fixed]
    if "{DATE}" in key:
        return [(single(one, year), 1) for one in _with_date(text, key)]
    return [(single(text, year), 1)]


def _with_date(text: str, key: str) -> list[str]:
    if key == "{DATE}":
        return [one.removeprefix(LINE_BEGIN) for one in DEFAULTS]
    if key == LINE_BEGIN + "{DATE}":
        return [one if _starts(one) else LINE_BEGIN + one for one in DEFAULTS]
    return [_inserted(text, key, one) for one in DEFAULTS]


def _inserted(text: str, key: str, default: str) -> str:
    if default in _MACHINE:
        # Inside other text they are but words, as in Fail2Ban.
        inner = default if key == "^{DATE}" else _MACHINE[default][1]
    else:
        inner = default.removeprefix(LINE_BEGIN)
    return re.sub(r"\{DATE\}", lambda _: inner, text, flags=re.IGNORECASE)


def _tolerant(year: int) -> list[Pattern]:
    return [single(LINE_BEGIN + one, year) for one in DEFAULTS if not _starts(one)]


def _starts(text: str) -> bool:
    return text.startswith(("^", LINE_BEGIN))


@lru_cache(256)
def single(text: str, year: int) -> Pattern:
    """Return what one date pattern means in that year. Raises ConfigError if it is none."""
    key = text if "%" in text else text.upper()
    if key == "{NONE}":
        return Pattern(text, "^", "()", 0, "none", anchored=True, first=True, clean=True)
    machine = _MACHINE.get(key.removeprefix(LINE_BEGIN).removeprefix("^"))
    if machine is not None:
        return _machine(text, machine, _starts(key))
    if "{EPOCH}" in key:
        return _custom(text, re.sub(r"\{EPOCH\}", _named(_EPOCH), text, flags=re.I), text, "seconds")
    if "{LEPOCH}" in key:
        return _custom(text, re.sub(r"\{LEPOCH\}", _named(_LONG), text, flags=re.I), text, "long")
    return _custom(text, _directives(text, year), _name(text), "fields")


def _named(regex: str) -> Callable[[re.Match[str]], str]:
    return lambda _: f"(?P<epoch>{regex})"


def _machine(text: str, form: tuple[str, str, Kind], begin: bool) -> Pattern:
    regex, name, kind = form
    if begin:
        regex = f"{_BEGIN}({regex}){_RIGHT}"
        return Pattern(text, LINE_BEGIN + name, regex, 0, kind, anchored=True, first=True, clean=True)
    left = _LEFT if kind == "tai" else _EPOCH_LEFT
    return Pattern(text, name, f"{left}({regex}){_RIGHT}", 0, kind, anchored=False, first=False, clean=kind != "tai")


def _directives(text: str, year: int) -> str:
    """Replace the directives by groups of regex."""

    def group(found: re.Match[str]) -> str:
        letter = found.group(1)
        if letter == "%":
            return "%"
        if letter in COMPOSED:
            return _DIRECTIVE.sub(group, COMPOSED[letter][0])
        directive = DIRECTIVES.get(letter)
        if directive is None:
            raise ConfigError(f"date pattern {text!r}: %{letter} is no directive", cure="write %% for a percent sign")
        return f"(?P<{directive.group}>{decades(year) if letter == 'ExY' else directive.regex})"

    return _DIRECTIVE.sub(group, text)


def _name(text: str) -> str:
    """Replace the directives by their words."""

    def word(found: re.Match[str]) -> str:
        letter = found.group(1)
        return "%" if letter == "%" else COMPOSED[letter][1] if letter in COMPOSED else DIRECTIVES[letter].word

    return _DIRECTIVE.sub(word, text.removeprefix(UNBOUND))


def _custom(text: str, regex: str, name: str, kind: Kind) -> Pattern:
    """Bound the regex of a pattern and see to its group 1."""
    begin, unbound = regex.startswith(LINE_BEGIN), regex.startswith(UNBOUND)
    body = regex.removeprefix(LINE_BEGIN).removeprefix(UNBOUND)
    flags = re.I if NAMES & {found.group(1) for found in _DIRECTIVE.finditer(text)} else 0
    body, more = _hoisted(body)
    open_left = unbound or body.startswith("**") or (not begin and _OPEN_LEFT.match(body) is not None)
    open_right = unbound or body.endswith("**") or _OPEN_RIGHT.search(body) is not None
    anchored = begin or _OPEN_LEFT.match(body) is not None or _LINE_END.search(body) is not None
    body = body.removeprefix("**").removesuffix("**")
    first = begin or (body.startswith("^") and "|" not in body)
    clean = False
    if _PLAIN_GROUP.search(body) is None:
        at_words = _WORDS.fullmatch(text.removeprefix(LINE_BEGIN)) is not None and not (open_left or open_right)
        clean = body.startswith("^") or at_words
        first = first or body.startswith("^")
        body = _wrapped(body)
    left = _BEGIN if begin else "" if open_left else _LEFT
    body = left + body + ("" if open_right else _RIGHT)
    return Pattern(text, name, body, flags | more, kind, anchored, first, clean)


def _hoisted(regex: str) -> tuple[str, int]:
    """Take a leading flag group off: it holds for the whole regex, behind a `^` as well."""
    lead = _LEAD.match(regex)
    if lead is None:
        return regex, 0
    flags = 0
    for letter in lead.group(2):
        flags |= _FLAGS[letter]
    return (lead.group(1) or lead.group(3)) + regex[lead.end() :], flags


def _wrapped(body: str) -> str:
    """Make all of it group 1, but for the `^` and the `$` at its ends."""
    start = 1 if body.startswith("^") else 0
    end = len(body) - 1 if body.endswith("$") and not body.endswith("\\$") else len(body)
    return f"{body[:start]}({body[start:end]}){body[end:]}"
