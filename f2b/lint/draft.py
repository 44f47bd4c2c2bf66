"""Failregex drafts from the forms of lines: anchored, with `<HOST>` and `<F-USER>` in place. Pure.

What a client may write stands in a field that takes no blank, or nothing beyond its quotes, so that it cannot move
the place where the address is read. `f2b draft` lets lint attack each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import pairwise

from f2b.filter.form import BLANKS, Form, Masked, Token
from f2b.named import NamedTuple

_FAILS = re.compile(
    r"fail|invalid|illegal|den(?:y|ied)|error|refus|wrong|\bbad\b|unknown|unauthori[sz]ed|reject|not allowed|"
    r"forbidden|attack|break-?in|incorrect|mismatch|blocked|abuse|no such|not found|\b40[134]\b|\b429\b",
    re.IGNORECASE,
)
_WHOSE = re.compile(r"from|rhost|client|remote|src|source|peer|ip|addr|address|host|by", re.IGNORECASE)
_LOGGER = re.compile(r"^ ?\S+ (?P<name>[A-Za-z][\w./-]*)(?:\[\d+\])?: ")
"""What syslog writes in front: the host's name, the program, its process number. The date is cut out."""
_SPECIAL = re.compile(r"([\\.^$*+?{}\[\]()|<])")


class Draft(NamedTuple):
    """A regex for the lines of a form."""

    regex: str
    lines: int
    example: str
    fails: bool
    """Whether its words say that something failed."""


def drafts(forms: Iterable[Form], hosts: tuple[str, ...] = ("<HOST>", "<ADDR>")) -> list[Sequence[Draft]]:
    """Return for each form with an address the regexes to try, the first that is safe to be taken."""
    return [
        [_draft(form, host) for host in hosts] for form in forms if any(one.kind == "host" for one in form.tokens)
    ]


def _draft(form: Form, host: str) -> Draft:
    words = "".join(token.text if token.kind in ("text", "word") else " " for token in form.tokens)
    return Draft(_regex(form, host), form.lines, form.example, bool(_FAILS.search(words)))


def _regex(form: Form, host: str) -> str:
    tokens, head = _begin(form)
    whose = _whose(tokens)
    parts: list[str] = []
    named = False
    for at, (token, after) in enumerate(pairwise((*tokens, Token("text", "")))):
        if at == whose:
            parts.append(host)
        elif token.kind == "user" and not named:
            named = True
            parts.append(f"<F-USER>{_field(token, after)}</F-USER>")
        else:
            parts.append(_escaped(token.text) if token.text else _field(token, after))
    return f"^{head}{''.join(parts)}$"


def _begin(form: Form) -> tuple[Masked, str]:
    """Return the tokens behind what syslog writes in front of its lines, and the regex for that."""
    found = _LOGGER.match(form.example)
    if found is None:
        return _trimmed(form.tokens), ""
    rest = next((at for at, token in enumerate(form.tokens) if token.text == ":"), -1)
    if rest < 0:
        return _trimmed(form.tokens), ""
    name = _escaped(found["name"])
    return _trimmed(form.tokens[rest + 2 :]), rf" ?\S+ {name}(?:\[\d+\])?: "


def _trimmed(tokens: Masked) -> Masked:
    """Leave out blanks at the end: they come and go."""
    while tokens and tokens[-1].text.isspace():
        tokens = tokens[:-1]
    return tokens


def _whose(tokens: Masked) -> int:
    """Return which address is the client's: the one behind a word for that, else the first."""
    hosts = [at for at, token in enumerate(tokens) if token.kind == "host"]
    for at in hosts:
        before = next((token.text for token in reversed(tokens[:at]) if token.text.strip(" =:[('\"")), "")
        if _WHOSE.fullmatch(before):
            return at
    return hosts[0]


def _field(token: Token, after: Token) -> str:
    """Return what matches a masked piece: it ends before the text that follows, which it does not hold."""
    quote = after.text[:1] if token.kind in ("quoted", "user") and after.text[:1] in ("'", '"') else ""
    if quote:
        return f"[^{quote}]*"
    if token.kind == "number":
        return r"\d+"
    stop = after.text[:1]
    return rf"[^\s{re.escape(stop)}]+" if stop and not stop.isspace() else r"\S+"


def _escaped(text: str) -> str:
    if text == BLANKS:
        return r"\s+"
    return _SPECIAL.sub(r"\\\1", text)
