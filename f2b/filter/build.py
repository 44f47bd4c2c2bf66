"""A filter of any type from its specification, and how its lines are dated.

The door to all types: filters of regexes, which nearly every jail has, need none of the others' modules.
"""

from __future__ import annotations

from functools import partial

from f2b.config.model import FilterSpec, Problem
from f2b.filter import Filter
from f2b.filter.regex import compile_filter
from f2b.filter.session import MAX_AGE_S
from f2b.filter.success import forgiving, tells

REGEX = "regex"
"""The type that a filter has unless it names another."""
Made = tuple[Filter | None, list[Problem]]


def build(spec: FilterSpec, max_age_s: float = MAX_AGE_S) -> Made:
    """Return a filter, or None and all that is wrong with it; `max_age_s`: how old a session of lines gets."""
    if spec.type == REGEX:
        return _of_regexes(max_age_s, spec)
    from f2b.filter import kind  # twenty modules, which hosts without such filters never load

    return kind.build(spec, partial(_of_regexes, max_age_s))


def _of_regexes(max_age_s: float, spec: FilterSpec) -> Made:
    found, problems = compile_filter(spec, max_age_s)
    return (found, problems) if found is None or not tells(spec, found) else forgiving(spec, found)


def inherit(spec: FilterSpec, new: Filter, old: Filter) -> None:
    """Let a new filter go on with what an older one remembers, as far as their options are the same."""
    if spec.type != REGEX:
        from f2b.filter.over import adopt

        adopt(new, old)


def date_patterns(spec: FilterSpec) -> tuple[str, ...]:
    """Return the date patterns of the lines that a filter reads: its own, or what its type brings along."""
    if spec.datepattern or spec.type == REGEX:
        return tuple(text.value for text in spec.datepattern)
    from f2b.filter import kind

    return kind.date_patterns(spec)
