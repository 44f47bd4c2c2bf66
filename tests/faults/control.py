"""Abuse of the control socket."""

from __future__ import annotations

import json
import pickle
import random
import socket
import threading
import time
from contextlib import ExitStack, suppress

from tests.faults.case import fault
from tests.faults.patient import Patient

END = b"<F2B_END_COMMAND>"


def connected(patient: Patient, stack: ExitStack) -> socket.socket:
    one = stack.enter_context(socket.socket(socket.AF_UNIX))
    one.settimeout(20.0)
    one.connect(str(patient.socket))
    return one


def _sent(patient: Patient, *what: bytes) -> None:
    """Send each on a connection of its own, and leave it open until the server has gone on."""
    patient.begin()
    with ExitStack() as stack:
        for data in what:
            one = connected(patient, stack)
            with suppress(OSError):  # it may hang up halfway
                one.sendall(data)
        patient.goes_on()


@fault(quick=True)
def garbage(patient: Patient) -> None:
    """Random bytes, with and without ends of messages."""
    dice = random.Random(5)
    noise = [dice.randbytes(2000) + end for end in (b"", b"\n", END, b"\n" + END) for _ in range(10)]
    _sent(patient, *noise, b"\0" * 100_000, b"\n" * 10_000, b"{" * 10_000, END * 50)


@fault(quick=True)
def half_messages(patient: Patient) -> None:
    """Beginnings of messages whose rest never comes."""
    whole = pickle.dumps(["status"]) + END
    _sent(patient, *(whole[:length] for length in range(1, len(whole))), b'{"cmd"', b'{"request": "status"')


@fault(quick=True)
def pickles_that_run_code(patient: Patient) -> None:
    """Pickles that would run a command as root: nothing runs."""
    mark = patient.folder / "pwned"
    bombs = [
        b"cos\nsystem\n(S'touch " + str(mark).encode() + b"'\ntR." + END,
        b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c"
        + bytes([6 + len(str(mark))])
        + f"touch {mark}".encode()
        + b"\x85R."
        + END,
        b"cbuiltins\nexec\n(S'open(\"" + str(mark).encode() + b'","w")\'\ntR.' + END,
    ]
    _sent(patient, *bombs)
    assert not mark.exists(), "a command was run"


@fault()
def pickles_that_grow(patient: Patient) -> None:
    """Pickles that would take all memory, or recurse without an end."""
    laughs = (
        b"(S'"
        + b"x" * 1000
        + b"'\np0\n"
        + b"".join(b"(" + b"g%d\n" % at * 10 + b"tp%d\n" % (at + 1) for at in range(30))
        + b"."
    )
    deep = b"(" * 500_000 + b"t" * 500_000 + b"."
    size = b"\x80\x04\x8e" + (1 << 40).to_bytes(8, "little") + b"."
    _sent(patient, laughs + END, deep + END, size + END, b"\x80\x04" + b"]" * 200_000 + b"." + END)
    assert patient.memory_mb() < 300, f"{patient.memory_mb()} MB"


@fault()
def deep_json(patient: Patient) -> None:
    """JSON nested 100,000 deep, numbers of a million digits, keys without an end."""
    _sent(
        patient,
        b"[" * 100_000 + b"]" * 100_000 + b"\n",
        b'{"request": ' + b"9" * 1_000_000 + b"}\n",
        b'{"a":' * 99_999 + b"\n",
    )


@fault()
def huge_request(patient: Patient) -> None:
    """100 MB without an end of the message; memory stays bounded."""
    patient.begin()
    with ExitStack() as stack:
        for first in (b"", b"{", b"\x80\x04"):
            one = connected(patient, stack)
            with suppress(OSError):
                one.sendall(first)
                for _ in range(100):
                    one.sendall(b"x" * 1_000_000)
        assert patient.memory_mb() < 200, f"{patient.memory_mb()} MB"
        patient.goes_on()


@fault(quick=True)
def thousands_of_idle_clients(patient: Patient) -> None:
    """3,000 connections are opened, and nothing is ever said on them."""
    patient.begin()
    with ExitStack() as stack:
        for _ in range(3000):
            one = stack.enter_context(socket.socket(socket.AF_UNIX))
            one.settimeout(5.0)
            with suppress(OSError):
                one.connect(str(patient.socket))
        patient.goes_on()


