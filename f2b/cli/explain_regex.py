"""How far each regex of a filter gets in a line, and its session: parts of `f2b explain --line`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from f2b.events import Line
from f2b.filter.partial import Reached, reach
from f2b.filter.regex import Examination, RegexFilter
from f2b.filter.rule import Rule, find

MOST = 300
"""So many regexes of a filter are looked at."""


def regexes(tested: RegexFilter, line: Line) -> Iterator[dict[str, Any]]:
    """Yield how far each regex of a filter gets, as JSON can say it; ignoreregexes only if they match."""
    text = line.text
    if tested.prefregex is not None:
        yield _entry("prefregex", 1, tested.prefregex, text, tested)
        prefixed = find((tested.prefregex,), text)
        if prefixed is None:
            return
        content = tested.prefregex.captures(prefixed[1]).get("content", "")
        text = f"{content}\n" if content else text
    for number, rule in enumerate(tested.failregex[:MOST], 1):
        yield _entry("failregex", number, rule, text, tested)
    for number, rule in enumerate(tested.ignoreregex[:MOST], 1):
        if find((rule,), text) is not None:
            yield _entry("ignoreregex", number, rule, text, tested)


def _entry(kind: str, number: int, rule: Rule, text: str, tested: RegexFilter) -> dict[str, Any]:
    regex = rule.text.value
    reached = _reached(rule, text, tested)
    return {
        "kind": kind,
        "number": number,
        "place": str(rule.text.place),
        "matches": reached.upto == len(regex),
        "upto": regex[: reached.upto],
        "wants": regex[reached.upto :],
        "found": text[reached.start : reached.end],
        "finds": text[reached.end :].removesuffix("\n"),
    }


def _reached(rule: Rule, text: str, tested: RegexFilter) -> Reached:
    found = find((rule,), text)
    if found is not None:
        return Reached(len(rule.text.value), *found[1].span())
    reached = reach(rule.text, text, tested.usedns)
    return reached if reached.upto < len(rule.text.value) else Reached(0, 0, 0)


def session(seen: Examination) -> dict[str, Any] | None:
    """Return the session that a line belongs to and its state, as JSON can say it; None if to none."""
    for hit in reversed(seen.hits):
        captures = hit.failure.captures if hit.failure else hit.match.groupdict()
        if captures.get("mlfid"):
            counts = hit.failure is not None and not hit.nofail
            state = "complete" if counts else "excuses itself" if hit.excused else "waits for its host"
            host, lines = (hit.failure.id, list(hit.failure.matches)) if hit.failure else ("", [])
            return {"id": captures["mlfid"], "state": state, "host": host, "lines": lines}
    return None
