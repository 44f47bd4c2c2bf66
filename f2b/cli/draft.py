"""`f2b draft`: failregexes for a log, made from the forms of its lines and attacked by lint before they are shown."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from itertools import islice
from math import inf
from pathlib import Path
from typing import Any

import click

from f2b.alarm import alarmed
from f2b.cli import sample, show
from f2b.cli.explain_line import find as find_filter
from f2b.cli.lint import NOW, endless
from f2b.config.model import FilterSpec, Text
from f2b.date.bracket import dates
from f2b.errors import Place
from f2b.events import Line
from f2b.filter.build import REGEX
from f2b.filter.form import forms
from f2b.filter.regex import RegexFilter, compile_filter
from f2b.filter.rule import Rule, find
from f2b.lines import LineReader
from f2b.lint.check import Checker, Subject
from f2b.lint.draft import Draft, drafts
from f2b.named import NamedTuple
from f2b.runaway import Runaway

MOST = 20
"""So many drafts are made, for the most frequent forms."""
LINES = 100_000
"""So many lines of a log are looked at."""
HERE = Place("f2b draft")
_STAMP = "2026-11-21 10:00:00"
SHOWN = 160


class Made(NamedTuple):
    """What came of a log."""

    lines: int
    safe: list[Draft]
    unsafe: list[tuple[Draft, str]]
    """Those that lint has something against, and what."""


@click.command(short_help="Draft failregexes for a log")
@click.argument("log", metavar="LOG")
@click.option("--besides", metavar="FILTER|JAIL", help="Look at those lines only that this one does not match.")
@click.option("-c", "--config", "directory", metavar="DIR", help="Where to find that: the configuration in DIR.")
@click.option(
    "--lines", metavar="N", type=click.IntRange(1), default=LINES, help="Look at N lines (default: 100000)."
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def draft(log: str, besides: str | None, directory: str | None, lines: int, as_json: bool) -> int:
    """Print a filter file with a failregex for each frequent form of LOG's lines that holds an address.

    Addresses, numbers and names are masked; <HOST> and <F-USER> stand where they were. Every regex is anchored at
    both ends, and f2b lint finds nothing wrong with it: no client's text can move the address. Lines without a word
    of failure are drafted as comments. Look at each, and try the file: f2b regex LOG FILE.

    LOG is a file, or - for standard input.

    \b
    Examples:
      f2b draft /var/log/app.log > /etc/f2b/filter.d/app.conf
      f2b draft --besides sshd /var/log/auth.log
      f2b draft --json /var/log/app.log | jq -r '.drafts[].regex'

    Exit codes: 0 something was drafted, 1 nothing, 2 wrong usage or configuration.
    """
    with alarmed():
        other = None if besides is None else _other(besides, directory)
        made = _made(list(_texts(log, other, lines)))
    if as_json:
        show.as_json(_entry(made))
    else:
        print(_file(log, made))
    return 0 if any(one.fails for one in made.safe) else 1


def _other(name: str, directory: str | None) -> RegexFilter:
    spec, _ = find_filter(name, Path(directory) if directory else None)
    if spec.type != REGEX:
        raise click.UsageError(f"{name} is no filter of regexes; give one, or leave --besides out")
    found, problems = compile_filter(spec, inf)
    if found is None:
        raise click.UsageError("; ".join(map(str, problems)))
    return found


def _texts(log: str, other: RegexFilter | None, most: int) -> Iterator[str]:
    """Yield what filters search of a log's lines, without those that another filter matches."""
    now = time.time()
    reader = LineReader(dates((), None, time.localtime(now).tm_year))
    source = sample.understood(log)
    if source.kind not in ("file", "stdin"):
        raise click.UsageError(f"there is no log {log!r}; give a file, or -")
    texts = (text for chunk in source.chunks(reader) for text in reader.texts(chunk))
    for text in islice(texts, most):
        try:
            line = reader.line(text, now)
            if text.strip() and (other is None or not _matches(other, line)):
                yield line.text.removesuffix("\n")
        except Runaway:
            continue


def _matches(other: RegexFilter, line: Line) -> bool:
    seen = other.examine(line, every=False)
    return bool(seen.hits) or seen.ignored is not None


def _made(texts: Sequence[str]) -> Made:
    safe: list[Draft] = []
    unsafe: list[tuple[Draft, str]] = []
    for choice in drafts(forms(texts))[:MOST]:
        wrong = ""
        for one in choice:
            wrong = _wrong(one)
            if not wrong:
                safe.append(one._replace(lines=_count(one, texts)))
                break
        else:
            unsafe.append((choice[-1], wrong))
    return Made(len(texts), [one for one in safe if one.lines], unsafe)


def _wrong(one: Draft) -> str:
    """Return what lint has against a draft; empty if nothing."""
    checker = Checker(endless, NOW)
    spec = FilterSpec("draft", HERE, failregex=(Text(one.regex, HERE),))
    checker.check(Subject("draft", spec, [_STAMP + one.example]))
    return "; ".join(f"{finding.kind}: {finding.what}" for finding in checker.tally.findings)


def _count(one: Draft, texts: Sequence[str]) -> int:
    rule = Rule(Text(one.regex, HERE))
    return sum(find((rule,), f"{text}\n") is not None for text in texts)


def _entry(made: Made) -> dict[str, Any]:
    listed = [
        {"regex": one.regex, "lines": one.lines, "fails": one.fails, "example": one.example} for one in made.safe
    ]
    dropped = [{"regex": one.regex, "why": why, "example": one.example} for one, why in made.unsafe]
    return {"lines": made.lines, "drafts": listed, "dropped": dropped}


def _file(log: str, made: Made) -> str:
    """Return a filter file."""
    failing, others = ([one for one in made.safe if one.fails is kind] for kind in (True, False))
    rows = [
        f"# Drafted by `f2b draft {log}` from {show.count(made.lines, 'line')}. Look at each regex before you use it."
    ]
    for number, one in enumerate(failing, 1):
        rows += [f"# {number}. {show.count(one.lines, 'line')}: {_example(one)}"]
    rows += ["", "[Definition]", ""]
    regexes = [_quoted(one.regex) for one in failing]
    rows += ["failregex = " + "\n            ".join(regexes) if regexes else "failregex ="]
    rows += ["", "ignoreregex ="]
    if others:
        rows += ["", "# These have no word of failure; move one up if it is one."]
    for one in others:
        rows += [f"# {show.count(one.lines, 'line')}: {_example(one)}", f"#   {_quoted(one.regex)}"]
    if made.unsafe:
        rows += ["", "# No safe regex was found for these:"]
    for one, why in made.unsafe:
        rows += [f"# {_example(one)}", f"#   {show.plain(why)[:SHOWN]}"]
    return "\n".join(rows)


def _example(one: Draft) -> str:
    return show.plain(one.example.strip())[:SHOWN]


def _quoted(regex: str) -> str:
    """Return a regex as a .conf file has it."""
    return regex.replace("%", "%%")
