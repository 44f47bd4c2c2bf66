"""What a line of an access log must hold so that conditions on its request can hold: literals for the sieve.

A log shows a request in many ways (escaped, percent-encoded, as JSON); only letters, digits and `_.-` stay as they
are in all of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from f2b.filter.literals import Clause
from f2b.filter.rule import Rule

SHORTEST = 3
"""Characters of a piece that is worth looking for."""
LONGEST = 6
"""A piece that may be percent-encoded is cut to so many: each of its characters may be the one that is."""
MOST = 16
"""Alternatives of a clause."""
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")


def words(found: Iterable[str]) -> Clause | None:
    """Return the clause of one of some words, if they are long enough."""
    texts = frozenset(found)
    fit = 0 < len(texts) <= MOST and all(len(text) >= SHORTEST and _PLAIN.fullmatch(text) for text in texts)
    return Clause(texts) if fit else None


def regexes(rules: Sequence[Rule], encoded: bool = False) -> Clause | None:
    """Return the clause of one of some regexes; `encoded`: the log may hold their texts percent-encoded."""
    best: list[Clause] = []
    for rule in rules:
        usable = [clause for clause in map(_plain, rule.shape.clauses) if clause]
        if not usable:
            return None
        best.append(max(usable, key=lambda clause: clause.length))
    texts = frozenset().union(*(clause.texts for clause in best))
    if not texts or len(texts) > MOST:
        return None
    folded = any(clause.folded for clause in best)
    if encoded:
        texts = frozenset(text[:LONGEST] for text in texts)
        spelt = {char for text in texts for char in ((text.lower() + text.upper()) if folded else text)}
        texts |= frozenset(f"%{ord(char):02x}" for char in spelt)
        folded = True  # %6F is %6f
    return Clause(frozenset(map(str.lower, texts)) if folded else texts, folded)


def _plain(clause: Clause) -> Clause | None:
    """Return what of a clause stands in every log as it is."""
    pieces = [max(_PLAIN.findall(text), key=len, default="") for text in clause.texts]
    return Clause(frozenset(pieces), clause.folded) if all(len(piece) >= SHORTEST for piece in pieces) else None
