"""What `f2b explain --line` says to people: labels in a column, the regex marked up to where it matches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from f2b import duration
from f2b.cli import show

NEAREST = 3
"""Of regexes that do not match, so many are shown: those that get furthest."""
WIDTH = 10
MARK = " >>> "
"""Stands behind the part of a regex that matches."""
SHOWN = 200
"""So many characters of a regex or of a line's rest are shown."""


def told(report: Mapping[str, Any], everything: bool) -> str:
    """Return a report as people read it; `everything`: each regex, not the nearest only."""
    rows = [("line", show.plain(report["line"])), *_date(report), ("text", repr(report["text"]))]
    for entry in _chosen(report["regexes"], everything):
        rows += _regex(entry)
    rows += [("type", show.plain(text)) for text in report["said"]]
    rows += [*_session(report["session"]), *_found(report["failures"]), *_verdict(report["verdict"])]
    return "\n".join(f"{label:<{WIDTH}} {text}" for label, text in rows)


def _date(report: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    date, notes = report["date"], report["notes"]
    if date is None:
        yield "date", show.paint("none found", "yellow")
    else:
        where = f"characters {date['start'] + 1} to {date['end']}"
        when = (
            "no day of any calendar" if date["time"] is None else f"{show.moment(date['time'])}, {_age(date['age'])}"
        )
        yield "date", f"{show.plain(date['written'])!r}, {where}: {when}"
        yield "", f"read by {date['pattern']}"
    for note in notes:
        yield "", show.paint(note, "yellow")


def _age(seconds: float) -> str:
    if abs(seconds) < 1:
        return "now"
    return f"{duration.human(round(abs(seconds)) or 1)} {'ago' if seconds > 0 else 'ahead'}"


def _chosen(entries: Sequence[Mapping[str, Any]], everything: bool) -> list[Mapping[str, Any]]:
    missed = [entry for entry in entries if not entry["matches"]]
    if everything or len(missed) <= NEAREST:
        return list(entries)
    nearest = sorted(missed, key=lambda entry: -len(entry["upto"]))[:NEAREST]
    matched = any(entry["matches"] and entry["kind"] == "failregex" for entry in entries)
    return [entry for entry in entries if entry["matches"] or (entry in nearest and not matched)]


def _regex(entry: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    kind = {"failregex": f"regex {entry['number']}", "ignoreregex": f"ignore {entry['number']}"}
    label = kind.get(entry["kind"], "prefregex")
    if entry["matches"]:
        yield label, f"{show.paint('matches', 'green')} {entry['place']}"
        yield "", _cut(entry["upto"])
        return
    matches, wants = show.paint(_end(entry["upto"]), "green"), show.paint(_cut(entry["wants"]), "red")
    yield label, f"{matches}{show.paint(MARK, 'bold')}{wants}"
    yield "", f"gets to {_end(entry['found'])!r} and finds {_cut(entry['finds'])!r} ({entry['place']})"


def _end(text: str) -> str:
    return text if len(text) <= SHOWN else f"...{text[-SHOWN:]}"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _session(session: Mapping[str, Any] | None) -> Iterator[tuple[str, str]]:
    if session is not None:
        who = f", of {session['host']}" if session["host"] else ""
        yield "session", show.plain(f"{session['id'].strip()!r} {session['state']}{who}")
        for line in session["lines"]:
            yield "", show.plain(line)


def _found(failures: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    for failure in failures:
        shown = {name: text for name, text in failure["captures"].items() if name in ("user", "users", "fport")}
        more = "".join(f", {name} {text!r}" for name, text in shown.items())
        times = f", counts for {failure['attempts']}" if failure["attempts"] > 1 else ""
        yield "finds", show.plain(f"{failure['id']}{more}{times}")


def _verdict(verdict: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    good = verdict["cause"] in ("counts", "bans", "success")
    yield "verdict", show.paint(show.plain(verdict["text"]), "green" if good else "red")
    if verdict["cure"]:
        yield "", show.plain(verdict["cure"])
