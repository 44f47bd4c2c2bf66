"""A log written in pieces, cut anywhere: what follows is what follows when it is read at once. Tail to engine."""

from __future__ import annotations

import random
import tempfile
from functools import cache
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from f2b.alarm import alarmed
from f2b.config.model import FilterSpec, JailSpec
from f2b.config.search import load_filter
from f2b.engine import Engine, line_reader
from f2b.errors import Place
from f2b.events import Ban, Broke, Effect, Found
from f2b.filter.build import build
from f2b.jail import Jail
from f2b.source.tail import Tail
from f2b.value import replace
from tests.filter import sample
from tests.filter.test_mutants import mutilated

PLACE = Place("x.conf", 1)
FILTERS = ["sshd", "postfix", "apache-auth", "recidive", "dovecot"]
ENCODINGS = ["auto", "utf-8", "latin-1", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "shift_jis"]
JUNK = ["\0", "\r", "\r\n", "\n", "\n\n", "\u2028", "\u0a0a", "\u010a", "é", "\x85", "\x0b", " ", "x" * 300]
LIMITS = st.sampled_from([1, 7, 64, 1 << 16])


@cache
def spec(name: str) -> FilterSpec:
    """Return one of Debian's filters."""
    found, _ = load_filter(name, sample.FILTERS.parent)
    assert found is not None
    return found


@cache
def samples(name: str) -> list[str]:
    """Return a filter's sample lines."""
    return [one.text for run in sample.runs(name) for one in run.samples]


def content(name: str, dice: random.Random, encoding: str) -> bytes:
    """Return a log: sample lines, some of them mutilated, and junk between and in them."""
    texts = []
    for _ in range(dice.choice([3, 12, 25, 300])):  # of a big chunk not all lines are looked at
        line = dice.choice(samples(name))
        line = mutilated(dice, line, samples(name)) if dice.random() < 0.3 else line
        texts.append(f"{line}{dice.choice(JUNK) if dice.random() < 0.2 else ''}\n")
    raw = "".join(texts).encode("utf-8" if encoding == "auto" else encoding, "replace")
    for _ in range(dice.choice([0, 0, 3])):
        at = dice.randrange(len(raw))
        raw = raw[:at] + bytes((dice.randrange(256),)) + raw[at + 1 :]
    return raw


class Reader:
    """A log, and a jail that follows it."""

    def __init__(self, folder: str, name: str, encoding: str) -> None:
        self.path = Path(folder, "log")
        self.path.write_bytes(b"")
        found = replace(JailSpec("j", PLACE, spec(name), maxretry=2, findtime=10**8), logencoding=encoding)
        tested, problems = build(found.filter)
        assert tested is not None, problems
        self.engine = Engine()
        self.engine.add(Jail(found, tested))
        self.engine.listen("log", "j")
        unit = line_reader(found).newline
        self.tail = Tail(str(self.path), unit=unit)
        self.bytes = b""

    def add(self, raw: bytes) -> None:
        """Write something at the log's end."""
        with self.path.open("ab") as file:
            file.write(raw)

    def read(self, limit: int) -> list[Effect]:
        """Read all that is there, and return what follows."""
        effects: list[Effect] = []
        while (chunk := self.tail.read(limit)) is not None:
            self.bytes += chunk.data
            effects += self.engine.feed("log", chunk.data, sample.NOW + 10**7, live=True)
        return [effect for effect in effects if isinstance(effect, Found | Ban | Broke)]


@settings(max_examples=settings().max_examples // 3)
@given(
    st.sampled_from(FILTERS),
    st.sampled_from(ENCODINGS),
    st.integers(0, 2**32),
    st.lists(st.tuples(st.floats(0, 1), LIMITS), max_size=12),
)
@example("sshd", "utf-16", 1, [(0.001, 1), (0.5, 7)])
@example("sshd", "auto", 2, [(0.5, 1), (0.50001, 1), (0.9999, 1)])
def test_log_however_it_is_cut_when_read_then_the_same_follows_as_from_the_whole(
    name: str, encoding: str, seed: int, cuts: list[tuple[float, int]]
) -> None:
    raw = content(name, random.Random(seed), encoding)
    with alarmed(), tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as other:
        whole, pieces = Reader(folder, name, encoding), Reader(other, name, encoding)
        whole.add(raw)
        expected, found = whole.read(1 << 20), []
        begin = 0
        for place, limit in [*sorted(cuts), (1.0, 64)]:
            end = int(place * len(raw))
            pieces.add(raw[begin:end])
            begin = end
            found += pieces.read(limit)
        assert pieces.bytes == whole.bytes
        assert found == expected
        assert not [effect for effect in found if isinstance(effect, Broke)]
        whole.tail.close()
        pieces.tail.close()
