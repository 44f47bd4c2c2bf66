"""`f2b lint`: whether filters can be fooled, hang, or do nothing."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import click

from f2b.alarm import alarmed
from f2b.cli import show
from f2b.config import search
from f2b.config.model import FilterSpec
from f2b.errors import ConfigError
from f2b.filter.rule import Rule, first
from f2b.lint.cases import blocks
from f2b.lint.check import Checker, Subject
from f2b.lint.finding import Finding, Tally
from f2b.paths import FOLDERS
from f2b.runaway import Runaway

FOUND = 1
NOW = 1795255500.0
"""2026-11-21 10:05 UTC: the dates of lines say nothing here, so any time will do."""
TIMES = (30, 60, 120)
"""How often a pump is repeated, until a search takes over a second."""
CPU_S = 1.0
_MODE = "mdre-"

_CHILD = """
import json, re, signal, sys
pattern, flags, text = json.load(sys.stdin)
search = re.compile(pattern, flags).search
signal.setitimer(signal.ITIMER_VIRTUAL, {0})
search(text)
"""


@click.command(short_help="Whether filters can be fooled, hang, or do nothing")
@click.argument("names", metavar="[FILTER]...", nargs=-1)
@click.option("-c", "--config", "directory", metavar="DIR", help="DIR's filters come before those that f2b ships.")
@click.option("--all", "everything", is_flag=True, help="Every filter in DIR.")
@click.option("--cases", metavar="DIR", help="Sample lines: DIR/FILTER.log or DIR/FILTER.")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def lint(names: tuple[str, ...], directory: str | None, everything: bool, cases: str | None, as_json: bool) -> int:
    """Attack filters: plant a victim's address into every free field of their lines, and look who is banned.

    Without arguments: the filters that f2b ships; by name, those of your configuration, too. Lines are the filter's
    cases (tests/cases in a checkout, or --cases) and lines made from its regexes. Also told: regexes that backtrack
    without end, with a text that takes over a second; that match anywhere in a line; that match no line; that have no
    fixed text to look for; that stand twice.

    \b
    Examples:
      f2b lint                              what f2b ships
      f2b lint shop                         a filter of yours
      f2b lint --all -c /etc/fail2ban       all of them

    Exit codes: 0 nothing found, 1 something found, 2 wrong usage.
    """
    usual = [place for place in FOLDERS if names and Path(place).is_dir()]
    folder = next(map(Path, [directory] if directory else usual), None)
    if everything and folder is None:
        raise click.UsageError("--all needs a folder: -c DIR")
    chosen = list(names) or [spec.name for spec in search.load_filters(folder if everything else None)]
    tally = run(chosen, folder, Path(cases) if cases else search.cases())
    if as_json:
        show.as_json(_entries(tally))
    else:
        for finding in tally.findings:
            print(_told(finding))
        print(_summary(tally))
    return FOUND if tally.findings else 0


def run(names: Sequence[str], directory: Path | None, cases: Path | None) -> Tally:
    """Look at filters by name. Raises ConfigError if there is no such filter."""
    checker = Checker(endless, NOW)
    with alarmed():
        for name in names:
            for subject in subjects(name, directory, cases, checker.tally):
                checker.check(subject)
    return checker.tally


def subjects(name: str, directory: Path | None, cases: Path | None, tally: Tally) -> Iterator[Subject]:
    """Yield a filter with the options that its cases know, and in each of its modes."""
    bare, bracket, _ = name.partition("[")
    given: dict[str, list[str]] = {"": []}
    for options, lines in blocks(_cases(cases, Path(bare).stem)):
        given.setdefault("" if bracket else options, []).extend(lines)
    plain = _load(name, directory, tally)
    if plain is None:
        return
    yield Subject(name, plain, given.pop(""))
    if not bracket:
        for option in plain.options:
            if option.startswith(_MODE):
                given.setdefault(f"[mode={option[len(_MODE) :]}]", [])
    for options, lines in given.items():
        spec = _load(name + options, directory, tally)
        if spec is not None:
            yield Subject(name + options, spec, lines)


def _load(name: str, directory: Path | None, tally: Tally) -> FilterSpec | None:
    found, problems = search.load_filter_file(name, directory)
    if found is None and not problems:
        raise ConfigError(f"there is no filter {name!r}", cure="name one of filter.d, or a file")
    errors = [problem for problem in problems if problem.severity == "error"]
    tally.findings += [Finding(name, "broken", str(problem)) for problem in errors]
    return None if errors else found


def _cases(folder: Path | None, name: str) -> str:
    for file in (folder / f"{name}.log", folder / name) if folder else ():
        if file.is_file():
            return file.read_text(encoding="utf-8", errors="replace")
    return ""


def endless(rule: Rule, text: Callable[[int], str]) -> str:
    """Return a text that a rule searches for over a second, as a process of its own has shown; or ""."""
    for times in TIMES:
        try:
            first((rule,), f"{text(times)}\n")
            return ""
        except Runaway:
            if _hangs(rule.pattern, f"{text(times)}\n"):
                return text(times)
    return ""


def _hangs(pattern: re.Pattern[str], text: str) -> bool:
    """Return whether a search is still computing after a second: a signal ends its process then."""
    job = json.dumps([pattern.pattern, pattern.flags, text])
    done = subprocess.run(
        [sys.executable, "-I", "-c", _CHILD.format(CPU_S)], input=job, text=True, check=False, capture_output=True
    )
    return done.returncode == -signal.SIGVTALRM


def _told(finding: Finding) -> str:
    lines = [f"{show.paint(finding.kind, 'red')} {finding.filter}: {finding.what}"]
    lines += [f"  at    {finding.place}"] if finding.place else []
    lines += [f"  regex {show.plain(finding.regex)}"] if finding.regex else []
    lines += [f"  line  {show.plain(finding.line)}"] if finding.line else []
    return "\n".join(lines)


def _summary(tally: Tally) -> str:
    return (
        f"{show.count(tally.filters, 'filter')} (each mode counts), {show.count(tally.lines, 'line')}, "
        f"{show.count(tally.positions, 'position')} planted in, {show.count(tally.planted, 'planted line')} read: "
        f"{show.count(len(tally.findings), 'finding')}"
    )


def _entries(tally: Tally) -> dict[str, object]:
    return {
        "filters": tally.filters,
        "lines": tally.lines,
        "positions": tally.positions,
        "planted": tally.planted,
        "findings": [_entry(finding) for finding in tally.findings],
    }


def _entry(finding: Finding) -> dict[str, object]:
    place = finding.place
    return {
        "filter": finding.filter,
        "kind": finding.kind,
        "what": finding.what,
        "file": place.file if place else None,
        "line": place.line if place and place.line else None,
        "regex": finding.regex or None,
        "text": finding.line or None,
    }
