"""A filter that matches nothing although its log grows is told of, once, and again only after it has matched."""

from __future__ import annotations

import time
from pathlib import Path

from tests.daemon.running import Server, fail, running, wait_for

DEAD = "its filter has matched nothing for"


def write(log: Path, text: str, times: int = 3) -> None:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with log.open("a") as out:
        out.write("".join(f"{stamp} {text.format(number)}\n" for number in range(times)))


def grown(server: Server, log: Path) -> bool:
    """Let the log grow until it is told of."""
    write(log, "app: refused login of user u{} from 203.0.113.{}".replace("{}", "{0}"))
    return DEAD in server.said()


def test_filter_when_it_matches_nothing_then_it_is_told_of_once_with_what_lines_look_like(tmp_path: Path) -> None:
    with running(tmp_path) as server:
        log = server.jail(deadafter=1)
        quiet, off = server.jail("quiet", deadafter=1), server.jail("off", deadafter=0)
        for path in (log, quiet, off):
            write(path, "app: hello")
        server.start()
        wait_for(lambda: grown(server, log))
        write(off, "app: hello")
        wait_for(lambda: any(DEAD in problem for problem in server.status()["problems"]))
        said = [row for row in server.said().splitlines() if DEAD in row]
        assert len(said) == 1
        assert "[app]" in said[0]
        assert "refused login of user <USER> from <HOST>" in said[0]
        assert f"f2b draft {log}" in said[0]

        server.end()
        server.start()  # what was told is remembered
        wait_for(lambda: any(DEAD in problem for problem in server.status()["problems"]))
        assert server.said().count(DEAD) == 1

        fail(log, "203.0.113.5", 1)
        wait_for(lambda: "its filter matches again" in server.said())
        assert not server.status()["problems"]
