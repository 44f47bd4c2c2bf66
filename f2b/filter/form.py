"""The forms of log lines: what is left when addresses, numbers and names are masked, and how often each occurs.

For filters that match nothing (`daemon/silence.py`) and for `f2b draft`. A few thousand lines at most come here.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

from f2b import net
from f2b.named import NamedTuple

LONGEST = 1000
"""So many characters of a line count."""
MOST = 500
"""So many different lines, masked, are told apart; the rare ones go first."""
MANY = 4
"""A place where so many different words stand holds a name."""
ROUNDS = 3
"""So many such places in a line."""

BLANKS = "  "
"""Several blanks, or a tab: as many as there are."""

Kind = Literal["text", "host", "number", "word", "user", "quoted"]

_TOKEN = re.compile(
    r"""
    (?P<host> (?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?!\w|\.\d) | (?<![\w:])(?=[0-9a-fA-F]*:)[0-9a-fA-F:]{3,39}(?![\w:.]) )
  | (?P<quoted> (?<=[\s=:(\[,])(?: "[^"]*" | '[^']*' ) (?=[\s,;:)\].]|$) )
  | (?P<text> \s+ | [\[\](){}<>"'=,;:|] )
  | (?P<word> [^\s\[\](){}<>"'=,;:|]+ )
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"[^\W\d_]+(?:[-_'][^\W\d_]+)*[.!?]?|[-_.*+!?/#&@~%\\$^]+")
_USER = re.compile(r"(?:user|username|login|account|uname|ruser|logname|userid|email|mailbox)", re.IGNORECASE)
_FOR = re.compile(r"(?:for|of|by|as)", re.IGNORECASE)
_NO_NAME = re.compile(
    "authentication|unknown|names?|not|pass(?:word|wd)|logins?|fail(?:ed|ures?)|is|was|from|has|with|attempts?|errors?|"
    "account|users?|does|did|invalid|illegal|denied|rejected|at|on|of|for|by|as|in|to|and|or|session|the|a|key|request|no|id",
    re.IGNORECASE,
)
"""Words behind `user` or `for` that are no name."""


class Token(NamedTuple):
    """A piece of a line."""

    kind: Kind
    text: str
    """What stands there if it is the same in all lines, or may be told; empty if it is masked."""


Masked = tuple[Token, ...]


class Form(NamedTuple):
    """A form, and the lines that have it."""

    tokens: Masked
    lines: int
    example: str
    """The text of the first such line."""

    def __str__(self) -> str:
        return "".join(token.text or _SHOWN[token.kind] for token in self.tokens)


_SHOWN = {"host": "<HOST>", "number": "<N>", "word": "<*>", "user": "<USER>", "quoted": "<*>", "text": ""}


def forms(texts: Iterable[str]) -> list[Form]:
    """Return the forms of some lines, the most frequent first."""
    counts: Counter[Masked] = Counter()
    examples: dict[Masked, str] = {}
    for text in texts:
        masked = tuple(_masked(text[:LONGEST]))
        counts[masked] += 1
        examples.setdefault(masked, text[:LONGEST])
        if len(counts) > 2 * MOST:
            counts = Counter(dict(counts.most_common(MOST)))
            examples = {form: examples[form] for form in counts}
    for _ in range(ROUNDS):
        counts, examples = _merged(counts, examples)
    return [Form(masked, count, examples[masked]) for masked, count in counts.most_common()]


def _masked(text: str) -> Iterator[Token]:
    before = ""
    for found in _TOKEN.finditer(text):
        kind, piece = found.lastgroup, found[0]
        if kind == "quoted":
            yield from _quoted(piece, before)
        elif kind == "host" and net.family(piece):
            yield Token("host", "")
        elif kind == "text":
            yield Token("text", piece if piece.strip() or piece == " " else BLANKS)
            continue
        else:
            yield _word(piece, before)
        before = piece


def _quoted(piece: str, before: str) -> Iterator[Token]:
    quote, inner = piece[0], piece[1:-1]
    yield Token("text", quote)
    if net.family(inner):
        yield Token("host", "")
    else:
        yield Token("user" if _USER.fullmatch(before) or _FOR.fullmatch(before) else "quoted", "")
    yield Token("text", quote)


def _word(piece: str, before: str) -> Token:
    if _USER.fullmatch(before) and not _NO_NAME.fullmatch(piece):
        return Token("user", "")
    if piece.isdigit():
        return Token("number", "")
    if _PLAIN.fullmatch(piece):
        return Token("word", piece)
    return Token("user" if _FOR.fullmatch(before) else "word", "")


def _merged(counts: Counter[Masked], examples: dict[Masked, str]) -> tuple[Counter[Masked], dict[Masked, str]]:
    """Mask one more place of each form where names stand: where many words do, or several after `for`."""
    families: dict[Masked, set[str]] = {}
    for masked in counts:
        for at, token in enumerate(masked):
            if token.kind == "word" and token.text:
                families.setdefault(_without(masked, at), set()).add(token.text)
    merged: Counter[Masked] = Counter()
    first: dict[Masked, str] = {}
    for masked, count in counts.items():
        form = _best(masked, families)
        merged[form] += count
        first.setdefault(form, examples[masked])
    return merged, first


def _best(masked: Masked, families: dict[Masked, set[str]]) -> Masked:
    """Return a form with the place masked that has most different words, if that is enough."""
    found: list[tuple[int, Masked]] = []
    for at, token in enumerate(masked):
        if token.kind == "word" and token.text:
            form = _without(masked, at)
            several = len(families[form])
            if several >= (2 if form[at].kind == "user" else MANY):
                found.append((several, form))
    return max(found, key=lambda one: one[0])[1] if found else masked


def _without(masked: Masked, at: int) -> Masked:
    user = _FOR.fullmatch(_word_before(masked, at)) and not _NO_NAME.fullmatch(masked[at].text)
    return (*masked[:at], Token("user" if user else "word", ""), *masked[at + 1 :])


def _word_before(masked: Sequence[Token], at: int) -> str:
    return next((token.text for token in reversed(masked[:at]) if token.text.strip()), "")
