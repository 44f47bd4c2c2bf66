"""Who is banned: a list to search and to leaf through. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import get_args

from f2b.cli.show import count
from f2b.named import NamedTuple
from f2b.web.layout import Field, Visit, address, get, page
from f2b.web.markup import Content, Markup, tag
from f2b.web.mirror import Mirror, Order, Page
from f2b.web.overview import ban_table

ROWS = 100
ORDERS: Sequence[Order] = get_args(Order)


class Query(NamedTuple):
    """What is looked for."""

    search: str = ""
    jail: str = ""
    order: Order = "newest"
    number: int = 1
    """Of the page."""


def bans(visit: Visit, query: Query, found: Page, jails: Sequence[str], now: float) -> bytes:
    """Return one page of the list."""
    fields = [
        Field("q", "Search", query.search, "an address, a part of one, or a network such as 192.0.2.0/24"),
        Field("jail", "Jail", query.jail, kind="select", choices=["", *jails]),
        Field("order", "Order", query.order, kind="select", choices=ORDERS),
    ]
    told = count(found.total, "ban").replace(str(found.total), f"{found.total:,}", 1)
    listed = ban_table(visit, found.bans, now, f"{told}, page {query.number} of {pages(found.total)}")
    return page(
        visit, "Bans", get("/bans", fields, "Search"), tag("div", listed, data_live="bans"), _leaf(query, found)
    )


def looked_up(mirror: Mirror, query: Query) -> Page:
    """Return the bans of one page of the list."""
    return mirror.page(query.search, query.jail, query.order, (query.number - 1) * ROWS, ROWS)


def pages(total: int) -> int:
    """Return how many pages so many bans take."""
    return max(1, -(-total // ROWS))


def _leaf(query: Query, found: Page) -> Markup:
    last = pages(found.total)
    steps = [
        ("First", 1, query.number > 1),
        ("Previous", query.number - 1, query.number > 1),
        ("Next", query.number + 1, query.number < last),
        ("Last", last, query.number < last),
    ]
    links: list[Content] = [_step(name, number, query, there) for name, number, there in steps]
    return tag("nav", tag("ul", links), aria_label="Pages of the list", class_="leaf", data_live="leaf")


def _step(name: str, number: int, query: Query, there: bool) -> Markup:
    if not there:
        return tag("li", tag("span", name, aria_disabled="true"))
    said = {"q": query.search, "jail": query.jail, "order": query.order}
    where = address("/bans", **said, page=number)
    return tag("li", tag("a", name, href=where, rel={"Next": "next", "Previous": "prev"}.get(name)))
