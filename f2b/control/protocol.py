"""What goes over the control socket: bytes to requests, answers to bytes. Knows no socket and no server.

Two framings share the socket, told apart by a message's first byte:

- ours, a JSON object a line: `{"request": "status", ...}`, or `{"words": ["status", "sshd"]}` for Fail2Ban's
  commands; answered with `{"ok": true, "result": ...}` or `{"ok": false, "error": {"message", "status", ...}}`
- Fail2Ban's, a pickled list of words and `<F2B_END_COMMAND>`; answered with a pickled `(0, result)` or
  `(1, exception)` and the same end
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from f2b.control import pickles
from f2b.errors import ControlError

MAX_REQUEST = 4 * 1024 * 1024
"""Bytes; a `reload` of Fail2Ban's client carries its whole configuration."""
END = b"<F2B_END_COMMAND>"
CLOSE = b"<F2B_CLOSE_COMMAND>"
STREAMS = ("reload", "server-stream")
"""Commands that bring along what Fail2Ban's client made of its configuration, and nobody reads; it may hold dicts."""
_BETWEEN = b" \t\r\n"


class Request(NamedTuple):
    """One of our own requests."""

    name: str
    fields: Mapping[str, object]


class Words(NamedTuple):
    """A command in Fail2Ban's language."""

    words: Sequence[object]
    pickled: bool
    """It came in Fail2Ban's framing and is to be answered in it."""


class Malformed(NamedTuple):
    """Bytes that are no request; after `answer` the connection is to be closed."""

    what: str
    answer: bytes


class Closing(NamedTuple):
    """The client says that it is done."""


Message = Request | Words | Malformed | Closing


class WordsError(ControlError):
    """A Fail2Ban command failed; `raised` is the exception that Fail2Ban's server would answer with."""

    def __init__(self, what: str, raised: pickles.Raised) -> None:
        super().__init__(what)
        self.raised = raised


class Inbox:
    """Gathers what one client sends and hands its requests out one by one."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._seen = 0
        """How much of `_bytes` is known to hold no end."""

    def __len__(self) -> int:
        return len(self._bytes)

    def feed(self, data: bytes) -> None:
        """Take in what has arrived."""
        self._bytes += data

    def take(self) -> Message | None:
        """Return the next request, or None if it is not complete yet."""
        if not self._seen:
            self._bytes = self._bytes.lstrip(_BETWEEN)
        if not self._bytes:
            return None
        ours = self._bytes.startswith(b"{")
        end = b"\n" if ours else END
        at = self._bytes.find(end, max(0, self._seen - len(end)))
        if max(at, len(self._bytes) if at < 0 else 0) > MAX_REQUEST:
            return self._refuse("a request is longer than 4 MiB", ours)
        if at < 0:
            self._seen = len(self._bytes)
            return None
        message = bytes(self._bytes[:at])
        del self._bytes[: at + len(end)]
        self._seen = 0
        try:
            return _from_json(message) if ours else _from_pickle(message)
        except ControlError as error:
            return self._refuse(str(error), ours)

    def _refuse(self, what: str, ours: bool) -> Malformed:
        self._bytes.clear()
        self._seen = 0
        if ours:
            return Malformed(what, failed(ControlError(what, 2)))
        return Malformed(what, pickles.dumps(f"ERROR: {what}") + END)


def _from_json(line: bytes) -> Message:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ControlError(f"the request is no JSON: {error}") from None
    name, words = value.get("request"), value.get("words")
    if isinstance(name, str):
        return Request(name, {key: field for key, field in value.items() if key != "request"})
    if isinstance(words, list):
        return Words(words, False)
    raise ControlError('a request needs "request": NAME or "words": [...]')


def _from_pickle(message: bytes) -> Message:
    if message == CLOSE:
        return Closing()
    try:
        words = pickles.loads(message)
    except pickles.PickleError as error:
        raise ControlError(f"the request is no pickle of a list of words: {error}") from None
    if pickles.holds_dict(words) and not (isinstance(words, list) and words[0] in STREAMS):  # it is not empty
        raise ControlError("the request holds more than lists, texts and numbers")
    # Fail2Ban takes anything with items here; a bare string fails as the unknown command that it is.
    return Words(words if isinstance(words, (list, tuple)) else [words], True)


def done(result: object) -> bytes:
    """Return the answer that carries `result` (anything that JSON can say)."""
    return _line({"ok": True, "result": result})


def failed(error: ControlError) -> bytes:
    """Return the answer that says why there is no result."""
    said: dict[str, object] = {"message": str(error), "status": error.status}
    if isinstance(error, WordsError):
        said["type"] = error.raised.name
        said["args"] = error.raised.args[:2]  # Python keeps the file's name of an OSError apart from its args
    return _line({"ok": False, "error": said})


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def done_words(result: object, pickled: bool) -> bytes:
    """Return the answer to Fail2Ban's words, in the framing they came in."""
    return pickles.dumps((0, result)) + END if pickled else done(result)


def failed_words(error: ControlError, pickled: bool) -> bytes:
    """Return the answer to Fail2Ban's words that failed, in the framing they came in."""
    if not pickled:
        return failed(error)
    raised = error.raised if isinstance(error, WordsError) else pickles.Raised("builtins", "Exception", (str(error),))
    return pickles.dumps((1, raised)) + END
