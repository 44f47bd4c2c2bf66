"""A filter's file, its parameters and its jail's settings, to a `FilterSpec`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import cast

from f2b.config import convert
from f2b.config.definition import DEFINITION, Definition
from f2b.config.layer import Conf
from f2b.config.library import Library
from f2b.config.model import FilterSpec, Text, UseDns
from f2b.config.spec import Spec, specs
from f2b.config.text import Value, joined
from f2b.errors import ConfigError, Place
from f2b.value import replace

SETTINGS = ("failregex", "ignoreregex", "prefregex", "usedns", "maxlines", "datepattern", "journalmatch")
"""What a jail may set in its own section in place of its filter."""

_WRITTEN = ("usedns", "prefregex", "maxlines", "datepattern")
_ADDED = ("failregex", "ignoreregex", "journalmatch")
_OTHER = ("filtertype", "logtype", "base")
_USEDNS = ("yes", "warn", "no", "raw")

DEEPEST = 10
"""How many filters may be one another's base in a chain."""
MOST_BASES = 100
"""How many filters a filter may build on, those of its bases among them."""

_PERCENT = re.compile(r"%%|%(?!\()")

Settings = Mapping[str, Value]


def define(spec: Spec, library: Library, variables: Mapping[str, Value], journal: bool) -> Definition:
    """Return what a filter's file says. Raises ConfigError."""
    conf = _with_variables(library.definition("filter.d", spec))
    parameters = dict(spec.options)
    # As if it were a parameter; only the filter's own [Definition] beats it, not its [Init].
    if "logtype" not in parameters and "logtype" not in conf.sections.get("Definition", ()):
        parameters["logtype"] = Value("journal" if journal else "file", (spec.place,))
    return Definition(conf, parameters, variables, init_visible=True)


def _with_variables(conf: Conf) -> Conf:
    """Let `%h` in a `logformat` be Apache's variable, as it stands in httpd.conf, and not half of an `%(option)s`."""
    own = conf.sections.get(DEFINITION, {})
    if "logformat" not in own:
        return conf
    value = own["logformat"]
    doubled = _PERCENT.sub("%%", value.text)
    return replace(conf, sections={**conf.sections, DEFINITION: {**own, "logformat": Value(doubled, value.places)}})


def build(
    spec: Spec, definition: Definition | None, jail: Settings, library: Library, above: tuple[str, ...] = ()
) -> FilterSpec:
    """Return the filter that a definition and the settings of its jail make up.

    `above` are the filters that have this one as their base. Raises ConfigError.
    """
    chosen = _settings(definition, jail)
    others = definition.options if definition else {}
    bases = (
        _bases(others.get("base"), library, (*above, spec.name), others["logtype"].text) if "base" in others else ()
    )
    maxlines, usedns = chosen.get("maxlines"), chosen.get("usedns")
    made = FilterSpec(
        name=spec.name,
        place=_place(definition, spec),
        type=others["filtertype"].text if "filtertype" in others else "regex",
        failregex=_texts(chosen.get("failregex")),
        ignoreregex=_texts(chosen.get("ignoreregex")),
        prefregex=_text(chosen.get("prefregex")),
        maxlines=convert.integer(maxlines) if maxlines else 1,
        datepattern=_texts(chosen.get("datepattern")),
        usedns=_usedns(usedns) if usedns else "warn",
        journalmatch=tuple(text.value for text in _texts(chosen.get("journalmatch"))),
        logtype=others["logtype"].text if "logtype" in others else "file",
        options={
            name: Text(value.text, value.place, value.places)
            for name, value in others.items()
            if name not in SETTINGS and name not in _OTHER
        },
        base=bases,
        written={name: Text(value.text, value.place) for name, value in _as_written(chosen, others)},
    )
    return _inheriting(made, chosen) if bases else made


def _as_written(chosen: Settings, others: Settings) -> Iterator[tuple[str, Value]]:
    yield from ((name, chosen[name]) for name in _WRITTEN if name in chosen)
    yield from ((name, others[name]) for name in ("filtertype",) if name in others)


def _place(definition: Definition | None, spec: Spec) -> Place:
    return definition.place if definition else spec.place


def _settings(definition: Definition | None, jail: Settings) -> Settings:
    """Return each setting's value. The jail's stands in place of [Definition]'s, beside [Init]'s or a parameter."""
    if definition is None:
        return jail
    chosen: dict[str, Value] = {}
    for name in SETTINGS:
        own, above = definition.get(name), jail.get(name)
        if above is None or (own is not None and name in definition.given and name not in (*_ADDED, "datepattern")):
            value = own
        elif own is not None and name in definition.given and name in _ADDED:
            value = joined((above, Value("\n", (above.places[-1], own.place)), own))
        else:
            value = above
        if value is not None:
            chosen[name] = value
    return chosen


def _bases(value: Value | None, library: Library, above: tuple[str, ...], logtype: str) -> tuple[FilterSpec, ...]:
    found: list[FilterSpec] = []
    for spec in specs(value) if value else ():
        if spec.name in above:
            chain = " -> ".join((*above, spec.name))
            raise ConfigError(
                f"filter {spec.name!r} has itself as its base ({chain})", spec.place, "break the circle"
            )
        if len(above) > DEEPEST:
            cure = f"no more than {DEEPEST} filters can be one another's base in a chain"
            raise ConfigError(f"the base {spec.name!r} lies too deep", spec.place, cure)
        definition = define(spec, library, {}, logtype == "journal")
        found.append(build(spec, definition, {}, library, above))
        if sum(map(_count, found)) > MOST_BASES:
            raise ConfigError(f"more than {MOST_BASES} bases", spec.place, "build on fewer filters")
    return tuple(found)


def _count(made: FilterSpec) -> int:
    """Return how many filters this one is made of, with itself."""
    return 1 + sum(map(_count, made.base))


def _inheriting(made: FilterSpec, chosen: Settings) -> FilterSpec:
    """Return the filter with what it does not say itself taken from its bases."""
    first = made.base[0]
    matches = dict.fromkeys(match for base in made.base for match in base.journalmatch)
    return replace(
        made,
        maxlines=made.maxlines if "maxlines" in chosen else max(base.maxlines for base in made.base),
        datepattern=made.datepattern or next((b.datepattern for b in made.base if b.datepattern), ()),
        usedns=made.usedns if "usedns" in chosen else first.usedns,
        journalmatch=made.journalmatch or tuple(matches),
    )


def _texts(value: Value | None) -> tuple[Text, ...]:
    return tuple(Text(line.text, line.place) for line in value.lines()) if value else ()


def _text(value: Value | None) -> Text | None:
    return Text(value.text, value.place) if value and value.text else None


def _usedns(value: Value) -> UseDns:
    word = value.text.lower()
    if word not in _USEDNS:
        raise ConfigError(f"usedns = {value.text} is unknown", value.place, "write yes, warn, no or raw")
    return cast(UseDns, word)
