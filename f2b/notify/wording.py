"""Messages in words: one event, or many together. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from f2b import duration
from f2b.named import NamedTuple
from f2b.notify.news import News, fields
from f2b.notify.pace import Digest, Letter

TOP = 5
"""So many of each are named in a digest."""
_MANY = {
    "ban": ("ban", "bans"),
    "unban": ("unban", "unbans"),
    "prolong": ("ban prolonged", "bans prolonged"),
    "refused": ("ban refused", "bans refused"),
    "error": ("error", "errors"),
    "down": ("failure of a jail", "failures of jails"),
    "up": ("jail is back", "jails are back"),
    "gap": ("gap", "gaps"),
}


class Message(NamedTuple):
    """What goes out, the same to every target."""

    key: str
    """Tells it from all others, for who may get it twice."""
    title: str
    text: str
    data: Mapping[str, Any]
    """The same for programs."""


def message(letter: Letter, host: str, key: str) -> Message:
    """Return a letter in words."""
    title, lines, data = _digest(letter) if isinstance(letter, Digest) else _single(letter)
    text = "\n".join(line for line in lines if line)
    return Message(key, f"{host}: {title}", text, {"host": host, "key": key, "title": title, "text": text, **data})


def trial(host: str, key: str, now: float) -> Message:
    """Return a message that only shows that it arrives."""
    text = "This is a test of f2b. Bans will be told here."
    data = {"host": host, "key": key, "title": "test", "text": text, "event": "test", "count": 0, "time": now}
    return Message(key, f"{host}: test", text, data)


def _single(each: News) -> tuple[str, list[str], dict[str, Any]]:
    whose = f" in {each.jail}" if each.jail else ""
    if each.kind in ("ban", "prolong"):
        verb = "banned" if each.kind == "ban" else "banned for longer"
        title = f"{each.id} {verb}{whose}"
        length = duration.human(each.bantime) if each.bantime >= 0 else "ever"
        times = f", {each.failures} failures" if each.failures else ", by hand"
        count = f", ban number {each.bancount}" if each.bancount > 1 else ""
        lines = [f"{title} for {length}{times}{count}", _from(each), *each.matches]
    else:
        title = f"{each.id} {_PLAIN[each.kind]}{whose}" if each.id else f"{_PLAIN[each.kind]}{whose}"
        lines = [f"{title}: {each.reason}" if each.reason else title, _from(each)]
    return title, lines, {"event": each.kind, "count": 1, **{k: v for k, v in fields(each).items() if k != "kind"}}


_PLAIN = {
    "unban": "unbanned",
    "refused": "not banned",
    "error": "error",
    "down": "does not work",
    "up": "works again",
    "gap": "some events are missing",
}


def _from(each: News) -> str:
    return f"from {', '.join(filter(None, (each.country, each.network)))}" if each.country or each.network else ""


def _digest(many: Digest) -> tuple[str, list[str], dict[str, Any]]:
    what = ", ".join(f"{count:,} {_MANY[kind][count != 1]}" for kind, count in many.kinds.items())
    minutes = max(1, round((many.until - many.since) / 60))
    last = "minute" if minutes == 1 else f"{minutes} minutes"
    tops = {name: _top(getattr(many, name)) for name in ("jails", "ids", "countries", "networks")}
    title = f"{what} in the last {last}"
    top = next((tops[name] for name in ("networks", "countries", "ids") if tops[name]), "")
    lines = [f"{title}, top: {top}" if top else title]
    lines += [f"{name}: {tops[name]}" for name in ("jails", "countries") if tops[name]]
    since = time.strftime("%H:%M", time.localtime(many.since))
    lines += [*(f"- {reason}" for reason in many.reasons), f"since {since}"]
    data = {"event": "digest", "count": sum(many.kinds.values()), "time": many.until, "since": many.since}
    counts = {name: dict(_most(getattr(many, name))) for name in ("jails", "ids", "countries", "networks")}
    return title, lines, {**data, "kinds": dict(many.kinds), **counts, "reasons": list(many.reasons)}


def _most(counts: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:TOP]


def _top(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} ({count:,})" for name, count in _most(counts))
