"""`f2b regex LOG FILTER`: runs a filter over a log and reports what it finds, as the server would find it.

Reads its arguments by hand: it is called in loops, and click alone takes 28 ms.
"""

from __future__ import annotations

import getopt
import json
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast, get_args

from f2b.cli import sample, subject
from f2b.cli.report import Show, used, used_text
from f2b.cli.sample import Sample
from f2b.cli.trial import Setup, Trial
from f2b.cli.verdict import Finding, Verdict
from f2b.config.model import FilterSpec, UseDns
from f2b.errors import ConfigError, F2bError
from f2b.filter.build import REGEX
from f2b.named import NamedTuple
from f2b.value import replace

WRONG_USAGE = 2
UNREADABLE = 1

HELP = """\
Usage: f2b regex [OPTIONS] LOG FILTER

Run a filter over a log and report what it finds. Needs no server and changes nothing.

LOG      a file, - for standard input, systemd-journal, or the text of a log line itself
FILTER   a filter's name with options, a file, or a regex with <HOST> in it

Options:
  --json            one JSON object for each line that failed or was ignored, then a summary
  -c, --config DIR  the configuration (default: /etc/f2b, else /etc/fail2ban)
  --now EPOCH       the time that completes dates without a year (default: the clock)
  --usedns MODE     yes, warn, no or raw: what becomes of host names (default: the filter's, else warn)
  --as-journal      the lines are the text of journal entries written at --now
  -d, --datepattern PATTERN
                    how dates look, instead of the filter's pattern
  --timezone ZONE   the zone of dates that name none
  -e, --encoding NAME
                    what the log is written in (default: utf-8)
  --no-check-all    stop at the first regex that matches a line, as the server does (and --json, always);
                    the report counts every regex, as Fail2Ban's does
  --print-all       print all lines that matched, were ignored or missed, however many
  -v, --verbose     show every regex, and whom it found
  -h, --help        this text

Examples:
  f2b regex /var/log/auth.log sshd
  f2b regex /var/log/auth.log 'sshd[mode=aggressive]'
  f2b regex /var/log/app.log '^ login failed for <F-USER>\\S+</F-USER> from <HOST>$'
  zcat /var/log/nginx/error.log.*.gz | f2b regex --json - nginx-http-auth

Exit status: 0 a report was made, 1 the log cannot be read, 2 wrong usage or configuration.
"""

_SHORT = "c:d:e:vh"
_LONG = ["config=", "now=", "usedns=", "datepattern=", "timezone=", "encoding="]
_FLAGS = ["json", "as-journal", "no-check-all", "print-all", "verbose", "help"]
_NAMES = {"-c": "config", "-d": "datepattern", "-e": "encoding", "-v": "verbose", "-h": "help"}


class Options(NamedTuple):
    """A command line, understood."""

    log: Sample
    filter: str
    values: dict[str, str]
    """By long name; only what was given."""
    now: float | None

    def flag(self, name: str) -> bool:
        """Return whether an option without value was given."""
        return name in self.values


class Usage(Exception):  # noqa: N818 - no error when help is asked for
    """The command line asks for help, or makes no sense."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit status."""
    try:
        options = parse(argv)
        return _run(options)
    except Usage as usage:
        if not usage.args:
            print(HELP, end="")
            return 0
        print(f"f2b regex: {usage}; see f2b regex --help", file=sys.stderr)
        return WRONG_USAGE
    except F2bError as error:
        print(f"f2b regex: {error}", file=sys.stderr)
        return WRONG_USAGE if isinstance(error, ConfigError) else UNREADABLE


def parse(argv: Sequence[str]) -> Options:
    """Return what a command line says. Raises Usage."""
    try:
        given, words = getopt.gnu_getopt(list(argv), _SHORT, _LONG + _FLAGS)
    except getopt.GetoptError as error:
        raise Usage(error.msg) from None
    values = {_NAMES.get(option, option[2:]): value for option, value in given}
    if "help" in values:
        raise Usage
    if len(words) != 2:
        missing = ("give a LOG and a FILTER", "give a FILTER after the LOG")
        raise Usage(missing[len(words)] if len(words) < 2 else f"one LOG and one FILTER, not {len(words)} words")
    if values.get("usedns", "no") not in get_args(UseDns):
        raise Usage(f"--usedns {values['usedns']}: write yes, warn, no or raw")
    try:
        now = float(values["now"]) if "now" in values else None
    except ValueError:
        raise Usage(f"--now {values['now']}: write seconds since 1970") from None
    return Options(sample.understood(words[0]), words[1], values, now)


