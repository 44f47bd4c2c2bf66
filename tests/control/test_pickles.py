from __future__ import annotations

import os
import pickle
import pickletools
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from f2b.control import pickles
from f2b.control.pickles import PickleError, Raised
from f2b.control.protocol import MAX_REQUEST

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**120), 2**120)
    | st.floats(allow_nan=False)
    | st.text(st.characters(codec="utf-8"))
)
INERT = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.lists(inner).map(tuple), max_leaves=20)


class Evil:
    """Runs a command where it is unpickled by Python's own pickle."""

    def __init__(self, flag: Path) -> None:
        self.flag = flag

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return os.system, (f"touch {self.flag}",)


@given(INERT, st.integers(0, 5))
def test_loads_when_python_pickled_an_inert_value_then_it_is_the_same(value: object, protocol: int) -> None:
    back = pickles.loads(pickle.dumps(value, protocol))
    assert back == value
    assert repr(back) == repr(value)  # 1 is no True, a list no tuple


@given(INERT)
def test_dumps_when_python_unpickles_then_it_is_the_same(value: object) -> None:
    assert repr(pickle.loads(pickles.dumps(value))) == repr(value)


@given(st.dictionaries(st.text(st.characters(codec="utf-8")), SCALARS))
def test_dumps_when_given_a_dict_then_python_unpickles_it(value: dict[str, object]) -> None:
    assert pickle.loads(pickles.dumps([value])) == [value]


@pytest.mark.parametrize("protocol", range(3, 6))
def test_loads_when_there_are_bytes_then_they_are_bytes(protocol: int) -> None:
    assert pickles.loads(pickle.dumps([b"a\xff", b""], protocol)) == [b"a\xff", b""]


@pytest.mark.parametrize("raw", [b"(lp0\nS'ping'\np1\naS'100'\np2\na.", b"]q\x00(U\x04pingT\x03\x00\x00\x00100e."])
def test_loads_when_python_2_pickled_then_texts_are_read(raw: bytes) -> None:
    assert pickles.loads(raw) == ["ping", "100"]


@pytest.mark.parametrize("protocol", range(6))
def test_loads_when_a_pickle_calls_something_then_it_is_refused_and_nothing_runs(
    tmp_path: Path, protocol: int
) -> None:
    flag = tmp_path / "flag"
    with pytest.raises(PickleError):
        pickles.loads(pickle.dumps([Evil(flag)], protocol))
    assert not flag.exists()


@pytest.mark.parametrize("value", [{1}, frozenset([1]), bytearray(b"a"), 1j, Path("/"), range(3), len])
def test_loads_when_a_value_is_not_inert_then_it_is_refused(value: object) -> None:
    for protocol in range(6):
        with pytest.raises(PickleError):
            pickles.loads(pickle.dumps(value, protocol))


@pytest.mark.parametrize("protocol", range(6))
def test_loads_when_there_are_dicts_then_they_are_read_and_known(protocol: int) -> None:
    value = ["set", "thread", ({"stacksize": 64}, {})]
    loaded = pickles.loads(pickle.dumps(value, protocol))
    assert loaded == value
    assert pickles.holds_dict(loaded)
    assert not pickles.holds_dict(["set", ("thread",)])


@given(st.binary(max_size=200))
@example(b"(d.")
@example(b"(I1\nd.")
@example(b"}(]Nu.")
@example(b"}q\x00Nh\x00s.")
@example(b"I" + b"9" * 100_000 + b"\n.")
@example(b"p-1\n.")
@example(b"(" * 1000)
@example(b"X\xff\xff\xff\xffabc.")
@example(b"\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.")
@example(b"T\xff\xff\xff\xffabc.")
@example(b"\x8b\xff\xff\xff\xffabc.")
@example(b"]r\xff\xff\xff\xff.")
@example(b"]q\x00h\x00a.")
@example(b"S'\\x'\n.")
@example(b"V\\ud800\n.")
@example(b"Fnan\n.")
@example(b"(a.")
@example(b"NNa.")
def test_loads_when_given_garbage_then_it_raises_nothing_but_its_own_error(raw: bytes) -> None:
    try:
        pickles.loads(raw)
    except PickleError:
        pass


@given(st.lists(st.sampled_from([op.code for op in pickletools.opcodes]), max_size=30), st.binary(max_size=30))
def test_loads_when_given_any_opcodes_then_it_raises_nothing_but_its_own_error(codes: list[str], tail: bytes) -> None:
    raw = "".join(codes).encode("latin-1") + tail + b"."
    try:
        pickles.loads(raw)
    except PickleError:
        pass


def test_loads_when_shared_parts_would_unfold_without_end_then_it_is_refused() -> None:
    shared: list[object] = ["x" * 1000]
    for _ in range(30):
        shared = [shared, shared]
    with pytest.raises(PickleError, match="large"):
        pickles.loads(pickle.dumps(shared))


KEYS = {
    "deep": b")" + b"\x85" * 300_000,
    "shared": b")" + b"".join(b"q%ch%c\x86" % (number, number) for number in range(40)),
}


@pytest.mark.parametrize("key", KEYS.values(), ids=KEYS)
def test_loads_when_a_key_is_a_deep_or_endless_tuple_then_it_is_refused_and_never_hashed(key: bytes) -> None:
    with pytest.raises(PickleError):
        pickles.loads(b"}" + key + b"Ns.")


@pytest.mark.parametrize("code", [b"]", b"(1", b")\x85"])
def test_loads_when_there_are_millions_of_steps_then_it_is_refused_before_they_take_much(code: bytes) -> None:
    with pytest.raises(PickleError):
        pickles.loads(code * (MAX_REQUEST // len(code)))


CUT = st.tuples(st.integers(0, 2**16), st.integers(0, 2**16), st.binary(max_size=9))
"""Where to cut a piece out, how long it is, and what stands there instead."""


@given(INERT | st.dictionaries(SCALARS, SCALARS), st.integers(0, 5), st.lists(CUT, min_size=1, max_size=4))
def test_loads_when_a_pickle_is_mutated_then_an_inert_value_or_its_own_error(
    value: object, protocol: int, cuts: list[tuple[int, int, bytes]]
) -> None:
    raw = pickle.dumps(value, protocol)
    for at, length, instead in cuts:
        at %= len(raw) + 1
        raw = raw[:at] + instead + raw[at + length % 8 :]
    try:
        read = pickles.loads(raw)
    except PickleError:
        return
    assert inert(read)


def inert(value: object) -> bool:
    """Whether a value is made of what may be read, and of nothing else."""
    if isinstance(value, dict):
        return all(map(inert, value)) and all(map(inert, value.values()))
    if isinstance(value, (list, tuple)):
        return all(map(inert, value))
    return value is None or type(value) in (bool, int, float, str, bytes)


def test_loads_when_lists_are_nested_deeply_then_it_is_refused() -> None:
    with pytest.raises(PickleError, match="deep"):
        pickles.loads(b"]" * 5000 + b"a" * 4999 + b".")


def test_dumps_when_an_exception_is_named_then_python_raises_that() -> None:
    back = pickle.loads(pickles.dumps((1, Raised("builtins", "ValueError", ("no", 3)))))
    assert back[0] == 1
    assert isinstance(back[1], ValueError)
    assert back[1].args == ("no", 3)


def test_dumps_when_a_value_is_not_inert_then_it_raises() -> None:
    with pytest.raises(TypeError):
        pickles.dumps([object()])
