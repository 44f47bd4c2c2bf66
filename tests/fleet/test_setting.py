"""The section `[fleet]`."""

from __future__ import annotations

import pytest

from f2b.config.model import Text
from f2b.errors import ConfigError, Place
from f2b.fleet.setting import MAXBANS, URL, Spec, read


def spec(**options: str) -> Spec:
    return read({name: Text(value, Place("f2b.conf", 1)) for name, value in options.items()})


def test_section_when_short_then_the_rest_is_usual() -> None:
    found = spec(keyfile="/k", share="sshd, web")
    assert (found.url, found.quorum, found.counts, found.maxbans) == (URL, 1, False, MAXBANS)
    assert found.share.hold("web")
    assert found.accept.hold("sshd")
    assert not found.accept.hold("mail")
    assert spec(keyfile="/k", share="sshd", accept="*", count="fleet").accept.hold("mail")


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"share": "sshd"}, "share needs keyfile"),
        ({"keyfile": "/k", "url": "http://x"}, "write redis://"),
        ({"keyfile": "/k", "quorum": "0"}, "quorum = 0"),
        ({"keyfile": "/k", "count": "all"}, "write fleet or host"),
        ({"keyfile": "/k", "name": "web 1"}, "write letters"),
        ({"keyfile": "/k", "user": "f2b"}, "user needs password_file"),
        ({"keyfile": "/k", "sahre": "sshd"}, "did you mean 'share'"),
    ],
)
def test_section_when_something_is_wrong_then_it_is_told(options: dict[str, str], word: str) -> None:
    with pytest.raises(ConfigError) as raised:
        spec(**options)
    assert word in str(raised.value)
