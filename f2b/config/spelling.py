"""Options that look like a misspelt one. Any name may be a variable, so this is never more than a doubt."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import chain, islice

from f2b.config import convert
from f2b.config.text import Value
from f2b.errors import ConfigError

MOST = 1000
"""So many options of a section are looked at: nobody writes more by hand."""
_REFERENCE = re.compile(r"%\(([^()]+)\)s|<([^<> ]+)>")
_ALIKE = 0.8
"""From here on two names count as alike; `fitler` and `filter` have 0.83."""


def doubts(
    options: Mapping[str, Value], known: Sequence[str], variables: Collection[str] = (), texts: str = ""
) -> Iterator[ConfigError]:
    """Yield what is probably misspelt in a section, with what was probably meant.

    `variables` are sound names, too; so is what `texts`, or another option here, refers to.
    """
    found = chain.from_iterable(_REFERENCE.findall(text) for text in (texts, *(one.text for one in options.values())))
    sound = {*known, *variables, *chain.from_iterable(found)}
    for name in islice((name for name in options if name not in sound), MOST):
        value = options[name]
        cure = convert.near(name, known, _ALIKE)
        if cure and not _derived(name, known):
            yield ConfigError(f"{name!r} is no option", value.place, cure)


def _derived(name: str, known: Sequence[str]) -> bool:
    """Whether this is a known name with something behind it, as people call their variables: `action_mw`."""
    return any(name.startswith(f"{one}{mark}") for one in known for mark in "_-.?")
