"""Every filter and every action that there is, used by a jail or not: for `f2b check --all`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from f2b.config import action, spelling
from f2b.config import filter as filters
from f2b.config.definition import DEFINITION
from f2b.config.layer import INCLUDES, Conf, Shelf
from f2b.config.library import Library
from f2b.config.model import ActionSpec, FilterSpec, Problem
from f2b.config.notes import Notes
from f2b.config.spec import Spec
from f2b.errors import ConfigError, Place
from f2b.named import NamedTuple

NOBODY = "NAME"
"""The jail that actions are read for."""
_ACTION = (*sorted(action.COMMANDS), "actiontype")

T = TypeVar("T")


class Survey(NamedTuple):
    """What was read, and what is wrong with the rest."""

    filters: tuple[FilterSpec, ...]
    actions: tuple[ActionSpec, ...]
    problems: tuple[Problem, ...]


def read(shelf: Shelf) -> Survey:
    """Return all filters and actions on `shelf`, each without parameters and as no jail's."""
    notes = Notes()
    library = Library(shelf)

    def filter_of(spec: Spec) -> FilterSpec:
        return filters.build(spec, filters.define(spec, library, {}, journal=False), {}, library)

    def action_of(spec: Spec) -> ActionSpec:
        return action.build(spec, NOBODY, {}, library)

    made = _all("filter.d", filters.SETTINGS, filter_of, shelf, library, notes)
    done = _all("action.d", _ACTION, action_of, shelf, library, notes)
    return Survey(tuple(made), tuple(done), tuple(notes.problems))


def _all(
    kind: str, known: Sequence[str], make: Callable[[Spec], T], shelf: Shelf, library: Library, notes: Notes
) -> list[T]:
    """Return what `make` makes of each file."""
    confs = list(_defined(kind, shelf, library, notes))
    included = {name for _, conf in confs for name in _included(conf)}
    made: list[T] = []
    for spec, conf in confs:
        _judge(conf, known, notes)
        if DEFINITION not in conf.sections or conf.faults:
            continue
        try:
            made.append(make(spec))
        except ConfigError as error:
            if f"{spec.name}.conf" not in included:  # such files may need what those who include them define
                notes.add(error)
    return made


def _included(conf: Conf) -> Iterator[str]:
    for value in conf.sections.get(INCLUDES, {}).values():
        yield from (line.text for line in value.lines())


def _defined(kind: str, shelf: Shelf, library: Library, notes: Notes) -> Iterator[tuple[Spec, Conf]]:
    for name in shelf.names(kind):
        spec = Spec(name, Place(f"{kind}/{name}.conf"))
        try:
            yield spec, library.definition(kind, spec)
        except ConfigError as error:
            notes.add(error)


def _judge(conf: Conf, known: Sequence[str], notes: Notes) -> None:
    """Note the lines of a file that are not understood, and the names in it that are probably misspelt."""
    for fault in conf.faults:
        notes.add(fault.error())
    texts = "\n".join(value.text for options in conf.sections.values() for value in options.values())
    for doubt in spelling.doubts(conf.sections.get(DEFINITION, {}), known, texts=texts):
        notes.add(doubt, "warning")
