"""`f2b fleet`: the ban of one host is the ban of all, by Redis."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from f2b import paths
from f2b.cli import show
from f2b.cli.argument import WHERE, Command, Given, Usage
from f2b.config import search
from f2b.control.address import socket_path
from f2b.errors import ConfigError, ControlError, F2bError
from f2b.fleet import setting
from f2b.fleet.book import Book, Claim
from f2b.fleet.entry import FOREVER, SHORTEST_KEY, ForgedError, number, opened, signed
from f2b.fleet.setting import Spec
from f2b.notify import secret
from f2b.notify.state import State

if TYPE_CHECKING:
    from f2b.fleet.stream import Stream

HELP = """\
Usage: f2b fleet [OPTIONS] run
       f2b fleet [OPTIONS] status|bans|hosts

  Share bans with other hosts, as [fleet] in f2b.conf says: what one bans, all ban; what one lets in, all do. With
  count = fleet, failures are counted over all of them. They meet in a Redis or Valkey; while that is away, each host
  goes on alone, and catches up later.

  Examples:
    f2b fleet run        go on for ever, in the foreground
    f2b fleet status     does Redis answer, and how far is this host behind?
    f2b fleet bans       who is banned by whom
    f2b fleet hosts      who takes part, and when each was there last

Options:
  --json               Print the answer as JSON.
  --state FILE         Remember there what was told already.
  -s, --socket SOCKET  Talk to the server on this socket.
  -c, --config DIR     Read the configuration in DIR.
  -h, --help           Show this message and exit.
"""
COMMAND = Command("fleet", HELP, {**WHERE, "json": "json", "state": "state="}, words=1)
COMPLAIN_S = 60.0
"""The same complaint is not made again for so long."""
_MOST_COMPLAINTS = 1000
_SERVER_ONLY = ("",)
"""What to read of the configuration: no jails."""


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, _fleet)


def _fleet(given: Given) -> int:
    what = given.words[0] if given.words else ""
    if what not in ("run", *_ASKED):
        raise Usage("Say 'run', 'status', 'bans' or 'hosts'")
    directory = given.value("config")
    settings = search.load(Path(directory) if directory else None, only=_SERVER_ONLY)
    section = settings.server.sections.get(setting.SECTION, {})
    if not section:
        raise ConfigError("there is no fleet", cure="write [fleet] with url, keyfile and share into f2b.conf")
    spec = setting.read(section)
    key = _secret(spec.keyfile, settings.directory).encode()
    if len(key) < SHORTEST_KEY:
        raise ConfigError("the key is too short", cure=f"openssl rand -hex 32 > {spec.keyfile}")
    try:
        from f2b.fleet.stream import Stream, connect  # redis is an extra
    except ImportError:
        raise ConfigError("a fleet needs redis-py", cure="pip install 'f2b[redis]'") from None
    password = _secret(spec.password_file, settings.directory) if spec.password_file else ""
    stream = Stream(connect(spec, password), spec.prefix, key, spec.maxlen)
    if what == "run":
        return asyncio.run(_run(given, spec, key, stream))
    return asyncio.run(_ask(given, spec, key, stream, _ASKED[what]))


def _secret(path: str, directory: str) -> str:
    """Return a secret. A bare name is one of systemd's credentials, or else a file in the configuration folder."""
    bare = "/" not in path and "CREDENTIALS_DIRECTORY" not in os.environ
    return secret.read(f"{directory}/{path}" if bare else path, os.environ)


# ---- following --------------------------------------------------------------------------------------------


async def _run(given: Given, spec: Spec, key: bytes, stream: Stream) -> int:
    from f2b.fleet.service import Service  # redis is an extra

    state = State(given.value("state") or _usual_state())
    path = socket_path(given.value("socket"), given.value("config"))
    service = Service(stream, path, spec, _host(spec), key, state, Complaints())
    task = asyncio.ensure_future(service.run())
    for number_ in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number_, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        pass  # we were told to end
    await stream.close()
    return 0


class Complaints:
    """Says on stderr what goes wrong, each kind of it at most once a minute."""

    def __init__(self) -> None:
        self._said: dict[str, float] = {}
        self._kept: dict[str, int] = {}

    def __call__(self, kind: str, what: str) -> None:
        """Say it, or count it."""
        now = time.monotonic()
        if now - self._said.get(kind, float("-inf")) < COMPLAIN_S:
            self._kept[kind] = self._kept.get(kind, 0) + 1
            return
        if len(self._said) >= _MOST_COMPLAINTS:
            self._said.clear()
            self._kept.clear()
        more = self._kept.pop(kind, 0)
        self._said[kind] = now
        print(f"f2b: {what}{f' (and {more} more since)' if more else ''}", file=sys.stderr, flush=True)


