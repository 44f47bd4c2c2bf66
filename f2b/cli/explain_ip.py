"""Why somebody is banned, or not: what the server says of him, and what its logs say that nobody counted.

The server tells what its jails remember and what the kernel holds; lines that led to nothing are looked up in the
logs here and explained like those of `f2b explain --line`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from f2b.cli import explain_logs
from f2b.cli.explain_case import conclude, overall
from f2b.cli.explain_line import Explainer, find
from f2b.errors import F2bError
from f2b.filter.build import date_patterns
from f2b.trace import LONGEST


def examine(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the server's answer with what logs say and a verdict, for each jail and for all."""
    folder = Path(answer["directory"]) if answer["directory"] else None
    for jail in answer["jails"]:
        _look(jail, answer["id"], folder)
        jail["verdict"] = conclude(jail, answer["now"])
    answer["verdict"] = overall(answer)
    return answer


def _look(jail: dict[str, Any], who: str, folder: Path | None) -> None:
    """Add to a jail's account what its logs say, line by line, and which regex found what it counted."""
    jail.update(mentions=[], elsewhere=[], unreadable=[], written={}, hours_off=None, zone=None)
    explainer = _explainer(jail["jail"], folder)
    if explainer is not None:
        for step in jail["steps"]:
            step["regex"] = _regex(explainer, step)
    if not jail["files"] or jail["ban"] is not None:
        return
    known = [line[:LONGEST] for step in jail["steps"] for line in step["lines"]]
    found = explain_logs.look(jail["files"], who, known)
    jail["unreadable"], jail["written"] = list(found.unreadable), found.ages
    if not found.mentions and not jail["steps"]:
        jail["elsewhere"] = explain_logs.elsewhere(jail["files"], who, time.time())
    if explainer is not None:
        jail["mentions"] = [{"log": one.path, **explainer.explain(one.text)} for one in found.mentions]
        _zone(jail, explainer)


def _explainer(name: str, folder: Path | None) -> Explainer | None:
    """Return who explains lines to a jail; None if its configuration cannot be read here."""
    try:
        spec, jail = find(name, folder)
        return None if jail is None else Explainer(spec, jail, time.time())
    except F2bError:
        return None


def _regex(explainer: Explainer, step: Mapping[str, Any]) -> str:
    """Return which regex found a failure, by its place, or what the filter's type says."""
    for line in reversed(step["lines"]):
        report = explainer.explain(line)
        matched = [entry for entry in report["regexes"] if entry["matches"] and entry["kind"] == "failregex"]
        if matched:
            return f"failregex {matched[0]['number']} ({matched[0]['place']})"
        if report["said"]:
            return str(report["said"][-1])
    return ""


def _zone(jail: dict[str, Any], explainer: Explainer) -> None:
    """Note whether the jail's logs look as if they were written in another time zone."""
    for path in jail["files"]:
        found = explain_logs.drift(path, date_patterns(explainer.spec), explainer.zone)
        if found is not None:
            jail["hours_off"], jail["zone"] = found.hours, found.zone or None
            return
