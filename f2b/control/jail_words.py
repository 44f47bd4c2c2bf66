"""Fail2Ban's `get` and `set` of one jail's settings: `get sshd findtime`, `set sshd addfailregex ...`.

A change is a function from a specification to the next one; the desk lets the jail go on by it.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase

from f2b import net
from f2b.config import convert
from f2b.config import spec as names
from f2b.config.model import FilterSpec, JailSpec, LogPath, Text, UseDns
from f2b.config.text import Value
from f2b.control import bantime_words, regex_words, report
from f2b.control.bantime_words import written
from f2b.control.refusal import Args, no_file, no_key, nth, number, refusal, seconds, truth, whole
from f2b.control.regex_words import SAID
from f2b.daemon.desk import Desk, JailView
from f2b.date import pattern, zone
from f2b.errors import ConfigError
from f2b.value import replace

_USEDNS: dict[str, UseDns] = {"yes": "yes", "warn": "warn", "raw": "raw"}
_STARTS = {"head": False, "tail": True}


def get_item(view: JailView, item: str, args: Args) -> object:
    """Return one item of a jail, of those that this module `shows`."""
    if item in SHOWN:
        return SHOWN[item](view.spec)
    if item in ASKED:
        return ASKED[item](view, args)
    return bantime_words.shown(view.spec, item)


def set_item(desk: Desk, view: JailView, item: str, args: Args) -> object:
    """Change one item of a jail and return what is shown of it then. Raises WordsError."""
    if item.startswith(bantime_words.PREFIX):
        shown, change = item, bantime_words.changer(item)
    elif item in CHANGES:
        shown, change = CHANGES[item]
    else:
        return SOURCES[item](desk, view, args)
    apply(desk, change(view.spec, args))
    return get_item(desk.jail(view.name), shown, ())


def apply(desk: Desk, spec: JailSpec) -> None:
    """Let a jail go on by this specification. Raises WordsError if that cannot work."""
    try:
        desk.change(spec)
    except ConfigError as error:
        raise refusal(error.what) from None


def shows(item: str) -> bool:
    """Return whether there is an item of this name to get."""
    return item in SHOWN or item in ASKED or item.startswith(bantime_words.PREFIX)


def changes(item: str) -> bool:
    """Return whether there is an item of this name to set."""
    return item in CHANGES or item in SOURCES or item.startswith(bantime_words.PREFIX)


# ---- whom it spares ------------------------------------------------------------------------------------------


def _spared(spec: JailSpec) -> list[str]:
    """Return the allow list as Fail2Ban shows it: networks, names and files, then single addresses."""
    canonical = list(dict.fromkeys(_canonical(entry) for entry in spec.ignoreip))
    return sorted(canonical, key=lambda entry: net.address(entry) is not None)


def _canonical(entry: str) -> str:
    return net.network(entry) or entry


def _spare(spec: JailSpec, args: Args) -> JailSpec:
    known = _spared(spec)
    new = [entry for entry in args if entry and _canonical(entry) not in known]
    return replace(spec, ignoreip=(*spec.ignoreip, *new))


def _unspare(spec: JailSpec, args: Args) -> JailSpec:
    entry = _canonical(nth(args, 0))
    kept = tuple(other for other in spec.ignoreip if _canonical(other) != entry)
    if kept == spec.ignoreip:
        raise refusal("list.remove(x): x not in list", "ValueError")
    return replace(spec, ignoreip=kept)


def _cache(spec: JailSpec, args: Args) -> JailSpec:
    text = nth(args, 0)
    try:
        found = names.options(Value(text, (SAID,))) if text else {}
    except ConfigError:
        raise refusal(f"expected option, wrong syntax at 0: {text}", "ValueError") from None
    if text and "key" not in found:
        raise no_key("key")
    cache = {key: value.text for key, value in found.items()}
    return replace(spec, ignorecache={**cache, **_checked_cache(cache)})


def _checked_cache(cache: Mapping[str, str]) -> dict[str, str]:
    """Return the numbers of a cache as they are understood. Raises WordsError."""
    checked: dict[str, str] = {}
    if "max-count" in cache:
        checked["max-count"] = str(whole([cache["max-count"]]))
    if "max-time" in cache:
        checked["max-time"] = str(seconds([cache["max-time"]]))
    return checked


def _shown_cache(spec: JailSpec) -> object:
    cache = spec.ignorecache
    if not cache:
        return None
    most = convert.integer(Value(cache.get("max-count", "100"), (SAID,)))
    age = convert.seconds(Value(cache.get("max-time", "5m"), (SAID,)))
    return [cache["key"], most, number(age)]


# ---- what it reads -------------------------------------------------------------------------------------------


def _add_log(desk: Desk, view: JailView, args: Args) -> object:
    path, start = nth(args, 0), args[1] if len(args) > 1 else "head"
    if start not in _STARTS:
        raise refusal("File option must be 'head' or 'tail'", "ValueError")
    if len(args) > 2:
        raise refusal("Only one file can be added at a time", "ValueError")
    if path not in desk.files(path):
        raise no_file(path)
    if path not in view.files:
        spec = view.spec
        apply(desk, replace(spec, logpath=(*spec.logpath, LogPath(path, _STARTS[start]))))
    return list(desk.jail(view.name).files)


def _drop_log(desk: Desk, view: JailView, args: Args) -> object:
    path = nth(args, 0)
    if path in view.files:
        kept = tuple(log for one in view.spec.logpath for log in _without(one, path, view.files))
        apply(desk, replace(view.spec, logpath=kept))
    return list(desk.jail(view.name).files)


def _without(log: LogPath, path: str, files: Sequence[str]) -> list[LogPath]:
    """Return what is left of a log without a file; a glob becomes the other files it now means."""
    if log.pattern == path:
        return []
    if not fnmatchcase(path, log.pattern):
        return [log]
    return [LogPath(file, log.tail) for file in files if file != path and fnmatchcase(file, log.pattern)]


def _encoding(spec: JailSpec, args: Args) -> JailSpec:
    name = nth(args, 0)
    try:
        codecs.lookup("utf-8" if name == "auto" else name)
    except LookupError as error:
        raise refusal(str(error), "LookupError") from None
    return replace(spec, logencoding=name)


def _timezone(spec: JailSpec, args: Args) -> JailSpec:
    name = nth(args, 0)
    try:
        zone.configured(name or "UTC")
    except ConfigError:
        raise refusal(f"Unknown or unsupported time zone: {name!r}", "ValueError") from None
    return written(replace(spec, logtimezone=name or "UTC"), "logtimezone", name)


def _match(spec: JailSpec, args: Args) -> JailSpec:
    if not spec.journal:
        return spec
    new = [" ".join(group) for group in _groups(args)]
    return _filter(spec, journalmatch=(*spec.filter.journalmatch, *new))


def _unmatch(spec: JailSpec, args: Args) -> JailSpec:
    if not spec.journal:
        return spec
    known = [" ".join(group) for group in _shown_match(spec)]
    for group in map(" ".join, _groups(args)):
        if group not in known:
            raise refusal("Match not found", "ValueError")
        known.remove(group)
    return _filter(spec, journalmatch=tuple(known))


def _groups(words: Args) -> list[list[str]]:
    """Return the alternatives that `+` separates."""
    groups: list[list[str]] = [[]]
    for word in words:
        if word == "+":
            groups.append([])
        else:
            groups[-1].append(word)
    return [group for group in groups if group]


def _shown_match(spec: JailSpec) -> list[list[str]]:
    if not spec.journal:
        return []
    return [group for match in spec.filter.journalmatch for group in _groups(match.split())]


# ---- its filter ----------------------------------------------------------------------------------------------


def _filter(spec: JailSpec, **changes: object) -> JailSpec:
    # mypy cannot see through **changes; each caller names a field and gives its type.
    return replace(spec, filter=replace(spec.filter, **changes))  # type: ignore[arg-type]


def _usedns(spec: JailSpec, args: Args) -> JailSpec:
    word = nth(args, 0).lower()
    return _filter(spec, usedns=_USEDNS.get("no" if word == "false" else word, "no"))


def _maxlines(spec: JailSpec, args: Args) -> JailSpec:
    lines = whole(args)
    if lines <= 0:
        raise refusal("maxlines must be integer greater than zero", "ValueError")
    return _filter(spec, maxlines=lines)


def _datepattern(spec: JailSpec, args: Args) -> JailSpec:
    text = nth(args, 0)
    return _filter(spec, datepattern=(Text(text, SAID),) if text else ())


def _shown_datepattern(spec: FilterSpec) -> tuple[str | None, str]:
    found = [one for text in spec.datepattern for one, _ in pattern.expand(text.value, 0)]
    if len(found) != 1:
        return None, "Default Detectors"
    one = found[0]
    if one.kind == "none":
        return f"{pattern.UNBOUND}^", one.name
    return (one.text if one.kind == "fields" else None), one.name


# ---- its limits ----------------------------------------------------------------------------------------------


def _command(spec: JailSpec, args: Args) -> JailSpec:
    text = nth(args, 0)
    return written(replace(spec, ignorecommand=text), "ignorecommand", text)


Change = Callable[[JailSpec, Args], JailSpec]

CHANGES: dict[str, tuple[str, Change]] = {
    "ignoreself": ("ignoreself", lambda spec, args: replace(spec, ignoreself=truth(args))),
    "addignoreip": ("ignoreip", _spare),
    "delignoreip": ("ignoreip", _unspare),
    "ignorecommand": ("ignorecommand", _command),
    "ignorecache": ("ignorecache", _cache),
    "logencoding": ("logencoding", _encoding),
    "logtimezone": ("logtimezone", _timezone),
    "addjournalmatch": ("journalmatch", _match),
    "deljournalmatch": ("journalmatch", _unmatch),
    "prefregex": ("prefregex", regex_words.set_prefix),
    "addfailregex": ("failregex", regex_words.add_failregex),
    "delfailregex": ("failregex", regex_words.drop_failregex),
    "addignoreregex": ("ignoreregex", regex_words.add_ignoreregex),
    "delignoreregex": ("ignoreregex", regex_words.drop_ignoreregex),
    "usedns": ("usedns", _usedns),
    "datepattern": ("datepattern", _datepattern),
    "maxlines": ("maxlines", _maxlines),
    "findtime": ("findtime", lambda spec, args: replace(spec, findtime=seconds(args))),
    "bantime": ("bantime", lambda spec, args: replace(spec, bantime=int(seconds(args)))),
    "maxretry": ("maxretry", lambda spec, args: replace(spec, maxretry=whole(args))),
    "maxmatches": ("maxmatches", lambda spec, args: replace(spec, maxmatches=whole(args))),
}
"""What `set` changes, and what is shown of it then."""

SOURCES: dict[str, Callable[[Desk, JailView, Args], object]] = {"addlogpath": _add_log, "dellogpath": _drop_log}

SHOWN: dict[str, Callable[[JailSpec], object]] = {
    "ignoreself": lambda spec: spec.ignoreself,
    "ignoreip": _spared,
    "ignorecommand": lambda spec: spec.ignorecommand if "ignorecommand" in spec.written else False,
    "ignorecache": _shown_cache,
    "logencoding": lambda spec: "UTF-8" if spec.logencoding == "auto" else spec.logencoding,
    "logtimezone": lambda spec: spec.written["logtimezone"].value if "logtimezone" in spec.written else None,
    "journalmatch": _shown_match,
    "prefregex": lambda spec: regex_words.prefix(spec.filter),
    "failregex": lambda spec: regex_words.shown(spec.filter.failregex, spec.filter.usedns),
    "ignoreregex": lambda spec: regex_words.shown(spec.filter.ignoreregex, spec.filter.usedns),
    "usedns": lambda spec: spec.filter.usedns,
    "datepattern": lambda spec: _shown_datepattern(spec.filter),
    "maxlines": lambda spec: spec.filter.maxlines,
    "findtime": lambda spec: number(spec.findtime),
    "bantime": lambda spec: number(spec.bantime),
    "maxretry": lambda spec: spec.maxretry,
    "maxmatches": lambda spec: spec.maxmatches,
    "actions": lambda spec: [action.name for action in spec.actions],
}

ASKED: dict[str, Callable[[JailView, Args], object]] = {
    "banip": report.by_end,
    "banned": lambda view, args: banned(view, args),
    "logpath": lambda view, args: list(view.files),
}


def banned(view: JailView, args: Args) -> object:
    """Return who is banned in a jail, or for each of `args` whether it is."""
    if not args:
        return report.ids(view)
    found = [int(view.bans.get(_canonical(wanted)) is not None) for wanted in args]
    return found if len(found) > 1 else found[0]