def _host(spec: Spec) -> str:
    return spec.name or socket.gethostname()


def _usual_state() -> str:
    """Return the file in systemd's folder for it, or in the server's."""
    folder = os.environ.get("STATE_DIRECTORY") or paths.defaults(os.geteuid(), os.environ).state
    return f"{folder.partition(':')[0]}/fleet.json"


# ---- asking -----------------------------------------------------------------------------------------------


async def _ask(given: Given, spec: Spec, key: bytes, stream: Stream, ask: _Ask) -> int:
    from redis.exceptions import RedisError  # redis is an extra

    try:
        found, text = await ask(given, spec, key, stream)
        await stream.close()
    except (RedisError, OSError, asyncio.TimeoutError) as error:
        raise F2bError(f"Redis at {_shown(spec.url)}: {error or 'it does not answer'}") from None
    if "json" in given.values:
        show.as_json(found)
    else:
        print(text)
    return 0


async def _status(given: Given, spec: Spec, key: bytes, stream: Stream) -> tuple[Any, str]:
    await stream.standing()  # the first answer takes a connection, too
    began = time.perf_counter()
    standing = await stream.standing()
    took, held = time.perf_counter() - began, await stream.held()
    try:
        own = given.ask("summary")["fleet"]
    except ControlError:
        own = None
    found = {
        "url": _shown(spec.url),
        "redis": standing.version,
        "seconds": took,
        "hosts": standing.hosts,
        "bans": held,
        "stream": standing.length,
        "this": own,
    }
    lines = [
        f"Redis {standing.version} at {_shown(spec.url)} answers in {took * 1000:.1f} ms",
        f"{show.count(standing.hosts, 'host')}, {held} bans and unbans that hold, {standing.length} in the stream",
        _own(_host(spec), own),
    ]
    return found, "\n".join(lines)


def _own(name: str, said: Any) -> str:
    if not said or not said["contact"]:
        return show.paint(f"{name}: 'f2b fleet run' has told its server nothing; does it run?", "red")
    return f"{said['name']}: last contact {_ago(said['contact'], time.time())}, {said['lag']:.1f} s behind"


async def _bans(given: Given, spec: Spec, key: bytes, stream: Stream) -> tuple[Any, str]:
    now, book = time.time(), Book("")
    for text in (await stream.registers()).values():
        try:
            entry = opened(text, key)
        except ForgedError:
            continue
        book.put((entry.jail, entry.id), entry)
    claims = sorted(((who, claim) for who in book for claim in book.claims(who, now)), key=lambda it: it[1].made)
    found = [_said(jail, id_, claim) for (jail, id_), claim in claims]
    rows = [
        [
            id_,
            show.plain(jail),
            show.plain(claim.origin),
            show.moment(claim.made),
            "for ever" if claim.end == FOREVER else show.moment(claim.end),
            str(claim.failures),
        ]
        for (jail, id_), claim in claims
    ]
    heads = ("ADDRESS", "JAIL", "HOST", "SINCE", "UNTIL", "FAILURES")
    return found, show.table(heads, rows) if rows else "Nobody is banned in the fleet."


def _said(jail: str, id_: str, claim: Claim) -> dict[str, object]:
    end = None if claim.end == FOREVER else claim.end
    about = {"origin": claim.origin, "time": claim.made, "end": end, "failures": claim.failures}
    return {"jail": jail, "id": id_, **about}


async def _hosts(given: Given, spec: Spec, key: bytes, stream: Stream) -> tuple[Any, str]:
    now, found = time.time(), list[dict[str, Any]]()
    for text in (await stream.hosts()).values():
        try:
            said = signed(text, key)
            about = {"time": number(said["time"]), "lag": number(said["lag"]), "version": str(said["version"])}
        except (ForgedError, KeyError, ValueError):
            continue
        if said.get("kind") == "host":
            found.append({"host": str(said.get("host")), **about})
    found.sort(key=lambda each: each["host"])
    rows = [
        [show.plain(each["host"]), _ago(each["time"], now), f"{each['lag']:.1f} s", show.plain(each["version"])]
        for each in found
    ]
    heads = ("HOST", "LAST CONTACT", "BEHIND", "VERSION")
    return found, show.table(heads, rows) if rows else "No host was there yet."


def _ago(moment: float, now: float) -> str:
    return f"{max(0.0, now - moment):.0f} s ago"


def _shown(url: str) -> str:
    """Return a URL without a password."""
    return re.sub(r"//[^@/]*@", "//", url)


_Ask = Callable[[Given, Spec, bytes, "Stream"], Awaitable[tuple[Any, str]]]
_ASKED: dict[str, _Ask] = {"status": _status, "bans": _bans, "hosts": _hosts}
