"""ignorecache: which verdicts are known, for how long, and how many."""

from __future__ import annotations

import pytest

from f2b.ban.verdicts import Verdicts
from f2b.events import Failure


def failure(key: str, user: str = "root") -> Failure:
    return Failure(key, key, 0.0, (), {"user": user})


def test_get_before_and_after_put_and_when_it_is_too_old() -> None:
    cache = Verdicts({"key": "<ip>", "max-time": "1m"})
    assert cache.get(failure("192.0.2.1"), 0) is None
    cache.put(failure("192.0.2.1"), True, 0)
    cache.put(failure("192.0.2.2"), False, 30)
    assert cache.get(failure("192.0.2.1"), 59) is True
    assert cache.get(failure("192.0.2.1"), 60) is None
    assert cache.get(failure("192.0.2.2"), 60) is False
    assert cache.get(failure("192.0.2.2"), 29) is None  # the clock went back


def test_get_by_a_key_of_several_tags_tells_them_apart() -> None:
    cache = Verdicts({"key": "<F-USER>@<ip-host> <family>"})
    cache.put(failure("192.0.2.1", "bob"), True, 0)
    assert cache.get(failure("192.0.2.1", "bob"), 1) is True
    assert cache.get(failure("192.0.2.1", "eve"), 1) is None
    assert cache.get(failure("2001:db8::1", "bob"), 1) is None


def test_put_of_too_many_forgets_the_oldest() -> None:
    cache = Verdicts({"key": "<ip>", "max-count": "2"})
    for number in (1, 2, 1, 3):
        cache.put(failure(f"192.0.2.{number}"), True, 0)
    assert [cache.get(failure(f"192.0.2.{number}"), 0) for number in (1, 2, 3)] == [True, None, True]


@pytest.mark.parametrize("options", [{}, {"key": "<ip>", "max-count": "0"}])
def test_put_without_key_or_room_keeps_nothing(options: dict[str, str]) -> None:
    cache = Verdicts(options)
    cache.put(failure("192.0.2.1"), True, 0)
    assert cache.get(failure("192.0.2.1"), 0) is None


@pytest.mark.parametrize(
    ("key", "same", "other"),
    [
        ("<ip>", Failure("b", "192.0.2.1", 0.0, (), {}), Failure("a", "192.0.2.2", 0.0, (), {})),
        ("<fid>", Failure("a", "192.0.2.2", 0.0, (), {}), Failure("b", "192.0.2.1", 0.0, (), {})),
        ("<family>", Failure("x", "192.0.2.9", 0.0, (), {}), Failure("x", "2001:db8::1", 0.0, (), {})),
        ("<F-USER>", Failure("x", None, 0.0, (), {"user": "c,d"}), Failure("x", None, 0.0, (), {"user": "c"})),
    ],
)
def test_get_by_each_kind_of_tag_when_it_says_the_same_then_known(key: str, same: Failure, other: Failure) -> None:
    cache = Verdicts({"key": key, "max-count": "1"})
    cache.put(Failure("a", "192.0.2.1", 0.0, (), {"user": ("c", "d")}), True, 0)
    assert cache.get(same, 0) is True
    assert cache.get(other, 0) is None


def test_get_when_there_is_no_host_then_the_id_is_the_address() -> None:
    cache = Verdicts({"key": "<ip>/<family>"})
    cache.put(Failure("2001:db8::1", None, 0.0, (), {}), True, 0)
    assert cache.get(Failure("x", "2001:db8::1", 0.0, (), {}), 0) is True
