"""What the kernel tells of its nftables sets while a server runs: when somebody is banned, and how many are.

Runs as a process in the server's network namespace (`unshare -n python -m bench.kernel VERB ...`), starts the server
itself, and prints what it measured as JSON:

reach LOG COUNT COMMAND...    seconds from each of so many lines written to a log until the ban is in a set
fill COUNT COMMAND...         seconds from the start until so many are in the sets
"""

from __future__ import annotations

import json
import random
import select
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.program import start
from f2b.firewall import nft
from f2b.firewall.kernel import Kernel
from f2b.firewall.netlink import Events
from f2b.net import packed

PATIENCE_S = 60.0
WARM_UP = 5
"""So many bans first: the server has to start, and what it does only once does not count."""
LOOK_S = 0.005
TABLE, SET = nft.Table(nft.FAMILIES["inet"], "f2b-table"), "addr-set-sshd"
"""Where both servers keep whom they ban."""
PAUSE_S = (0.02, 0.08)
"""Between two lines, by chance: nobody's clock may fall in step."""
NEW = nft.SUBSYSTEM | nft.NEWSETELEM


def reach(log: Path, count: int, command: Sequence[str]) -> list[float]:
    """Return how long each ban took, a failure being one line."""
    dice = random.Random(1)
    taken = []
    events = Events()
    with _serving(command), log.open("a") as out:
        for number in range(-WARM_UP, count):
            who = f"10.{dice.randrange(256)}.{(number >> 8) & 255}.{number & 255}"
            stamp = time.strftime("%b %e %H:%M:%S")
            time.sleep(dice.uniform(*PAUSE_S))
            began = time.monotonic()
            out.write(f"{stamp} host sshd[99]: Failed password for root from {who} port 22 ssh2\n")
            out.flush()
            _await(events, packed(who))
            if number >= 0:
                taken.append(time.monotonic() - began)
    return taken


def fill(count: int, command: Sequence[str]) -> list[float]:
    """Return how long it took until so many were in the set of jail sshd.

    Nobody listens meanwhile: to tell of 50,000 members costs the kernel, and so the server that it works for, as much
    again as to take them. The ruleset's number says that something was done, and then they are counted.
    """
    kernel, before = Kernel(), 0
    began = time.monotonic()
    with _serving(command):
        while (took := time.monotonic() - began) < PATIENCE_S:
            number = nft.read_generation(kernel.link.ask([nft.GENERATION])[0] or b"")
            if number != before and len(kernel.members(TABLE, SET)) >= count:
                return [took]
            before = number
            time.sleep(LOOK_S)
    raise SystemExit(f"the kernel does not hold {count:,} after {PATIENCE_S:.0f} s")


@contextmanager
def _serving(command: Sequence[str]) -> Iterator[None]:
    with start(command) as server:
        try:
            yield
        finally:
            server.terminate()


def _await(events: Events, key: bytes | None) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while key not in _new(events, deadline):
        pass


def _new(events: Events, deadline: float) -> list[bytes]:
    """Wait for news, and return who came into a set."""
    return [it.key for body in _told(events, deadline) for it in nft.read_elements(body)]


def _told(events: Events, deadline: float) -> list[bytes]:
    """Wait for news, and return those of members of a set, not yet understood."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise SystemExit("the kernel never heard of it")
    select.select([events], [], [], left)
    return [news.body[4:] for news in events.read() if news.type == NEW]


def main() -> None:
    """Measure, and print it."""
    verb, *words = sys.argv[1:]
    if verb == "reach":
        print(json.dumps(reach(Path(words[0]), int(words[1]), words[2:])))
    else:
        print(json.dumps(fill(int(words[0]), words[1:])))


if __name__ == "__main__":
    main()
