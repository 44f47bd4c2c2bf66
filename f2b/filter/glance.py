"""A quick look at a line: enough for nearly all lines, and nothing is made for one that means nothing.

Only for filters whose lines stand each for itself and that ignore none. Where a line needs more (a second regex
matches too, no address was caught), the look says so before anything has changed, and `regex` does it step by step.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from f2b.filter.dispatch import LENGTH, Choice
from f2b.filter.rule import Rule, Source
from f2b.runaway import Runaway

MISSED, UNPREFIXED, UNSURE = -1, -2, -3
"""Instead of a rule's place: none matched; not even the prefix did; this needs a closer look."""

Seen = int | Source
"""What matched, and how; else one of these."""


def look(before: Rule | None, known: Mapping[str, Choice], text: str, every: bool) -> Seen:
    """Search a text for the first rule that matches; `every`: make sure that no other one does.

    `known` is what `dispatch` has learnt. Changes nothing, for `alarm` may end it anywhere. Raises Runaway.
    """
    rule = before
    prefixed: re.Match[str] | None = None
    seen: Source | None = None
    try:
        if before is not None:
            lead = before.lead
            prefixed = (lead or before.search)(text)
            if prefixed is None:
                return UNPREFIXED
            text = text[prefixed.end() :] if lead else f"{prefixed[before.content] or ''}\n"
            if text == "\n":
                return UNSURE
        choice = known.get(text[:LENGTH])
        if choice is None:
            return UNSURE
        for place, rule in choice.placed:
            if rule.needle in text:
                match = rule.search(text)
                if match is not None:
                    if seen is not None:
                        return UNSURE
                    seen = place, prefixed, rule, match
                    if not every:
                        break
    except Runaway as runaway:
        runaway.culprit = rule
        raise
    return seen or MISSED
