"""The filter that a command tries out: found by its name, in a file, or given as a regex."""

from __future__ import annotations

import sys
from math import inf
from pathlib import Path

from f2b.config.model import FilterSpec, Text
from f2b.config.search import load_filter
from f2b.errors import ConfigError, Place
from f2b.filter.regex import RegexFilter, compile_filter

HERE = Place("the command line")


def find(text: str, directory: Path | None, journal: bool = False) -> FilterSpec | None:
    """Return the filter that a name (options in brackets behind it) or a path means; None if it means none.

    A jail's filter is found by the jail's name if no filter has that name. `journal`: it is to read the journal.
    Warnings go to stderr. Raises ConfigError.
    """
    name, bracket, options = text.partition("[")
    for candidate in (f"{name}.conf{bracket}{options}", text):
        spec, problems = load_filter(candidate, directory, journal=journal)
        errors = [str(problem) for problem in problems if problem.severity == "error"]
        if errors:
            raise ConfigError("\n".join(errors))
        if spec is not None:
            for problem in problems:
                print(f"warning: {problem}", file=sys.stderr)
            return spec
    return None


def given(regex: str) -> FilterSpec:
    """Return the filter that consists of one regex."""
    return FilterSpec("the command line", HERE, failregex=(Text(regex, HERE),))


def dated(pattern: str) -> tuple[Text, ...]:
    """Return the lines of a `datepattern`."""
    return tuple(Text(line.strip(), HERE) for line in pattern.split("\n") if line.strip())


def compiled(spec: FilterSpec) -> RegexFilter:
    """Compile a filter. Raises ConfigError that names all that is wrong with it.

    Fail2Ban measures the age of a session by the clock, so that none grows old while a log is tried out.
    """
    made, problems = compile_filter(spec, inf)
    if made is None:
        raise ConfigError("\n".join(str(problem) for problem in problems))
    return made
