"""Changing something: log in, ban, let in, allow. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from f2b.web.layout import Field, Visit, page, post, section, sign
from f2b.web.markup import tag

_USER = tag("input", type="text", value="f2b", autocomplete="username", hidden=True, readonly=True)
"""Programs that keep passwords want to know whose it is."""


def login(visit: Visit, trouble: str = "") -> bytes:
    """Return the page on which one logs in."""
    token = Field(
        "token", "Token", "", "what the file says that token_file in [web] names", "password", required=True
    )
    form = post(visit, "/login", [_USER, token], "Log in")
    return page(visit, "Log in", sign(trouble) if trouble else None, form)


def change(visit: Visit, who: str, jails: Sequence[str], trouble: str = "") -> bytes:
    """Return the page on which one bans, lets in and allows."""
    hint = "addresses or networks, with blanks between"
    lasting = Field("time", "For how long", "", "as 1h or 7d; empty: as long as the jail says, or for good")
    return page(
        visit,
        "Ban or allow",
        sign(trouble) if trouble else None,
        tag(
            "div",
            section(
                "Ban",
                post(
                    visit,
                    "/ban",
                    [
                        Field("id", "Ban whom", who, hint, required=True),
                        Field("jail", "In jail", "", "empty: kept from every port", "select", ["", *jails]),
                        lasting,
                        Field("force", "even who must not be locked out", kind="check"),
                    ],
                    "Ban",
                ),
            ),
            section("Unban", post(visit, "/unban", [Field("id", "Unban whom", who, hint, required=True)], "Unban")),
            section(
                "Allow",
                tag("p", "No filter bans who is allowed."),
                post(visit, "/allow", [Field("id", "Allow whom", who, hint, required=True), lasting], "Allow"),
            ),
            class_="columns",
        ),
    )


def wrong(visit: Visit, title: str, text: str) -> bytes:
    """Return a page that says why there is none."""
    return page(visit, title, sign(text))
