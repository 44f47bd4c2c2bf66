"""Which texts to look for in a log: few and rare ones, of which every match of some regexes holds one.

Each regex offers its clauses (`literals`). It is covered if for one of its clauses every text holds a chosen needle.
Any cover finds the same lines; a good one finds few others. How often a text stands in a sample of the log decides,
for a hit costs as much as looking through thousands of bytes.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import combinations

from f2b.filter.literals import Clause
from f2b.named import NamedTuple

SHORTEST = 3
"""Characters that a needle has at least."""
PIECE = 40
"""Characters that it has at most: longer ones are no rarer."""
CLAUSES = 4
"""How many clauses of a regex are weighed, the cheapest."""
_STEP_S = 1e-3, 6e-3
"""What a look through a megabyte costs, for each of its characters that are looked at: so much, and so much more for
those that do stand in the needle (measured: `bytes.rfind` then has to guess where to go on, the processor, too)."""
_ALIKE = 64
"""`bytes.rfind` takes characters for the same whose codes differ by a multiple of it."""
_TELLING = 4096
"""Bytes of a sample that tell how often each character stands in a log."""
_SHARE = 0.04
"""Without a sample: how often each character stands in a log."""
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
    plain, small = _shares(sample[:_TELLING]), _shares(lower[:_TELLING])
    known: dict[Needle, float] = {}

    def price(needle: Needle) -> float:
        if needle not in known:
            text = needle.text.encode()
            hits = _GUESS / len(text)
            if sample:
                hits = (lower if needle.folded else sample).count(text) / len(sample) * 1e6
            shares = small if needle.folded else plain
            known[needle] = _pass_s(text, shares) + _FOLD_S * needle.folded + hits * _HIT_S
        return known[needle]

    return price


def _shares(sample: bytes) -> list[float]:
    """Return how often characters stand in a log, by their code as `bytes.rfind` knows them."""
    if not sample:
        return [_SHARE] * _ALIKE
    shares = [0.0] * _ALIKE
    for code, times in Counter(sample).items():
        shares[code % _ALIKE] += times / len(sample)
    return shares


def _pass_s(text: bytes, shares: Sequence[float]) -> float:
    """Return what a look through a megabyte costs: it leaps over a needle's length where a character is not in it."""
    inside = min(1.0, sum(shares[code] for code in {code % _ALIKE for code in text}))
    return (_STEP_S[0] + _STEP_S[1] * inside) / (len(text) * (1 - inside) + inside)


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
