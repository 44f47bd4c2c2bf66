"""All of a configuration to `Settings`, every problem of it told with file and line.

The last step of reading it, and pure: a `Shelf` tells which files there are, a `Host` which logs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from f2b import __version__
from f2b.config import convert, jail, layer, server, spelling
from f2b.config.interpolation import Scope
from f2b.config.jail import Host
from f2b.config.layer import INCLUDES, Conf, Shelf
from f2b.config.library import Library
from f2b.config.model import JailSpec, Problem, ServerSpec, Settings
from f2b.config.notes import Notes
from f2b.config.text import DEFAULT, Value
from f2b.errors import ConfigError, Place


def settings(shelf: Shelf, host: Host, only: Collection[str] = (), disabled: bool = False) -> Settings:
    """Return the settings that the files on `shelf` make up.

    With names in `only`, no other jails are read; with `disabled`, jails are read that are not enabled, too.
    """
    general = Notes()
    spec = _server(shelf, general)
    conf = jails(shelf, general)
    library = Library(shelf)
    found: list[JailSpec] = []
    broken: list[JailSpec] = []
    problems: list[Problem] = list(general.problems)
    for name in names(conf):
        if only and name not in only:
            continue
        notes = Notes(name)
        if disabled or notes.attempt(partial(enabled, conf, name), True):
            made = _jail(conf, name, library, host, notes)
            if made:
                (broken if notes.broken else found).append(made)
        problems += notes.problems
    if not _readable(shelf):  # what was read might be the wrong half
        found, broken = [], found + broken
    return Settings(spec, tuple(found), tuple(problems), tuple(broken))


def _readable(shelf: Shelf) -> bool:
    try:
        return all(map(shelf.page, shelf.stack("jail")))
    except ConfigError:
        return False


def names(conf: Conf) -> Iterator[str]:
    """Yield the names of all jails, enabled or not."""
    return (section for section in conf.sections if section not in (DEFAULT, INCLUDES))


def enabled(conf: Conf, name: str) -> bool:
    """Return whether a jail is enabled. Raises ConfigError."""
    value = Scope(conf.sections, name, known=conf.known).get("enabled")
    return value is not None and convert.boolean(value)


def _server(shelf: Shelf, notes: Notes) -> ServerSpec:
    """Return what fail2ban.conf and, over it, f2b.conf say of the server."""
    files = [*shelf.stack("fail2ban"), *shelf.stack("f2b")]
    conf = notes.attempt(lambda: layer.merged("fail2ban", files, shelf), Conf("fail2ban", Place("fail2ban")))
    for fault in conf.faults:
        notes.add(fault.error())
    return server.build(conf, notes)


def jails(shelf: Shelf, notes: Notes | None = None) -> Conf:
    """Return what jail.conf and all that belongs to it say. Faults outside of jails go to `notes`, if wanted."""
    quiet, notes = notes is None, notes or Notes()
    conf = notes.attempt(lambda: layer.read("jail", shelf), None) or Conf("jail", Place("jail"))
    for fault in conf.faults:
        if fault.section in ("", DEFAULT, INCLUDES):
            notes.add(fault.error())
    supplied = {"fail2ban_version": __version__, "fail2ban_confpath": shelf.directory}
    default = conf.sections.setdefault(DEFAULT, {})
    for doubt in () if quiet else spelling.doubts(default, (*jail.OPTIONS, *jail.OWN), texts=_texts(conf)):
        notes.add(doubt, "warning")
    for name, text in supplied.items():
        default.setdefault(name, Value(text, (Place(shelf.directory),)))
    return conf


def _texts(conf: Conf) -> str:
    return "\n".join(value.text for options in conf.sections.values() for value in options.values())


def _jail(conf: Conf, name: str, library: Library, host: Host, notes: Notes) -> JailSpec | None:
    for fault in conf.faults:
        if fault.section == name:
            notes.add(fault.error())
    return jail.build(conf, name, library, host, notes)
