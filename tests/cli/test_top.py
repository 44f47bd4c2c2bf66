"""`f2b top` on a real server, driven by keys in a terminal of 80 columns."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Static

from f2b.cli.scoreboard import MINUTE_S, WINDOW_S, Rate, Scoreboard, Suspect
from f2b.cli.screen import Screen, Told
from f2b.client import Event
from tests.daemon.running import PATIENCE_S, Server, fail, wait_for

EVIL, RUDE = "203.0.113.5", "203.0.113.6"
NOW = 1_800_000_000.0


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("top"))
    log = server.jail()
    log.touch()
    server.start()
    fail(log, EVIL, 3)
    fail(log, RUDE, 1)
    wait_for(lambda: EVIL in server.banned() and server.status()["jails"][0]["failed_total"] == 4)
    yield server
    server.end()


def event(kind: str, ago: float, jail: str | None, who: str | None, restored: bool = False) -> Event:
    return Event(kind, NOW - ago, jail, who, "x-1", {"restored": restored})


def test_scoreboard_when_events_pass_then_minutes_and_windows_are_exact() -> None:
    board = Scoreboard()
    for each in [
        event("found", WINDOW_S, "old", EVIL),
        event("found", WINDOW_S - 1, "app", EVIL),
        event("found", MINUTE_S, "app", RUDE),
        event("ban", 2, "app", EVIL, restored=True),
        event("found", 2, "app", EVIL),
        event("found", 2, "web", EVIL),
        event("ban", 1, "app", EVIL),
        event("unban", 1, "app", EVIL),
        event("up", 1, "app", None),
    ]:
        board.take(each)
    assert board.rates(NOW) == {"app": Rate(1, 1), "web": Rate(1, 0)}
    assert board.suspects(NOW, 9) == [Suspect(EVIL, 3, ("app", "web")), Suspect(RUDE, 1, ("app",))]
    assert board.suspects(NOW, 1) == [Suspect(EVIL, 3, ("app", "web"))]
    assert board.suspects(NOW + WINDOW_S, 9) == []


def test_top_when_asked_for_json_then_it_says_what_it_would_show(server: Server) -> None:
    told = json.loads(server.ask("top", "--json").stdout)
    (app,) = (jail for jail in told["jails"] if jail["name"] == "app")
    assert (app["state"], app["banned"], app["lag"]) == ("up", 1, 0)
    assert told["addresses"][0] == {"id": EVIL, "failures": 3, "jails": ["app"], "banned": True}
    assert told["addresses"][1]["banned"] is False


def test_top_when_there_is_no_terminal_then_it_says_what_to_do(server: Server) -> None:
    run = server.ask("top")
    assert run.returncode == 1
    assert "--json" in run.stderr


def test_top_when_no_server_answers_then_it_says_so(tmp_path: Path) -> None:
    run = Server(tmp_path).ask("top")
    assert (run.returncode, run.stdout) == (3, "")
    assert "no server" in run.stderr


async def until(pilot: Pilot[None], seen: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not seen():
        assert time.monotonic() < deadline, "it did not happen"
        await pilot.pause(0.05)


def look(server: Server, story: Callable[[Screen, Pilot[None]], Awaitable[None]]) -> None:
    """Run the screen in 80 columns and 24 lines, and a story on it."""

    async def run() -> None:
        screen = Screen(server.socket)
        async with screen.run_test(size=(80, 24)) as pilot:
            await until(pilot, lambda: screen.query_one("#suspects", DataTable).row_count == 2)
            await story(screen, pilot)

    asyncio.run(run())


def test_top_when_it_is_looked_at_then_jails_and_attackers_are_there(server: Server) -> None:
    async def story(screen: Screen, pilot: Pilot[None]) -> None:
        suspects, jails = screen.query_one("#suspects", DataTable), screen.query_one("#jails", DataTable)
        await until(pilot, lambda: str(suspects.get_cell(EVIL, "BANNED")) == "yes")
        assert list(map(str, jails.get_row("app"))) == ["app", "up", "4", "1", "1", "1", ""]
        assert list(map(str, suspects.get_row(RUDE))) == [RUDE, "1", "", "app"]
        assert "NOT enforcing (dry run" in str(screen.query_one("#head", Static).render())

    look(server, story)


def test_top_when_keys_are_pressed_then_they_ban_unban_and_explain(server: Server) -> None:
    async def story(screen: Screen, pilot: Pilot[None]) -> None:
        await pilot.press("down", "b")
        await pilot.press("enter")
        await until(pilot, lambda: RUDE in server.banned())
        await pilot.press("u", *["backspace"] * len(RUDE), *RUDE, "enter")
        await until(pilot, lambda: RUDE not in server.banned())
        await pilot.press("b", "escape")
        await pilot.press("e", "enter")
        await until(pilot, lambda: isinstance(screen.screen, Told))
        await pilot.press("q")
        await until(pilot, lambda: not isinstance(screen.screen, Told))

    look(server, story)
    assert server.banned() == [EVIL]
