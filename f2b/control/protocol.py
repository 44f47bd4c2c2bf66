"""What goes over the control socket: bytes to requests, answers to bytes. Knows no socket and no server.

Two framings share the socket, told apart by a message's first byte:

- ours, a JSON object a line: `{"request": "status", ...}`, or `{"words": ["status", "sshd"]}` for Fail2Ban's
  commands; answered with `{"ok": true, "result": ...}` or `{"ok": false, "error": {"message", "status", ...}}`
- Fail2Ban's, a pickled list of words and `<F2B_END_COMMAND>`; answered with a pickled `(0, result)` or
  `(1, exception)` and the same end
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import NoReturn

from f2b.control import pickles, roll
from f2b.control.roll import Roll
from f2b.errors import ControlError
from f2b.named import NamedTuple

MAX_REQUEST = 4 * 1024 * 1024
"""Bytes; a `reload` of Fail2Ban's client carries its whole configuration."""
END = b"<F2B_END_COMMAND>"
CLOSE = b"<F2B_CLOSE_COMMAND>"
STREAMS = ("reload", "server-stream")
"""Commands that bring along what Fail2Ban's client made of its configuration, and nobody reads; it may hold dicts."""
FIRST = 16 * 1024
"""Bytes of an answer that are made at once: nearly all have no more."""
SOME = 4 * 1024
"""Bytes of the rest of it between two looks at how long that takes."""
PIECE = 192 * 1024
"""Bytes of it that are made in one go later at most: about as many as the socket takes (unix(7), SO_SNDBUF)."""
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


class Answer(NamedTuple):
    """What a client is to be sent."""

    first: bytes
    rest: Iterator[bytes] | None = None
    """What comes behind it, made while it is read."""
    weight: int = 0
    """Bytes that `rest` takes until then."""


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


def done(result: object) -> Answer:
    """Return the answer that carries `result` (anything that JSON can say, and rolls)."""
    said = {"ok": True, "result": result}
    try:
        return Answer(_line(said))
    except _FoundRollError:
        return _answer((part.encode() for part in chain(_json(said), "\n")), result)


def failed(error: ControlError) -> bytes:
    """Return the answer that says why there is no result."""
    said: dict[str, object] = {"message": str(error), "status": error.status}
    if isinstance(error, WordsError):
        said["type"] = error.raised.name
        said["args"] = error.raised.args[:2]  # Python keeps the file's name of an OSError apart from its args
    return _line({"ok": False, "error": said})


def _line(value: Mapping[str, object]) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=_strange).encode() + b"\n"


class _FoundRollError(Exception):
    """An answer is not for the standard encoder, which can do nothing by and by."""


def _strange(value: object) -> NoReturn:
    if isinstance(value, Roll):
        raise _FoundRollError
    raise TypeError(f"{value!r} has no place in an answer")


def _json(value: object) -> Iterator[str]:
    """Yield an answer as JSON, piece by piece."""
    if isinstance(value, Roll):
        yield from value.json()
    elif isinstance(value, dict):
        yield "{"
        for number, (key, item) in enumerate(value.items()):
            yield f"{',' if number else ''}{json.dumps(key)}:"
            yield from _json(item)
        yield "}"
    elif isinstance(value, (list, tuple)):
        yield "["
        for number, item in enumerate(value):
            yield "," if number else ""
            yield from _json(item)
        yield "]"
    else:
        yield json.dumps(value)


def _answer(parts: Iterable[bytes], result: object) -> Answer:
    """Return an answer of many small parts; nothing of it is long but its rolls."""
    pieces = _gathered(parts)
    first = next(pieces)
    return Answer(first) if len(first) < FIRST else Answer(first, pieces, roll.weight(result) + PIECE)


def _gathered(parts: Iterable[bytes]) -> Iterator[bytes]:
    """Yield them in pieces of FIRST and then SOME bytes, or little more; the last may be shorter, and empty."""
    piece, enough = bytearray(), FIRST
    for part in parts:
        piece += part
        if len(piece) >= enough:
            yield bytes(piece)
            piece, enough = bytearray(), SOME
    yield bytes(piece)


def done_words(result: object, pickled: bool) -> Answer:
    """Return the answer to Fail2Ban's words, in the framing they came in."""
    return _answer(chain(pickles.parts((0, result)), (END,)), result) if pickled else done(result)


def failed_words(error: ControlError, pickled: bool) -> bytes:
    """Return the answer to Fail2Ban's words that failed, in the framing they came in."""
    if not pickled:
        return failed(error)
    raised = error.raised if isinstance(error, WordsError) else pickles.Raised("builtins", "Exception", (str(error),))
    return pickles.dumps((1, raised)) + END
