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
