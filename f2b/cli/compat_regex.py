"""`fail2ban-regex`: tries a regex or a filter on a log, with Fail2Ban's arguments and report."""

from __future__ import annotations

import getopt
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast, get_args

from f2b import __version__
from f2b.cli import sample, subject
from f2b.cli.outcome import Outcome
from f2b.cli.report import LIMIT, Report, Show, used, used_text
from f2b.cli.sample import Sample
from f2b.cli.trial import Setup, Trial
from f2b.config.model import FilterSpec, Text, UseDns
from f2b.config.spec import only
from f2b.config.text import Value
from f2b.control import FAIL2BAN_VERSION
from f2b.errors import ConfigError, F2bError
from f2b.value import replace

FAILED = 255
WRONG_OPTION = 2
_USAGE = "Usage: fail2ban-regex [OPTIONS] <LOG> <REGEX> [IGNOREREGEX]"
HELP = f"""\
{_USAGE}

Try regular expressions, or a filter, on a log, and see what they find. Bans nobody.

LOG:
  string                a log line, or several, separated by newlines
  filename              path of a log file (/var/log/auth.log)
  systemd-journal       the journal, read by journalctl; options of the backend
                        in brackets (systemd-journal[journalflags=4])
  -                     standard input

REGEX:
  string                a failregex
  filter                name of a filter, with or without options
                        (sshd[mode=aggressive]), or of a jail
  filename              path of a filter file (filter.d/sshd.conf)

IGNOREREGEX:
  string                an ignoreregex, instead of the filter's own
  filename              path of a filter file that has some

Options:
    --version             show the version and exit
    -h, --help            show this help and exit
    -c, --config DIR      configuration directory
    -d, --datepattern PATTERN
                          how dates look, instead of the filter's pattern
    --timezone, --TZ ZONE time zone of dates that name none
    -e, --encoding NAME   encoding of the log (default: UTF-8)
    -r, --raw             leave host names as they are
    --usedns MODE         yes, warn, no or raw: what becomes of host names
    -L, --maxlines N      how many lines a regex may span
    -m, --journalmatch MATCH
                          what to read of the journal, instead of the
                          filter's journalmatch
    -l, --log-level LEVEL accepted, without effect
    -V                    show the version, short
    -v, --verbose         show more; may be repeated
    --verbosity N         the same as N times -v (0..4)
    --verbose-date, --VD  show date templates with their regexes
    -D, --debuggex        show links to debuggex.com
    --no-check-all        stop at the first regex that matches, as the server
    -o, --out FORMAT      print failures only: row, id, ip, msg, the name of
                          a capture (user, ip4, dns, ...), or a text with
                          tags (<ip> <F-USER>)
    -i, --invert          with -o: print the lines that do not match
    --print-no-missed     do not print missed lines
    --print-no-ignored    do not print ignored lines
    --print-all-matched   print all matched lines
    --print-all-missed    print all missed lines, however many
    --print-all-ignored   print all ignored lines, however many
    -t, --log-traceback   accepted, without effect
    --full-traceback      accepted, without effect

Examples:
  fail2ban-regex /var/log/auth.log sshd
  fail2ban-regex /var/log/auth.log 'sshd[mode=aggressive]' --print-all-matched
  fail2ban-regex 'Nov 21 10:00:00 host app: bad login from 192.0.2.1' 'bad login from <HOST>$'
  fail2ban-regex -o '<ip> <F-USER>' /var/log/auth.log sshd
"""

_SHORT = "hc:d:e:rL:m:l:VvDo:it"
_VALUED = ["config=", "datepattern=", "timezone=", "TZ=", "encoding=", "usedns=", "maxlines=", "journalmatch="]
_VALUED += ["log-level=", "verbosity=", "out="]
_FLAGS = ["version", "help", "raw", "verbose", "verbose-date", "VD", "debuggex", "no-check-all", "invert"]
_FLAGS += ["print-no-missed", "print-no-ignored", "print-all-matched", "print-all-missed", "print-all-ignored"]
_FLAGS += ["log-traceback", "full-traceback"]
_NAMES = (
    {"-h": "help", "-c": "config", "-d": "datepattern", "-e": "encoding", "-r": "raw", "-L": "maxlines"}
    | {"-m": "journalmatch", "-l": "log-level", "-v": "verbose", "-D": "debuggex", "-o": "out", "-i": "invert"}
    | {"-t": "log-traceback", "--TZ": "timezone", "--VD": "verbose-date", "-V": "V"}
)
_NUMBERS = ("maxlines", "verbosity")


