"""What `f2b explain IP` says to people: the verdict first, then each jail with what it saw."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from f2b import duration
from f2b.cli import show
from f2b.cli.explain_case import length

SHOWN = 10
"""So many failures of a jail are shown, the latest."""
QUIET = ("not seen",)
GOOD = ("banned",)


def told(answer: Mapping[str, Any], everything: bool) -> str:
    """Return an answer as people read it; `everything`: jails that know nothing, and all failures, too."""
    verdict = answer["verdict"]
    where = f"[{verdict['jail']}] " if "jail" in verdict else ""
    banned = verdict["cause"] in ("banned", "not in force")
    what = show.paint("banned", "red") if banned else show.paint("not banned", "green")
    lines = [f"{show.plain(answer['id'])}: {what}", show.plain(f"{where}{verdict['text']}")]
    lines += [f"  {show.plain(verdict['cure'])}"] if verdict["cure"] else []
    quiet = []
    for jail in answer["jails"]:
        if jail["verdict"]["cause"] in QUIET and not everything:
            quiet.append(jail["jail"])
        else:
            lines += ["", *_jail(jail, everything)]
    lines += ["", show.plain(f"never seen by {', '.join(quiet)}")] if quiet else []
    return "\n".join(lines)


def _jail(jail: Mapping[str, Any], everything: bool) -> Iterator[str]:
    span, length_ = (duration.human(round(jail[name])) for name in ("findtime", "bantime"))
    rule = f"{jail['maxretry']} within {span}, bans for {length_}"
    yield show.paint(show.plain(f"{jail['jail']}: {jail['state']}, filter {jail['filter']}, {rule}"), "bold")
    if jail["counted_as"] and "/" in jail["counted_as"]:
        yield show.plain(f"  counted with all of {jail['counted_as']}")
    steps = jail["steps"] if everything else jail["steps"][-SHOWN:]
    if len(steps) < len(jail["steps"]):
        yield f"  {show.count(len(jail['steps']) - len(steps), 'earlier failure')}: --all"
    for step in steps:
        yield from _step(step, jail["maxretry"])
    for mention in jail["mentions"]:
        yield show.plain(f"  not counted  {mention['line']}")
        yield show.plain(f"               {mention['verdict']['text']}")
    yield from _ban(jail)
    verdict = jail["verdict"]
    yield show.plain(f"  {verdict['text']}" + (f"; {verdict['cure']}" if verdict["cure"] else ""))


def _step(step: Mapping[str, Any], maxretry: int) -> Iterator[str]:
    count = f" {step['count']}/{maxretry}" if step["count"] else ""
    weight = f", for {step['attempts']}" if step["attempts"] > 1 else ""
    why = f" ({step['why']})" if step["why"] else ""
    yield show.plain(f"  {show.moment(step['read'])}  {step['what']}{why}{count}{weight}")
    for line in step["lines"]:
        yield show.plain(f"    {line}")
    late = step["time"] is not None and abs(step["read"] - step["time"]) >= 1
    notes = [f"written {show.moment(step['time'])}"] if late else []
    notes += [step["regex"]] if step.get("regex") else []
    if notes:
        yield show.plain(f"    {', '.join(notes)}")


def _ban(jail: Mapping[str, Any]) -> Iterator[str]:
    ban = jail["ban"]
    if ban is None:
        return
    yield show.plain(f"  ban of {ban['id']}, {length(ban)}, after {show.count(ban['failures'], 'failure')}")
    words = {True: show.paint("in force", "green"), False: show.paint("not in force", "red"), None: "cannot tell"}
    for check in jail["kernel"]:
        left = "" if not check["left"] else f", {duration.human(max(1, round(check['left'])))} left"
        yield f"  kernel: {show.plain(check['action'])}: {words[check['held']]}{left}"
        for remark in check["remarks"]:
            yield show.plain(f"    {remark['cause']}; {remark['cure']}")
