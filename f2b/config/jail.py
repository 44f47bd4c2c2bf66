"""A jail's section, with its filter and its actions, to a `JailSpec`."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Protocol

from f2b import net
from f2b.config import action, convert, count, spelling
from f2b.config import filter as filters
from f2b.config import spec as names
from f2b.config.definition import Definition
from f2b.config.interpolation import Scope
from f2b.config.layer import INCLUDES, Conf
from f2b.config.library import Library
from f2b.config.model import ActionSpec, FilterSpec, Increment, JailSpec, LogPath, Text
from f2b.config.notes import Notes, Options
from f2b.config.spec import Spec
from f2b.config.text import DEFAULT, Value
from f2b.errors import ConfigError, Place

BANS = "bans"
"""The backend of a jail that reads no log: it hears of the server's own bans."""
BACKENDS = ("auto", "polling", "pyinotify", "gamin", "systemd", BANS)

OPTIONS = (
    *("enabled", "filter", "action", "backend", "logpath", "skip_if_nologs", "systemd_if_nologs"),
    *("maxretry", "maxmatches", "findtime", "bantime", "bantime.increment", "bantime.factor", "bantime.multipliers"),
    *("bantime.formula", "bantime.maxtime", "bantime.rndtime", "bantime.overalljails"),
    *("ignoreself", "ignoreip", "ignorecommand", "ignorecache", "logencoding", "logtimezone"),
    *filters.SETTINGS,
)
"""Every jail option of Fail2Ban; any other name is a variable, or an option of f2b's own."""

OWN = (
    *("counting", "prefix4", "prefix6", "banlist", "protect", "protectgroups", "collateral", "proxies"),
    *("maxbans", "holdbans", "explainlines", "deadafter"),
)
"""Options of f2b's own that every jail has."""

_VARIABLES = ("port", "protocol", "mode", "chain", "name", "type", "native")
"""Names that are not taken for a misspelt option."""

_WITHOUT_LOGS = ("correlate",)
"""Filter types that read no log."""


_ADDRESS = re.compile(r"[\d.]+(?:/[\d.]*|\.\d*)|[\dA-Fa-f:.]*:[\dA-Fa-f:.]*:[\dA-Fa-f:.]*(?:/\d*)?")
"""What is meant as an address or a network, whether it is one or not."""

_LONGEST = 50
"""Characters of an address with its netmask."""

_DEFAULT = JailSpec("", Place(""), FilterSpec("", Place("")))


class Host(Protocol):
    """What there is on this machine."""

    def logs(self, pattern: str) -> list[str]:
        """Return the existing files that a path or a glob names. Raises ConfigError if they are too many."""
        ...

    def journal(self) -> bool:
        """Return whether there is a journal that can be read."""
        ...


def build(conf: Conf, name: str, library: Library, host: Host, notes: Notes) -> JailSpec | None:
    """Return the jail of section `name`, or None; `notes` says what is wrong. A broken one must not be run."""
    return Reader(conf, name, library, host, notes).jail()


