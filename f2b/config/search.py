"""Where .conf files lie, and reading them: the one part of the configuration that touches the disk.

A user's folder lies over the filters and actions that f2b brings along; jails that f2b brings along count only where
the folder has no jail.conf.
"""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Collection, Sequence
from pathlib import Path

from f2b import bundle
from f2b.config import build, survey, text, trial
from f2b.config.jail import Host
from f2b.config.model import FilterSpec, Problem, Settings
from f2b.config.survey import Survey
from f2b.config.text import Page
from f2b.errors import ConfigError, Place
from f2b.paths import FOLDERS
from f2b.value import replace

NO_JAIL = ("",)
"""What to read of a configuration (`only`): the server's settings, and no jail."""
MOST_FILES = 20_000
"""How many files and folders one glob may match."""
LONGEST_FILE = 8 << 20
"""Bytes."""
LONGEST_PATH = 4096
"""Linux's PATH_MAX, in bytes there."""

_SHIPPED = {"filter.d": "filters", "action.d": "actions"}
_JOURNALS = ("/var/log/journal/*/*.journal", "/run/log/journal/*/*.journal")


def load(
    directory: Path | None = None, host: Host | None = None, only: Collection[str] = (), disabled: bool = False
) -> Settings:
    """Return all settings of the configuration in `directory`; None is the first that exists of FOLDERS.

    With names in `only`, no other jails are read; with `disabled`, jails that are not enabled are read too. Raises
    ConfigError only if `directory` does not exist; everything else that is wrong stands in the settings' problems.
    """
    folder = _folder(directory)
    return replace(build.settings(Disk(folder), host or Machine(), only, disabled), directory=str(folder or ""))


def load_shipped(only: Collection[str]) -> Settings:
    """Return the jails of these names that f2b brings along, enabled or not."""
    return build.settings(Disk(None), Machine(), only, disabled=True)


def load_filter(
    name: str, directory: Path | None = None, host: Host | None = None, journal: bool = False
) -> tuple[FilterSpec | None, tuple[Problem, ...]]:
    """Return the filter that `name` means to who tests it, and what is wrong with it.

    `name` is that of a jail (disabled ones, too), of a filter with options, or a path; (None, ()) if it is neither.
    `journal`: it is to read lines of the journal. Raises ConfigError if `directory` does not exist.
    """
    return trial.read(name, Disk(_folder(directory)), host or Machine(), journal)


def load_library(directory: Path | None = None) -> Survey:
    """Return every filter and action, and what is wrong with them. Raises ConfigError as `load` does."""
    return survey.read(Disk(_folder(directory)))


def load_filters(directory: Path | None = None) -> tuple[FilterSpec, ...]:
    """Return every filter in `directory` that says what a failure is; None: those that f2b brings along."""
    folder = _folder(directory) if directory else None
    inside = str(folder / "filter.d") if folder else str(_shipped("filters"))
    read = survey.read(Disk(folder)).filters
    return tuple(spec for spec in read if spec.failregex and spec.place.file.startswith(inside))


def load_filter_file(name: str, directory: Path | None = None) -> tuple[FilterSpec | None, tuple[Problem, ...]]:
    """Return the filter `NAME[option=value,...]` of `directory`, or of f2b's own if that is None; no jail's.

    Its problems come with it; (None, ()) if there is no such filter.
    """
    return trial.file(name, Disk(_folder(directory) if directory else None))


def cases() -> Path | None:
    """Return the folder of sample lines for the filters that f2b brings along; None outside of a checkout."""
    folder = Path(__file__).parent.parent.parent / "tests" / "cases"
    return folder if folder.is_dir() else None


def _folder(directory: Path | None) -> Path | None:
    if directory is None:
        return next((path for path in map(Path, FOLDERS) if path.is_dir()), None)
    if not directory.is_dir():
        raise ConfigError("there is no such folder", Place(str(directory)), "give the folder of jail.conf: -c DIR")
    return directory


def _shipped(kind: str) -> Path:
    """Return the folder of what f2b brings along: in the package, or beside it in a checkout."""
    package = Path(__file__).parent.parent  # importlib.resources would say the same, for 12 ms and 20 modules
    inside = package / "shipped" / kind
    return inside if bundle.FILE or inside.is_dir() else package.parent / kind


def _conf(folder: Path) -> list[Path]:
    """Return the .conf files in a folder, which may lie in a zipapp."""
    return [*folder.glob("*.conf"), *(Path(file) for file in bundle.files(str(folder)) if file.endswith(".conf"))]


