"""`f2b web`: the server in a browser."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from f2b import paths
from f2b.cli.argument import WHERE, Command, Given
from f2b.config import search
from f2b.control.address import socket_path
from f2b.errors import ConfigError
from f2b.notify import secret
from f2b.web import setting
from f2b.web.door import SHORTEST
from f2b.web.handout import Handout

HELP = """\
Usage: f2b web [OPTIONS]

  Show the server in a browser: who is banned, who fails, why, and what other numbers would do. It runs beside the
  server and needs no rights but to open its socket. Whoever has the token that [web] in f2b.conf names may ban.

  Examples:
    f2b web
    f2b web --listen unix:/run/f2b-web/http.sock

Options:
  --listen ADDRESS     Answer at 127.0.0.1:PORT, [::1]:PORT or unix:PATH (default: 127.0.0.1:8680).
  --db FILE            Read bans of the past from this database.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Read the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("web", HELP, {**WHERE, "listen": "listen=", "db": "db="})
USUAL = "127.0.0.1:8680"


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _web)


def _web(given: Given) -> int:
    try:
        from f2b.web.bouncer import Bouncers, Keys  # starlette and uvicorn are an extra
        from f2b.web.serve import listening, place, serve
        from f2b.web.site import Site, Where
    except ImportError:
        raise ConfigError("the page needs starlette and uvicorn", cure="pip install 'f2b[web]'") from None
    directory = given.value("config")
    spec = _spec(directory)
    where = Where(socket_path(given.value("socket"), directory), directory, given.value("db"))
    site = Site(where, spec, _token(spec.token_file))
    bouncers = None
    if spec.bouncer_key_file:
        keys = Keys(secret.read(spec.bouncer_key_file, os.environ))
        bouncers = Bouncers(site.mirror, keys, Handout(_handout(), time.time(), _complain))
    listener = listening(given.value("listen") or USUAL)
    print(f"f2b: web at {place(listener)}", file=sys.stderr, flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # uvicorn sends itself what ended it, once it has
    try:
        serve(site, listener, bouncers)
    except KeyboardInterrupt:
        return 130
    return 0


def _spec(directory: str | None) -> setting.Spec:
    server = search.load(Path(directory) if directory else None, only=search.NO_JAIL).server
    try:
        return setting.read(server.sections.get(setting.SECTION, {}))
    except ConfigError as error:
        for other in error.more:
            print(f"f2b: {other}", file=sys.stderr)
        raise


def _token(file: str) -> str:
    """Return the token; nothing if there is to be none. Raises ConfigError."""
    if not file:
        return ""
    token = secret.read(file, os.environ)
    if len(token) < SHORTEST:
        cure = f"openssl rand -hex 20 > {file}"
        raise ConfigError(f"the token in {file} is shorter than {SHORTEST} characters", cure=cure)
    return token


def _handout() -> str:
    """Return the file of what bouncers hold: in systemd's folder for it, or in the server's."""
    folder = os.environ.get("STATE_DIRECTORY") or paths.defaults(os.geteuid(), os.environ).state
    return f"{folder.partition(':')[0]}/bouncers.sqlite3"


def _complain(what: str) -> None:
    print(f"f2b: {what}", file=sys.stderr, flush=True)