class Reader:
    """Reads one jail's section; what is wrong with it goes to `notes`."""

    def __init__(self, conf: Conf, name: str, library: Library, host: Host, notes: Notes) -> None:
        self._conf = conf
        self._name = name
        self._library = library
        self._host = host
        self._notes = notes
        self._place = conf.headers[name]
        self._options = Options(Scope(conf.sections, name, known=conf.known), notes)

    def jail(self) -> JailSpec | None:
        """Return the jail, as far as it is understood; None if it is not wanted, or not enough is."""
        backend = self._options.get("backend", _backend, Spec("auto", self._place))
        own = self.filter(backend.name == "systemd")
        nothing: tuple[LogPath, ...] = ()
        logpath = nothing if backend.name == BANS else self._options.get("logpath", _logpaths, nothing)
        missing = not any(map(self._exists, logpath))
        journal = backend.name == "systemd" or (missing and backend.name == "auto" and self._may_fall_back(own))
        if journal and backend.name != "systemd":
            own = self.filter(journal)
        if not journal and missing and logpath and self._options.get("skip_if_nologs", convert.boolean, False):
            self._warn(f"no file matches its logpath {logpath[0].pattern}, and skip_if_nologs leaves it out")
            return None
        actions = self._actions()
        if own is not None:
            self._check(own)
            if backend.name != BANS:
                self._check_source(own, logpath, missing, journal)
        self._find_misspelt()
        return self._made(own, actions, backend, journal, logpath) if own else None

    def _exists(self, log: LogPath) -> bool:
        """Whether there is a file that is meant; also if there are far too many."""
        try:
            return bool(self._host.logs(log.pattern))
        except ConfigError as error:
            written = self._options.value("logpath")
            lines = written.lines() if written else []
            place = next((line.place for line in lines if line.text.startswith(log.pattern)), self._place)
            self._notes.add(ConfigError(error.what, place, error.cure))
            return True

    def _made(
        self,
        own: FilterSpec,
        actions: tuple[ActionSpec, ...],
        backend: Spec,
        journal: bool,
        logpath: tuple[LogPath, ...],
    ) -> JailSpec:
        get, text, default = self._options.get, self._options.text, _DEFAULT
        return JailSpec(
            name=self._name,
            place=self._place,
            filter=own,
            actions=actions,
            backend=backend.name,
            backend_options={key: value.text for key, value in backend.options.items()},
            journal=journal,
            logpath=logpath,
            logencoding=get("logencoding", _encoding, default.logencoding),
            logtimezone=get("logtimezone", lambda value: value.text or "UTC", None),
            maxretry=get("maxretry", convert.integer, default.maxretry, "warning"),
            maxmatches=get("maxmatches", convert.integer, default.maxmatches, "warning"),
            findtime=get("findtime", convert.seconds, default.findtime),
            bantime=get("bantime", lambda value: int(convert.seconds(value)), default.bantime),
            counting=get("counting", count.counting, default.counting),
            prefix4=get("prefix4", count.prefix4, default.prefix4),
            prefix6=get("prefix6", count.prefix6, default.prefix6),
            banlist=get("banlist", _paths, default.banlist),
            protect=get("protect", count.networks, default.protect),
            protectgroups=get("protectgroups", _paths, default.protectgroups),
            collateral=get("collateral", count.collateral, default.collateral),
            proxies=get("proxies", count.proxies, default.proxies),
            maxbans=get("maxbans", convert.integer, default.maxbans),
            holdbans=get("holdbans", convert.boolean, default.holdbans),
            explainlines=get("explainlines", convert.integer, default.explainlines),
            deadafter=get("deadafter", convert.seconds, default.deadafter),
            increment=self._increment(),
            ignoreself=get("ignoreself", convert.boolean, default.ignoreself),
            ignoreip=self._ignoreip(),
            ignorecommand=text("ignorecommand"),
            ignorecache=get("ignorecache", count.cache, {}),
            options=self._others(),
            written=self._options.written(OPTIONS),
        )

    def _increment(self) -> Increment:
        get, default = self._options.get, Increment()
        return Increment(
            enabled=get("bantime.increment", convert.boolean, default.enabled),
            factor=get("bantime.factor", count.factor, default.factor),
            formula=get("bantime.formula", count.formula, default.formula),
            multipliers=get("bantime.multipliers", convert.integers, default.multipliers),
            maxtime=get("bantime.maxtime", count.optional_seconds, default.maxtime),
            rndtime=get("bantime.rndtime", count.optional_seconds, None) or default.rndtime,
            overalljails=get("bantime.overalljails", convert.boolean, default.overalljails),
        )

    def _ignoreip(self) -> tuple[str, ...]:
        value = self._options.value("ignoreip")
        entries = [(word, line.place) for line in value.lines() for word in _words(line.text)] if value else []
        for word, place in entries:
            if _ADDRESS.fullmatch(word[:_LONGEST]) and not _is_address(word):
                cure = "write 192.0.2.1, 192.0.2.0/24, 2001:db8::/32 or a host name"
                self._notes.add(ConfigError(f"ignoreip: {word} is no address", place, cure), "warning")
        return tuple(word for word, _ in entries)

    # ---- the filter ----------------------------------------------------------------------------------------

    def filter(self, journal: bool, parameters: Mapping[str, Value] | None = None) -> FilterSpec | None:
        """Return the jail's filter, or None if it is broken; `parameters` are added to those the jail gives.

        From now on the jail's options see the filter's as `%(known/...)s`.
        """
        spec = self._options.get("filter", names.optional, None)
        if spec is not None and parameters:
            spec = Spec(spec.name, spec.place, {**spec.options, **parameters})
        definition: Definition | None = None
        if spec is not None:
            told = self._told("enabled", "backend", "filter")
            definition = self._notes.attempt(lambda: filters.define(spec, self._library, told, journal), None)
            if definition is None:
                return None
            known = {f"known/{name}": value for name, value in definition.options.items()}
            scope = Scope(self._conf.sections, self._name, known=self._conf.known, injected=known)
            self._options = Options(scope, self._notes)
        settings = self._told(*filters.SETTINGS)
        found = spec or Spec("", self._place)
        return self._notes.attempt(lambda: filters.build(found, definition, settings, self._library), None)

    def _told(self, *names: str) -> dict[str, Value]:
        values = {name: self._options.value(name) for name in names}
        return {name: value for name, value in values.items() if value is not None}

    def _may_fall_back(self, own: FilterSpec | None) -> bool:
        """Whether a jail whose logs do not exist may read the journal in their place."""
        wanted = self._options.get("systemd_if_nologs", convert.boolean, True)
        return wanted and own is not None and bool(own.journalmatch) and self._host.journal()

    # ---- actions -------------------------------------------------------------------------------------------

    def _actions(self) -> tuple[ActionSpec, ...]:
        told = self._told(*OPTIONS)
        listed: list[Spec] = self._options.get("action", names.specs, [])
        found: dict[str, ActionSpec] = {}
        for spec in listed:
            one = self._notes.attempt(partial(action.build, spec, self._name, told, self._library), None)
            if one is not None and one.name in found:
                cure = "tell them apart: ACTION[actname=ANOTHER]"
                self._notes.add(ConfigError(f"two actions are called {one.name!r}", spec.place, cure))
            elif one is not None:
                found[one.name] = one
        return tuple(found.values())

    # ---- what does not fit together ------------------------------------------------------------------------

    def _check(self, own: FilterSpec) -> None:
        self._check_listened(own)
        if own.type == "regex" and not own.failregex and not self._is_list(own):
            cure = "give it a failregex" if own.name else "write filter = NAME, or a failregex"
            self._notes.add(ConfigError("it has no failregex", own.place, cure))
        if not self._options.text("action"):
            self._warn("it has no action, so that its bans keep nobody out", "write action = %(action_)s")

    def _check_listened(self, own: FilterSpec) -> None:
        """Note the jails that it is to listen to and that there are none of."""
        known = [name for name in self._conf.sections if name not in (DEFAULT, INCLUDES)]
        for text in _scored(own):
            for word in _words(text.value):
                name = word.rpartition(":")[0]
                if name and name not in known and name.removesuffix(".ban") not in known:
                    cure = convert.near(name.removesuffix(".ban"), known) or "name jails of this configuration"
                    self._notes.add(ConfigError(f"scores: there is no jail {name!r}", text.place, cure))

    def _check_source(self, own: FilterSpec, logpath: tuple[LogPath, ...], missing: bool, journal: bool) -> None:
        if journal and not self._host.journal():
            self._warn("it reads the journal, and there is none that can be read here")
        elif not journal and not logpath and not _without_logs(own) and not self._is_list(own):
            cure = "write logpath = FILE, or backend = systemd and a journalmatch"
            self._notes.add(ConfigError("it has no logpath", self._place, cure))
        elif not journal and logpath and missing:
            cure = "it waits for the file"
            self._warn(f"no file matches its logpath {logpath[0].pattern}", cure)

    def _is_list(self, own: FilterSpec) -> bool:
        """Whether the jail is nothing but its banlist."""
        return not own.name and not own.failregex and self._options.value("banlist") is not None

    def _warn(self, what: str, cure: str = "") -> None:
        self._notes.add(ConfigError(what, self._place, cure), "warning")

    def _find_misspelt(self) -> None:
        """Warn of options that look like a known one; any other name is a variable."""
        default = self._conf.sections.get(DEFAULT, {})
        own = {name: value for name, value in self._conf.sections[self._name].items() if name not in default}
        for error in spelling.doubts(own, (*OPTIONS, *OWN), _VARIABLES):
            self._notes.add(error, "warning")

    def _others(self) -> dict[str, Text]:
        """Return the options that are not Fail2Ban's. A wrong one may be a variable that nobody uses."""
        others = (name for name in self._conf.sections[self._name] if name not in OPTIONS)
        return self._options.written(others, "warning")