class Machine:
    """The `Host` that f2b runs on. It looks into each folder once: thousands of globs may name the same ones."""

    def __init__(self) -> None:
        self._names: dict[str, list[str]] = {}

    def logs(self, pattern: str) -> list[str]:
        """Return the existing files that a path or a glob names; links that lead nowhere are none.

        Raises ConfigError, without a place, if they are too many.
        """
        if len(pattern) > LONGEST_PATH:
            cure = f"no more than {LONGEST_PATH} are possible"
            raise ConfigError(f"a path of {len(pattern)} characters", None, cure)
        return sorted(file for file in self._matches(pattern) if os.path.exists(file))  # noqa: PTH110

    def _matches(self, pattern: str) -> list[str]:
        """Return what a glob matches as a shell sees it: `*` matches no dot at a name's begin."""
        whole, names = pattern, list[str]()
        while glob.has_magic(pattern):
            pattern, name = os.path.split(pattern)
            names.append(name)
        found = [pattern]
        for name in reversed(names):
            found = self._inside(found, name)
            if len(found) > MOST_FILES:
                cure = f"no more than {MOST_FILES:,} can be looked at; be more exact"
                raise ConfigError(f"the files of {whole} have no end", None, cure)
        return found

    def _inside(self, folders: list[str], name: str) -> list[str]:
        if not glob.has_magic(name):
            return [os.path.join(folder, name) for folder in folders]  # noqa: PTH118
        fits = re.compile(fnmatch.translate(name)).match
        return [
            os.path.join(folder, entry)  # noqa: PTH118
            for folder in folders
            for entry in self._listed(folder)
            if fits(entry) and (name.startswith(".") or not entry.startswith("."))
        ]

    def _listed(self, folder: str) -> list[str]:
        if folder not in self._names:
            try:
                self._names[folder] = os.listdir(folder or ".")  # noqa: PTH208
            except (OSError, ValueError):  # it is no folder, or no name for one
                self._names[folder] = []
        return self._names[folder]

    def journal(self) -> bool:
        """Return whether there is a journal that can be read."""
        return any(os.access(file, os.R_OK) for pattern in _JOURNALS for file in self.logs(pattern))


class Disk:
    """The `Shelf` of what lies in a folder, and of what f2b brings along under it."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self.directory = str(folder or FOLDERS[0])
        self._pages: dict[str, Page] = {}
        self._included: dict[tuple[str, str], list[str]] = {}

    def page(self, file: str) -> Page:
        """Return what a file says. Raises ConfigError if it cannot be read or is not UTF-8."""
        if file not in self._pages:
            self._pages[file] = text.parse(_content(file), file)
        return self._pages[file]

    def stack(self, name: str) -> Sequence[str]:
        """Return the files of a configuration: NAME.conf, NAME.d/*.conf, NAME.local, NAME.d/*.local."""
        kind, _, base = name.partition("/")
        if base.startswith("./"):
            return _files(Path(base))  # relative to where f2b was started, as in Fail2Ban
        own = _files(self._folder / name) if self._folder else []
        if self._folder and _is_file(self._folder / f"{name}.conf"):
            return own
        return _brought(kind, base) + own

    def included(self, name: str, by: str) -> Sequence[str]:
        """Return the file that `by` includes as `name` and its .local: beside `by`, or where the other lies."""
        key = name, os.path.dirname(by)  # noqa: PTH120 - for every line of an [INCLUDES]
        if key not in self._included:
            names = [name, name.removesuffix(".conf") + ".local"] if name.endswith(".conf") else [name]
            folders = [Path(by).parent, *self._opposite(Path(by).parent)]
            found = [next((f for folder in folders if _is_file(f := folder / one)), None) for one in names]
            self._included[key] = [os.path.normpath(file) for file in found if file]
        return self._included[key]

    def names(self, kind: str) -> Sequence[str]:
        """Return the names of all filters (`filter.d`) or actions (`action.d`)."""
        folders = [_shipped(_SHIPPED[kind]), *([self._folder / kind] if self._folder else [])]
        return sorted({file.stem for folder in folders for file in _conf(folder)})

    def program(self, name: str) -> str | None:
        """Return the file of a Python action, or None."""
        folders = [*([self._folder / "action.d"] if self._folder else []), _shipped("actions")]
        return next((str(folder / name) for folder in folders if _is_file(folder / name)), None)

    def loose(self, name: str) -> Sequence[str]:
        """Return the files of a filter given by its path; what does not lie in a filter.d has no .local."""
        for file in (Path(name), Path(f"{name}.conf")):
            if _is_file(file):
                return _files(file.with_suffix("")) if file.parent.name == "filter.d" else [str(file)]
        return []

    def _opposite(self, folder: Path) -> list[Path]:
        """Return the folder that lies over or under this one."""
        if not self._folder:
            return []
        pairs = [(self._folder / kind, _shipped(shipped)) for kind, shipped in _SHIPPED.items()]
        return [other for pair in pairs for here, other in (pair, pair[::-1]) if here == folder]


def _brought(kind: str, base: str) -> list[str]:
    """Return the file that f2b brings along: one for a filter or an action, all of them for the jails."""
    if kind == "jail":
        return sorted(map(str, _conf(_shipped("jails"))))
    file = _shipped(_SHIPPED[kind]) / f"{base}.conf" if kind in _SHIPPED else None
    return [str(file)] if file and _is_file(file) else []


def _files(stem: Path) -> list[str]:
    """Return the files of a configuration that lie beside one another, later ones over earlier ones."""
    found: list[str] = []
    for ending in ("conf", "local"):
        file = stem.with_name(f"{stem.name}.{ending}")
        found += [str(file)] if _is_file(file) else []
        folder = stem.with_name(f"{stem.name}.d")
        found += sorted(map(str, folder.glob(f"*.{ending}"))) if os.path.isdir(folder) else []  # noqa: PTH112 - never raises
    return found


def _is_file(path: Path) -> bool:
    """Return whether a file is there; a name that is too long for one is none."""
    try:
        return path.is_file() or bundle.holds(str(path))
    except OSError:
        return False


def _content(file: str) -> str:
    try:
        data = bundle.read(file, LONGEST_FILE + 1)
    except OSError as error:
        raise ConfigError(f"it cannot be read: {error.strerror}", Place(file), "look at its permissions") from None
    if len(data) > LONGEST_FILE:
        cure = f"no more than {LONGEST_FILE >> 20} MiB can be read; split it"
        raise ConfigError("this file has no end", Place(file, data.count(b"\n") + 1), cure)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigError("this line is not UTF-8", Place(file, line), "save the file as UTF-8") from None
