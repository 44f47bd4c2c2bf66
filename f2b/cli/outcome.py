"""`fail2ban-regex -o FORMAT`: each failure in the form that was asked for, and nothing else."""

from __future__ import annotations

import re
import socket
import time
from ast import literal_eval
from collections.abc import Callable, Iterator, Sequence

from f2b import net
from f2b.cli.verdict import Finding, Verdict
from f2b.events import Failure
from f2b.filter.regex import RegexFilter

_TAG = re.compile(r"<([^<>\s]+)>")
_OF_THE_LINE = ("nofail", "mlfgained", "mlfforget")
"""What a match says of its own line; the session's failure has no part in it."""

_CAPTURE = re.compile(r"F-[A-Z0-9_\-]+")


class Outcome:
    """One FORMAT: `id`, `ip`, `msg`, `row`, the name of a capture, or a text with action tags."""

    def __init__(self, form: str, tested: RegexFilter) -> None:
        self._form = form
        self._tested = tested

    def lines(self, verdict: Verdict) -> Iterator[str]:
        """Yield what is to be printed for a line."""
        for finding in verdict.findings:
            if not finding.nofail:
                yield from self._lines(finding)

    def _lines(self, finding: Finding) -> Sequence[str]:
        form, failure = self._form, finding.failure
        if form == "msg":
            return failure.matches
        if form == "row":
            row = self._row(finding)
            return [f"[{row.get('fid', failure.id)!r},\t{failure.time!r},\t{row!r}],"]
        if form in ("id", "fid"):
            return [failure.id]
        if form == "ip":
            return [failure.host or failure.id]
        if "<" not in form:
            return [str(list(failure.matches) if form == "matches" else failure.captures.get(form))]
        if "<msg>" in form:
            return [_filled(form, failure, line) for line in failure.matches]
        return [_filled(form, failure, "")]

    def _row(self, finding: Finding) -> dict[str, object]:
        """Return the data of a failure as Fail2Ban's users know it: groups without a catch are None."""
        rules = [self._tested.failregex[finding.rule]]
        if self._tested.prefregex:
            rules.insert(0, self._tested.prefregex)
        row: dict[str, object] = {
            name: None for rule in rules for name in rule.pattern.groupindex if name != "content"
        }
        captures = finding.failure.captures
        row.update(captures)
        if "fid" in captures:
            row["fid"] = finding.failure.id
            row.update({"ip": finding.failure.host} if finding.failure.host else {})
        for name in [name.removeprefix("tuple_") for name in captures if name.startswith("tuple_")]:
            joined = {"id": "fid", "port": "fport"}.get(name, name)
            row.update({joined: literal_eval(str(row[joined]))} if joined in row else {})
        if "mlfid" in captures:
            users = captures.get("users", (captures.get("user"),))
            row.update({"users": set(users)} if any(users) else {})
            row = {name: value for name, value in row.items() if name not in _OF_THE_LINE}
        return row


def _filled(form: str, failure: Failure, line: str) -> str:
    """Return a template with its tags replaced; unknown ones stay."""

    def value(match: re.Match[str]) -> str:
        tag = match[1]
        if tag == "msg":
            return line
        if tag in _TAGS:
            return _TAGS[tag](failure)
        if _CAPTURE.fullmatch(tag):
            name = tag[2:].lower()
            return str(failure.captures.get({"id": "fid", "port": "fport"}.get(name, name), ""))
        return match[0]

    return _TAG.sub(value, form)


_TAGS: dict[str, Callable[[Failure], str]] = {
    "ip": lambda failure: failure.host or failure.id,
    "fid": lambda failure: failure.id,
    "family": lambda failure: {4: "inet4", 6: "inet6"}.get(net.family(failure.host or failure.id), "None"),
    "ip-rev": lambda failure: _reversed(failure.host or failure.id),
    "ip-host": lambda failure: _host(failure.host or failure.id),
    "time": lambda failure: str(time.time() if failure.time is None else failure.time),
    "matches": lambda failure: "\n".join(failure.matches),
    "failures": lambda failure: str(failure.attempts),
    "restored": lambda failure: "0",
    "bancount": lambda failure: "0",
    "br": lambda failure: "\n",
    "sp": lambda failure: " ",
}


def _reversed(address: str) -> str:
    """Return an address in the order of a reverse look-up, with a dot at its end."""
    raw = net.packed(address)
    if raw is None:
        return ""
    parts = [str(byte) for byte in raw] if len(raw) == 4 else list(raw.hex())
    return "".join(f"{part}." for part in reversed(parts))


def _host(address: str) -> str:
    try:
        return socket.gethostbyaddr(address)[0]
    except (OSError, UnicodeError):
        return "None"
