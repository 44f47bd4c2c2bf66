"""The quick way through a filter of regexes: many lines at a time, and nothing is made for those that only count.

Only for filters whose lines stand each for itself and that ignore none. What is not plain at a glance is left to
`regex`, which does it step by step; nothing has changed until then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from f2b.filter.dispatch import Choice
from f2b.filter.glance import UNSURE, look
from f2b.filter.rule import LONG, Rule
from f2b.filter.session import Sessions
from f2b.runaway import Runaway

Parts = tuple[str, str, "float | None"]
"""A `Line`, as a plain tuple; without any text if it is lost already (`lines.Parts`)."""
Glance = tuple[int, bool]
"""The place of the failregex that matched, else MISSED or UNPREFIXED; and whether the line excuses itself."""
Tally = tuple[dict[int, int], dict[int, int]]
"""How many glances were alike, by place: of those without an excuse, and with one."""
Glimpse = tuple[Parts, "Glance | Runaway | None"]
"""A line, and what was seen of it; None: it must be examined."""


def glances(
    lines: Iterable[Parts],
    before: Rule | None,
    known: Mapping[str, Choice],
    sessions: Sessions,
    tally: Tally,
    every: bool,
    shown: bool,
) -> Iterator[Glimpse]:
    """Look at lines and count in `tally` what was seen; yield those of which more must be known.

    `before` is the rule of the prefix, `known` what `dispatch` has learnt. Those to be examined are yielded before
    the next one is taken. `every`: those that several failregexes match are among them. `shown`: yield also those
    that failed nobody.
    """
    joined = before.marks.mlfid if before else 0
    meet = sessions.meet
    for line in lines:
        text, raw, time = line
        if not 0 < len(text) <= LONG:
            yield line, None
            continue
        try:
            seen = look(before, known, text, every)
        except Runaway as runaway:
            yield line, runaway
            continue
        if isinstance(seen, int):
            if seen == UNSURE:
                yield line, None
                continue
            place, excused = seen, False
        else:
            place, prefixed, rule, match = seen
            if not ((rule.ip4 and match[rule.ip4]) or (rule.ip6 and match[rule.ip6])):
                yield line, None
                continue
            name = prefixed[joined] if joined and prefixed is not None else None
            if name:
                excused = meet(name, seen, raw, time)[0]
            else:  # an empty name is one, too: of a session that no other line joins
                excused = name is None and rule.excuses(match)
        if shown and (excused or place < 0):
            yield line, (place, excused)
        else:
            counts = tally[excused]
            counts[place] = counts.get(place, 0) + 1
