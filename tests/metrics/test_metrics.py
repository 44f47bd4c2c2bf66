from __future__ import annotations

import socket
import urllib.error
import urllib.request
from http.client import HTTPConnection
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from f2b.errors import ConfigError
from f2b.metrics.page import serve
from tests.daemon.running import Server, wait_for
from tests.metrics.conftest import measuring, paging

Samples = dict[tuple[str, ...], float]


def samples(text: str) -> Samples:
    """Return every sample, by its name and its labels' values."""
    found: Samples = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            values = (sample.labels[name] for name in sorted(sample.labels, reverse=True))
            found.update({(sample.name, *values): sample.value})
    return found


def test_metrics_when_printed_then_they_say_how_each_jail_does(server: Server) -> None:
    done = server.ask("metrics")
    assert done.returncode == 0
    found = samples(done.stdout)
    assert all(name.startswith("f2b_") for name, *_ in found)
    assert found["f2b_up",] == 1
    assert found["f2b_enforcing",] == 1
    assert found["f2b_memory_bytes",] > 1e6
    assert found["f2b_failures_total", "app"] == 3
    assert found["f2b_bans_total", "app"] == found["f2b_banned", "app"] == 1
    assert found["f2b_ignored_total", "app"] == 3
    assert found["f2b_lines_total", "app"] == 6
    assert found["f2b_read_bytes_total", "app"] == (server.folder / "app.log").stat().st_size
    assert found["f2b_lag_bytes", "app"] == 0
    assert found["f2b_action_failures_total", "sad", "broken"] >= 1
    assert found["f2b_action_seconds_count", "sad", "broken"] >= 1
    assert found["f2b_action_seconds_sum", "sad", "broken"] > 0
    assert found["f2b_errors_total", "sad"] >= 1


def test_metrics_when_scraped_on_loopback_then_they_are_there_and_nowhere_else(server: Server) -> None:
    with paging(server) as port:
        assert samples(get(port))["f2b_up",] == 1
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/other", timeout=60)
    for wrong in ("0.0.0.0:9680", "9680", "example.org:9680", "127.0.0.1:"):
        with pytest.raises(ConfigError, match=r"write 127\.0\.0\.1:PORT"):
            serve(wrong, bytes)


def get(port: int) -> str:
    """Return the page."""
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as page:
        assert page.headers["Content-Type"].startswith("text/plain; version=0.0.4")
        return str(page.read().decode())


def test_metrics_when_scraped_on_a_unix_socket_then_they_are_there(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "page"
    for _ in range(2):  # the second finds the socket of the first, which is dead
        with measuring(server, "--listen", f"unix:{path}") as process:
            wait_for(lambda: _answers(path))
            connection = HTTPConnection("localhost")
            connection.sock = socket.socket(socket.AF_UNIX)
            connection.sock.connect(str(path))
            connection.request("GET", "/metrics")
            assert samples(connection.getresponse().read().decode())["f2b_up",] == 1
            connection.close()
            process.terminate()
            assert process.wait(60) == 0


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def test_metrics_when_written_into_a_file_then_it_is_always_whole(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "f2b.prom"
    with measuring(server, "--textfile", str(path), "--every", "0.1s"):
        wait_for(path.exists)
        first = path.stat().st_ino
        wait_for(lambda: path.stat().st_ino != first)
        assert samples(path.read_text())["f2b_up",] == 1
    done = server.ask("metrics", "--textfile", str(tmp_path / "missing" / "x"))
    assert (done.returncode, "cannot write" in done.stderr) == (2, True)


def test_metrics_when_the_server_is_away_then_they_say_so(server: Server, tmp_path: Path) -> None:
    gone = Server(tmp_path)
    with paging(gone) as port:
        assert samples(get(port)) == {("f2b_up",): 0, ("f2b_enforcing",): 0}
    done = gone.ask("metrics")
    assert done.returncode == 3
    assert "no server" in done.stderr