class Refused(Exception):  # noqa: N818 - help and version are asked for, no errors
    """The command line is answered at once: `text` and the exit status."""

    def __init__(self, text: str, status: int = 0) -> None:
        super().__init__(text)
        self.text = text
        self.status = status


class Options:
    """A command line, understood."""

    def __init__(self, argv: Sequence[str]) -> None:
        """Raises Refused."""
        try:
            given, self.words = getopt.gnu_getopt(list(argv), _SHORT, _VALUED + _FLAGS)
        except getopt.GetoptError as error:
            raise Refused(f"{_USAGE}\n\nfail2ban-regex: error: {error.msg}", WRONG_OPTION) from None
        self.values = {_NAMES.get(option, option[2:]): value for option, value in given}
        for name in _NUMBERS:
            if not self.values.get(name, "0").isdecimal():
                text = f"fail2ban-regex: error: option --{name}: {self.values[name]!r} is no number"
                raise Refused(f"{_USAGE}\n\n{text}", WRONG_OPTION)
        self.verbosity = sum(option in ("-v", "--verbose") for option, _ in given) + self.number("verbosity")
        self._answer()

    def _answer(self) -> None:
        if "help" in self.values:
            raise Refused(HELP.rstrip("\n"))
        if "V" in self.values:
            raise Refused(FAIL2BAN_VERSION)
        if "version" in self.values:
            raise Refused(f"fail2ban-regex {FAIL2BAN_VERSION} (f2b {__version__})")
        for kind in ("missed", "ignored"):
            if {f"print-no-{kind}", f"print-all-{kind}"} <= self.values.keys():
                text = f"--print-no-{kind} and --print-all-{kind} exclude each other."
                raise Refused(f"{_USAGE}\n\nERROR: {text}", FAILED)
        if len(self.words) not in (2, 3):
            raise Refused(f"{_USAGE}\n\nERROR: provide both <LOG> and <REGEX>. See fail2ban-regex --help", FAILED)

    def number(self, name: str) -> int:
        """Return the number that an option was given, 0 if it was not."""
        return int(self.values.get(name, "0"))

    def show(self) -> Show:
        """Return what the report is to hold."""
        kinds = ("matched", "missed", "ignored")
        return Show(
            self.verbosity,
            "verbose-date" in self.values,
            "debuggex" in self.values,
            self.number("maxlines") or LIMIT,
            frozenset(kind for kind in kinds if f"print-no-{kind}" in self.values),
            frozenset(kind for kind in kinds if f"print-all-{kind}" in self.values),
        )


def main() -> None:
    """Run the command line and exit: 0 a report was made, 2 unknown option, 255 everything else."""
    try:
        status = run(sys.argv[1:])
        sys.stdout.flush()
    except BrokenPipeError:  # `fail2ban-regex ... | head`
        sys.stdout = None
        status = 0
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def run(argv: Sequence[str]) -> int:
    """Run one command line and return its exit status."""
    try:
        options = Options(argv)
        _run(options)
    except Refused as refused:
        print(refused.text, file=sys.stderr if refused.status else sys.stdout)
        return refused.status
    except F2bError as error:
        print(f"ERROR: {error}", file=sys.stderr)
        return FAILED
    return 0


def _run(options: Options) -> None:
    log = sample.understood(options.words[0])
    values = options.values
    spec = _spec(options, log)
    if not values.get("out", "-"):
        del values["out"]
    every = "no-check-all" not in values and "out" not in values
    zone, encoding = values.get("timezone"), values.get("encoding", "auto")
    setup = Setup(zone, encoding, every=every, as_fail2ban=True, finished=True)
    trial = Trial(spec, log, setup)
    if "out" in values:
        _print_out(trial, values["out"], "invert" in values)
        return
    print("\nRunning tests\n=============\n")
    for line in _head(options, trial):
        print(line)
    print()
    report = trial.report(options.show())
    _print_report(trial, report)