def _run(options: Options) -> int:
    values = options.values
    setup = Setup(
        values.get("timezone"),
        values.get("encoding", "auto"),
        options.now,
        options.flag("as-journal"),
        every=not options.flag("json") and not options.flag("no-check-all"),
        as_fail2ban=not options.flag("json"),
    )
    spec = _spec(options)
    if spec.type != REGEX:
        return _run_typed(spec, options, setup)
    trial = Trial(spec, options.log, setup)
    if options.flag("json"):
        _print_json(trial)
        return 0
    shown = ("matched", "missed", "ignored") if options.flag("print-all") else ()
    report = trial.report(Show(int(options.flag("verbose")), full=frozenset(shown)))
    print("\nRunning tests\n=============\n")
    for line in _head(options, trial):
        print(line)
    start = time.perf_counter()
    trial.fill(report, lambda: report.enough)
    report.pass_over(trial.passed_over)
    print()
    for piece in report.text(time.perf_counter() - start):
        print(piece)
    return 0


def _run_typed(spec: FilterSpec, options: Options, setup: Setup) -> int:
    from f2b.cli import typed  # thirty modules that filters of regexes do not need

    trial = typed.TypedTrial(spec, options.log, setup)
    if options.flag("json"):
        typed.print_json(trial)
    else:
        typed.print_report(trial, options.flag("verbose"), options.flag("print-all"))
    return 0


def _spec(options: Options) -> FilterSpec:
    """Return the filter, with what the command line says otherwise. Raises ConfigError."""
    values = options.values
    directory = Path(values["config"]) if "config" in values else None
    journal = options.log.kind == "journal" or options.flag("as-journal")
    spec = subject.find(options.filter, directory, journal) or subject.given(options.filter)
    if "usedns" in values:
        spec = replace(spec, usedns=cast(UseDns, values["usedns"]))
    if "datepattern" in values:
        spec = replace(spec, datepattern=subject.dated(values["datepattern"]))
    return spec


def _head(options: Options, trial: Trial) -> Iterator[str]:
    yield used("filter", options.filter if trial.spec.place == subject.HERE else trial.spec.place)
    if options.log.kind == "text":
        yield from used_text(options.log.text, trial.spec.maxlines > 1)
    else:
        yield used("log", options.log.text)


def _print_json(trial: Trial) -> None:
    report = trial.report(Show(hidden=frozenset(("missed", "ignored"))))
    write = sys.stdout.write
    lost: list[int] = []
    for number, verdict in trial.verdicts(lambda: report.enough):
        report.add(verdict)
        if verdict.lost:
            lost.append(number)
        if verdict.kind != "missed":
            write(json.dumps(_entry(number, verdict)) + "\n")
    report.pass_over(trial.passed_over)
    hits = [
        {"regex": rule.text.value, "hits": count}
        for rule, count in zip(trial.judge.tested.failregex, report.hits, strict=True)
    ]
    write(json.dumps({"summary": {"lines": report.lines, **report.counts, "lost": lost, "failregex": hits}}) + "\n")


def _entry(number: int, verdict: Verdict) -> dict[str, object]:
    entry: dict[str, object] = {"line": number, "failures": [_failure(finding) for finding in verdict.findings]}
    if verdict.seen.ignored is not None:
        entry["ignored"] = verdict.seen.ignored + 1
    return entry


def _failure(finding: Finding) -> dict[str, object]:
    failure = finding.failure
    return {
        "id": failure.id or None,
        "host": failure.host,
        "time": failure.time,
        "nofail": finding.nofail,
        "attempts": max(failure.attempts, len(failure.matches)),
        "matches": failure.matches,
        "captures": failure.captures,
    }
