"""A jail with other numbers over its own logs, and whom that would ban besides, or spare. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from f2b.web.layout import Field, Visit, about, badge, length, moment, numbers, page, plot, post, section, sign, table
from f2b.web.markup import Content, Markup, tag

OPTIONS = {
    "maxretry": "failures that lead to a ban",
    "findtime": "within which time, as 10m",
    "bantime": "how long a ban lasts, as 1h",
    "ignoreip": "whom to spare, instead of those it spares now",
}
REGEX = "failregex"
"""Only for who has logged in: it could read anything in the logs."""


def rehearsal(
    visit: Visit, given: Mapping[str, str], jails: Sequence[str], found: Mapping[str, Any] | None, trouble: str
) -> bytes:
    """Return the page; `found` is the worker's answer, `given` what was written into the form."""
    fields = [
        Field("jail", "Jail", given.get("jail", ""), kind="select", choices=jails),
        *(Field(name, name, given.get(name, ""), hint) for name, hint in OPTIONS.items()),
    ]
    if visit.inside:
        fields.append(Field(REGEX, REGEX, given.get(REGEX, ""), "one a line, instead of the filter's", "area"))
    fields.append(Field("rotated", "with its rotated logs", given.get("rotated", ""), kind="check"))
    return page(
        visit,
        "Replay",
        tag("p", "What a jail would have done with its logs if it were changed. What is left empty stays as it is."),
        post(visit, "/replay", fields, "Replay"),
        sign(trouble) if trouble else None,
        _difference(found) if found else None,
    )


def _difference(found: Mapping[str, Any]) -> Markup:
    counts = found["counts"]
    return section(
        "Difference",
        numbers(
            [
                ("banned only by the changed jail", found["more"], "bad" if found["more"] else ""),
                ("banned only by the present one", found["fewer"], ""),
                ("banned by both", found["both"], ""),
                ("of the new ones logged in that day", found["logged_in"], "bad" if found["logged_in"] else ""),
            ]
        ),
        [_plot(which, found["plots"][which]) for which in ("present", "changed")],
        _rows(found["rows"]),
        _counts(counts),
    )


def _plot(which: str, drawing: str) -> Content:
    return plot(drawing, f"Bans of the {which} jail over time") if drawing else None


def _rows(rows: Sequence[Mapping[str, Any]]) -> Markup:
    told: list[list[Content]] = [
        [
            badge("more", "bad") if row["sign"] == "+" else badge("fewer", "quiet"),
            about(row["id"]),
            moment(row["time"]),
            length(row["duration"]),
            row["failures"],
            "yes" if row["login"] else "",
        ]
        for row in rows
    ]
    heads = ["", "Address", "Since", "For", "Failures#", "Logged in"]
    heads[0] = "Difference"
    return table("Whom only one of the two bans", heads, told, "Both ban the same.")


def _counts(counts: Mapping[str, Mapping[str, int]]) -> Markup:
    names = ["found", "ignored", "bans", "unbans"]
    rows: list[list[Content]] = [[which, *(counts[which][name] for name in names)] for which in counts]
    return table("What happened in each", ["Jail", *(f"{name}#" for name in names)], rows)
