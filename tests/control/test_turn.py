"""How many turns of the loop an answer takes: each may be a piece of a backlog that is read."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import cast

from f2b.control.endpoint import Endpoint
from f2b.daemon.desk import Desk
from f2b.log import Log
from f2b.loop import Loop

NOBODY = cast("Desk", None)
"""The requests here are refused before any desk is asked."""


def test_answer_when_the_client_has_asked_as_it_connected_then_one_turn_of_the_loop_is_enough(tmp_path: Path) -> None:
    loop = Loop()
    endpoint = Endpoint(loop, NOBODY, Log(os.devnull), str(tmp_path / "sock"))
    endpoint.open()
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(str(tmp_path / "sock"))
        client.sendall(b'{"request": "nonsense"}\n')
        loop.turn(0)
        client.setblocking(False)
        assert "no request 'nonsense'" in json.loads(client.recv(65536))["error"]["message"]
        client.sendall(b'{"request": "more"}\n')
        loop.turn(0)
        assert "no request 'more'" in json.loads(client.recv(65536))["error"]["message"]
    endpoint.close()
    loop.close()
