"""Bans of the past, drawn and counted: by time, jail, country, user name, hour. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from f2b.cli.show import count
from f2b.web.layout import Field, Visit, about, get, link, moment, page, plot, section, table
from f2b.web.markup import Content, Markup, tag

SPANS = {"1d": 86_400, "7d": 7 * 86_400, "30d": 30 * 86_400, "1y": 365 * 86_400}
"""What can be chosen, in seconds."""
USUAL = "7d"
TOP = 50


def history(visit: Visit, span: str, tally: Mapping[str, Any]) -> bytes:
    """Return the page; `tally` is the worker's."""
    form = get("/past", [Field("span", "The last", span, kind="select", choices=list(SPANS))], "Show")
    if not tally["bans"]:
        return page(visit, "Past", form, _source(tally), tag("p", "No ban began in this time.", class_="empty"))
    told = f"{count(tally['bans'], 'ban')} of {count(tally['addresses'], 'id')}"
    over_time, counted = tally["plots"]
    return page(
        visit,
        "Past",
        form,
        tag("p", told, ", ", moment(tally["first"]), " to ", moment(tally["last"]), "."),
        _source(tally),
        section("Over time, by jail", plot(over_time, f"{told}, as columns over time for each jail")),
        section("Counted", plot(counted, f"{told} by day, by hour of the week, and by what the tables say")),
        tag("div", [_kind(tally, *each) for each in _KINDS], class_="columns"),
    )


_KINDS = (
    ("by_country", "Countries", "Country"),
    ("by_jail", "Jails", "Jail"),
    ("by_user", "User names", "User name"),
    ("by_address", "Addresses", "Address"),
    ("by_day", "Days", "Day"),
)


def _source(tally: Mapping[str, Any]) -> Content:
    if tally["source"] == "database":
        return None
    return tag("p", "The database may not be read from here: only bans that are in force are counted.", class_="note")


def _kind(tally: Mapping[str, Any], key: str, title: str, head: str) -> Markup | None:
    counts: Mapping[str, int] = tally[key]
    if not counts:
        return None
    rows: list[list[Content]] = [[_name(key, name), number] for name, number in list(counts.items())[:TOP] if number]
    return section(title, table(f"Bans by {head.lower()}", [head, "Bans#"], rows))


def _name(key: str, name: str) -> Content:
    if key == "by_address":
        return about(name)
    return link("/jail", name, name=name) if key == "by_jail" else name
