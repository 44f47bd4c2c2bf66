"""Several jails on one log: in chunks of any size the same follows, in the same order, as line by line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from f2b.ban.collateral import Others
from f2b.config.model import FilterSpec, JailSpec, Text
from f2b.engine import Engine
from f2b.events import Arrived, Ban, Broke, Collateral, Effect, Failure, Forgiven, Found, Line, Warned
from f2b.filter import Filter
from f2b.filter.build import build
from f2b.filter.dispatch import PATIENCE
from f2b.jail import Jail
from f2b.value import replace
from tests.filter.typed import NOW, PLACE

HOSTS = ("192.0.2.1", "192.0.2.2", "192.0.2.200", "198.51.100.1", "2001:db8::1")
TEXTS = (
    *("d[1]: hello from {}", "d[1]: failed from {}", "d[2]: failed from {}", "d[1]: welcome eve from {}"),
    *("d[2]: goodbye", "welcome bob from {}", "welcome eve from {}", "bad {}", "bad {} ignored", "good {}"),
    *("fail {}", "boom {}", "nothing"),
)


class Brittle:
    """A filter that takes lines one by one, and breaks at some of them."""

    def needs(self) -> None:
        """Every line may matter."""

    def feed(self, line: Line) -> Sequence[Failure]:
        verb, _, key = line.text.strip().partition(" ")
        if verb == "boom":
            raise ValueError(key)
        return (Failure(key, key, line.time, (line.raw,), {}),) if verb == "fail" else ()


def text(regex: str) -> Text:
    return Text(regex, PLACE)


SESSIONS = FilterSpec(
    "sessions",
    PLACE,
    prefregex=text(r"^\s*d\[<F-MLFID>\d+</F-MLFID>\]: <F-CONTENT>.+</F-CONTENT>$"),
    failregex=(
        text("^<F-NOFAIL>hello</F-NOFAIL> from <ADDR>$"),
        text("^failed from <ADDR>$"),
        text(r"^<F-MLFGAINED>welcome</F-MLFGAINED> <F-USER>\S+</F-USER> from <ADDR>$"),
        text("^<F-NOFAIL><F-MLFFORGET>goodbye</F-MLFFORGET></F-NOFAIL>$"),
    ),
)
SUCCESSES = FilterSpec(
    "successes",
    PLACE,
    failregex=(text(r"^\s*bad <ADDR>"), text("fail <ADDR>")),
    ignoreregex=(text("ignored"),),
    options={"okregex": text("good <ADDR>"), "loginregex": text(r"^\s*welcome <F-USER>\S+</F-USER> from <ADDR>$")},
)


def engine() -> Engine:
    """Return four jails that share what they know of logins."""
    made, others = Engine(), Others()

    def add(name: str, found: FilterSpec, filter_: Filter | None = None, **options: Any) -> None:
        tested = filter_ or build(found)[0]
        assert tested is not None
        spec = replace(JailSpec(name, PLACE, found, maxretry=3, findtime=600.0, bantime=60.0), **options)
        made.add(Jail(spec, tested, others=others))
        made.listen("log", name)

    add("sessions", SESSIONS)
    add("successes", SUCCESSES, maxretry=2)
    add("brittle", FilterSpec("brittle", PLACE), Brittle(), findtime=300.0)
    add("wide", SUCCESSES, collateral="refuse", prefix4=24)
    return made


def log(lines: Sequence[tuple[str, str, float | None]]) -> list[bytes]:
    """Return lines of a log: first some that let filters learn, then these, with their distance from now."""
    dated = [f"{int(NOW)} d[{number}]: {TEXTS[number % 4].format('-')}" for number in range(PATIENCE + 20)]
    for what, host, away in lines:
        said = what.format(host)
        dated.append(said if away is None else f"{NOW + away:.0f} {said}")
    return [f"{line}\n".encode() for line in dated]


def followed(lines: Sequence[bytes], sizes: Sequence[int], live: bool) -> list[Effect]:
    """Return what follows from lines in chunks of so many, over and over."""
    tested = engine()
    effects: list[Effect] = []
    at = turn = 0
    while at < len(lines):
        size = sizes[turn % len(sizes)]
        effects += tested.feed("log", b"".join(lines[at : at + size]), NOW, live)
        at, turn = at + size, turn + 1
    return effects


AWAY = st.sampled_from([None, 0.0, -1.0, -250.0, -500.0, -700.0, 90.0])
LINES = st.lists(st.tuples(st.sampled_from(TEXTS), st.sampled_from(HOSTS), AWAY), max_size=60)


@given(LINES, st.lists(st.integers(1, 300), min_size=1, max_size=5), st.booleans())
def test_chunks_when_several_jails_read_them_then_the_same_follows_as_line_by_line(
    lines: list[tuple[str, str, float | None]], sizes: list[int], live: bool
) -> None:
    made = log(lines)
    assert followed(made, sizes, live) == followed(made, [1], live)


def test_jails_when_they_read_one_chunk_then_effects_come_in_the_order_of_lines() -> None:
    lines = [(what, HOSTS[0], 0.0) for what in ("welcome bob from {}", "boom {}", "bad {}", "fail {}", "good {}")]
    effects = followed(log([("nothing", "", -9999.0), *lines]), [1000], False)
    assert [(type(effect), getattr(effect, "jail", "")) for effect in effects] == [
        *((Warned, jail) for jail in ("sessions", "successes", "brittle", "wide")),
        (Arrived, "successes"),
        (Broke, "brittle"),
        *((Found, jail) for jail in ("successes", "wide", "successes")),
        *((kind, "successes") for kind in (Collateral, Ban)),
        *((Found, jail) for jail in ("brittle", "wide")),
        (Forgiven, "wide"),
    ]
