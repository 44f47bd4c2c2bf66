"""`f2b metrics`: how the server does, for Prometheus."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Sequence

from f2b import duration
from f2b.cli.argument import WHERE, Command, Given, Usage
from f2b.client import Client
from f2b.errors import ConfigError

HELP = """\
Usage: f2b metrics [OPTIONS]

  Tell Prometheus how the server does: failures, bans, lag, actions, elements in the kernel, memory. Without --listen
  and --textfile, print it once. It runs beside the server and needs no rights but to open its socket.

  Examples:
    f2b metrics
    f2b metrics --listen 127.0.0.1:9680
    f2b metrics --textfile /var/lib/prometheus/node-exporter/f2b.prom --every 15s

Options:
  --listen ADDRESS     Answer scrapes at 127.0.0.1:PORT, [::1]:PORT or unix:PATH.
  --textfile FILE      Write it into this file again and again, for node_exporter.
  --every TIME         How often (default: 15s).
  --verify TIME        How often the kernel is asked for what it holds (default: 5m).
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Find the server by the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command(
    "metrics", HELP, {**WHERE, **{name: name for name in ("listen=", "textfile=", "every=", "verify=")}}
)


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _metrics)


def _metrics(given: Given) -> int:
    try:
        from f2b.metrics.collector import CLOSELY_S, Collector  # prometheus_client is an extra
        from f2b.metrics.page import place, serve
    except ImportError:
        raise ConfigError("metrics need prometheus-client", cure="pip install 'f2b[metrics]'") from None
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    every, verify = _seconds(given, "every", 15.0), _seconds(given, "verify", CLOSELY_S)
    client = Client(given.value("socket"), given.value("config"))
    collector = Collector(client, verify)
    listen, textfile = given.value("listen"), given.value("textfile")
    if listen and textfile:
        raise Usage("Give either --listen or --textfile")
    try:
        if listen:
            page = serve(listen, collector.text)
            print(f"f2b: metrics at {place(page)}", file=sys.stderr, flush=True)
            page.serve_forever()
        while textfile:
            collector.write(textfile)
            time.sleep(every)
    except OSError as error:
        raise ConfigError(
            f"cannot write {textfile}: {error.strerror}", cure="name another file: --textfile"
        ) from None
    except KeyboardInterrupt:
        return 130
    client.ask("ping")  # to print nothing but that nobody answers helps nobody
    print(collector.text().decode(), end="")
    return 0


def _seconds(given: Given, name: str, default: float) -> float:
    text = given.value(name)
    try:
        return default if text is None else max(0.1, duration.seconds(text))
    except ValueError as error:
        raise Usage(f"Invalid value for '--{name}': {error}") from None
