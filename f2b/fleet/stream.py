"""What stands in Redis, and every command that is sent there.

A stream of entries, which every host follows. A hash of those that hold now, for who comes anew or was away too long,
with a sorted set of their ends, by which they are cleared away. A hash of hosts. A word that names this Redis as it
was filled: if it is another one, everything was lost. For each address that fails a sorted set of its failures.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError

from f2b.fleet.entry import BAN, Entry, Taken, seal
from f2b.fleet.setting import Spec
from f2b.fleet.tally import Failure, member
from f2b.named import NamedTuple

PATIENCE_S = 10.0
"""How long Redis may take."""
BLOCK_MS = 2000
MOST = 500
"""Entries taken or sent at once."""
_SENTINEL = re.compile(r"(sentinels?)://([^/]+)/([^/?]+)(?:/(\d+))?")
_SWEEP = """
local now = redis.call('TIME')[1]
local over = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', now, 'LIMIT', 0, 1000)
if #over > 0 then
    redis.call('HDEL', KEYS[1], unpack(over))
    redis.call('ZREM', KEYS[2], unpack(over))
end
return #over
"""


class Standing(NamedTuple):
    """Which Redis this is, and how far its stream goes."""

    epoch: str
    run: str
    """Which process; empty if it does not tell."""
    first: str
    """The oldest entry that is still there; `0-0` if there is none."""
    last: str
    length: int
    hosts: int
    version: str


def connect(spec: Spec, password: str) -> Any:
    """Return a client; nothing is sent yet. Its type is Any, for redis-py's own cannot say what is awaited."""
    options: dict[str, Any] = {
        "username": spec.user or None,
        "password": password or None,
        "socket_timeout": PATIENCE_S,
        "socket_connect_timeout": PATIENCE_S,
        "retry": Retry(NoBackoff(), 0),  # we try again ourselves, and know what was sent
        "protocol": 2,
    }
    sentinel = _SENTINEL.fullmatch(spec.url)
    tls = spec.url.startswith(("rediss:", "sentinels:"))
    if tls and spec.ca:
        options["ssl_ca_certs"] = spec.ca
    if not sentinel:
        given = {name: value for name, value in options.items() if value is not None}
        return Redis.from_url(spec.url, **given)
    hosts = [(host, int(port or 26379)) for host, _, port in (each.rpartition(":") for each in _pairs(sentinel[2]))]
    if tls:
        options["ssl"] = True
    about = {name: value for name, value in options.items() if name not in ("username", "password")}
    watchers: Any = Sentinel(hosts, sentinel_kwargs=about, db=int(sentinel[4] or 0), **options)  # type: ignore[no-untyped-call]  # redis-py's
    return watchers.master_for(sentinel[3])


def _pairs(hosts: str) -> list[str]:
    """Return HOST:PORT of each; the port of Sentinel where none is named."""
    return [each if re.search(r":\d+$", each) else f"{each}:26379" for each in hosts.split(",")]


