"""`f2b notify`: tells people of bans, errors and jails that are down."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from f2b import paths
from f2b.cli.argument import WHERE, Command, Given, Usage
from f2b.client import Client
from f2b.config import search
from f2b.errors import ConfigError
from f2b.notify import setting
from f2b.notify.origin import origin
from f2b.notify.post import UndeliveredError
from f2b.notify.service import Service
from f2b.notify.setting import Spec
from f2b.notify.state import State
from f2b.notify.target import targets
from f2b.notify.wording import trial

HELP = """\
Usage: f2b notify [OPTIONS] run
       f2b notify [OPTIONS] --test

  Tell people of bans, errors and jails that are down, as [notify] in f2b.conf says: by Telegram, a webhook, mail, or
  Apprise. It runs beside the server, needs no rights but to open its socket, and never holds it up. A flood of
  bans becomes a digest.

  Examples:
    f2b notify --test              does a message arrive?
    f2b notify run                 go on for ever, in the foreground

Options:
  --test               Send a message to every target now, and say what became of it.
  --state FILE         Remember there what was told already.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Read the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("notify", HELP, {**WHERE, "test": "test", "state": "state="}, words=1)
_SERVER_ONLY = ("",)
"""What to read of the configuration: no jails."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _notify)


def _notify(given: Given) -> int:
    if given.words not in ([], ["run"]) or bool(given.words) == ("test" in given.values):
        raise Usage("Say either 'run' or '--test'")
    spec = _spec(given.value("config"))
    return _run(given, spec) if given.words else _test(spec)


def _spec(directory: str | None) -> Spec:
    server = search.load(Path(directory) if directory else None, only=_SERVER_ONLY).server
    try:
        spec = setting.read(server.sections.get(setting.SECTION, {}))
    except ConfigError as error:
        for other in error.more:
            print(f"f2b: {other}", file=sys.stderr)
        raise
    if not spec.somebody:
        raise ConfigError(
            "nobody is to be told",
            cure="write telegram_chat, webhook, mail_to or apprise_file into [notify] in f2b.conf",
        )
    return spec


def _host(spec: Spec) -> str:
    return spec.host or socket.gethostname()


def _test(spec: Spec) -> int:
    failed = 0
    for name, send in targets(spec, os.environ).items():
        try:
            send(trial(_host(spec), str(uuid.uuid4()), time.time()))
            print(f"{name}: delivered")
        except UndeliveredError as error:
            failed = 1
            print(f"{name}: {error}")
    return failed


def _run(given: Given, spec: Spec) -> int:
    state = State(given.value("state") or _usual_state())
    client = Client(given.value("socket"), given.value("config"))
    where = origin(spec.geoip, spec.asn)
    service = Service(client, spec, _host(spec), targets(spec, os.environ), where, state, _complain)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: service.stop())
    service.run()
    return 0


def _usual_state() -> str:
    """Return the file in systemd's folder for it, or in the server's."""
    folder = os.environ.get("STATE_DIRECTORY") or paths.defaults(os.geteuid(), os.environ).state
    return f"{folder.partition(':')[0]}/notify.json"


def _complain(what: str) -> None:
    print(f"f2b: {what}", file=sys.stderr, flush=True)
