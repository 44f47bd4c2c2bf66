"""`f2b events`: what happens, as it happens."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from typing import Any

from f2b import duration
from f2b.cli import show
from f2b.cli.argument import WHERE, Command, Given, Usage
from f2b.client import Client, Event
from f2b.daemon.feed import KINDS, WINDOW_S

HELP = """\
Usage: f2b events [OPTIONS]

  Print what happened in the last ten minutes: failures found, bans, unbans, errors, jails that go down.

  With --follow, print what happens from now on, for ever; a server that is restarted is waited for. --since tells
  where to begin: a time (10m ago, or seconds since 1970), or the cursor of the last event that you have read. Then
  nothing is missed that the server still keeps; if something is, the event "gap" says so.

  Examples:
    f2b events --follow
    f2b events --since 2m --kind ban --kind unban
    f2b events --json --follow | jq 'select(.event == "ban") | .id'

Options:
  --follow             Go on for ever, from now or from --since.
  --json               One JSON object a line.
  --since WHERE        Begin at this TIME, or after this CURSOR.
  --kind KIND          Only found, ban, unban, prolong, refused, error, up or down. Again for more.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Find the server by the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("events", HELP, {**WHERE, "follow": "follow", "json": "json", "since": "since=", "kind": "kind="})
INTERRUPTED = 130
_EPOCH = 100_000_000.0
"""Numbers above this are seconds since 1970; those below, seconds ago."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    try:
        return COMMAND.run(argv, _events)
    except KeyboardInterrupt:
        return INTERRUPTED


def _events(given: Given) -> int:
    cursor, since = _start(given.value("since"), time.time())
    kinds = given.values.get("kind", [])
    wrong = [kind for kind in kinds if kind not in KINDS]
    if wrong:
        raise Usage(f"Invalid value for '--kind': {wrong[0]!r} is none of {', '.join(KINDS)}")
    tell = _tell_json if "json" in given.values else _tell
    with Client(given.value("socket"), given.value("config")) as client:
        if "follow" in given.values:
            for event in client.events(cursor, since, kinds):
                tell(event)
            return 0
        since = time.time() - WINDOW_S if cursor is None and since is None else since
        while (batch := client.read(cursor, since, kinds, wait=0)).events:
            for event in batch.events:
                tell(event)
            cursor, since = batch.cursor, None
    return 0


def _start(text: str | None, now: float) -> tuple[str | None, float | None]:
    """Return the cursor or the time that --since says."""
    if text is None:
        return None, None
    try:
        seconds = duration.seconds(text)
    except ValueError:
        if "-" not in text:
            raise Usage(f"Invalid value for '--since': {text!r} is neither a time nor a cursor") from None
        return text, None
    return None, seconds if seconds > _EPOCH else now - seconds


def _tell_json(event: Event) -> None:
    bare = {"event": event.event, "time": event.time, "jail": event.jail, "id": event.id}
    print(json.dumps({**bare, **event.details, "cursor": event.cursor}), flush=True)


def _tell(event: Event) -> None:
    whose = f"[{show.plain(event.jail)}] " if event.jail else ""
    whom = f" {show.plain(event.id)}" if event.id else ""
    print(f"{show.moment(event.time)} {whose}{event.event}{whom}{_more(event.details)}", flush=True)


def _more(details: Any) -> str:
    if "matches" in details:
        seconds, failures = details["bantime"], details["failures"]
        length = "for ever" if seconds < 0 else f"for {duration.human(round(seconds))}"
        return f" {length}" + (f", after {show.count(failures, 'failure')}" if failures else ", by hand")
    return f": {show.plain(details['reason'])}" if details.get("reason") else ""
