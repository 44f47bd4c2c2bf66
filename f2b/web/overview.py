"""The first page: does it protect, who fails now, what happened last; and the jails, and one of them. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from f2b import duration
from f2b.cli.scoreboard import Suspect
from f2b.cli.show import count, size
from f2b.cli.svg import Drawing
from f2b.client import Event
from f2b.named import NamedTuple
from f2b.web.layout import (
    Visit,
    about,
    badge,
    facts,
    link,
    moment,
    numbers,
    page,
    plot,
    post,
    section,
    sign,
    table,
    until,
)
from f2b.web.markup import Content, Markup, tag
from f2b.web.mirror import Banned

Answer = Mapping[str, Any]
"""Of the server, to `summary`."""
WIDTH, HIGH = 1140, 120


class Moment(NamedTuple):
    """All that the first page shows."""

    answer: Answer
    counts: Mapping[str, int]
    """How many each jail keeps out."""
    rates: Mapping[str, tuple[int, int]]
    """Failures and bans of the last minute."""
    suspects: Sequence[Suspect]
    banned: frozenset[str]
    """Who of these is."""
    minutes: Sequence[tuple[int, int, int]]
    latest: Sequence[Event]
    now: float


def overview(visit: Visit, seen: Moment) -> bytes:
    """Return the first page."""
    return page(
        visit,
        "Overview",
        tag("div", _health(seen.answer), _numbers(seen), data_live="numbers"),
        section("The last hour", _hour(seen.minutes), live="hour"),
        tag(
            "div",
            section("Who fails most", _suspects(seen), live="suspects"),
            section("What happened last", _latest(seen.latest), live="latest"),
            class_="columns",
        ),
        section("Jails", _jails(seen.answer, seen.rates, seen.counts), live="jails"),
    )


def _health(answer: Answer) -> Content:
    lines: list[Content] = []
    if not answer["enforcing"]:
        lines.append(sign(f"Bans are not enforced: {answer['reason']}"))
    lines += [sign(problem) for problem in answer["problems"]]
    return lines or sign("Bans are enforced, and nothing is wrong.", "good")


def _numbers(seen: Moment) -> Content:
    failures, bans = (sum(rate[at] for rate in seen.rates.values()) for at in (0, 1))
    jails = seen.answer["jails"]
    down = sum(jail["state"] == "down" for jail in jails)
    up = f"{len(jails) - down} of {len(jails)}"
    return numbers(
        [
            ("banned now", link("/bans", f"{sum(seen.counts.values()):,}"), ""),
            ("failures in the last minute", f"{failures:,}", ""),
            ("bans in the last minute", f"{bans:,}", ""),
            ("jails that work", link("/jails", up), "bad" if down else ""),
            ("runs for", duration.human(max(1, round(seen.now - seen.answer["started"]))), ""),
        ]
    )


def _hour(minutes: Sequence[tuple[int, int, int]]) -> Content:
    failures, bans = (sum(each[at] for each in minutes) for at in (1, 2))
    told = f"{count(failures, 'failure')} and {count(bans, 'ban')} in the last hour"
    return [tag("p", told), plot(_drawn(minutes), f"Columns for each minute: {told}")]


def _drawn(minutes: Sequence[tuple[int, int, int]]) -> str:
    drawing = Drawing(WIDTH, HIGH + 40, "failures and bans by the minute")
    most = max([each[1] for each in minutes] + [each[2] for each in minutes] + [1])
    step = WIDTH / max(len(minutes), 1)
    for at, (when, failures, bans) in enumerate(minutes):
        clock = time.strftime("%H:%M", time.localtime(when))
        for number, kind, shift in ((failures, "bar", 0.0), (bans, "bad", 0.5)):
            if number:
                tall = max(2.0, HIGH * number / most)
                tip = f"{clock}: {failures} failures, {bans} bans"
                drawing.box(at * step + shift * step, 16 + HIGH - tall, step / 2 - 1, tall, kind, tip=tip)
        if at % 15 == 0:
            drawing.text(at * step, HIGH + 34, clock, "dim")
    drawing.text(0, 12, f"{most} a minute; blue: failures, red: bans", "dim")
    drawing.line(0, 16 + HIGH, WIDTH, 16 + HIGH)
    return str(drawing)


def _suspects(seen: Moment) -> Markup:
    rows: list[list[Content]] = [
        [
            about(each.id),
            each.failures,
            ", ".join(each.jails),
            badge("banned", "bad") if each.id in seen.banned else badge("not banned", "quiet"),
        ]
        for each in seen.suspects
    ]
    heads = ["Address", "Failures#", "Jails", "State"]
    return table(
        "Addresses by failures in the last ten minutes", heads, rows, "Nobody failed in the last ten minutes."
    )


def _latest(latest: Sequence[Event]) -> Markup:
    rows: list[list[Content]] = [
        [moment(event.time), event.event, about(event.id) if event.id else _what(event), _jail_link(event.jail)]
        for event in reversed(latest)
    ]
    return table("Events, newest first", ["Time", "What", "Whom", "Jail"], rows, "Nothing yet.")


def _what(event: Event) -> str:
    return str(next((event.details[key] for key in ("text", "reason") if event.details.get(key)), ""))


def _jail_link(name: str | None) -> Content:
    return link("/jail", name, name=name) if name else ""


# ---- jails ------------------------------------------------------------------------------------------------


def jails(visit: Visit, answer: Answer, rates: Mapping[str, tuple[int, int]], counts: Mapping[str, int]) -> bytes:
    """Return the page with all jails."""
    return page(visit, "Jails", tag("div", _jails(answer, rates, counts), data_live="jails"))


def _jails(answer: Answer, rates: Mapping[str, tuple[int, int]], counts: Mapping[str, int]) -> Markup:
    rows: list[list[Content]] = []
    for jail in answer["jails"]:
        name = jail["name"]
        failures, bans = rates.get(name, (0, 0))
        held = link("/bans", f"{counts.get(name, 0):,}", jail=name)
        behind = size(jail["lag"]) if jail["lag"] else ""
        rows.append([link("/jail", name, name=name), _state(jail), held, failures, bans, jail["failed"], behind])
    heads = ["Jail", "State", "Banned#", "Failures a minute#", "Bans a minute#", "Under watch#", "Behind#"]
    return table("Jails", heads, rows, "There is no jail.")


def _state(jail: Mapping[str, Any]) -> Content:
    kinds = {"up": "good", "down": "bad"}
    reason = [" ", jail["reason"]] if jail["reason"] else None
    return [badge(jail["state"], kinds.get(jail["state"], "quiet")), reason]


def jail(visit: Visit, about_it: Mapping[str, Any], bans: Sequence[Banned], banned: int, now: float) -> bytes:
    """Return the page of one jail; `about_it` is the server's word on it."""
    sources = [tag("div", path) for path in (*about_it["files"], *about_it["journalmatch"])]
    name = about_it["name"]
    return page(
        visit,
        f"Jail {name}",
        tag(
            "div",
            facts(
                [
                    ("state", _state(about_it)),
                    ("banned", link("/bans", f"{banned:,}", jail=name)),
                    ("banned since the start", f"{about_it['banned_total']:,}"),
                    ("addresses with failures that count", f"{about_it['failed']:,}"),
                    ("failures since the start", f"{about_it['failed_total']:,}"),
                    ("behind its logs", size(about_it["lag"]) if about_it["lag"] else "no"),
                    ("reads", sources or about_it["backend"]),
                ]
            ),
            data_live="facts",
        ),
        section("Latest bans", ban_table(visit, bans, now, f"Latest bans of {name}"), live="bans"),
        tag("p", link("/line", "Try a line of a log against it", name=name), class_="more"),
        tag("p", link("/replay", "See what other numbers would do", jail=name), class_="more"),
    )


def ban_table(visit: Visit, bans: Sequence[Banned], now: float, caption: str) -> Markup:
    """Return bans, each with a button that lifts it for who has logged in."""
    rows: list[list[Content]] = []
    for ban in bans:
        row: list[Content] = [about(ban.id), _jail_link(ban.jail), moment(ban.time), until(ban.end, now)]
        lift = [_lift(visit, ban)] if visit.inside else []
        rows.append([*row, ban.failures, ban.bancount, *lift])
    heads = ["Address", "Jail", "Since", "Ends", "Failures#", "Times#", *(["Lift"] if visit.inside else [])]
    return table(caption, heads, rows, "Nobody is banned here.")


def _lift(visit: Visit, ban: Banned) -> Content:
    hidden = [("id", ban.id), ("jail", ban.jail)]
    return post(visit, "/unban", hidden, "Unban", kind="plain", label=f"Unban {ban.id} in {ban.jail}")