def _print_report(trial: Trial, report: Report) -> None:
    start = time.perf_counter()
    trial.fill(report)
    for piece in report.text(time.perf_counter() - start):
        print(piece)


def _print_out(trial: Trial, form: str, inverted: bool) -> None:
    outcome = Outcome(form, trial.judge.tested)
    for _, verdict in trial.verdicts():
        if not inverted:
            for line in outcome.lines(verdict):
                print(line)
        elif verdict.kind != "matched":
            print(verdict.line.raw)


def _spec(options: Options, log: Sample) -> FilterSpec:
    """Return the filter, with what the command line says otherwise. Raises ConfigError."""
    values = options.values
    directory = Path(values["config"]) if "config" in values else None
    spec = subject.find(options.words[1], directory, log.kind == "journal") or subject.given(options.words[1])
    if "usedns" in values:
        mode = values["usedns"] if values["usedns"] in get_args(UseDns) else "no"
        spec = replace(spec, usedns=cast(UseDns, mode))
    if "raw" in values:
        spec = replace(spec, usedns="raw")
    if "datepattern" in values:
        spec = replace(spec, datepattern=subject.dated(values["datepattern"]))
    if options.number("maxlines"):
        spec = replace(spec, maxlines=options.number("maxlines"))
    if "journalmatch" in values:
        spec = replace(spec, journalmatch=(values["journalmatch"],))
    if len(options.words) > 2:
        spec = replace(spec, ignoreregex=_ignoreregex(options.words[2], directory))
    return spec


def _ignoreregex(word: str, directory: Path | None) -> tuple[Text, ...]:
    """Return what IGNOREREGEX means: a filter file's, as in `fail2ban-regex LOG FILE FILE`, or a regex."""
    if "/" in word or word.endswith(".conf"):
        try:
            found = subject.find(word, directory)
        except ConfigError:
            found = None
        if found is not None:
            return found.ignoreregex
    return (Text(word, subject.HERE),)


def _head(options: Options, trial: Trial) -> Iterator[str]:
    """Yield the lines that say what is used: first what the command line says, as Fail2Ban does."""
    spec = trial.spec
    told = options.values
    if options.number("maxlines"):
        yield used("maxlines", spec.maxlines)
    if "datepattern" in told:
        yield _datepattern(trial)
    if spec.place == subject.HERE:
        yield used("failregex line", options.words[1])
    else:
        yield from _filter_head(spec, options.words[1])
        if spec.maxlines > 1 and not options.number("maxlines"):
            yield used("maxlines", spec.maxlines)
    if spec.datepattern and "datepattern" not in told:
        yield _datepattern(trial)
    if len(options.words) > 2:
        yield used("ignoreregex line", options.words[2])
    yield from _log_head(trial)


def _datepattern(trial: Trial) -> str:
    patterns = "\n".join(text.value for text in trial.spec.datepattern)
    name = "Default Detectors" if len(trial.dates.templates) > 1 else trial.dates.templates[0].name
    return used("datepattern", f"{patterns} : {name}")


def _filter_head(spec: FilterSpec, named: str) -> Iterator[str]:
    name, bracket, _ = named.partition("[")
    home = Path(spec.place.file).parent
    if home.name == "filter.d":
        inside = name.rpartition("filter.d/")[2].removesuffix(".conf")
        yield used("   failregex filter file", f"{inside}, basedir: {home.parent}")
    else:
        yield used("failregex file", name)
    if bracket:
        options = only(Value(named, (subject.HERE,))).options
        yield used("filter options", {name: value.text for name, value in options.items()})


def _log_head(trial: Trial) -> Iterator[str]:
    log = trial.log
    if log.kind == "text":
        yield from used_text(log.text, trial.spec.maxlines > 1)
    elif log.kind == "journal":
        yield f"Use         {log.text}"
        yield used("journal match", " ".join(trial.spec.journalmatch))
    else:
        yield used("log file", log.text)
        yield used("encoding", trial.encoding)
