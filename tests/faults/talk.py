"""More abuse of the control socket: much from many, values that make no sense, and its name in the file system."""

from __future__ import annotations

import json
import pickle
import random
import socket
import threading
import time
from contextlib import ExitStack, suppress

from f2b.control.requests import REQUESTS
from tests.faults.case import fault
from tests.faults.control import END, connected
from tests.faults.patient import Patient, numbered


@fault()
def half_requests_of_many(patient: Patient) -> None:
    """250 clients send 3.5 MB each of requests that never end; memory stays bounded."""
    patient.begin()
    piece = b"x" * 500_000
    with ExitStack() as stack:
        for number in range(250):
            one = connected(patient, stack)
            one.settimeout(2.0)
            with suppress(OSError):
                one.sendall(b'{"request": "' if number % 2 else b"\x80\x04")
                for _ in range(7):
                    one.sendall(piece)
        assert patient.memory_mb() < 200, f"{patient.memory_mb()} MB"
        patient.goes_on()


@fault()
def long_answers_that_nobody_reads(patient: Patient) -> None:
    """3,000 are banned, and 250 clients ask for all of them, many times, and never read; memory stays bounded."""
    patient.begin()
    for who in numbered(3000, "10.77"):
        patient.attack(who)
    patient.wait(lambda: len(patient.banned()) == 3001, "not all are banned")
    ask = b'{"request": "banned"}\n' if patient.kind == "f2b" else pickle.dumps(["banned"], 2) + END
    with ExitStack() as stack:
        for _ in range(250):
            one = connected(patient, stack)
            one.settimeout(2.0)
            with suppress(OSError):
                one.sendall(ask * 20)
        patient.attack("192.0.2.99")
        patient.wait(
            lambda: "192.0.2.99" in patient.banned(), "192.0.2.99 is never banned"
        )  # actions are not done yet
        assert patient.memory_mb() < 250, f"{patient.memory_mb()} MB"


@fault()
def values_that_make_no_sense(patient: Patient) -> None:
    """Numbers beyond all bounds, texts for numbers, lists for texts, in every command there is."""
    patient.begin()
    values: list[object] = [
        -1, 0, 1 << 70, "1e999", "nan", "-inf", "", " ", "\n", "\0", "\udc80", "x" * 100_000, "/dev/zero", "/", "..",
        "<HOST>", "(" * 5000, "(a+)+$", [], [[]], None, True, 1.5, "0x10", "1" * 5000,
    ]  # fmt: skip
    attributes = (
        "bantime", "findtime", "maxretry", "maxmatches", "maxlines", "usedns", "datepattern", "ignoreself",
        "ignorecommand", "ignorecache", "addignoreip", "delignoreip", "addlogpath", "dellogpath", "logencoding",
        "addjournalmatch", "deljournalmatch", "addfailregex", "delfailregex", "addignoreregex", "delignoreregex",
        "banip", "unbanip", "attempt", "prefregex", "bantime.increment", "bantime.formula", "bantime.rndtime",
        "action", "addaction", "delaction", "idle",
    )  # fmt: skip
    commands: list[list[object]] = [["set", "app", name, value] for name in attributes for value in values]
    own = ("loglevel", "dbpurgeage", "dbmaxmatches", "thread")
    commands += [["set", name, value] for name in own for value in values]
    places: tuple[object, ...] = ("/", "\0", [])
    commands += [["set", name, place] for name in ("logtarget", "dbfile", "syslogsocket") for place in places]
    commands += [["get", "app", value] for value in values] + [["get", value] for value in values]
    commands += [[value, value] for value in values] + [["status", value] for value in values]
    with ExitStack() as stack:
        for command in commands:
            one = connected(patient, stack)
            with suppress(OSError, UnicodeError):
                one.sendall(pickle.dumps(command, 2) + END)
                one.recv(1000)
            one.close()
        assert patient.alive, "it died"
    patient.again()
    patient.acts.unlink()
    patient.goes_on()


@fault(ours="these requests are f2b's")
def requests_that_make_no_sense(patient: Patient) -> None:
    """Our own requests with fields of every wrong type."""
    patient.begin()
    odd: list[object] = [
        None,
        -1,
        1 << 80,
        1e308,
        [],
        {},
        [[[]]],
        {"a": {}},
        "x" * 100_000,
        "\0\n",
        True,
        "\ud800",
        "../../etc",
        [1, "a"],
    ]
    text = "jail jails id ids ip ips address for until after cursor follow time name names line entries entry since"
    names = (*text.split(), "reason", "confirm", "seconds", "path")
    with ExitStack() as stack:
        one = connected(patient, stack)
        for name in REQUESTS:
            if name in ("stop", "events", "shutdown"):
                continue
            for value in odd:
                asked = json.dumps({"request": name} | dict.fromkeys(names, value)) + "\n"
                with suppress(OSError):
                    one.sendall(asked.encode())
                    if not one.recv(1 << 20):
                        one = connected(patient, stack)
    patient.goes_on()
    assert "by our own mistake" not in patient.said(), patient.said().partition("by our own mistake")[2][:300]


