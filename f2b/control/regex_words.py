"""Fail2Ban's `get` and `set` of a filter's regexes, shown with their tags filled in."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.config.model import FilterSpec, JailSpec, Text, UseDns
from f2b.control.refusal import Args, nth, refusal, whole
from f2b.errors import ConfigError, Place
from f2b.filter.tags import compile_regex, expand, require_identity
from f2b.value import replace

SAID = Place("fail2ban-client")
"""Where a setting stands that came over the socket."""


def shown(regexes: Sequence[Text], usedns: UseDns) -> list[str]:
    """Return regexes as they are searched for."""
    return [expand(text.value, usedns).pattern for text in regexes]


def prefix(spec: FilterSpec) -> str:
    """Return the prefregex as it is searched for, empty if there is none."""
    return expand(spec.prefregex.value, spec.usedns).pattern if spec.prefregex else ""


def set_prefix(spec: JailSpec, args: Args) -> JailSpec:
    """Return the jail with another prefregex, or with none if it is empty."""
    text = nth(args, 0)
    return replace(spec, filter=replace(spec.filter, prefregex=_checked(spec.filter, text) if text else None))


def add_failregex(spec: JailSpec, args: Args) -> JailSpec:
    """Return the jail with one failregex more."""
    own = spec.filter
    text = _checked(own, nth(args, 0))
    patterns = [compile_regex(one, own.usedns) for one in (own.prefregex, text) if one]
    try:
        require_identity(text, *patterns)
    except ConfigError as error:
        raise refusal(error.what) from None
    return replace(spec, filter=replace(own, failregex=(*own.failregex, text)))


def add_ignoreregex(spec: JailSpec, args: Args) -> JailSpec:
    """Return the jail with one ignoreregex more."""
    own = spec.filter
    return replace(spec, filter=replace(own, ignoreregex=(*own.ignoreregex, _checked(own, nth(args, 0)))))


def drop_failregex(spec: JailSpec, args: Args) -> JailSpec:
    """Return the jail without the failregex of this number, from 0."""
    return replace(spec, filter=replace(spec.filter, failregex=_without(spec.filter.failregex, whole(args))))


def drop_ignoreregex(spec: JailSpec, args: Args) -> JailSpec:
    """Return the jail without the ignoreregex of this number, from 0."""
    return replace(spec, filter=replace(spec.filter, ignoreregex=_without(spec.filter.ignoreregex, whole(args))))


def _without(regexes: Sequence[Text], index: int) -> tuple[Text, ...]:
    """Leave one out; negative numbers count from the end, and one that is not there does no harm, as in Fail2Ban."""
    dropped = range(len(regexes))[index] if -len(regexes) <= index < len(regexes) else None
    return tuple(text for at, text in enumerate(regexes) if at != dropped)


def _checked(spec: FilterSpec, regex: str) -> Text:
    """Return a regex that can be compiled. Raises WordsError."""
    text = Text(regex, SAID)
    try:
        compile_regex(text, spec.usedns, spec.maxlines > 1)
    except ConfigError as error:
        pattern = expand(regex, spec.usedns).pattern
        raise refusal(f"Unable to compile regular expression '{pattern}':\n{error.__cause__ or error.what}") from None
    return text
