"""HTML that is escaped by construction: a text becomes part of a page only through here. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from html import escape
from typing import TypeAlias

_UNSEEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff]"
)
"""What nobody sees, or what turns the text around it: who writes into a log may write these, too."""
_EMPTY = frozenset({"input", "meta", "link", "img", "br", "hr"})
"""Elements that hold nothing."""


class Markup(str):
    """What is HTML already."""

    __slots__ = ()


Content: TypeAlias = "str | int | float | Iterable[Content] | None"
"""What an element may hold: texts are escaped, None is nothing."""
Attribute = str | int | bool | None
"""True is an attribute without a value; False and None are none."""


def visible(text: str) -> str:
    """Return a text in which everything can be seen."""
    return _UNSEEN.sub(lambda found: f"\\x{ord(found[0]):02x}" if found[0] < "\x100" else _code(found[0]), text)


def _code(character: str) -> str:
    return f"\\u{ord(character):04x}"


def html(content: Content) -> Markup:
    """Return anything as HTML."""
    if isinstance(content, Markup):
        return content
    if content is None:
        return Markup()
    if isinstance(content, str):
        return Markup(escape(visible(content)))
    if isinstance(content, (int, float)):
        return Markup(str(content))
    return Markup("".join(map(html, content)))


def tag(name: str, /, *inside: Content, **attributes: Attribute) -> Markup:
    """Return an element. Attributes are named as Python can: `class_`, `for_`, `aria_label`, `data_live`."""
    said = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in _EMPTY:
        return Markup(f"<{name}{said}>")
    return Markup(f"<{name}{said}>{html(inside)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escape(visible(str(value)))}"'
