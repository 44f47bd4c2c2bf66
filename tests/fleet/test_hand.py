"""What is ordered of the server, and no more than agreed: a server that only writes down what it is asked."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Any

from f2b.fleet.book import Book
from f2b.fleet.entry import BAN, UNBAN, Entry
from f2b.fleet.hand import Hand
from f2b.fleet.link import Link


class Scribe:
    """Answers as the server does, and keeps the orders."""

    def __init__(self) -> None:
        self.orders: list[dict[str, Any]] = []
        self.left = asyncio.Event()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            orders = json.loads(line)["orders"]
            self.orders += orders
            results = ["" if "lifted" in order else "banned" for order in orders]
            writer.write(json.dumps({"ok": True, "result": {"results": results}}).encode() + b"\n")
        writer.close()
        await writer.wait_closed()
        self.left.set()


def entry(number: int, kind: str = BAN, origin: str = "web1") -> Entry:
    now = time.time()
    return Entry(kind, "sshd", f"198.18.0.{number}", now, now + 600, origin, 5, origin, now, f"n{number}")


def ordered(tmp_path: Path, entries: list[Entry], maxbans: int, wanted: int) -> tuple[list[str], list[str]]:
    """Return who is in the first orders, in their order, and what was complained of."""
    complaints: list[str] = []

    async def main() -> list[str]:
        scribe, path = Scribe(), str(tmp_path / "sock")
        server = await asyncio.start_unix_server(scribe.answer, path)
        book, link = Book("here"), Link(path)
        hand = Hand(link, book, "here", maxbans, lambda kind, what: complaints.append(kind))
        keys = []
        for each in entries:
            keys.append((each.jail, each.id))
            book.put(keys[-1], each)
        hand.want(keys, news=True)
        task = asyncio.ensure_future(hand.run())
        deadline = time.monotonic() + 60
        while (len(scribe.orders) < wanted or not (complaints or maxbans > 50)) and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        link.close()
        await scribe.left.wait()
        server.close()
        return [order["id"] for order in scribe.orders]

    return asyncio.run(main()), complaints


def test_orders_when_many_are_due_then_all_are_given(tmp_path: Path) -> None:
    assert len(ordered(tmp_path, [entry(number) for number in range(50)], 100, 50)[0]) == 50


def test_orders_when_more_than_maxbans_then_the_rest_waits_but_not_unbans_nor_own_bans(tmp_path: Path) -> None:
    crowd = [entry(number) for number in range(10)]
    free = [entry(100, UNBAN), entry(101, origin="here")]
    ids, complaints = ordered(tmp_path, [*crowd, *free], 3, 5)
    assert ids == ["198.18.0.0", "198.18.0.1", "198.18.0.2", "198.18.0.100", "198.18.0.101"]
    assert set(complaints) == {"maxbans"}
