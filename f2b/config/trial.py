"""The filter that somebody wants to test: a jail's, one of filter.d, or any file's."""

from __future__ import annotations

import re

from f2b.config import build, layer
from f2b.config import filter as filters
from f2b.config.jail import Host, Reader
from f2b.config.layer import Shelf
from f2b.config.library import Library
from f2b.config.model import FilterSpec, Problem
from f2b.config.notes import Notes
from f2b.config.spec import Spec, only
from f2b.config.text import Value
from f2b.errors import ConfigError, Place

_NAME = re.compile(r"[\w./-]+(?:\[.*\])?", re.DOTALL)


def read(text: str, shelf: Shelf, host: Host, journal: bool) -> tuple[FilterSpec | None, tuple[Problem, ...]]:
    """Return the filter that `text` means, and what is wrong with it; (None, ()) if it means none.

    As in Fail2Ban, a jail of this name comes first, then a filter in filter.d, then a file.
    """
    notes = Notes()
    if not _NAME.fullmatch(text):
        return None, ()
    try:
        spec = only(Value(text, (Place("the command line"),)))
    except ConfigError:
        return None, ()
    conf = build.jails(shelf)
    library = Library(shelf)
    if spec.name in build.names(conf):
        found = Reader(conf, spec.name, library, host, notes).filter(journal, spec.options)
        return found, tuple(notes.problems)
    made = notes.attempt(lambda: _from_file(spec, shelf, library, journal), None)
    return made, tuple(notes.problems)


def file(text: str, shelf: Shelf) -> tuple[FilterSpec | None, tuple[Problem, ...]]:
    """Return what `read` does, but never a jail's filter."""
    notes = Notes()

    def found() -> FilterSpec | None:
        return _from_file(only(Value(text, (Place("the command line"),))), shelf, Library(shelf), journal=False)

    return notes.attempt(found, None), tuple(notes.problems)


def _from_file(spec: Spec, shelf: Shelf, library: Library, journal: bool) -> FilterSpec | None:
    name = spec.name.removesuffix(".conf").removeprefix("filter.d/")
    if not shelf.stack(f"filter.d/{name}"):
        files = shelf.loose(spec.name)
        if not files:
            return None
        library.add("filter.d", name, layer.merged(name, files, shelf))
    named = Spec(name, spec.place, spec.options)
    return filters.build(named, filters.define(named, library, {}, journal), {}, library)
