"""Long answers share the server's one thread: what else happens while one is on its way."""

from __future__ import annotations

import json
import os
import pickle
import socket
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import cast

import pytest

from f2b.ban.ledger import Ledger
from f2b.config.model import FilterSpec, JailSpec
from f2b.control import endpoint, requests
from f2b.control.endpoint import SLICE_S, Endpoint
from f2b.control.protocol import END, FIRST, PIECE
from f2b.daemon.account import Account
from f2b.daemon.cause import Check
from f2b.daemon.desk import Desk, JailView, ServerView
from f2b.errors import ControlError, Place
from f2b.events import Ban
from f2b.log import Log
from f2b.loop import Loop
from f2b.value import replace

MANY = 10_000
VERY_MANY = 50_000
CROWD = 60
PORTION = 128
TURNS = 20
ASK = b'{"request": "banned"}\n'
NOWHERE = Place("", 0)
PING = b'{"request": "ping"}\n'


def ban(number: int) -> Ban:
    """A ban of somebody."""
    address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
    return Ban("sshd", address, 1.7e9 + number, 600, 5, restored=True)


class Many:
    """As much of a desk as who asks for bans needs: one jail."""

    def __init__(self, many: int) -> None:
        self.ledger = Ledger()
        for number in range(many):
            self.ledger.put(ban(number))

        self.asked: list[int] = []
        """How many bans the kernel was asked for at once, each time."""

    def jail(self, name: str) -> JailView:
        return self.view().jails[0]

    def portion(self, jail: str) -> int:
        return PORTION

    def verify(self, bans: Sequence[Ban], closely: bool) -> list[Check]:
        self.asked.append(len(bans))
        return [Check(ban, "nft", True) for ban in bans]

    def account(self, key: str, jail: str) -> Account:
        raise ControlError("nobody knows")

    def judge(self, ids: Sequence[str], jail: str) -> None:
        self.judged = list(ids)

    def hits(self, ids: Sequence[str], jail: str) -> list[str]:
        return []

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> list[Ban]:
        self.asked.append(len(ids))
        return [replace(ban(0), id=key) for key in ids]

    def view(self) -> ServerView:
        spec = JailSpec("sshd", NOWHERE, FilterSpec("", NOWHERE))
        jail = JailView("sshd", "up", "", spec, "polling", (), (), 0, 0, self.ledger, 0, 0)
        return ServerView("1", 1, 0.0, True, "", (jail,), ())


class Slow(Loop):
    """A loop on a machine that computes for so many seconds whenever somebody looks, however quick this one is."""

    step_s = 0.0
    _worked = 0.0

    def worked(self) -> float:  # type: ignore[override]  # the real one needs no state
        self._worked += self.step_s
        return self._worked


class Served:
    """An endpoint that makes a turn of its loop when it is told to."""

    def __init__(self, path: str, stack: ExitStack, many: int) -> None:
        self.desk, self.loop, self._path, self._stack = Many(many), Slow(), path, stack
        self.endpoint = Endpoint(self.loop, cast("Desk", self.desk), Log(os.devnull), path)
        self.endpoint.open()

    def client(self, said: bytes) -> socket.socket:
        """Somebody who has said something, and was heard."""
        client = self._stack.enter_context(closing(socket.socket(socket.AF_UNIX)))
        client.connect(self._path)
        client.sendall(said)
        client.setblocking(False)
        self.loop.turn(0)
        return client

    def heard(self, client: socket.socket, end: bytes = b"\n") -> bytes:
        """All of an answer; the loop turns as long as it needs."""
        got = b""
        while not got.endswith(end):
            self.loop.turn(0)
            got += heard(client)
        return got


def heard(client: socket.socket) -> bytes:
    """What has arrived."""
    got = b""
    try:
        while piece := client.recv(1 << 20):
            got += piece
    except BlockingIOError:
        pass
    return got


@contextmanager
def opened(folder: Path, many: int) -> Iterator[Served]:
    """Serve so many bans."""
    with ExitStack() as stack:
        served = Served(str(folder / "sock"), stack, many)
        yield served
        served.endpoint.close()
        served.loop.close()


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    """10,000 bans, served."""
    with opened(tmp_path, MANY) as it:
        yield it


def ids(answer: bytes) -> list[str]:
    """Whom an answer to `banned` names."""
    return [each["id"] for each in json.loads(answer)["result"]["bans"]]


def test_answer_when_it_is_long_then_a_ping_is_answered_in_the_next_turn(tmp_path: Path) -> None:
    with opened(tmp_path, VERY_MANY) as served:
        other = served.client(b"")
        long = served.client(ASK)
        got, turns = heard(long), 0
        while not got.endswith(b"\n"):
            other.sendall(PING)
            served.loop.turn(0)
            assert heard(other).endswith(b"\n")
            piece = heard(long)
            assert len(piece) < 2 * PIECE
            got, turns = got + piece, turns + 1
    assert len(ids(got)) == VERY_MANY
    assert turns > VERY_MANY * 100 // PIECE


