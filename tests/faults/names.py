"""A server of names on port 53 that does not do its work; run as a program: names.py dead|slow|garbage|lies."""

from __future__ import annotations

import os
import socket
import struct
import sys
import threading
import time

LIES = [b"\x7f\0\0\1", b"\0\0\0\0", *(bytes((203, 0, 113, number)) for number in range(1, 199))]


def answered(query: bytes) -> bytes:
    """Return many addresses for a question."""
    end = query.index(b"\0", 12) + 5
    question = query[12:end]
    if question[-4:-2] != b"\0\1":  # not of IPv4
        return query[:2] + b"\x81\x80\0\1\0\0\0\0\0\0" + question
    records = b"".join(b"\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4" + address for address in LIES)
    return query[:2] + b"\x81\x80\0\1" + struct.pack(">H", len(LIES)) + b"\0\0\0\0" + question + records


def main() -> None:
    """Serve until the namespace goes, or two minutes have passed."""
    how = sys.argv[1]
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", 53))
    server.settimeout(120)
    while True:
        query, client = server.recvfrom(4096)
        if how == "garbage":
            server.sendto(query[:2] + os.urandom(200), client)
        elif how == "slow":
            threading.Thread(target=_late, args=(server, query, client)).start()
        elif how == "lies":
            server.sendto(answered(query), client)


def _late(server: socket.socket, query: bytes, client: tuple[str, int]) -> None:
    time.sleep(1.5)
    server.sendto(query[:2] + b"\x81\x83" + query[4:], client)


if __name__ == "__main__":
    main()
