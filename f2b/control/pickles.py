"""Python's pickle format as far as inert values need it: how Fail2Ban's clients talk, without `pickle`'s dangers.

Reading knows None, bool, int, float, str, bytes, list, tuple and dict in the opcodes of protocols 0 to 5, and nothing
that names, makes or calls an object. Writing uses protocol 2, which every client reads; exceptions are written by
name. Opcodes: CPython's Lib/pickletools.py.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from f2b.control.roll import Roll
from f2b.errors import ControlError
from f2b.named import NamedTuple

MAX_DEPTH = 32
"""Lists within lists; Fail2Ban's own requests need 4."""
MAX_WEIGHT = 8 * 1024 * 1024
"""Bytes of a request (8 for each item) once every shared part is counted as often as it occurs."""
MAX_STEPS = 1_000_000
"""Opcodes of a request: each may make an object of 60 bytes. Fail2Ban's own take four bytes and more."""
_MAX_DIGITS = 40
_STOP = 0x2E


class Raised(NamedTuple):
    """An exception that the reader is to meet: written by name, so that nobody here need import it."""

    module: str
    name: str
    args: tuple[object, ...]


class PickleError(ControlError):
    """These bytes are no pickle, or one of more than inert values."""


class _Mark:
    """Where on the stack a list or tuple begins."""


_MARK = _Mark()


