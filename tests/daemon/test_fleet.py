"""What the fleet orders, carried out by a real server: by its own allow list, and once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from f2b.client import Client, ControlError
from tests.daemon.running import Server, fail, running, wait_for


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("fleet")) as found:
        found.jail(ignoreip="198.51.100.0/24", protect="203.0.113.5", bantime=600).touch()
        found.start()
        yield found


@pytest.fixture
def client(server: Server) -> Iterator[Client]:
    with Client(server.socket) as found:
        yield found


def order(key: str, **more: object) -> dict[str, object]:
    return {"jail": "app", "id": key, "end": time.time() + 600, "origin": "web1", "failures": 5, **more}


def impose(client: Client, *orders: dict[str, object]) -> Any:
    return client.ask("impose", orders=list(orders))["results"]


def test_order_when_it_bans_then_events_say_from_where_and_again_is_nothing_new(client: Client) -> None:
    cursor = client.read().cursor
    order_ = order("198.18.7.1")
    assert impose(client, order_, order_) == ["banned", ""]
    assert impose(client, order_) == [""]
    (event,) = client.read(cursor).events
    assert (event.event, event.jail, event.id, event.details["captures"]) == (
        "ban",
        "app",
        "198.18.7.1",
        {"fleet": "web1"},
    )
    assert event.details["until"] == pytest.approx(order_["end"], abs=0.01)


def test_order_when_it_ends_later_then_the_ban_is_prolonged(client: Client) -> None:
    client.ban(["198.18.7.2"], "app", 300)
    cursor = client.read().cursor
    assert impose(client, order("198.18.7.2", end=None)) == [""]
    (event,) = client.read(cursor).events
    assert (event.event, event.details["until"], event.details["captures"]) == ("prolong", None, {"fleet": "web1"})


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("198.51.100.7", "the allow list spares it (ip)"),
        ("198.51.0.0/16", "the allow list spares it (ip)"),
        ("203.0.113.5", "it stands in protect"),
        ("203.0.113.0/24", "it stands in protect"),
        ("127.0.0.1", "the allow list spares it"),
    ],
)
def test_order_when_no_filter_may_ban_him_then_neither_may_the_fleet(
    client: Client, server: Server, key: str, why: str
) -> None:
    results = impose(client, order(key), order("198.18.7.3"))
    assert why in results[0]
    assert key not in server.banned()
    assert "198.18.7.3" in server.banned()


def test_order_when_it_lifts_then_only_older_bans_and_the_event_says_by_whom(client: Client) -> None:
    client.ban(["198.18.7.4"], "app")
    assert impose(client, order("198.18.7.4", lifted=time.time() - 60)) == [""]
    cursor = client.read().cursor
    assert impose(client, order("198.18.7.4", lifted=time.time() + 1)) == [""]
    (event,) = client.read(cursor).events
    assert (event.event, event.id, event.details["by"]) == ("unban", "198.18.7.4", "fleet")
    assert impose(client, order("198.18.7.4", lifted=time.time() + 1)) == [""]
    assert not client.read(event.cursor, wait=0).events


def test_order_when_all_have_counted_then_it_is_this_hosts_own_ban(client: Client) -> None:
    cursor = client.read().cursor
    assert impose(client, {"jail": "app", "id": "198.18.7.5", "counted": True}) == ["banned"]
    (event,) = client.read(cursor).events
    assert (event.details["bantime"], event.details["captures"]) == (600, {})


def test_order_when_there_is_no_such_jail_then_it_says_so_and_manual_is_made(client: Client, server: Server) -> None:
    results = impose(client, order("198.18.7.6", jail="other"), order("198.18.7.6", jail="manual"))
    assert results == ["there is no jail 'other' here", "banned"]
    assert "198.18.7.6" in server.banned()


@pytest.mark.parametrize("orders", [7, [7], [{"jail": "app"}], [{"jail": "app", "id": "example.org"}]])
def test_orders_when_they_are_nonsense_then_nobody_is_banned(client: Client, orders: object) -> None:
    with pytest.raises(ControlError):
        client.ask("impose", orders=orders)


def test_server_when_it_hears_of_the_fleet_then_status_tells_it_and_warns_of_silence(client: Client) -> None:
    assert client.ask("summary")["fleet"] is None
    said = {"hosts": 3, "bans": 7, "lag": 0.5}
    client.ask("impose", fleet=said, contact=time.time())
    assert {"hosts": 3, "bans": 7}.items() <= client.ask("summary")["fleet"].items()
    assert not [text for text in client.status().problems if "fleet" in text]
    client.ask("impose", fleet=said, contact=time.time() - 600)
    assert "no contact with Redis for 10m" in client.status().problems[0]


def test_ban_when_it_is_of_another_host_then_it_outlives_a_restart(server: Server, client: Client) -> None:
    impose(client, order("198.18.7.8"))
    client.close()
    server.end()
    server.start()
    assert "198.18.7.8" in server.banned()
    fail(server.folder / "app.log", "198.18.7.9")
    wait_for(lambda: "198.18.7.9" in server.banned())
