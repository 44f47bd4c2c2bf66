"""`f2b check`: what is wrong with a configuration, all at once and without a server."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import click

from f2b.cli import show
from f2b.config import search
from f2b.config.model import Problem, Settings
from f2b.config.notes import Notes
from f2b.daemon import proof
from f2b.daemon.reference import Reference
from f2b.firewall.build import service
from f2b.firewall.native import installed
from f2b.fleet import setting as fleet
from f2b.notify import setting
from f2b.value import replace

WRONG = 2
_COLOURS: Mapping[str, show.Colour] = {"error": "red", "warning": "yellow"}


class Wealthy:
    """A `Host` that lacks nothing: what a disabled jail would miss here is nobody's concern."""

    def logs(self, pattern: str) -> list[str]:
        """Return the pattern as a file that exists."""
        return [pattern]

    def journal(self) -> bool:
        """Say that there is one."""
        return True


@click.command(short_help="What is wrong with the configuration, all at once")
@click.option("-c", "--config", "directory", metavar="DIR", help="Read the configuration in DIR.")
@click.option("--all", "everything", is_flag=True, help="Disabled jails and unused filters and actions, too.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def check(directory: str | None, everything: bool, as_json: bool) -> int:
    """Read everything that the server would read, compile every regex, and tell all that is wrong. Starts nothing.

    An error keeps a jail from starting; what this host lacks is a warning. Exit codes: 0 no errors, 2 errors.

    \b
    Examples:
      f2b check                     what `f2b serve` would read
      f2b check --all -c ./conf     every jail, filter and action file in a folder
    """
    found = problems(Path(directory) if directory else None, everything)
    errors = sum(problem.severity == "error" for problem in found)
    if as_json:
        show.as_json({"problems": list(map(_entry, found)), "errors": errors, "warnings": len(found) - errors})
    else:
        for problem in found:
            print(_line(problem))
        print(f"{show.count(errors, 'error')}, {show.count(len(found) - errors, 'warning')}")
    return WRONG if errors else 0


def problems(directory: Path | None, everything: bool) -> list[Problem]:
    """Return all that is wrong, errors first. Raises ConfigError if there is no such folder."""
    here = proof.Here(service, installed, Reference(lambda level, text: None).refresh)
    settings = search.load(directory)
    found = [*settings.problems, *proof.problems(settings, here), *_satellites(settings)]
    if everything:
        others = search.load(directory, Wealthy(), disabled=True)
        survey = search.load_library(directory)
        rich = here._replace(lacks=lambda filter_: ())
        found += [*others.problems, *_errors(proof.problems(others, rich)), *survey.problems]
        found += proof.unused(survey, here)
    return sorted(_merged(found), key=lambda problem: (problem.severity, problem.place or ("", 0)))


def _satellites(settings: Settings) -> list[Problem]:
    """Return what is wrong with the sections of programs beside the server."""
    notes = Notes()
    sections = settings.server.sections
    notes.attempt(lambda: setting.read(sections.get(setting.SECTION, {})), None)
    notes.attempt(lambda: fleet.read(sections.get(fleet.SECTION, {})), None)
    return list(notes.problems)


def _errors(found: Iterable[Problem]) -> list[Problem]:
    return [problem for problem in found if problem.severity == "error"]


def _merged(found: Sequence[Problem]) -> list[Problem]:
    """Return each problem once; it is a jail's if only one jail has it."""
    jails: dict[Problem, set[str]] = {}
    for problem in found:
        jails.setdefault(replace(problem, jail=""), set()).update({problem.jail} - {""})
    return [replace(problem, jail=min(names) if len(names) == 1 else "") for problem, names in jails.items()]


def _line(problem: Problem) -> str:
    return show.paint(show.plain(str(problem)), _COLOURS[problem.severity])


def _entry(problem: Problem) -> dict[str, object]:
    place = problem.place
    return {
        "severity": problem.severity,
        "file": place.file if place else None,
        "line": place.line if place and place.line else None,
        "jail": problem.jail or None,
        "what": problem.what,
        "cure": problem.cure or None,
    }
