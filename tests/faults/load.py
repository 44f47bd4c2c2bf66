"""Too much of everything, and filters that run away."""

from __future__ import annotations

import time

from tests.faults.case import fault
from tests.faults.patient import NFT, Patient, numbered


@fault(quick=True)
def regex_that_runs_away(patient: Patient) -> None:
    """A jail's regex backtracks without an end over a line; another jail, and the same one, go on banning."""
    patient.write("filter.d/bad.conf", "[Definition]\nfailregex = ^ app: (?:a+)+b from <HOST>$\n")
    bad = patient.jail("bad", filter="bad")
    bad.touch()
    patient.begin()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with bad.open("a") as out:
        for _ in range(10):
            out.write(f"{stamp} app: {'a' * 60} from 192.0.2.7\n")
    patient.bans("192.0.2.2")
    patient.goes_on()


@fault()
def regex_that_runs_away_beside_the_victim(patient: Patient) -> None:
    """The same regex and one that is sound read the same log, the long line before each failure."""
    patient.write("filter.d/bad.conf", "[Definition]\nfailregex = ^ app: (?:\\S+\\s*)+! from <HOST>$\n")
    patient.jail("bad", filter="bad", logpath=patient.log)
    patient.begin()
    for who in numbered(5):
        with patient.log.open("a") as out:
            out.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} app: {'word ' * 40}\n")
        patient.attack(who)
    patient.wait(lambda: set(numbered(5)) <= set(patient.banned()), "somebody is never banned")
    patient.goes_on()


@fault(ours="it runs a program for each of 100,000 bans, which takes hours", alone=True)
def a_hundred_thousand_attackers(patient: Patient) -> None:
    """100,000 hosts fail three times, at once, with a native action; all are banned, in kernel and ledger."""
    patient.jail(action=NFT)
    patient.log.touch()
    patient.start()
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    count = 100_000
    who = [f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}" for number in range(count)]
    with patient.log.open("a") as out:
        for _ in range(3):
            out.writelines(f"{stamp} app: failure of root from {each}\n" for each in who)
    slowest = 0.0
    deadline = time.monotonic() + 300
    while patient.held_count() < count and time.monotonic() < deadline:
        began = time.monotonic()
        assert patient.answers(), "no answer"
        slowest = max(slowest, time.monotonic() - began)
        time.sleep(1.0)
    assert patient.held_count() == count, f"{patient.held_count()} are held"
    assert slowest < 3, f"an answer took {slowest:.1f} s"
    assert patient.memory_mb() < 400, f"{patient.memory_mb()} MB"


@fault(alone=True)
def backlog_of_a_day(patient: Patient) -> None:
    """A log of 300 MB from yesterday is there at the start; an attacker of today is banned within half a minute."""
    old = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 86400))
    dull = f"{old} app: session of user opened by nobody at all, for no reason, with text to fill the line\n" * 10_000
    with patient.log.open("w") as out:
        for _ in range(300_000_000 // len(dull)):
            out.write(dull)
    patient.jail()
    patient.start()
    began = time.monotonic()
    patient.bans("192.0.2.2")
    assert time.monotonic() - began < 30, f"it took {time.monotonic() - began:.0f} s"
    patient.goes_on()


@fault(alone=True)
def newest_lines_behind_a_backlog(patient: Patient) -> None:
    """A log of today, 150 MB with failures in it, is being read; an attacker in another jail's log does not wait."""
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    other = patient.jail("other")
    patient.jail()
    patient.log.touch()
    block = "".join(f"{stamp} app: failure of u{number} from 10.0.0.{number % 200}\n" for number in range(20_000))
    with other.open("w") as out:
        for _ in range(150_000_000 // len(block)):
            out.write(block)
    patient.start()
    began = time.monotonic()
    patient.bans("192.0.2.2")
    took = time.monotonic() - began
    assert took < 5, f"it took {took:.1f} s"
    began = time.monotonic()
    assert patient.answers()
    assert time.monotonic() - began < 1, f"an answer took {time.monotonic() - began:.1f} s"


@fault()
def lines_of_attackers(patient: Patient) -> None:
    """What an attacker may write: shell words, tags, format strings, quotes, a megabyte of user name."""
    patient.begin()
    mark = patient.folder / "pwned"
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    evil = (
        f"$(touch {mark})",
        f"`touch {mark}`",
        f"';touch {mark};'",
        "<ip>",
        "%(x)s",
        "%s%n",
        '"',
        "\\",
        "u" * 1_000_000,
    )
    with patient.log.open("a") as out:
        for text in evil:
            name = text.replace(" ", "${IFS}")
            out.write(f"{stamp} app: failure of {name} from 192.0.2.2\n")
    patient.sees("192.0.2.2")
    patient.goes_on()
    assert not mark.exists(), "a command was run"


@fault()
def times_that_cannot_be(patient: Patient) -> None:
    """Lines dated in the future, in the past, and on days that do not exist, between the failures."""
    patient.begin()
    with patient.log.open("a") as out:
        for stamp in (
            "2099-01-01 00:00:00",
            "1999-01-01 00:00:00",
            "2026-02-31 25:61:61",
            "0000-00-00 00:00:00",
            "9999-12-31 23:59:59",
        ):
            out.write(f"{stamp} app: failure of root from 192.0.2.9\n")
            out.write(patient.lines("192.0.2.2", 1))
    patient.sees("192.0.2.2")
    patient.goes_on()