@fault()
def clients_that_do_not_read(patient: Patient) -> None:
    """Fifty clients ask and ask and never read an answer."""
    patient.begin()
    ask = (pickle.dumps(["status"], 2) + END) * 200
    with ExitStack() as stack:
        for _ in range(50):
            one = connected(patient, stack)
            one.settimeout(0.2)
            with suppress(OSError):
                for _ in range(100):
                    one.sendall(ask)
        patient.goes_on()
    assert patient.memory_mb() < 200, f"{patient.memory_mb()} MB"


@fault()
def clients_that_read_slowly(patient: Patient) -> None:
    """A client reads its long answer byte by byte; the others are answered at once."""
    patient.begin()
    for number in range(300):
        patient.attack(f"198.51.100.{number % 250 + 1}")
    with ExitStack() as stack:
        one = connected(patient, stack)
        one.sendall((pickle.dumps(["status", "app"], 2) + END) * 50)
        for _ in range(50):
            one.recv(1)
            assert patient.answers(), "others get no answer"
        patient.goes_on()


@fault()
def hang_ups(patient: Patient) -> None:
    """Two thousand clients ask and hang up before the answer."""
    patient.begin()
    for _ in range(2000):
        with socket.socket(socket.AF_UNIX) as one:
            one.settimeout(20.0)
            with suppress(OSError):
                one.connect(str(patient.socket))
                one.sendall(pickle.dumps(["status", "app"], 2) + END)
    patient.goes_on()


@fault()
def byte_by_byte(patient: Patient) -> None:
    """A request comes byte by byte, while other clients are answered."""
    patient.begin()
    with ExitStack() as stack:
        one = connected(patient, stack)
        for byte in pickle.dumps(["ping"], 2) + END:
            one.send(bytes((byte,)))
            time.sleep(0.01)
        assert b"pong" in one.recv(1000)
        patient.goes_on()


@fault(alone=True)
def flood_of_requests(patient: Patient) -> None:
    """Eight clients ask as fast as they can, for five seconds, while an attacker comes."""
    patient.begin()
    over = threading.Event()

    def flood() -> None:
        with ExitStack() as stack, suppress(OSError):
            one = connected(patient, stack)
            while not over.is_set():
                one.sendall(pickle.dumps(["status", "app"], 2) + END)
                one.recv(65536)

    crowd = [threading.Thread(target=flood) for _ in range(8)]
    for each in crowd:
        each.start()
    try:
        time.sleep(1.0)
        patient.bans("192.0.2.2")
        time.sleep(3.0)
        patient.goes_on()
    finally:
        over.set()
        for each in crowd:
            each.join()


@fault()
def socket_removed(patient: Patient) -> None:
    """Somebody removes the socket: it comes back, or a reload brings it."""
    patient.begin()
    patient.socket.unlink()
    patient.goes_on()


@fault()
def a_second_server(patient: Patient) -> None:
    """A second server is started on the same configuration: it refuses, and the first goes on."""
    patient.begin()
    first = patient.process
    patient.start(wait=False)
    second, patient.process = patient.process, first
    assert second
    assert first
    try:
        second.wait(timeout=60)
    finally:
        second.kill()
    patient.goes_on()


@fault(ours="its socket is made to set commands")
def no_command_from_the_socket(patient: Patient) -> None:
    """Nobody can set a command, a Python file or a path to be run by the server, over the socket."""
    patient.begin()
    mark = patient.folder / "pwned"
    run = f"touch {mark}"
    for words in (
        ["set", "app", "action", "note", "actionban", run],
        ["set", "app", "action", "note", "actionunban", run],
        ["set", "app", "addaction", "evil"],
        ["set", "app", "addaction", "evil", str(patient.write("evil.py", "import os"))],
        ["set", "app", "ignorecommand", run],
        ["set", "app", "bantime", f"__import__('os').system('{run}')"],
        ["set", "app", "maxretry", f"__import__('os').system('{run}')"],
        ["multi-set", "app", "action", "note", json.dumps([["actionban", run]])],
    ):
        patient.ask(*words)
    patient.goes_on()
    time.sleep(0.5)
    assert not mark.exists(), "a command was run"
