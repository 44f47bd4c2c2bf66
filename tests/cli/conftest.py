"""What tests of the command line stand on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.control.server import serving


@pytest.fixture
def sock(tmp_path: Path) -> Iterator[Path]:
    """The socket of a running server with two jails."""
    with serving(tmp_path, "sshtest=ssh.log", "web=web.log,web2.log") as path:
        yield path
