"""Files put upon each other: what a file includes, in which order, and what they say together.

Second on a setting's way, after `text`. Which files there are is told by a `Shelf`; nothing here reads the disk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Protocol

from f2b.config.interpolation import Scope
from f2b.config.text import Fault, Page, Value
from f2b.errors import ConfigError, Place
from f2b.value import dataclass, field

INCLUDES = "INCLUDES"
"""The section whose `before` and `after` name other files, one a line."""

_CONDITIONAL = re.compile(r"(\w+)(\?.+)", re.DOTALL)


class Shelf(Protocol):
    """The .conf files that there are. A file goes by its path, a configuration by `jail`, `filter.d/sshd`, ..."""

    directory: str
    """The folder of the configuration, as users know it."""

    def page(self, file: str) -> Page:
        """Return what an existing file says. Raises ConfigError if it cannot be read or is no text."""
        ...

    def stack(self, name: str) -> Sequence[str]:
        """Return the files of a configuration, later ones over earlier ones; none if it does not exist."""
        ...

    def included(self, name: str, by: str) -> Sequence[str]:
        """Return the file that the file `by` includes as `name`, and its `.local`, if they exist."""
        ...

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of the configurations in `filter.d` or `action.d`."""
        ...

    def loose(self, name: str) -> Sequence[str]:
        """Return the files of a filter given by its path, with or without `.conf`; none if it does not exist."""
        ...

    def program(self, name: str) -> str | None:
        """Return the file of the Python action `name`, or None."""
        ...


@dataclass(frozen=True, slots=True)
class Conf:
    """What the files of one configuration say together."""

    name: str
    place: Place
    """The first of its own files."""
    sections: dict[str, dict[str, Value]] = field(default_factory=dict)
    """By section and option, `DEFAULT` among them; an option of `[S?cond]` is `option?cond` of S."""
    known: dict[str, dict[str, Value]] = field(default_factory=dict)
    """What a later file replaced last, for `%(known/option)s`."""
    headers: dict[str, Place] = field(default_factory=dict)
    """Where each section begins first."""
    faults: list[Fault] = field(default_factory=list)


DEEPEST = 50
"""How many files may include one another in a chain."""
MOST_PAGES = 1000
"""How many files make up a configuration, one that is included again counting again."""


def read(name: str, shelf: Shelf) -> Conf | None:
    """Return the configuration `name`, or None if no file of it exists."""
    files = shelf.stack(name)
    return merged(name, files, shelf) if files else None


def merged(name: str, files: Sequence[str], shelf: Shelf) -> Conf:
    """Return what `files` and all that they include say together. Those that cannot be read are faults."""
    conf = Conf(name, Place(files[0] if files else name))
    for count, page in enumerate(_expanded(files, (), shelf, conf.faults)):
        if count == MOST_PAGES:
            cure = f"no more than {MOST_PAGES} files can make up one configuration"
            conf.faults.append(Fault("its includes have no end", cure, Place(page.file), INCLUDES))
            break
        _lay(page, conf)
    return conf


def _expanded(files: Sequence[str], ancestors: tuple[str, ...], shelf: Shelf, faults: list[Fault]) -> Iterator[Page]:
    """Yield the files, each between what it includes before and after it."""
    for file in files:
        if file in ancestors:
            continue
        if len(ancestors) > DEEPEST:
            cure = f"no more than {DEEPEST} files can include one another in a chain"
            faults.append(Fault("its includes lie too deep", cure, Place(file), INCLUDES))
            continue
        try:
            page = shelf.page(file)
        except ConfigError as error:
            faults.append(Fault(error.what, error.cure, error.place or Place(file), ""))
            continue
        family = (*ancestors, file)
        yield from _expanded(_includes(page, "before", shelf, faults), family, shelf, faults)
        yield page
        yield from _expanded(_includes(page, "after", shelf, faults), family, shelf, faults)


def _includes(page: Page, option: str, shelf: Shelf, faults: list[Fault]) -> list[str]:
    """Return the files that `before` or `after` names. Those that do not exist are no fault, as in Fail2Ban."""
    try:
        value = Scope(page.sections, INCLUDES).get(option) if INCLUDES in page.sections else None
    except ConfigError as error:
        faults.append(Fault(error.what, error.cure, error.place or Place(page.file), INCLUDES))
        return []
    files: list[str] = []
    known: set[str] = set()
    for line in value.lines()[: MOST_PAGES + 1] if value else ():
        found = shelf.included(line.text, page.file)
        files += [file for position, file in enumerate(found) if not position or file not in known]
        known.update(found)
    return files


def _lay(page: Page, conf: Conf) -> None:
    """Put a page upon those that lie there."""
    conf.faults.extend(page.faults)
    for header, options in page.sections.items():
        section, condition = header, ""
        conditional = _CONDITIONAL.fullmatch(header)
        if conditional:
            section, condition = conditional.groups()
        conf.headers.setdefault(section, page.headers[header])
        present = conf.sections.setdefault(section, {})
        known = conf.known.setdefault(section, {})
        for option, value in options.items():
            name = option + condition
            if name in present:
                known[name] = present[name]
            present[name] = value