def _without_logs(spec: FilterSpec) -> bool:
    """Whether a filter, with all that it rests on, reads no log."""
    return spec.type in _WITHOUT_LOGS or (bool(spec.base) and all(map(_without_logs, spec.base)))


def _scored(spec: FilterSpec) -> Iterator[Text]:
    """Yield the `scores` of a filter and of all that it rests on."""
    if spec.type in _WITHOUT_LOGS and "scores" in spec.options:
        yield spec.options["scores"]
    for base in spec.base:
        yield from _scored(base)


def _backend(value: Value) -> Spec:
    found = names.optional(value)
    if found is None:
        return Spec("auto", value.place)
    name = found.name.lower()
    if name not in BACKENDS:
        cure = convert.near(name, BACKENDS) or f"write one of {', '.join(BACKENDS)}"
        raise ConfigError(f"there is no backend {found.name!r}", value.place, cure)
    return Spec(name, found.place, found.options)


def _logpaths(value: Value) -> tuple[LogPath, ...]:
    return tuple(_logpath(line.text) for line in value.lines())


def _paths(value: Value) -> tuple[str, ...]:
    return tuple(word for line in value.lines() for word in line.text.split())


def _logpath(line: str) -> LogPath:
    path, _, start = line.rpartition(" ")
    if path and start.lower() in ("head", "tail"):
        return LogPath(path.rstrip(), start.lower() == "tail")
    return LogPath(line)


def _is_address(word: str) -> bool:
    """Whether this is an address or a network; Fail2Ban takes one of too great a length for a single address."""
    base, _, length = word.partition("/")
    too_long = length.isdecimal() and int(length[:4]) > (128 if ":" in base else 32)
    return net.network(word) is not None and not too_long


def _words(text: str) -> list[str]:
    return text.replace(",", " ").split()


def _encoding(value: Value) -> str:
    try:
        return value.text if value.text == "auto" else codecs.lookup(value.text).name and value.text
    except LookupError:
        cure = "write auto, utf-8, latin1, ..."
        raise ConfigError(f"there is no encoding {value.text!r}", value.place, cure) from None
