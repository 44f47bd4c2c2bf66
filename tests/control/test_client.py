from __future__ import annotations

import socket
import threading
from pathlib import Path

import pytest

from f2b.control import client
from f2b.control.client import AnswerError, NoServerError
from f2b.errors import ControlError
from tests.control.server import as_nobody


def test_request_when_the_server_refuses_then_its_words_and_status_come_back(sock: Path) -> None:
    with pytest.raises(AnswerError, match="no jail 'nosuch'") as caught:
        client.request(str(sock), "jail", jail="nosuch")
    assert caught.value.status == 1


def test_words_when_the_command_fails_then_fail2bans_exception_is_named(sock: Path) -> None:
    with pytest.raises(AnswerError) as caught:
        client.words(str(sock), ["status", "nosuch"])
    assert (caught.value.kind, caught.value.details) == ("UnknownJailException", ("nosuch",))


def test_request_when_there_is_no_socket_then_the_error_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NoServerError, match="does not exist; start one with 'f2b serve'") as caught:
        client.request(str(tmp_path / "sock"), "ping")
    assert caught.value.status == 3


def test_request_when_the_server_is_gone_then_the_error_says_that_the_socket_is_left_over(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(tmp_path / "sock"))
    with pytest.raises(NoServerError, match="left over"):
        client.request(str(tmp_path / "sock"), "ping")


def test_request_when_the_server_does_not_answer_then_it_gives_up_in_time(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "sock"))
        silent.listen()
        with pytest.raises(NoServerError, match="does not answer in time"):
            client.request(str(tmp_path / "sock"), "ping", timeout=0.1)
        assert not client.answers(str(tmp_path / "sock"), 0.1)


@pytest.mark.parametrize("answer", [b"", b"hello\n", b"[]\n", b'{"ok": true}\n', b'{"ok": true, "result": 1}\n'])
def test_request_when_the_other_side_is_no_server_of_ours_then_the_error_says_so(
    tmp_path: Path, answer: bytes
) -> None:
    with socket.socket(socket.AF_UNIX) as stranger:
        stranger.bind(str(tmp_path / "sock"))
        stranger.listen()

        def talk() -> None:
            connection, _ = stranger.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(answer)

        thread = threading.Thread(target=talk)
        thread.start()
        with pytest.raises(ControlError) as caught:
            client.request(str(tmp_path / "sock"), "ping")
        thread.join()
    assert caught.value.status == 3


def test_request_when_not_allowed_then_the_error_says_to_be_root(sock: Path) -> None:
    def ask() -> int:
        try:
            client.request(sock.name, "ping")
        except NoServerError as error:
            return int("run this as root" not in str(error))
        return 2

    assert as_nobody(sock.parent, ask) == 0


def test_request_when_the_server_is_fail2bans_own_then_it_says_so_in_time(tmp_path: Path) -> None:
    path = tmp_path / "fail2ban.sock"
    with socket.socket(socket.AF_UNIX) as silent:  # it waits for its own end mark and says nothing
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(ControlError, match="if it is Fail2Ban's own, ask it with its own client"):
            client.request(str(path), "status", timeout=0.1)