def test_answer_when_many_ask_for_long_ones_then_one_piece_is_made_in_a_turn(served: Served) -> None:
    clients = [served.client(ASK) for _ in range(5)]
    got = [heard(each) for each in clients]
    for _ in range(TURNS):
        served.loop.turn(0)
        got = [before + heard(each) for before, each in zip(got, clients, strict=True)]
    assert sum(map(len, got)) < (TURNS + len(clients)) * (PIECE + PIECE // 8)
    assert min(map(len, got)) > TURNS // len(clients) // 2 * PIECE


def test_answer_when_bans_come_and_go_meanwhile_then_it_is_whole_and_names_who_stayed(served: Served) -> None:
    for request, end in ((ASK, b"\n"), (pickle.dumps(["get", "sshd", "banip", "--with-time"]) + END, END)):
        long = served.client(request)
        got, number = heard(long), 0
        while not got.endswith(end):
            served.desk.ledger.lift(ban(number).id)
            served.desk.ledger.put(ban(MANY + number))
            served.desk.ledger.put(ban(MANY - 1 - number))
            number += 1
            served.loop.turn(0)
            got += heard(long)
        named = ids(got) if end == b"\n" else [row.split()[0] for row in pickle.loads(got[: -len(END)])[1]]
        stayed = {ban(each).id for each in range(number, MANY)}
        assert stayed <= set(named)
        assert len(named) == len(set(named))
        for each in range(number):
            served.desk.ledger.lift(ban(MANY + each).id)
            served.desk.ledger.put(ban(each))


def test_answer_when_who_asked_goes_in_the_middle_then_others_get_theirs(served: Served) -> None:
    gone = [served.client(ASK) for _ in range(3)]
    stays = served.client(ASK + PING)
    gone.pop().close()
    served.loop.turn(0)
    for each in gone:
        heard(each)
        each.close()
    first, second = served.heard(stays, b'"reason":""}}\n').splitlines()
    assert len(ids(first)) == MANY
    assert json.loads(second)["ok"] is True


def test_answer_when_nobody_reads_then_it_is_made_no_further(served: Served) -> None:
    lazy = served.client(ASK)
    for _ in range(50):
        served.loop.turn(0)
    left = [ban(number).id for number in range(MANY // 2, MANY)]
    for each in left:
        served.desk.ledger.lift(each)
    assert set(ids(served.heard(lazy))).isdisjoint(left)


def test_answer_when_very_many_do_not_read_then_some_are_hung_up_on_and_the_others_are_answered(
    served: Served,
) -> None:
    lazy = [served.client(ASK) for _ in range(CROWD)]
    for _ in range(200):
        served.loop.turn(0)
    weight = MANY * 70 + PIECE
    hung_up = 0
    for each in lazy:
        try:
            hung_up += each.send(PING) == 0
        except OSError:
            hung_up += 1
    assert CROWD - endpoint.ROOM // weight - 1 <= hung_up < CROWD
    assert served.heard(served.client(PING)).startswith(b'{"ok":true')


def test_answer_when_each_part_takes_long_then_little_is_made_in_a_turn(served: Served) -> None:
    served.loop.step_s = 2 * SLICE_S
    long = served.client(ASK)
    got = heard(long)
    while not got.endswith(b"\n"):
        served.loop.turn(0)
        piece = heard(long)
        assert len(piece) < 3 * FIRST
        got += piece
    assert len(ids(got)) == MANY


def test_verify_when_many_are_banned_then_the_kernel_is_asked_for_some_and_pings_are_answered_meanwhile(
    served: Served,
) -> None:
    served.loop.step_s = 2 * SLICE_S
    other = served.client(b"")
    long = served.client(b'{"request": "verify"}\n')
    got, before = heard(long), len(served.desk.asked)
    while not got.endswith(b"\n"):
        other.sendall(PING)
        served.loop.turn(0)
        assert heard(other).endswith(b"\n")
        assert len(served.desk.asked) - before <= 1
        before = len(served.desk.asked)
        got += heard(long)
    assert max(served.desk.asked) == PORTION
    assert len(json.loads(got)["result"]["checks"]) == MANY


def test_ban_when_many_are_named_then_all_are_judged_first_and_some_are_banned_in_a_turn(served: Served) -> None:
    served.loop.step_s = 2 * SLICE_S
    named = [ban(number).id for number in range(10 * requests.MANY)]
    client = served.client(json.dumps({"request": "ban", "ids": named}).encode() + b"\n")
    got, before = heard(client), len(served.desk.asked)
    while not got:
        assert served.desk.judged == named
        served.loop.turn(0)
        assert len(served.desk.asked) - before <= 1
        before = len(served.desk.asked)
        got = heard(client)
    assert served.desk.asked == [requests.MANY] * 10
    assert json.loads(got)["result"] == {"banned": len(named), "hits": []}


def test_request_in_steps_when_one_of_them_fails_then_that_is_the_answer(served: Served) -> None:
    said = json.loads(served.heard(served.client(b'{"request": "explain", "id": "192.0.2.1"}\n')))
    assert said["error"]["message"] == "nobody knows"