@fault()
def line_breaks_in_commands(patient: Patient) -> None:
    """Values with line breaks do not forge lines of its log."""
    patient.begin()
    forged = "x\n2026-01-01 00:00:00,000 fail2ban.actions [1]: NOTICE  [app] Ban 192.0.2.66"
    with ExitStack() as stack:
        for words in (["set", "app", "banip", forged], [forged], ["status", forged], ["set", forged, "bantime", "1"]):
            one = connected(patient, stack)
            one.sendall(pickle.dumps(words, 2) + END)
            with suppress(OSError):
                one.recv(1000)
    patient.goes_on()
    assert not any(line.startswith("2026-01-01") for line in patient.said().splitlines()), "its log can be forged"


@fault()
def ends_half_closed(patient: Patient) -> None:
    """Clients say that they will send no more (shutdown) before, in the middle of, and after a request."""
    patient.begin()
    whole = pickle.dumps(["ping"], 2) + END
    with ExitStack() as stack:
        for data in (b"", whole[:5], whole[:-1]):
            one = connected(patient, stack)
            one.sendall(data)
            one.shutdown(socket.SHUT_WR)
        one = connected(patient, stack)
        one.sendall(whole)
        one.shutdown(socket.SHUT_WR)
        assert b"pong" in one.recv(1000), "no answer for who sends no more"
        patient.goes_on()


@fault()
def descriptors_and_credentials_sent(patient: Patient) -> None:
    """Clients send open files along with their bytes, hundreds of times; none stays open in the server."""
    patient.begin()
    held = patient.descriptors()
    with ExitStack() as stack:
        for _ in range(50):
            one = connected(patient, stack)
            with open("/dev/null", "rb") as file, suppress(OSError):
                for _ in range(20):
                    socket.send_fds(one, [b"\x80"], [file.fileno()] * 50)
        patient.goes_on()
    patient.wait(lambda: patient.descriptors() <= held + 5, "descriptors stay open")


@fault()
def connections_in_a_storm(patient: Patient) -> None:
    """Six threads connect and hang up as fast as they can for five seconds, while an attacker comes."""
    patient.begin()
    over = threading.Event()

    def storm() -> None:
        while not over.is_set():
            with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
                one.settimeout(5.0)
                one.connect(str(patient.socket))

    crowd = [threading.Thread(target=storm) for _ in range(6)]
    for each in crowd:
        each.start()
    try:
        time.sleep(1.0)
        patient.bans("192.0.2.2")
        time.sleep(3.0)
    finally:
        over.set()
        for each in crowd:
            each.join()
    patient.goes_on()


@fault(ours="nobody can follow its events")
def followers_that_do_not_read(patient: Patient) -> None:
    """A hundred clients follow events and never read, while 2,000 are banned; memory stays bounded."""
    patient.begin()
    with ExitStack() as stack:
        for _ in range(100):
            one = connected(patient, stack)
            one.sendall(b'{"request": "events", "follow": true}\n')
        for who in numbered(2000, "10.78"):
            patient.attack(who)
        patient.wait(lambda: len(patient.banned()) == 2001, "not all are banned")
        assert patient.memory_mb() < 150, f"{patient.memory_mb()} MB"


@fault()
def socket_replaced_by_a_file(patient: Patient) -> None:
    """A file takes the socket's name for a while: when it goes, the socket comes back."""
    patient.begin()
    patient.socket.unlink()
    patient.socket.write_text("mine")
    time.sleep(4.0)
    patient.bans("192.0.2.2")
    patient.socket.unlink()
    patient.goes_on()


@fault(quick=True)
def socket_left_behind(patient: Patient) -> None:
    """At the start a dead server's socket and pid file are there, the latter with a living process's id."""
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(patient.socket))
    (patient.folder / "pid").write_text("1\n")
    patient.begin()
    patient.goes_on()


@fault()
def garbage_at_random(patient: Patient) -> None:
    """Real requests with random bytes changed, put in and left out, 3,000 of them."""
    patient.begin()
    dice = random.Random(13)
    seeds = [pickle.dumps(words, 2) for words in (["status"], ["get", "app", "bantime"], ["banned"], ["ping"])]
    seeds += [b'{"request": "status"}', b'{"words": ["status", "app"]}']
    for _ in range(3000):
        data = bytearray(dice.choice(seeds))
        for _ in range(dice.randint(1, 4)):
            at = dice.randrange(len(data))
            data[at : at + dice.randint(0, 2)] = dice.randbytes(dice.randint(0, 3))
        with socket.socket(socket.AF_UNIX) as one, suppress(OSError):
            one.settimeout(5.0)
            one.connect(str(patient.socket))
            one.sendall(bytes(data) + (END if data[:1] != b"{" else b"\n"))
    patient.goes_on()
