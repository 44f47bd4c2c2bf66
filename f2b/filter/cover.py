"""Which texts to look for in a log: few and rare ones, of which every match of some regexes holds one.

Each regex offers its clauses (`literals`). It is covered if for one of its clauses every text holds a chosen needle.
Any cover finds the same lines; a good one finds few others. How often a text stands in a sample of the log decides,
for a hit costs as much as looking through thousands of bytes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import NamedTuple

from f2b.filter.literals import Clause

SHORTEST = 3
"""Characters that a needle has at least."""
PIECE = 40
"""Characters that it has at most: longer ones are no rarer."""
CLAUSES = 4
"""How many clauses of a regex are weighed, the cheapest."""
_PASS_S = 1e-4, 1e-3
"""What a look through a megabyte costs: so much, and so much divided by the needle's length."""
_FOLD_S = 1e-3
_HIT_S = 1.5e-6
_GUESS = 100.0
"""Without a sample: hits in a megabyte of a needle of one character; each further one makes it rarer."""

_WORD = re.compile(r"[A-Za-z0-9]{4,}")


class Needle(NamedTuple):
    """A text to look for."""

    text: str
    folded: bool
    """Look for it in the log in lower case."""


Price = Callable[[Needle], float]


def cover(regexes: Sequence[Sequence[Clause]], sample: bytes = b"") -> list[Needle] | None:
    """Return the needles to look for so that no regex is missed; None if one of them offers no clause of use."""
    price = _prices(sample)
    offers = [_offer(clauses, price) for clauses in dict.fromkeys(map(tuple, regexes))]
    if not all(offers):
        return None
    pool = _pool(offers)
    chosen: dict[Needle, float] = {}
    covered: set[Needle] = set()
    missing = offers
    while missing:
        weights = _weights(missing, covered)
        best = max(pool, key=lambda needle: sum(weights.get(text, 0) for text in pool[needle]) / price(needle))
        chosen[best] = price(best)
        covered |= pool.pop(best)
        missing = [offer for offer in missing if not any(texts <= covered for texts in offer)]
    return _merged(_pruned(chosen, offers), offers, price)


def _prices(sample: bytes) -> Price:
    """Return what tells the cost of a needle, in seconds for a megabyte of log."""
    lower = sample.lower()
    known: dict[Needle, float] = {}

    def price(needle: Needle) -> float:
        if needle not in known:
            length = len(needle.text)
            hits = _GUESS / length
            if sample:
                found = (lower if needle.folded else sample).count(needle.text.encode())
                hits = found / len(sample) * 1e6
            known[needle] = _PASS_S[0] + _PASS_S[1] / length + _FOLD_S * needle.folded + hits * _HIT_S
        return known[needle]

    return price


Offer = Sequence[frozenset[Needle]]
"""What a regex can be found by: one of these sets of texts, whole."""


def _offer(clauses: Sequence[Clause], price: Price) -> Offer:
    """Return a regex's clauses as sets of texts to cover, the cheapest ones."""
    usable = [
        frozenset(Needle(text[:PIECE], clause.folded) for text in clause.texts)
        for clause in clauses
        if clause.length >= SHORTEST
    ]
    return sorted(usable, key=lambda texts: sum(map(price, texts)))[:CLAUSES]


def _pool(offers: Sequence[Offer]) -> dict[Needle, set[Needle]]:
    """Return all needles worth a look, each with the texts that hold it: these texts themselves, and their words."""
    texts = {text for offer in offers for clause in offer for text in clause}
    pool: dict[Needle, set[Needle]] = {}
    for needle in {piece for text in texts for piece in _pieces(text)}:
        pool[needle] = {text for text in texts if text.folded is needle.folded and needle.text in text.text}
    return pool


def _pieces(text: Needle) -> list[Needle]:
    """Return a text, what is left of it without its first letter (which may be small or large), and its words."""
    parts = [text.text, *_WORD.findall(text.text)]
    parts += [part[1:] for part in parts if len(part) > SHORTEST]
    return [Needle(part, text.folded) for part in parts]


def _weights(missing: Sequence[Offer], covered: set[Needle]) -> dict[Needle, float]:
    """Return what covering a text is worth: the smaller what is left of its clause, the more."""
    weights: dict[Needle, float] = {}
    for offer in missing:
        for rank, clause in enumerate(offer, 1):
            left = clause - covered
            for text in left:
                weights[text] = weights.get(text, 0) + 1 / len(left) / rank
    return weights


def _pruned(chosen: dict[Needle, float], offers: Sequence[Offer]) -> list[Needle]:
    """Leave out what the others make superfluous, the dearest first."""
    kept = sorted(chosen, key=lambda needle: chosen[needle])
    for needle in reversed(list(kept)):
        rest = [one for one in kept if one != needle]
        if all(_found(offer, rest) for offer in offers):
            kept = rest
    return kept


def _merged(needles: list[Needle], offers: Sequence[Offer], price: Price) -> list[Needle]:
    """Put what two needles have in common in their place, as long as that is cheaper than both."""
    best: list[Needle] = []
    saved = 0.0
    for one, other in combinations(needles, 2):
        common = _common(one, other) if one.folded is other.folded else ""
        if len(common) < SHORTEST:
            continue
        needle = Needle(common, one.folded)
        gain = price(one) + price(other) - price(needle)
        if gain > saved:
            left = [*(kept for kept in needles if kept not in (one, other)), needle]
            if all(_found(offer, left) for offer in offers):
                best, saved = left, gain
    return _merged(best, offers, price) if best else needles


def _common(one: Needle, other: Needle) -> str:
    """Return the longest text that two needles share, one of several."""
    text, inside = sorted((one.text, other.text), key=len)
    for length in range(len(text), 0, -1):
        for start in range(len(text) - length + 1):
            if text[start : start + length] in inside:
                return text[start : start + length]
    return ""


def _found(offer: Offer, needles: Sequence[Needle]) -> bool:
    return any(
        all(any(one.folded is text.folded and one.text in text.text for one in needles) for text in clause)
        for clause in offer
    )
