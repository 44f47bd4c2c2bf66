"""A process for one piece of long work of the page: what it is comes as JSON, and so goes the result.

It asks the commands' own engines: `f2b explain`, `f2b replay --compare`, `f2b stats`.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any

from f2b import duration
from f2b.alarm import alarmed
from f2b.cli import database, subject, timeline
from f2b.cli.compare import difference
from f2b.cli.explain_ip import examine
from f2b.cli.explain_line import Explainer, find
from f2b.cli.origin import countries
from f2b.cli.played import Logins, Played
from f2b.cli.rerun import Rerun
from f2b.cli.tally import Tally
from f2b.cli.tally_plot import drawing
from f2b.config import search
from f2b.config.model import JailSpec, Text
from f2b.control import client
from f2b.errors import ConfigError, F2bError, StoreError
from f2b.events import Ban
from f2b.store import past
from f2b.value import replace

Fields = Mapping[str, Any]
MOST_SHOWN = 500
"""Addresses of a difference, and names of each kind, that are handed back."""
PATIENCE_S = 30.0
POLITENESS = 10
"""nice(1): the server comes first."""


def main() -> None:
    """Do what standard input says."""
    asked = json.loads(sys.stdin.buffer.read())
    os.nice(POLITENESS)
    limit = int(asked["limit"]) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (limit, limit + 1))
    resource.setrlimit(resource.RLIMIT_AS, (asked["memory"], asked["memory"]))
    try:
        with redirect_stdout(sys.stderr):
            answer = {"result": TASKS[asked["task"]](asked)}
    except F2bError as error:
        answer = {"error": str(error)}
    except MemoryError:
        answer = {"error": "this takes more memory than it may have"}
    sys.stdout.write(json.dumps(answer))


def _folder(asked: Fields) -> Path | None:
    return Path(asked["directory"]) if asked["directory"] else None


def _examine(asked: Fields) -> object:
    with alarmed():
        return examine(asked["answer"])


def _line(asked: Fields) -> object:
    """What a filter, a jail's, or a regex makes of lines."""
    regex = asked["regex"]
    spec, jail = (subject.given(regex), None) if regex else find(asked["name"], _folder(asked))
    explainer = Explainer(spec, jail, time.time())
    with alarmed():
        return [explainer.explain(line) for line in asked["lines"]]


# ---- a jail with other numbers, on its logs ---------------------------------------------------------------


def _replay(asked: Fields) -> object:
    """What a jail would do with its logs if it were changed, set against what it does."""
    name = asked["jail"]
    settings = search.load(_folder(asked), only=[name], disabled=True)
    spec = next((spec for spec in settings.jails if spec.name == name), None)
    if spec is None:
        raise ConfigError(f"there is no jail {name!r} that could run", cure="`f2b check` says what is wrong with it")
    now = time.time()
    present, _ = _played(spec, asked["rotated"], now)
    run, logins = _played(_changed(spec, asked["changes"]), asked["rotated"], now)
    found = difference(("the changed jail", "the present one"), run.bans, present.bans, logins)
    plain = dict(found.plain())
    spans = [ban.time for ban in (*run.bans, *present.bans)]
    plots = {
        which: timeline.drawing(bans, min(spans), max(spans), f"{which}: {len(bans)} bans") if bans else ""
        for which, bans in (("present", present.bans), ("changed", run.bans))
    }
    more, fewer = found.more[:MOST_SHOWN], found.fewer[:MOST_SHOWN]
    rows = [("+", ban) for ban in more] + [("-", ban) for ban in fewer]
    return {
        "counts": {"present": dict(present.counts[name]), "changed": dict(run.counts[name])},
        "more": len(found.more),
        "fewer": len(found.fewer),
        "both": found.both,
        "logged_in": plain["logged_in"],
        "rows": [{"sign": sign, **_row(ban), "login": ban.id in found.logins} for sign, ban in rows],
        "plots": plots,
    }


def _row(ban: Ban) -> dict[str, object]:
    return {"id": ban.id, "time": ban.time, "failures": ban.failures, "duration": ban.duration}


def _played(spec: JailSpec, rotated: bool, now: float) -> tuple[Played, Logins]:
    logins = Logins()
    run = Rerun(lambda level, text: sys.stderr.write(f"{text}\n"), logins.hear)
    run.add(spec, None, rotated)
    wrong = [str(problem) for problem in run.problems if problem.severity == "error"]
    if wrong:
        raise ConfigError("\n".join(wrong))
    played = Played([spec.name])
    for effect in run.run(now):
        played.take(effect)
    return played, logins


def _changed(spec: JailSpec, changes: Mapping[str, str]) -> JailSpec:
    """Return a jail with other values for some of its options. Raises ConfigError."""
    for name, text in changes.items():
        try:
            spec = _CHANGES[name](spec, text)
        except (ValueError, KeyError) as error:
            raise ConfigError(f"{name} = {text}: {error}") from None
    return spec


def _failregex(spec: JailSpec, text: str) -> JailSpec:
    lines = tuple(Text(line.strip(), spec.place) for line in text.splitlines() if line.strip())
    return replace(spec, filter=replace(spec.filter, failregex=lines))


def _maxretry(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise ValueError("write a number, at least 1")
    return int(text)


_CHANGES: Mapping[str, Callable[[JailSpec, str], JailSpec]] = {
    "maxretry": lambda spec, text: replace(spec, maxretry=_maxretry(text)),
    "findtime": lambda spec, text: replace(spec, findtime=duration.seconds(text)),
    "bantime": lambda spec, text: replace(spec, bantime=duration.seconds(text)),
    "ignoreip": lambda spec, text: replace(spec, ignoreip=tuple(text.replace(",", " ").split())),
    "failregex": _failregex,
}


# ---- bans counted -----------------------------------------------------------------------------------------


def _tally(asked: Fields) -> object:
    """The bans of the past, from the database; where that may not be read, those in force."""
    since = time.time() - asked["seconds"]
    try:
        bans, source = list(past.bans(database.found(asked["db"], asked["directory"]), since)), "database"
    except StoreError:
        bans, source = [ban for ban in _in_force(asked["socket"]) if ban.time >= since], "server"
    where = countries(asked["geoip"]) if asked["geoip"] else None
    tally = Tally(bans, where)
    plain = tally.plain()
    for kind in ("by_address", "by_user", "by_country", "by_jail"):
        plain[kind] = dict(list(plain[kind].items())[:MOST_SHOWN])
    span = (max(since, tally.first), time.time())
    title = f"{tally.bans} bans by jail"
    return {
        **plain,
        "source": source,
        "plots": [timeline.drawing(bans, *span, title), drawing(tally)] if bans else [],
    }


def _in_force(path: str) -> Iterable[Ban]:
    answer: Any = client.request(path, "banned", PATIENCE_S)
    said: Sequence[Mapping[str, Any]] = answer["bans"]
    for ban in said:
        yield Ban(ban["jail"], ban["id"], ban["time"], ban["duration"], ban["failures"])


TASKS: Mapping[str, Callable[[Fields], object]] = {
    "examine": _examine,
    "line": _line,
    "replay": _replay,
    "tally": _tally,
}

if __name__ == "__main__":
    main()
