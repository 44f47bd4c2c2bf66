"""`socketgroup`: a real server, and clients that are somebody else."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from f2b.client import Client
from f2b.control import client
from tests.control.server import serving

SOMEBODY = 64999
GROUP = "games"
"""One that every Debian has, and nobody is in."""
GID = 60
BACKUP, NEWS = 34, 9
"""The users `backup` and `news`, whom every Debian has."""


@pytest.fixture(scope="module")
def sock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("guest")
    folder.chmod(0o711)  # as /run/f2b is for all to enter
    (folder / "f2b.conf").write_text(f"[Definition]\nsocketgroup = {GROUP}\nfleetuser = backup\nwebuser = news\n")
    with serving(folder, "app=app.log") as path:
        yield path


def as_somebody(folder: Path, groups: list[int], call: Callable[[], object], uid: int = SOMEBODY) -> str:
    """Call as a user of these groups only, in `folder`, and return what came of it, in words."""
    read, write = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.chdir(folder)
            os.setgroups(groups)
            os.setresgid(SOMEBODY, SOMEBODY, SOMEBODY)
            os.setresuid(uid, uid, uid)
            said = f"done: {call()}"
        except Exception as error:  # noqa: BLE001 - whatever it is, the test wants to see it
            said = f"{type(error).__name__}: {error}"
        os.write(write, said.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    return said


def test_socket_when_it_has_a_group_then_nobody_else_may_open_it(sock: Path) -> None:
    found = sock.stat()
    assert (stat.S_IMODE(found.st_mode), found.st_gid) == (0o660, GID)
    assert "no access" in as_somebody(sock.parent, [], lambda: Client(sock.name).status())


@pytest.mark.parametrize(
    "ask",
    [
        lambda: Client("f2b.sock").status().jails[0].name,
        lambda: Client("f2b.sock").read().cursor,
        lambda: Client("f2b.sock").ask("metrics")["version"],
        lambda: client.words("f2b.sock", ["status", "app"]),
        lambda: client.words("f2b.sock", ["ping"]),
    ],
)
def test_member_when_he_asks_then_he_is_answered(sock: Path, ask: Callable[[], object]) -> None:
    assert as_somebody(sock.parent, [GID], ask).startswith("done: ")


@pytest.mark.parametrize(
    "do",
    [
        lambda: Client("f2b.sock").ban(["192.0.2.7"]),
        lambda: Client("f2b.sock").unban(["192.0.2.7"]),
        lambda: Client("f2b.sock").ask("stop"),
        lambda: Client("f2b.sock").ask("reload"),
        lambda: Client("f2b.sock").ask("impose", orders=[{"jail": "app", "id": "192.0.2.7"}]),
        lambda: client.words("f2b.sock", ["set", "app", "banip", "192.0.2.7"]),
        lambda: client.words("f2b.sock", ["get", "app", "bantime"]),
        lambda: client.words("f2b.sock", ["stop"]),
        lambda: client.words("f2b.sock", []),
    ],
)
def test_member_when_he_wants_a_change_then_he_is_refused(sock: Path, do: Callable[[], object]) -> None:
    assert "the socket's group may only ask" in as_somebody(sock.parent, [GID], do)


def test_satellite_when_it_carries_bans_over_then_it_may_and_nothing_else(sock: Path) -> None:
    order = {"jail": "app", "id": "192.0.2.9", "end": None, "origin": "web1"}

    def impose() -> object:
        return Client("f2b.sock").ask("impose", orders=[order])["results"]

    assert as_somebody(sock.parent, [GID], impose, BACKUP) == "done: ['banned']"
    for do in (lambda: Client("f2b.sock").ban(["192.0.2.7"]), lambda: Client("f2b.sock").ask("stop")):
        assert "the socket's group may only ask" in as_somebody(sock.parent, [GID], do, BACKUP)


def test_page_when_somebody_bans_in_it_then_it_may_and_nothing_else(sock: Path) -> None:
    for do in (lambda: Client("f2b.sock").ban(["192.0.2.70"]), lambda: Client("f2b.sock").unban(["192.0.2.70"])):
        assert as_somebody(sock.parent, [GID], do, NEWS) == "done: 1"
    for refused in (lambda: Client("f2b.sock").ask("stop"), lambda: Client("f2b.sock").ask("impose", orders=[])):
        assert "the socket's group may only ask" in as_somebody(sock.parent, [GID], refused, NEWS)


def test_owner_when_the_socket_has_a_group_then_he_may_all(sock: Path) -> None:
    with Client(str(sock)) as owner:
        assert owner.ban(["192.0.2.8"]) == 1
        assert owner.unban(["192.0.2.8"]) == 1


def test_server_when_there_is_no_such_group_then_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "f2b.conf").write_text("[Definition]\nsocketgroup = nosuchgroup\n")
    with pytest.raises(AssertionError, match="the server ended"), serving(tmp_path, "app=app.log"):
        pass
    assert "there is no such group" in (tmp_path / "out").read_text()
