"""What tests of the command line stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.server import stand_in


@pytest.fixture
def sock(tmp_path: Path) -> Iterator[Path]:
    """The socket of a running server with two jails."""
    with stand_in(tmp_path, "sshtest=/srv/ssh.log", "web=/srv/web.log,/srv/web2.log") as path:
        yield path
