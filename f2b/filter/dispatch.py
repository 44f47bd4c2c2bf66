"""Which of many rules a text can match, told by its first characters: the rest of them are not tried.

Made for filters like sshd, whose regexes all begin with words of their own. A rule of which no begin is known is
always tried. What is left out cannot match, so nothing but time depends on this.
"""

from __future__ import annotations

from collections.abc import Sequence

from f2b.filter.rule import Rule
from f2b.named import NamedTuple

LENGTH = 4
"""So many characters decide. With more of them texts would seldom share an answer."""
TELLING = 8
"""Characters of a text that says more than what all matches begin with."""
PATIENCE = 200
"""Texts that are tried on every rule first: most filters of a quiet host never see more, and shapes take time."""
MEMORY = 2000
"""So many answers are remembered, then all are forgotten: attackers choose what lines begin with."""


class Choice(NamedTuple):
    """Some rules of a list, in its order."""

    rules: tuple[Rule, ...]
    places: tuple[int, ...]
    """Where they stand in the list, from 0."""
    placed: tuple[tuple[int, Rule], ...]
    """Both together."""


class Dispatch:
    """A list of rules, and what is known of the begins of their matches."""

    __slots__ = ("_before", "_heads", "_patience", "_slow", "everything", "known")

    def __init__(self, rules: Sequence[Rule], before: Rule | None = None) -> None:
        """`before`: a rule that is tried on every text before these."""
        self.everything = _choice(rules, tuple(range(len(rules))))
        """All rules."""
        self._before = before
        self._slow = set(rules)
        """Those that are not rewritten yet."""
        self._heads: list[tuple[str, ...]] = []
        self.known: dict[str, Choice] = {}
        """What `choice` says of texts, by their first LENGTH characters, as far as it was asked."""
        self._patience = PATIENCE

    def choice(self, text: str) -> Choice:
        """Return the rules that can match a text."""
        return self.known.get(text[:LENGTH]) or self._learn(text[:LENGTH])

    def _learn(self, begin: str) -> Choice:
        if self._patience:
            self._patience -= 1
            return self.everything
        if len(self._heads) < len(self.everything.rules):  # one a text, so that no text waits for all
            self._heads.append(_begins(self.everything.rules[len(self._heads)]))
            return self.everything
        if self._before is not None:
            self._before.quicken()
            self._before = None
        places = tuple(place for place, heads in enumerate(self._heads) if begin.startswith(heads))
        choice = _choice(self.everything.rules, places)
        slow = next((rule for rule in choice.rules if rule in self._slow), None)
        if slow is not None:  # one a text here, too
            self._slow.remove(slow)
            slow.quicken()
            return choice
        if len(self.known) >= MEMORY:
            self.known.clear()
        self.known[begin] = choice
        return choice


def _choice(rules: Sequence[Rule], places: tuple[int, ...]) -> Choice:
    chosen = tuple(rules[place] for place in places)
    return Choice(chosen, places, tuple(zip(places, chosen, strict=True)))


def _begins(rule: Rule) -> tuple[str, ...]:
    """Return what the first characters of a match begin with; nothing known: what every text begins with."""
    seen = rule.shape
    texts = [clause.only for clause in seen.clauses]
    telling = [text for text in texts if len(text) >= TELLING and not any(text in head for head in seen.heads)]
    rule.needle = max(telling or texts, key=len, default="")
    return tuple({head[:LENGTH] for head in seen.heads}) or ("",)
