from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from threading import Thread

import pytest

from f2b.client import Client, ControlError, Event
from tests.daemon.running import Server, fail, running, wait_for

CROWD = [f"198.18.{number >> 8}.{number & 255}" for number in range(1000)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("client")) as found:
        found.jail().touch()
        found.jail("other", maxretry=1).touch()
        found.start()
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.socket) as found:
        yield found


def until(client: Client, cursor: str, event: str, who: str | None = None) -> list[Event]:
    """Return the events after a cursor, up to the first of this kind, about somebody."""
    found: list[Event] = []
    for each in client.events(cursor):
        found.append(each)
        if each.event == event and who in (None, each.id):
            break
    return found


def test_client_when_it_asks_for_the_status_then_it_gets_what_is_typed(client: Client) -> None:
    status = client.status()
    assert [jail.name for jail in status.jails][:2] == ["app", "other"]
    assert status.jails[0].state == "up"
    assert not status.enforcing


def test_status_when_a_log_is_not_read_to_its_end_then_it_says_how_far_a_jail_is_behind(
    server: Server, client: Client
) -> None:
    log = server.folder / "other.log"
    with log.open("a") as out:
        out.write("half a line" * 200)
    app, other = client.status().jails[:2]
    assert (app.lag, other.lag) == (0, 2200)
    measured = {jail["name"]: jail["lag"] for jail in client.ask("metrics")["jails"]}
    assert measured["other"] == other.lag
    assert [jail["lag"] for jail in server.status()["jails"][:2]] == [0, 2200]
    assert f"{log} (2.2 kB behind)" in server.ask("status").stdout
    assert "behind  2.2 kB of its logs" in server.ask("status", "other").stdout
    with log.open("a") as out:
        out.write("\n")
    wait_for(lambda: client.status().jails[1].lag == 0)
    assert "behind" not in server.ask("status").stdout + server.ask("status", "other").stdout


def test_client_when_it_bans_and_unbans_then_it_hears_of_it(client: Client) -> None:
    start = client.read().cursor
    assert client.ban(["192.0.2.1", "192.0.2.2"], seconds=60) == 2
    assert client.ban(["192.0.2.1"]) == 0
    assert client.unban(["192.0.2.0/24"]) == 2
    told = until(client, start, "unban", "192.0.2.2")
    assert [(each.event, each.id) for each in told if each.event in ("ban", "unban")] == [
        ("ban", "192.0.2.1"),
        ("ban", "192.0.2.2"),
        ("unban", "192.0.2.1"),
        ("unban", "192.0.2.2"),
    ]
    assert told[0].details["bantime"] == 60
    assert told[0].details["failures"] == 0


def test_client_when_a_log_leads_to_a_ban_then_it_hears_all_of_it(server: Server, client: Client) -> None:
    start = client.read().cursor
    fail(server.folder / "app.log", "192.0.2.10")
    told = until(client, start, "ban", "192.0.2.10")
    assert [each.event for each in told] == ["found", "found", "found", "ban"]
    ban = told[-1]
    assert (ban.jail, ban.details["failures"], ban.details["captures"]["user"]) == ("app", 3, "root")
    assert len(ban.details["matches"]) == 3
    assert "192.0.2.10" in ban.details["matches"][0]


def test_client_when_it_wants_one_kind_then_it_gets_no_other(server: Server, client: Client) -> None:
    start = client.read().cursor
    fail(server.folder / "other.log", "192.0.2.20", times=1)
    until(client, start, "ban", "192.0.2.20")
    assert {each.event for each in client.read(start, kinds=["found"]).events} == {"found"}


def test_client_when_a_thousand_are_banned_then_all_are_heard_at_once(server: Server, client: Client) -> None:
    start = client.read().cursor
    heard: list[Event] = []

    def hear() -> None:
        with Client(server.socket) as other:
            heard.extend(islice(other.events(start, kinds=["ban"]), len(CROWD)))

    ear = Thread(target=hear)
    ear.start()
    began = time.monotonic()
    client.ban(CROWD)
    ear.join(60)
    sys.stdout.write(f"1,000 bans made and heard in {time.monotonic() - began:.3f} s\n")
    assert [each.id for each in heard] == CROWD
    client.unban(CROWD)


def test_client_when_a_reader_does_not_read_then_nobody_waits_for_it(server: Server, client: Client) -> None:
    asleep = Client(server.socket)
    start = asleep.read().cursor
    client.ban(CROWD)
    client.unban(CROWD)
    assert client.ban(["192.0.2.30"]) == 1
    late: list[Event] = until(asleep, start, "ban", "192.0.2.30")
    assert len([each for each in late if each.event in ("ban", "unban")]) == 2 * len(CROWD) + 1
    asleep.close()


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"cursor": "nonsense"}, "no cursor"),
        ({"cursor": 7}, "must be a text"),
        ({"kinds": ["frobnicate"]}, "kinds must be"),
        ({"kinds": "ban"}, "kinds must be"),
        ({"kinds": [["ban"]]}, "kinds must be"),
        ({"since": "now"}, "number of seconds"),
        ({"most": -1}, "at least 1"),
    ],
)
def test_client_when_it_asks_for_nonsense_then_it_is_told(
    client: Client, fields: dict[str, object], why: str
) -> None:
    with pytest.raises(ControlError, match=why):
        client.ask("events", **fields)


def test_client_when_no_server_is_there_then_it_says_so(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match="no server") as error:
        next(Client(str(tmp_path / "nobody")).events())
    assert error.value.status == 3


def test_events_command_when_it_follows_then_each_event_is_a_line_at_once(server: Server, client: Client) -> None:
    command = [sys.executable, "-m", "f2b", "-s", server.socket, "events", "--json", "--follow", "--since"]
    command.append(client.read().cursor)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        client.ban(["192.0.2.40"])
        assert process.stdout
        line = process.stdout.readline()
        process.terminate()
    assert line.startswith('{"event": "ban", "time": ')
    assert '"jail": "manual", "id": "192.0.2.40", "failures": 0, "bantime": 600' in line


def test_events_command_when_it_does_not_follow_then_it_shows_the_last_minutes_and_ends(
    server: Server, client: Client
) -> None:
    client.ban(["192.0.2.50"], seconds=-1)
    done = server.ask("events", "--kind", "ban")
    assert done.returncode == 0
    assert "[manual] ban 192.0.2.50 for ever, by hand\n" in done.stdout
    assert "Invalid value for '--kind'" in server.ask("events", "--kind", "x").stderr
    assert "neither a time nor a cursor" in server.ask("events", "--since", "x").stderr


def test_client_when_jails_come_and_go_and_the_server_ends_then_it_hears_of_it(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        server.jail().touch()
        server.start()
        client = Client(server.socket)
        start = client.read().cursor
        client.ban(["192.0.2.1"], jail="app", seconds=3600)
        server.jail("new", filter="app").touch()
        (tmp_path / "jail.d" / "app.conf").write_text("[app]\nenabled = false\n")
        assert server.ask("reload").returncode == 0
        told = until(client, start, "up")
        told += until(client, told[-1].cursor, "down") if not any(each.event == "down" for each in told) else []
        assert {(each.event, each.jail) for each in told} >= {("unban", "app"), ("down", "app"), ("up", "new")}
        follow = client.events(told[-1].cursor)
        server.jail()
        server.end()
        server.start()
        assert next(follow).details["reason"] == "the server was restarted"
        wait_for(lambda: next(follow).event == "up")
        client.close()