class Stream:
    """One fleet in one Redis. Every method raises redis.RedisError or OSError."""

    def __init__(self, redis: Any, prefix: str, key: bytes, maxlen: int) -> None:
        self._redis = redis
        self._prefix = prefix
        self._key = key
        self._maxlen = maxlen
        names = ("stream", "bans", "ends", "hosts", "epoch")
        self._stream, self._bans, self._ends, self._hosts, self._epoch = (f"{prefix}:{name}" for name in names)

    async def close(self) -> None:
        """Hang up."""
        await self._redis.aclose()

    async def post(self, entries: Sequence[Entry]) -> None:
        """Tell all hosts, and let it stand as long as it holds: all or nothing."""
        for at in range(0, len(entries), MOST):
            pipe = self._redis.pipeline(transaction=True)
            for entry in entries[at : at + MOST]:
                text = seal(entry, self._key)
                pipe.xadd(self._stream, {"e": text}, maxlen=self._maxlen, approximate=True)
                pipe.hset(self._bans, field(entry), text)
                pipe.zadd(self._ends, {field(entry): entry.end})
            await pipe.execute()

    async def read(self, position: str) -> list[Taken]:
        """Return what came after a position; wait for it a moment."""
        found = await self._redis.xread({self._stream: position}, count=MOST, block=BLOCK_MS)
        return [_taken(*each) for _, entries in found or () for each in entries]

    async def latest(self, since: float, until: str) -> list[Taken]:
        """Return what came since a time, up to a position."""
        found = await self._redis.xrange(self._stream, f"{max(0, int(since * 1000))}-0", until)
        return [_taken(*each) for each in found]

    async def standing(self) -> Standing:
        """Return which Redis this is; it gets a name if it has none."""
        pipe = self._redis.pipeline(transaction=False)
        pipe.set(self._epoch, secrets.token_hex(8), nx=True)
        pipe.get(self._epoch)
        pipe.info("server")
        pipe.xinfo_stream(self._stream)
        pipe.hlen(self._hosts)
        made, epoch, info, about, hosts = await pipe.execute(raise_on_error=False)
        full = epoch and isinstance(made, OutOfMemoryError)
        for each in (*([] if full else [made]), epoch, hosts):
            if isinstance(each, Exception):
                raise each
        known = info if isinstance(info, dict) else {}
        first, last, length = _ends(about)
        run, version = str(known.get("run_id", "")), str(known.get("redis_version", ""))
        return Standing(epoch.decode(), run, first, last, length, hosts, version)

    async def registers(self) -> dict[bytes, bytes]:
        """Return all that holds now, as it was sealed."""
        found: dict[bytes, bytes] = {}
        async for name, text in self._redis.hscan_iter(self._bans, count=1000):
            found[name] = text
        return found

    async def held(self) -> int:
        """Return how much that is."""
        return int(await self._redis.hlen(self._bans))

    async def sweep(self) -> None:
        """Clear away what is over."""
        while await self._redis.eval(_SWEEP, 2, self._bans, self._ends) == 1000:
            pass

    async def beat(self, host: str, text: bytes) -> None:
        """Say that a host is there."""
        await self._redis.hset(self._hosts, host, text)

    async def hosts(self) -> Mapping[bytes, bytes]:
        """Return what each host said of itself last."""
        found: Mapping[bytes, bytes] = await self._redis.hgetall(self._hosts)
        return found

    async def forget(self, host: str) -> None:
        """Forget that a host was there."""
        await self._redis.hdel(self._hosts, host)

    async def count(
        self, failures: Sequence[tuple[Failure, int, float]], host: str, now: float
    ) -> list[tuple[Failure, list[bytes]]]:
        """Add failures, each with its jail's maxretry and findtime; return the newest that each set holds then."""
        pipe = self._redis.pipeline(transaction=False)
        for failure, most, window in failures:
            name = self._tally(failure.jail, failure.id)
            pipe.zadd(name, {member(failure, host, self._key): failure.time})
            pipe.zremrangebyscore(name, "-inf", f"({now - window}")
            pipe.zremrangebyrank(name, 0, -(2 * most) - 1)
            pipe.expire(name, int(window) + 1)
            pipe.zrange(name, 0, -1)
        found = await pipe.execute()
        return [(each[0], found[at * 5 + 4]) for at, each in enumerate(failures)]

    async def uncount(self, keys: Sequence[tuple[str, str]]) -> None:
        """Forget failures of addresses in jails."""
        await self._redis.unlink(*(self._tally(jail, id_) for jail, id_ in keys))

    def _tally(self, jail: str, id_: str) -> str:
        return f"{self._prefix}:failures:{jail}:{id_}"


def field(entry: Entry) -> bytes:
    """Return under which name an entry stands: of each host the latest ban, of all hosts the latest unban."""
    origin = entry.origin if entry.kind == BAN else ""
    return "\n".join((entry.jail, entry.id, origin)).encode()


def order(position: str) -> tuple[int, int]:
    """Return a position of the stream as what can be compared."""
    time, _, number = position.partition("-")
    return int(time), int(number or 0)


def _taken(position: bytes, fields: Mapping[bytes, bytes]) -> Taken:
    text = position.decode()
    return Taken(text, order(text)[0] / 1000, fields.get(b"e", b""))


def _ends(about: object) -> tuple[str, str, int]:
    if not isinstance(about, dict):
        return "0-0", "0-0", 0  # there is no stream yet
    first, last = about.get("first-entry"), about["last-generated-id"]
    return (first[0].decode() if first else "0-0"), last.decode(), int(about["length"])
