"""The real server, the real notifier as a process of its own, and a real HTTP server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from f2b.client import Client
from tests.daemon.running import Server, fail, running, wait_for
from tests.notify.serving import Answer, Web, web

FLOOD = [f"198.18.{number >> 8}.{number & 255}" for number in range(5000)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running(tmp_path_factory.mktemp("notify")) as found:
        found.jail(maxretry=2).touch()
        found.start()
        yield found


@pytest.fixture
def hook() -> Iterator[Web]:
    with web() as found:
        yield found


def command(server: Server, *words: str) -> list[str]:
    here = str(server.folder)
    return [sys.executable, "-m", "f2b", "notify", "-c", here, "-s", server.socket, *words]


@contextmanager
def notifying(server: Server, state: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run the notifier until the test is through with it."""
    with subprocess.Popen(command(server, "run", "--state", str(state))) as process:
        try:
            wait_for(lambda: state.exists() and json.loads(state.read_bytes())["cursor"])
            yield process
        finally:
            process.kill()


def configure(server: Server, hook: Web, **options: object) -> None:
    lines = {"webhook": hook.url, "host": "h", **options}
    server.write("f2b.conf", "[notify]\n" + "".join(f"{name} = {value}\n" for name, value in lines.items()))


def told(hook: Web) -> list[str]:
    return [request.said["text"].splitlines()[0] for request in hook.requests]


def test_notifier_when_a_log_leads_to_a_ban_then_people_hear_of_it(server: Server, hook: Web, tmp_path: Path) -> None:
    configure(server, hook)
    with notifying(server, tmp_path / "state"):
        fail(server.folder / "app.log", "192.0.2.1", times=2)
        wait_for(lambda: hook.requests)
    said = hook.requests[0].said
    assert told(hook) == ["192.0.2.1 banned in app for 10m, 2 failures"]
    assert (said["event"], said["jail"], said["id"], said["failures"], said["host"]) == (
        "ban",
        "app",
        "192.0.2.1",
        2,
        "h",
    )
    assert "failure of root from 192.0.2.1" in said["matches"][0]


def test_notifier_when_5000_are_banned_then_no_more_than_the_limit_is_sent_and_all_are_told(
    server: Server, hook: Web, tmp_path: Path
) -> None:
    configure(server, hook, limit=4, window="2s")
    began = time.monotonic()
    with notifying(server, tmp_path / "state"), Client(server.socket) as client:
        for at in range(0, len(FLOOD), 500):
            client.ban(FLOOD[at : at + 500], seconds=60)
        wait_for(lambda: sum(request.said["count"] for request in hook.requests) == len(FLOOD))
        windows = (time.monotonic() - began) // 2 + 1
        assert len(hook.requests) <= 4 * windows
        assert any("bans in the last minute, top: 198.18." in words for words in told(hook))
        client.unban(["198.18.0.0/16"])


def test_notifier_when_killed_again_and_again_then_nothing_is_lost_and_nothing_told_twice(
    server: Server, hook: Web, tmp_path: Path
) -> None:
    configure(server, hook, limit=1000)
    state = tmp_path / "state"
    crowd = [f"192.0.2.{number}" for number in range(100, 130)]
    with Client(server.socket) as client:
        with notifying(server, state):
            pass
        for at in range(0, len(crowd), 10):
            client.ban(crowd[at : at + 5], seconds=600)
            with notifying(server, state) as process:
                client.ban(crowd[at + 5 : at + 10], seconds=600)
                wait_for(lambda: len(hook.requests) > at)  # noqa: B023 - called at once
                process.send_signal(signal.SIGKILL)
                process.wait()
        with notifying(server, state):
            wait_for(lambda: {request.said["id"] for request in hook.requests} == set(crowd))
        client.unban(["192.0.2.0/24"])
    keys = [request.said["key"] for request in hook.requests]
    # Killed between a delivery and its note, it repeats that one, with its old key: three times at most here.
    assert len(set(keys)) == len(crowd)
    assert len(keys) <= len(crowd) + 3


def test_notifier_when_the_target_is_away_then_it_tries_again_and_the_server_does_not_care(
    server: Server, hook: Web, tmp_path: Path
) -> None:
    configure(server, hook)
    hook.answers = [Answer(503, b"", (("Retry-After", "1"),))]
    with notifying(server, tmp_path / "state") as process, Client(server.socket) as client:
        client.ban(["192.0.2.200"])
        wait_for(lambda: len(hook.requests) == 2)
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    assert hook.requests[0].said == hook.requests[1].said


def test_notify_command_when_it_tests_then_it_says_what_became_of_it(server: Server, hook: Web) -> None:
    configure(server, hook)
    done = subprocess.run(command(server, "--test"), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "webhook: delivered\n")
    assert hook.requests[0].said["event"] == "test"
    hook.answers = [Answer(404)]
    done = subprocess.run(command(server, "--test"), capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (1, "webhook: HTTP 404\n")


def test_notify_command_when_nobody_is_named_then_it_says_where_to(server: Server) -> None:
    server.write("f2b.conf", "[notify]\nlimitt = 5\nquiet = never\n")
    done = subprocess.run(command(server, "run"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "there is no option limitt; did you mean 'limit'?" in done.stderr
    assert "quiet = never" in done.stderr
    checked = subprocess.run(
        [sys.executable, "-m", "f2b", "check", "-c", str(server.folder)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert f"{server.folder}/f2b.conf:3: [notify] quiet = never" in checked.stdout
    assert "limitt" in checked.stdout
    server.write("f2b.conf", "")
    done = subprocess.run(command(server, "run"), capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "write telegram_chat" in done.stderr
