"""Why somebody is banned or not, and what a filter makes of a line: what `f2b explain` says, as pages. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from f2b import duration
from f2b.cli.explain_case import length
from f2b.cli.show import count
from f2b.web.layout import Field, Visit, badge, facts, get, link, moment, page, post, section, sign, table
from f2b.web.markup import Content, Markup, tag

Report = Mapping[str, Any]
STEPS = 20
"""So many failures of a jail are shown, the latest."""
NEAREST = 5
"""Of regexes that do not match, those that get furthest."""
COUNTS = frozenset({"counts", "bans", "success"})
BANNED = frozenset({"banned", "not in force"})
QUIET = "not seen"


# ---- somebody ---------------------------------------------------------------------------------------------


def somebody(visit: Visit, who: str, answer: Report | None, trouble: str = "") -> bytes:
    """Return the page on one address; without an answer only the form, and what went wrong."""
    form = get("/explain", [Field("id", "Address", who, "an address or a network", required=True)], "Explain")
    if answer is None:
        return page(visit, "Explain", form, sign(trouble) if trouble else None)
    verdict = answer["verdict"]
    banned = verdict["cause"] in BANNED
    where = f"[{verdict['jail']}] " if "jail" in verdict else ""
    state = badge("banned", "bad") if banned else badge("not banned", "good")
    seen = [jail for jail in answer["jails"] if jail["verdict"]["cause"] != QUIET]
    quiet = [jail["jail"] for jail in answer["jails"] if jail["verdict"]["cause"] == QUIET]
    return page(
        visit,
        f"Explain {answer['id']}",
        form,
        tag("p", tag("strong", answer["id"]), " is ", state, class_="verdict"),
        tag("p", where, verdict["text"], class_="reason"),
        tag("p", verdict["cure"], class_="note") if verdict["cure"] else None,
        link("/change", "Ban or allow it", id=answer["id"]) if visit.inside and not banned else None,
        post(visit, "/unban", [("id", answer["id"])], f"Unban {answer['id']}") if visit.inside and banned else None,
        [_jail(jail) for jail in seen],
        tag("p", "Never seen by ", ", ".join(quiet), ".", class_="note") if quiet else None,
    )


def _jail(jail: Report) -> Markup:
    span, long = (duration.human(round(jail[name])) for name in ("findtime", "bantime"))
    rule = f"{jail['maxretry']} failures within {span} ban for {long}; filter {jail['filter']}"
    together = tag("p", "Counted with all of ", jail["counted_as"]) if "/" in (jail["counted_as"] or "") else None
    verdict = jail["verdict"]
    cure = f"; {verdict['cure']}" if verdict["cure"] else ""
    return section(
        f"Jail {jail['jail']}",
        tag("p", f"{jail['state']}. {rule}.", class_="note"),
        together,
        _steps(jail),
        [_mention(mention) for mention in jail["mentions"]],
        _ban(jail),
        tag("p", verdict["text"], cure, class_="reason"),
    )


def _steps(jail: Report) -> Markup | None:
    if not jail["steps"]:
        return None
    rows: list[list[Content]] = []
    for step in jail["steps"][-STEPS:]:
        why = f" ({step['why']})" if step["why"] else ""
        number = f"{step['count']} of {jail['maxretry']}" if step["count"] else ""
        lines: list[Content] = [tag("code", line) for line in step["lines"]]
        regex = tag("small", step["regex"]) if step.get("regex") else None
        rows.append([moment(step["read"]), f"{step['what']}{why}", number, [lines, regex]])
    return table(f"What {jail['jail']} counted, oldest first", ["Read", "What", "Count", "Lines"], rows)


def _mention(mention: Report) -> Markup:
    return tag("p", "Not counted: ", tag("code", mention["line"]), " ", mention["verdict"]["text"], class_="note")


def _ban(jail: Report) -> Content:
    ban = jail["ban"]
    if ban is None:
        return None
    words = {True: "in force", False: "not in force", None: "cannot tell"}
    kinds = {True: "good", False: "bad", None: "quiet"}
    checks = [
        tag(
            "li",
            check["action"],
            ": ",
            badge(words[check["held"]], kinds[check["held"]]),
            [tag("div", f"{remark['cause']}; {remark['cure']}") for remark in check["remarks"]],
        )
        for check in jail["kernel"]
    ]
    told = f"Ban of {ban['id']}, {length(ban)}, after {count(ban['failures'], 'failure')}. The kernel:"
    return [tag("p", told), tag("ul", checks)]


# ---- a line -----------------------------------------------------------------------------------------------


def line(
    visit: Visit, given: Mapping[str, str], jails: Sequence[str], reports: Sequence[Report], trouble: str
) -> bytes:
    """Return the page on which lines are tried; `given` is what was written into its form."""
    fields = [
        Field("lines", "Lines of a log", given.get("lines", ""), "one or a few, as they are", "area", required=True),
        Field("name", "Jail or filter", given.get("name", ""), "its name, as sshd", choices=jails),
        Field("regex", "or a regex", given.get("regex", ""), "a failregex with <HOST> or <ADDR>", "area"),
    ]
    return page(
        visit,
        "Try a line",
        tag("p", "What a jail, a filter, or a regex of yours makes of lines. Nothing is counted and nobody banned."),
        post(visit, "/line", fields, "Try"),
        sign(trouble) if trouble else None,
        [_report(number, report) for number, report in enumerate(reports, 1)],
    )


def _report(number: int, report: Report) -> Markup:
    verdict = report["verdict"]
    good = verdict["cause"] in COUNTS
    return section(
        f"Line {number}",
        tag("p", tag("code", report["line"])),
        tag("p", badge("counts" if good else "does not count", "good" if good else "bad"), " ", verdict["text"]),
        tag("p", verdict["cure"], class_="note") if verdict["cure"] else None,
        facts(_date(report) + _found(report)),
        _regexes(report["regexes"]),
    )


def _date(report: Report) -> list[tuple[str, Content]]:
    date = report["date"]
    notes = [tag("div", note) for note in report["notes"]]
    if date is None:
        return [("date", ["none found", notes])]
    when = moment(date["time"]) if date["time"] is not None else "no day of any calendar"
    where = f", characters {date['start'] + 1} to {date['end']}, read by {date['pattern']}"
    return [("date", [tag("code", date["written"]), where, ": ", when, notes])]


def _found(report: Report) -> list[tuple[str, Content]]:
    found: list[tuple[str, Content]] = [("text", tag("code", report["text"]))]
    found += [("type", text) for text in report["said"]]
    for failure in report["failures"]:
        names = ", ".join(f"{name} {text!r}" for name, text in failure["captures"].items())
        found.append(("finds", [tag("strong", failure["id"]), f" ({names})" if names else ""]))
    session = report["session"]
    if session is not None:
        found.append(("session", f"{session['id'].strip()} {session['state']}"))
    return found


def _regexes(entries: Sequence[Report]) -> Markup:
    matched = [entry for entry in entries if entry["matches"]]
    missed = sorted((entry for entry in entries if not entry["matches"]), key=lambda entry: -len(entry["upto"]))
    rows: list[list[Content]] = [_regex(entry) for entry in (*matched, *missed[:NEAREST])]
    return table("Regexes: those that match, and those that get furthest", ["Regex", "State", "How far"], rows)


def _regex(entry: Report) -> list[Content]:
    name = f"{entry['kind']} {entry['number'] or ''}".strip()
    where = tag("small", entry["place"])
    if entry["matches"]:
        return [[name, " ", where], badge("matches", "good"), tag("code", entry["upto"])]
    far: Content = [tag("code", entry["upto"], class_="upto"), tag("code", entry["wants"], class_="wants")]
    stopped = tag("div", "gets to ", tag("code", entry["found"][-80:]), ", finds ", tag("code", entry["finds"][:80]))
    return [[name, " ", where], badge("does not match", "quiet"), [far, stopped]]
