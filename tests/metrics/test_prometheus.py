"""Debian's Prometheus: it checks our text, our rules, and scrapes us."""

from __future__ import annotations

import json
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.daemon.running import Server, wait_for
from tests.metrics.conftest import paging

DOCS = Path(__file__).parent.parent.parent / "docs" / "grafana"
CONFIG = """\
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [%s]
scrape_configs:
  - job_name: f2b
    static_configs: [{targets: ['127.0.0.1:%d']}]
"""


def promtool(*words: str, text: str = "") -> None:
    done = subprocess.run(["promtool", *words], input=text, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert not done.stderr


def expressions() -> list[str]:
    """Return every query of the dashboard."""
    board = json.loads((DOCS / "dashboard.json").read_text())
    return [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]


def test_promtool_when_it_checks_our_text_and_our_rules_then_it_finds_nothing(server: Server) -> None:
    promtool("check", "metrics", text=server.ask("metrics").stdout)
    promtool("check", "rules", str(DOCS / "alerts.yml"))


def test_prometheus_when_it_scrapes_then_every_query_of_ours_has_an_answer(server: Server, tmp_path: Path) -> None:
    web = free_port()
    command = ["prometheus", f"--config.file={tmp_path}/prometheus.yml", f"--storage.tsdb.path={tmp_path}/data"]
    command += [f"--web.listen-address=127.0.0.1:{web}", "--log.level=error"]
    with ExitStack() as stack:
        port = stack.enter_context(paging(server))
        (tmp_path / "prometheus.yml").write_text(CONFIG % (DOCS / "alerts.yml", port))
        process = stack.enter_context(subprocess.Popen(command))
        try:
            wait_for(lambda: ask(web, 'f2b_banned{jail="app"}'))
            assert ask(web, 'f2b_banned{jail="app"}')[0]["value"][1] == "1"
            assert ask(web, "up")[0]["value"][1] == "1"
            wait_for(lambda: ask(web, "rate(f2b_failures_total[10s])"))  # takes two scrapes
            for query in expressions():
                expected = "f2b_firewall_elements" not in query  # in a dry run there are none
                wait_for(lambda: bool(ask(web, query)) or not expected)  # noqa: B023 - called at once
            with urllib.request.urlopen(f"http://127.0.0.1:{web}/api/v1/rules", timeout=60) as page:
                rules = json.load(page)["data"]["groups"][0]["rules"]
            assert all(rule["health"] in ("ok", "unknown") for rule in rules)
        finally:
            process.kill()


def free_port() -> int:
    """Return a port that nobody has: Prometheus does not say which it took."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ask(port: int, query: str) -> list[Any]:
    """Return what Prometheus says to a query; nothing if it is not there yet. A query that is wrong is an error."""
    url = f"http://127.0.0.1:{port}/api/v1/query?{urllib.parse.urlencode({'query': query})}"
    try:
        with urllib.request.urlopen(url, timeout=60) as page:
            found: list[Any] = json.load(page)["data"]["result"]
            return found
    except urllib.error.HTTPError as error:
        if error.code == 503:
            return []
        raise
    except OSError:
        return []
