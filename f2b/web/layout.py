"""What all pages have in common: the frame, tables, forms, times. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from math import inf
from urllib.parse import urlencode

from f2b import duration
from f2b.named import NamedTuple
from f2b.web.markup import Content, Markup, html, tag

PAGES = {
    "/": "Overview",
    "/jails": "Jails",
    "/bans": "Bans",
    "/past": "Past",
    "/explain": "Explain",
    "/line": "Try a line",
    "/replay": "Replay",
}
"""What the navigation leads to."""


class Visit(NamedTuple):
    """Who looks, as far as a page must know."""

    path: str
    host: str
    """Of the f2b that is shown."""
    mark: str
    """What his forms carry."""
    inside: bool
    """He has logged in: he may ban."""
    lockable: bool
    """One can log in."""
    said: str = ""
    """What became of what he did last."""


class Field(NamedTuple):
    """An input of a form."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    kind: str = "text"
    """text, password, area, select, check."""
    choices: Sequence[str] = ()
    """Of a select; suggestions for a text."""
    required: bool = False


Given = Field | tuple[str, str] | Markup
"""What stands in a form: an input, a hidden name and value, or anything."""


def link(path: str, text: Content, **query: str | int) -> Markup:
    """Return a link to one of our pages."""
    return tag("a", text, href=address(path, **query))


def address(path: str, **query: str | int) -> str:
    """Return the address of one of our pages."""
    said = {name: value for name, value in query.items() if value not in ("", 0)}
    return path + (f"?{urlencode(said, errors='replace')}" if said else "")


def page(visit: Visit, title: str, *inside: Content) -> bytes:
    """Return a whole page."""
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("title", f"{title} - f2b on {visit.host}"),
        tag("link", rel="icon", href="/icon.svg", type="image/svg+xml"),
        tag("link", rel="stylesheet", href="/style.css"),
        tag("script", src="/refresh.js", defer=True),
    )
    said = tag("p", visit.said, class_="said", role="status") if visit.said else None
    body = tag(
        "body",
        tag("a", "Skip to content", href="#content", class_="skip"),
        tag("header", _brand(visit), _navigation(visit), _account(visit)),
        tag("main", tag("h1", title), said, inside, id="content", tabindex="-1"),
        tag("footer", tag("p", "f2b keeps attackers out. "), tag("button", "Pause refreshing", **_PAUSE)),
    )
    return f"<!doctype html>\n{tag('html', head, body, lang='en')}\n".encode(errors="backslashreplace")


_PAUSE: Mapping[str, str | bool] = {"type": "button", "id": "pause", "aria_pressed": "false", "hidden": True}


def _brand(visit: Visit) -> Markup:
    return tag("p", tag("a", tag("strong", "f2b"), " on ", visit.host, href="/"), class_="brand")


def _navigation(visit: Visit) -> Markup:
    pages = {**PAGES, **({"/change": "Ban or allow"} if visit.inside else {})}
    return tag(
        "nav",
        tag(
            "ul",
            [
                tag("li", tag("a", name, href=path, aria_current="page" if path == visit.path else None))
                for path, name in pages.items()
            ],
        ),
        aria_label="Pages",
    )


def _account(visit: Visit) -> Markup | None:
    if visit.inside:
        return tag("div", post(visit, "/logout", (), "Log out", kind="plain"), class_="account")
    if visit.lockable:
        return tag("div", link("/login", "Log in"), class_="account")
    return tag("div", tag("span", "read only"), class_="account")


# ---- pieces -----------------------------------------------------------------------------------------------


def section(title: str, *inside: Content, live: str = "") -> Markup:
    """Return a part of a page; one that is `live`, by a name of its own, is refreshed by the script."""
    return tag("section", tag("h2", title), inside, data_live=live or None)


def table(caption: str, heads: Sequence[str], rows: Sequence[Sequence[Content]], empty: str = "nothing") -> Markup:
    """Return a table, or a word on why there is none. A column whose head ends in `#` is one of numbers."""
    if not rows:
        return tag("p", empty, class_="empty")
    names = [head.rstrip("#") for head in heads]
    right = ["number" if head.endswith("#") else None for head in heads]
    head = tag("tr", [tag("th", name, scope="col", class_=side) for name, side in zip(names, right, strict=True)])
    body = [tag("tr", [tag("td", cell, class_=side) for cell, side in zip(row, right, strict=True)]) for row in rows]
    whole = tag("table", tag("caption", caption), tag("thead", head), tag("tbody", body))
    return tag("div", whole, class_="wide", role="region", aria_label=caption, tabindex="0")