class _Reader:
    """The stack machine that a pickle is a program for."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0
        self._stack: list[object] = []
        self._memo: dict[int, object] = {}

    def run(self) -> object:
        for _ in range(MAX_STEPS):
            code = self.take(1)[0]
            if code == _STOP:
                return self.pop()
            operation = _OPERATIONS.get(code)
            if operation is None:
                raise PickleError(f"opcode {code:#04x} is not for inert values")
            operation(self)
        raise PickleError("it takes too many steps")

    def take(self, size: int) -> bytes:
        end = self._at + size
        if end > len(self._data):
            raise PickleError("it ends too early")
        piece, self._at = self._data[self._at : end], end
        return piece

    def number(self, layout: str) -> int:
        (value,) = struct.unpack(layout, self.take(struct.calcsize(layout)))
        return int(value)

    def line(self) -> bytes:
        end = self._data.find(b"\n", self._at)
        if end < 0:
            raise PickleError("it ends too early")
        piece, self._at = self._data[self._at : end], end + 1
        return piece

    def push(self, value: object) -> None:
        self._stack.append(value)

    def pop(self) -> object:
        if not self._stack or self._stack[-1] is _MARK:
            raise PickleError("it takes from an empty stack")
        return self._stack.pop()

    def pop_to_mark(self) -> list[object]:
        for at in range(len(self._stack) - 1, -1, -1):
            if self._stack[at] is _MARK:
                items = self._stack[at + 1 :]
                del self._stack[at:]
                return items
        raise PickleError("a mark is missing")

    def append(self, items: list[object]) -> None:
        target = self.pop()
        if not isinstance(target, list):
            raise PickleError("it appends to what is no list")
        target.extend(items)
        self.push(target)

    def set_items(self, items: list[object]) -> None:
        target = self.pop()
        if not isinstance(target, dict):
            raise PickleError("it sets an item of what is no dict")
        target.update(_pairs(items))
        self.push(target)

    def drop(self) -> None:
        """POP takes a mark, too."""
        if not self._stack:
            raise PickleError("it takes from an empty stack")
        self._stack.pop()

    def put(self, key: int) -> None:
        value = self.pop()
        self._memo[key] = value
        self.push(value)

    def memoize(self) -> None:
        self.put(len(self._memo))

    def get(self, key: int) -> None:
        if key not in self._memo:
            raise PickleError("it recalls what it never stored")
        self.push(self._memo[key])


def loads(data: bytes) -> object:
    """Return the value that `data` is the pickle of. Raises PickleError."""
    value = _Reader(data).run()
    _weigh(value)
    return value


def _weigh(value: object) -> None:
    """Refuse what is small only because its parts are shared, or what contains itself."""
    budget = MAX_WEIGHT
    level = [value]
    for _ in range(MAX_DEPTH):
        below: list[object] = []
        for item in level:
            budget -= _size(item)
            if budget < 0:
                raise PickleError("it is too large")
            if isinstance(item, (list, tuple)):
                below.extend(item)
            elif isinstance(item, dict):
                below += [*item, *item.values()]
        if not below:
            return
        level = below
    raise PickleError("it is too deep")


def holds_dict(value: object) -> bool:
    """Return whether there is a dict in a value that `loads` returned."""
    if isinstance(value, (list, tuple)):
        return any(map(holds_dict, value))
    return isinstance(value, dict)


def _pairs(items: list[object]) -> dict[object, object]:
    if len(items) % 2:
        raise PickleError("a key has no value")
    # Hashing a tuple of tuples recurses without a limit: a deep one would end the process.
    if not all(key is None or isinstance(key, (str, bytes, int, float)) for key in items[::2]):
        raise PickleError("a key is neither text nor number")
    return dict(zip(items[::2], items[1::2], strict=True))


def _size(item: object) -> int:
    if isinstance(item, (list, tuple, dict)):
        return 8 * len(item)
    return len(item) if isinstance(item, (str, bytes)) else 0


def _integer(text: bytes) -> int:
    digits = text.rstrip(b"L")
    if len(digits) > _MAX_DIGITS:
        raise PickleError("a number has too many digits")
    try:
        return int(digits)
    except ValueError:
        raise PickleError("a number is none") from None


def _int_line(reader: _Reader) -> None:
    text = reader.line()
    # Protocols 0 and 1 have no other way to write a bool.
    reader.push({b"00": False, b"01": True}[text] if text in (b"00", b"01") else _integer(text))


def _long(reader: _Reader, size: int) -> None:
    if not 0 <= size <= _MAX_DIGITS:
        raise PickleError("a number has too many digits")
    reader.push(int.from_bytes(reader.take(size), "little", signed=True))


def _float_line(reader: _Reader) -> None:
    try:
        reader.push(float(reader.line()))
    except ValueError:
        raise PickleError("a number is none") from None


def _double(reader: _Reader) -> None:
    (value,) = struct.unpack(">d", reader.take(8))
    reader.push(value)


def _utf8(reader: _Reader, size: int) -> None:
    reader.push(_decoded(reader.take(size), "utf-8", "surrogatepass"))


def _old_text(reader: _Reader, size: int) -> None:
    """Push a str of Python 2: bytes, which its users mean as UTF-8."""
    if size < 0:
        raise PickleError("a length is negative")
    reader.push(_decoded(reader.take(size), "utf-8", "surrogateescape"))


def _quoted(reader: _Reader) -> None:
    text = reader.line().strip()
    if len(text) < 2 or text[:1] != text[-1:] or text[:1] not in (b"'", b'"'):
        raise PickleError("a text is not quoted")
    inner = _decoded(text[1:-1], "unicode_escape", "strict")
    reader.push(_decoded(inner.encode("latin-1", "replace"), "utf-8", "surrogateescape"))


def _decoded(raw: bytes, encoding: str, errors: str) -> str:
    try:
        return raw.decode(encoding, errors)
    except ValueError:
        raise PickleError("a text is none") from None


def _tuple(reader: _Reader, size: int) -> None:
    items = [reader.pop() for _ in range(size)]
    reader.push(tuple(reversed(items)))


_OPERATIONS: dict[int, Callable[[_Reader], object]] = {
    ord(code): operation
    for code, operation in {
        "(": lambda r: r.push(_MARK),
        "0": lambda r: r.drop(),
        "1": lambda r: r.pop_to_mark(),
        "N": lambda r: r.push(None),
        "I": _int_line,
        "J": lambda r: r.push(r.number("<i")),
        "K": lambda r: r.push(r.number("<B")),
        "M": lambda r: r.push(r.number("<H")),
        "L": lambda r: r.push(_integer(r.line())),
        "\x8a": lambda r: _long(r, r.number("<B")),
        "\x8b": lambda r: _long(r, r.number("<i")),
        "\x88": lambda r: r.push(True),
        "\x89": lambda r: r.push(False),
        "F": _float_line,
        "G": _double,
        "S": _quoted,
        "T": lambda r: _old_text(r, r.number("<i")),
        "U": lambda r: _old_text(r, r.number("<B")),
        "V": lambda r: r.push(_decoded(r.line(), "raw_unicode_escape", "strict")),
        "X": lambda r: _utf8(r, r.number("<I")),
        "\x8c": lambda r: _utf8(r, r.number("<B")),
        "\x8d": lambda r: _utf8(r, r.number("<Q")),
        "B": lambda r: r.push(r.take(r.number("<I"))),
        "C": lambda r: r.push(r.take(r.number("<B"))),
        "\x8e": lambda r: r.push(r.take(r.number("<Q"))),
        "]": lambda r: r.push([]),
        "a": lambda r: r.append([r.pop()]),
        "e": lambda r: r.append(r.pop_to_mark()),
        "l": lambda r: r.push(r.pop_to_mark()),
        "}": lambda r: r.push({}),
        "d": lambda r: r.push(_pairs(r.pop_to_mark())),
        "s": lambda r: r.set_items([r.pop(), r.pop()][::-1]),
        "u": lambda r: r.set_items(r.pop_to_mark()),
        ")": lambda r: r.push(()),
        "t": lambda r: r.push(tuple(r.pop_to_mark())),
        "\x85": lambda r: _tuple(r, 1),
        "\x86": lambda r: _tuple(r, 2),
        "\x87": lambda r: _tuple(r, 3),
        "p": lambda r: r.put(_integer(r.line())),
        "q": lambda r: r.put(r.number("<B")),
        "r": lambda r: r.put(r.number("<I")),
        "\x94": lambda r: r.memoize(),
        "g": lambda r: r.get(_integer(r.line())),
        "h": lambda r: r.get(r.number("<B")),
        "j": lambda r: r.get(r.number("<I")),
        "\x80": lambda r: r.take(1),  # PROTO
        "\x95": lambda r: r.take(8),  # FRAME: a hint for reading ahead
    }.items()
}


def dumps(value: object) -> bytes:
    """Return the pickle of `value`: inert values, dicts of them, and `Raised`. Raises TypeError for others."""
    return b"".join(parts(value))


def parts(value: object) -> Iterator[bytes]:
    """Yield the same, piece by piece; `value` may have rolls in it."""
    yield b"\x80\x02"
    yield from _written(value)
    yield b"."


def _written(value: object) -> Iterator[bytes]:
    if isinstance(value, Raised):
        yield f"c{value.module}\n{value.name}\n".encode()
        yield from _written(value.args)
        yield b"R"
    elif isinstance(value, tuple):
        yield b"("
        for item in value:
            yield from _written(item)
        yield b"t"
    elif isinstance(value, Roll):
        yield b"]("
        for part in value.slices():
            yield b"".join(map(_scalar, part))
        yield b"e"
    elif isinstance(value, list):
        yield b"]("
        for item in value:
            yield from _written(item)
        yield b"e"
    elif isinstance(value, dict):
        yield b"}("
        for key, item in value.items():
            yield from _written(key)
            yield from _written(item)
        yield b"u"
    else:
        yield _scalar(value)


def _scalar(value: object) -> bytes:
    if value is None:
        return b"N"
    if isinstance(value, bool):
        return b"\x88" if value else b"\x89"
    if isinstance(value, int):
        raw = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
        return b"\x8a" + bytes([len(raw)]) + raw if not -(2**31) <= value < 2**31 else b"J" + struct.pack("<i", value)
    if isinstance(value, float):
        return b"G" + struct.pack(">d", value)
    if isinstance(value, str):
        raw = value.encode("utf-8", "surrogatepass")
        return b"X" + struct.pack("<I", len(raw)) + raw
    raise TypeError(f"{value!r} has no place in an answer")
