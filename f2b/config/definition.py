"""One file of filter.d or action.d, read with the parameters that a jail hands to it.

Both kinds have [Definition], what the file does, and [Init], what may be set from outside. They differ in what
`%(option)s` sees and in which tags are left for run time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from f2b.config.interpolation import Scope
from f2b.config.layer import Conf
from f2b.config.tag import Tags
from f2b.config.text import DEFAULT, Value
from f2b.errors import ConfigError, together

DEFINITION, INIT = "Definition", "Init"


class Definition:
    """The options of one file, parameters and [Init] among them, as they are after all replacing.

    `variables` are what the jail tells besides. `init_visible`: `%()s` in [Definition] sees [Init] (so in filters).
    `delayed` are tags that are left for run time, as are those that [Init] gives for one address family only.
    Raises ConfigError if anything in [Definition] or [Init] cannot be resolved, used or not.
    """

    def __init__(
        self,
        conf: Conf,
        parameters: Mapping[str, Value],
        variables: Mapping[str, Value],
        init_visible: bool,
        delayed: Collection[str] = (),
    ) -> None:
        if conf.faults:
            raise together([fault.error() for fault in conf.faults])
        if DEFINITION not in conf.sections:
            raise ConfigError("there is no [Definition] here", conf.place, "begin with a [Definition] line")
        self._conf = conf
        self._init = _init(conf, parameters)
        self.given: dict[str, Value] = {**self._init, **parameters}
        """Parameters and [Init], tags not filled in: what the jail's own settings do not replace."""
        passed = {**variables, **{name.lower(): value for name, value in parameters.items()}}
        # What is only in [DEFAULT] sees [Init] as `%()s`, but not as the meaning of a tag; so in Fail2Ban.
        seen = {**variables, **self._init, **passed} if init_visible else passed
        scope = Scope(conf.sections, DEFINITION, seen, conf.known)
        self._meanings = Scope(conf.sections, DEFINITION, passed, conf.known)
        self.own = conf.sections[DEFINITION].keys()
        """The options that stand in [Definition] itself."""
        self._plain = _each({name: partial(scope.get, name) for name in self.own})
        conditional = {name.partition("?")[0] for name in (*self._plain, *self.given) if "?" in name}
        self._tags = Tags(self._lookup, {*delayed, *conditional})
        shared = {name: self._shared(name, scope) for name in conf.sections.get(DEFAULT, ()) if name not in self.own}
        self.options: dict[str, Value] = {
            **{name: value for name, value in shared.items() if value is not None},
            **{name: self._tags.fill(value, (name,)) for name, value in self._plain.items()},
            **{name: self._own_meaning(name, value) for name, value in self.given.items()},
        }
        """Everything, under the names as they were written."""
        self.place = conf.place

    def get(self, option: str) -> Value | None:
        """Return an option, or None if it is not there."""
        return self.options.get(option)

    def _shared(self, name: str, scope: Scope) -> Value | None:
        """Return an option of [DEFAULT]; None if it is wrong, which matters only where it is used."""
        try:
            value = scope.get(name)
            return None if value is None else self._tags.fill(value, (name,))
        except ConfigError:
            return None

    def _own_meaning(self, name: str, value: Value) -> Value:
        """Return what was given with its tags filled in; as it is if it names itself: `chain = <known/chain>`.

        That is only wrong where the option is used, which is told there.
        """
        try:
            return self._tags.fill(value, (name,))
        except ConfigError:
            return value

    def _lookup(self, tag: str) -> Value | None:
        """Return what a tag stands for, its own tags not filled in."""
        if tag in self.given:
            return self.given[tag]
        if tag in self.own:
            return self._plain[tag]
        section, slash, option = tag.partition("/")
        if not slash:
            return self._meanings.get(tag)
        if section.lower() == "known":
            return self._init.get(option) or self._meanings.get(tag) or self._meanings.get(option)
        if section.lower() == "default":
            section = DEFAULT
        elif section not in self._conf.sections or section == DEFAULT:
            return None
        return Scope(self._conf.sections, section, known=self._conf.known).get(option)


def _each(reads: Mapping[str, Callable[[], Value | None]]) -> dict[str, Value]:
    """Return what each reads, if it is there. Raises ConfigError with all that is wrong."""
    found: dict[str, Value] = {}
    errors: list[ConfigError] = []
    for name, read in reads.items():
        try:
            value = read()
        except ConfigError as error:
            errors.append(error)
        else:
            found.update({} if value is None else {name: value})
    if errors:
        raise together(errors)
    return found


def _init(conf: Conf, parameters: Mapping[str, Value]) -> dict[str, Value]:
    """Return the options of [Init]. A parameter replaces the variants for one family too."""
    scope = Scope(conf.sections, INIT, known=conf.known)
    found: dict[str, Value] = {}
    for option in conf.sections.get(INIT, ()):
        plain, condition, _ = option.partition("?")
        value = (parameters.get(plain) if condition else None) or scope.get(option)
        if value is not None:
            found[option] = value
    return found
