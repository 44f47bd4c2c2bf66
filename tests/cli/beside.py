"""Two testers on the same words: ours, in this process, and the real fail2ban-regex."""

from __future__ import annotations

import contextlib
import io
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from unittest import mock

from f2b.cli import compat_regex

ZONE = "Europe/Zurich"
Words = Sequence[str | Path]


def real(words: Words) -> subprocess.CompletedProcess[str]:
    """Run the real one."""
    command = ["/usr/bin/fail2ban-regex", *map(str, words)]
    environment = {**os.environ, "TZ": ZONE, "LC_ALL": "C.UTF-8"}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def ours(words: Words, tool: Callable[[Sequence[str]], int] = compat_regex.run) -> str:
    """Return what our tool prints."""
    out = io.StringIO()
    with in_zone(), contextlib.redirect_stdout(out):
        assert tool(list(map(str, words))) == 0
    return out.getvalue()


@contextlib.contextmanager
def in_zone() -> Iterator[None]:
    """Let this process be in Zurich."""
    with mock.patch.dict(os.environ, {"TZ": ZONE}):
        time.tzset()
        yield
    time.tzset()