def facts(pairs: Sequence[tuple[str, Content]]) -> Markup:
    """Return names with what they stand for."""
    return tag("dl", [tag("div", tag("dt", name), tag("dd", value)) for name, value in pairs], class_="facts")


def numbers(pairs: Sequence[tuple[str, Content, str]]) -> Markup:
    """Return big numbers, each with what it counts and a kind: bad, good, or nothing."""
    cards = [tag("div", tag("dt", name), tag("dd", value, class_=kind or None)) for name, value, kind in pairs]
    return tag("dl", cards, class_="numbers")


def get(path: str, fields: Sequence[Field], button: str) -> Markup:
    """Return a form that only asks."""
    inputs = [_input(each, path) for each in fields]
    return tag("form", inputs, _button(button), action=path, class_="row", role="search")


def post(
    visit: Visit,
    path: str,
    fields: Sequence[Given],
    button: str,
    kind: str = "",
    label: str = "",
) -> Markup:
    """Return a form that does something; pairs are hidden. `label` tells one of many buttons from the others."""
    inputs = [_given(each, path) for each in fields]
    mark = _hidden("mark", visit.mark)
    return tag("form", mark, inputs, _button(button, label), method="post", action=path, class_=kind or "stack")


def _given(each: Given, path: str) -> Markup:
    if isinstance(each, Field):
        return _input(each, path)
    return each if isinstance(each, Markup) else _hidden(*each)


def _hidden(name: str, value: str) -> Markup:
    return tag("input", type="hidden", name=name, value=value)


def _button(text: str, label: str = "") -> Markup:
    return tag("button", text, type="submit", aria_label=label or None)


def _input(field: Field, path: str) -> Markup:
    key = f"{path.strip('/')}-{field.name}"
    hint = tag("small", field.hint, id=f"{key}-hint") if field.hint else None
    said: dict[str, str | bool | None] = {"id": key, "name": field.name, "required": field.required}
    said["aria_describedby"] = f"{key}-hint" if hint else None
    label = tag("label", field.label, for_=key)
    if field.kind == "check":
        return tag("div", tag("input", type="checkbox", value="yes", checked=bool(field.value), **said), label, hint)
    if field.kind == "area":
        # A browser drops the first line feed inside.
        made: Content = tag("textarea", "\n", field.value, rows="4", spellcheck="false", **said)
    elif field.kind == "select":
        options = [tag("option", one, value=one, selected=one == field.value) for one in field.choices]
        made = tag("select", options, **said)
    else:
        made = _text(field, key, said)
    return tag("div", label, made, hint)


def _text(field: Field, key: str, said: Mapping[str, str | bool | None]) -> Content:
    listed = f"{key}-list" if field.choices else None
    complete = "current-password" if field.kind == "password" else "off"
    made = tag("input", type=field.kind, value=field.value, autocomplete=complete, list=listed, **said)
    return [made, tag("datalist", [tag("option", value=one) for one in field.choices], id=listed)] if listed else made


def plot(drawing: str, text: str) -> Markup:
    """Return a drawing as an image, which may run and load nothing; `text` says what it shows."""
    from_text = "data:image/svg+xml," + _quoted(drawing)
    drawn = tag("img", src=from_text, alt=text, class_="plot")
    return tag("div", drawn, class_="wide", role="region", aria_label=f"Drawing: {text}", tabindex="0")


def _quoted(drawing: str) -> str:
    return urlencode({"": drawing}, errors="replace")[1:].replace("+", "%20")


def moment(seconds: float) -> Markup:
    """Return a time, local and exact to the second."""
    local = time.localtime(seconds)
    return tag(
        "time", time.strftime("%Y-%m-%d %H:%M:%S", local), datetime=time.strftime("%Y-%m-%dT%H:%M:%S%z", local)
    )


def until(end: float | None, now: float) -> Content:
    """Return how long something lasts yet."""
    if end is None or end == inf:
        return "for ever"
    return "over" if end <= now else f"{duration.human(max(1, round(end - now)))} left"


def length(seconds: float) -> str:
    """Return how long something is."""
    return "ever" if seconds < 0 else duration.human(round(seconds))


def about(who: str) -> Markup:
    """Return a link to why somebody is banned, or is not."""
    return tag("a", who, href=address("/explain", id=who), class_="who")


def badge(text: str, kind: str) -> Markup:
    """Return a word that stands out: good, bad, or quiet."""
    return tag("span", text, class_=f"badge {kind}")


def sign(text: str, kind: str = "bad") -> Markup:
    """Return a sentence that must be seen."""
    return tag("p", html(text), class_=f"sign {kind}", role="alert" if kind == "bad" else None)
