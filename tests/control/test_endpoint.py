from __future__ import annotations

import json
import os
import pickle
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from f2b.control import client
from f2b.control.protocol import CLOSE, END
from tests.control.server import as_nobody, command, environment, serving, until_ready, write

ATTEMPTS = 20


@contextmanager
def connected(sock: Path) -> Iterator[socket.socket]:
    """A raw connection that gives up after a while."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(sock))
        connection.settimeout(60)
        yield connection


def heard(connection: socket.socket, end: bytes) -> bytes:
    """What arrives up to `end`, or to the other side's hanging up."""
    got = bytearray()
    while not got.endswith(end) and (piece := connection.recv(65536)):
        got += piece
    return bytes(got)


def start(sock: Path) -> subprocess.CompletedProcess[str]:
    """Try to start another server on the same socket."""
    run = command(sock.parent, sock)
    return subprocess.run(run, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def test_endpoint_when_open_then_only_its_owner_may_use_the_socket(sock: Path) -> None:
    mode = sock.stat().st_mode
    assert stat.S_ISSOCK(mode)
    assert stat.S_IMODE(mode) == 0o600


def test_endpoint_when_the_folder_is_missing_then_it_is_made_for_all_to_enter(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    with serving(tmp_path / "run") as sock:
        assert sock.exists()
    deep = tmp_path / "a" / "b" / "f2b.sock"
    write(tmp_path)
    mask = os.umask(0o077)
    try:
        process = subprocess.Popen(command(tmp_path, deep), env=environment())
    finally:
        os.umask(mask)
    with process:
        until_ready(process, deep)
        assert stat.S_IMODE(deep.parent.stat().st_mode) == 0o755
        process.terminate()


def test_endpoint_when_it_ends_then_the_socket_is_gone(tmp_path: Path) -> None:
    with serving(tmp_path) as sock:
        client.request(str(sock), "stop")
        assert client.wait_gone(str(sock), 60)
        assert not sock.exists()


def test_endpoint_when_another_has_taken_the_name_then_its_socket_stays(tmp_path: Path) -> None:
    with serving(tmp_path) as sock:
        sock.unlink()
        with socket.socket(socket.AF_UNIX) as other:
            other.bind(str(sock))
    assert sock.exists()


def test_endpoint_when_a_dead_servers_socket_is_in_the_way_then_it_is_replaced(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "f2b.sock"))
    with serving(tmp_path) as sock:
        assert client.answers(str(sock), 60)


def test_endpoint_when_a_server_answers_already_then_a_second_one_says_so_and_the_first_stays(sock: Path) -> None:
    second = start(sock)
    assert second.returncode == 1
    assert second.stderr.startswith(f"f2b: a server answers on {sock} already; stop it first ('f2b -s {sock} stop'")
    assert client.answers(str(sock), 60)


def test_endpoint_when_a_file_is_in_the_way_then_it_says_so_and_the_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "precious"
    path.write_text("data")
    assert "is no socket" in start(path).stderr
    assert path.read_text() == "data"


def test_endpoint_when_the_path_is_too_long_then_it_says_so(tmp_path: Path) -> None:
    assert "too long" in start(tmp_path / ("x" * 120)).stderr


def test_endpoint_when_another_user_connects_then_it_hangs_up(sock: Path) -> None:
    """Even where somebody has opened the socket to all."""
    sock.chmod(0o666)
    sock.parent.chmod(0o711)

    def ask() -> int:
        with connected(Path(sock.name)) as connection:
            try:
                connection.sendall(b'{"request": "ping"}\n')
                return len(heard(connection, b"\n"))
            except ConnectionError:
                return 0

    assert as_nobody(sock.parent, ask) == 0
    assert client.answers(str(sock), 60)


def test_endpoint_when_a_hundred_clients_idle_then_others_are_served(sock: Path) -> None:
    with ExitStack() as stack:
        for _ in range(100):
            stack.enter_context(connected(sock)).sendall(b'{"request": "pi')
        assert client.request(str(sock), "ping")["version"]


def test_endpoint_when_too_many_clients_come_then_whoever_was_silent_longest_must_go(sock: Path) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(connected(sock))
        talker = stack.enter_context(connected(sock))
        idle = [stack.enter_context(connected(sock)) for _ in range(200)]
        for last in (idle[-1], talker):  # once the last that came is answered, all have been let in
            last.sendall(b'{"request": "ping"}\n')
            assert heard(last, b"\n")
        idle += [stack.enter_context(connected(sock)) for _ in range(100)]
        assert first.recv(1) == b""
        talker.sendall(b'{"request": "ping"}\n')
        assert heard(talker, b"\n")


def test_endpoint_when_a_client_sends_garbage_then_only_that_one_is_hung_up_on(sock: Path) -> None:
    with connected(sock) as patient, connected(sock) as rude:
        patient.sendall(b'{"request": ')
        rude.sendall(b"\x80\x04garbage" + END)
        assert pickle.loads(heard(rude, END)).startswith("ERROR: ")
        assert rude.recv(1) == b""
        patient.sendall(b'"ping"}\n')
        assert json.loads(heard(patient, b"\n"))["ok"] is True


def test_endpoint_when_a_pickle_would_run_code_then_it_does_not(sock: Path, tmp_path: Path) -> None:
    flag = tmp_path / "flag"
    with connected(sock) as connection:
        connection.sendall(b"cos\nsystem\n(S'touch " + bytes(flag) + b"'\ntR." + END)
        assert pickle.loads(heard(connection, END)).startswith("ERROR: ")
    assert not flag.exists()


def test_endpoint_when_requests_come_in_one_piece_then_each_is_answered_in_order(sock: Path) -> None:
    with connected(sock) as connection:
        mixed = (
            b'{"request": "ping"}\n'
            + pickle.dumps(["version"])
            + END
            + b'{"words": ["echo", "a"]}\n{"request": "x"}\n'
        )
        connection.sendall(mixed)
        connection.shutdown(socket.SHUT_WR)
        got = heard(connection, b"never")
    first, _, rest = got.partition(b"\n")
    second, _, rest = rest.partition(END)
    third, fourth = rest.splitlines()
    assert json.loads(first)["result"]["enforcing"] is False
    assert pickle.loads(second) == (0, "1.0.2")
    assert json.loads(third) == {"ok": True, "result": ["a"]}
    assert "no request 'x'" in json.loads(fourth)["error"]["message"]


def test_endpoint_when_told_to_close_then_it_hangs_up(sock: Path) -> None:
    with connected(sock) as connection:
        connection.sendall(CLOSE + END)
        assert connection.recv(1) == b""


def test_endpoint_when_a_client_does_not_read_then_others_are_served_and_it_gets_all_in_the_end(sock: Path) -> None:
    ids = [f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(5000)]
    client.request(str(sock), "ban", ids=ids, jail="web")
    with connected(sock) as slow:
        slow.sendall(b'{"request": "banned"}\n' * ATTEMPTS)
        started = time.monotonic()
        assert client.request(str(sock), "ping")["version"]
        assert time.monotonic() - started < 20
        slow.shutdown(socket.SHUT_WR)
        lines = heard(slow, b"never").splitlines()
    assert len(lines) == ATTEMPTS
    assert [ban["id"] for ban in json.loads(lines[-1])["result"]["bans"]] == ids


def test_endpoint_when_a_client_is_gone_before_its_answer_then_others_are_served(sock: Path) -> None:
    client.request(str(sock), "ban", ids=[f"10.0.{i >> 8}.{i & 255}" for i in range(5000)], jail="web")
    for _ in range(20):
        with connected(sock) as connection:
            connection.sendall(b'{"request": "banned"}\n')
    assert client.answers(str(sock), 60)


@pytest.mark.parametrize(
    ("request_line", "what"),
    [
        ('{"request": "ban"}', "nobody is named"),
        ('{"request": "ban", "ids": "192.0.2.1"}', "ids must be"),
        ('{"request": "ban", "ids": ["192.0.2.1"], "duration": "1h"}', "duration must be"),
        ('{"request": "ban", "ids": ["192.0.2.1"], "duration": NaN}', "duration must be"),
        ('{"request": "ban", "ids": ["192.0.2.1"], "jail": 3}', "jail must be"),
        ('{"request": "unban", "ids": ["192.0.2.1"], "all": true}', "either addresses or --all"),
        ('{"request": "unban", "all": 1}', "all must be"),
        ('{"request": "nosuch"}', "knows no request"),
    ],
)
def test_request_when_its_fields_are_wrong_then_the_error_says_which(
    sock: Path, request_line: str, what: str
) -> None:
    with connected(sock) as connection:
        connection.sendall(request_line.encode() + b"\n")
        error = json.loads(heard(connection, b"\n"))["error"]
    assert what in error["message"]
    assert error["status"] == 2


def test_endpoint_when_a_stream_brings_dicts_then_they_are_ignored_and_elsewhere_end_the_connection(
    sock: Path,
) -> None:
    """Fail2Ban's client sends its [Thread] section so, with a reload."""
    thread = ["set", "thread", {"stacksize": 64}]
    with connected(sock) as connection:
        connection.sendall(pickle.dumps(["reload", "--all", [], [thread]]) + END)
        assert pickle.loads(heard(connection, END)) == (0, "OK")
        connection.sendall(pickle.dumps(["server-stream", [thread]]) + END)
        assert pickle.loads(heard(connection, END)) == (0, None)
        connection.sendall(pickle.dumps(thread) + END)
        assert pickle.loads(heard(connection, END)).startswith("ERROR: ")
        assert connection.recv(1) == b""


def test_endpoint_when_many_send_half_of_huge_requests_then_their_bytes_are_bounded(sock: Path) -> None:
    pid = int((sock.parent / "pid").read_text())
    with ExitStack() as stack:
        for _ in range(20):
            one = stack.enter_context(connected(sock))
            with suppress(OSError):  # it may be hung up on
                one.sendall(b'{"' + b"x" * 4_000_000)
        assert client.answers(str(sock), 60.0)
        resident = (Path("/proc") / str(pid) / "status").read_text().partition("VmRSS:")[2].split()[0]
    assert int(resident) < 80_000
