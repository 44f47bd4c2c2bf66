"""Effects in the words of the server's log: Fail2Ban's words, since recidive and people's scripts read them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import islice
from typing import Any

from f2b.ban.growth import DOUBLINGS
from f2b.duration import spelt
from f2b.events import (
    AlreadyBanned,
    Ban,
    Broke,
    Collateral,
    Effect,
    Expired,
    Forgiven,
    Found,
    Held,
    Ignored,
    Increased,
    Known,
    Prolonged,
    RanAway,
    Spared,
    Surged,
    Unban,
    Warned,
)
from f2b.log import Log

MOST = 500
"""So many lines at once: of a hundred thousand bans restored, none shall wait in memory for the others."""
SHOWN = 500
"""So much of a lost line is told, in characters."""

_LATEST = 253_402_214_400.0
"""The last day of the year 9999; Fail2Ban shows nothing later."""


def announce(log: Log, effects: Iterable[Effect]) -> None:
    """Write down what happened, in its order; some effects say nothing. What comes in storms is written at once."""
    waiting: list[str] = []
    same = "", ""
    for effect in effects:
        kind = type(effect)
        line = _LINES.get(kind)
        tell = _TELLERS.get(kind)
        if waiting and ((line and line[:2] != same) or tell or len(waiting) >= MOST):
            log.tell_all(*same, waiting)
            waiting = []
        if line:
            same = line[:2]
            waiting.append(line[2](effect))
        elif tell:
            tell(log, effect)
    if waiting:
        log.tell_all(*same, waiting)


def announce_restored(log: Log, jail: str, ids: Iterable[str]) -> None:
    """Write down whose bans an earlier server left: what `announce` says of them, without the bans themselves."""
    lines = (_banned(jail, who, restored=True) for who in ids)
    while part := list(islice(lines, MOST)):
        log.tell_all(*_LINES[Ban][:2], part)


def _found(effect: Found) -> str:
    verb = "Attempt" if effect.by_hand else "Found"
    return f"[{effect.jail}] {verb} {effect.seen or effect.id} - {_stamp(effect.time)}"


def _forgiven(log: Log, effect: Forgiven) -> None:
    user = f" as {effect.user}" if effect.user else ""
    log.info("filter", f"[{effect.jail}] Forgive {effect.seen}{user}: {effect.failures} no longer count")


def _known(log: Log, effect: Known) -> None:
    exact = 2 ** (min(effect.bans, DOUBLINGS) - 1) + 1  # Fail2Ban computes it as a float, and its cap as none
    worth = effect.worth if effect.worth < exact else float(effect.worth)
    ban = ", Ban" if effect.worth >= effect.maxretry else ""
    who = f"{effect.id}, bad - {_stamp(effect.time)}, {effect.bans} # -> {worth}{ban}"
    log.info("observer", f"[{effect.jail}] Found {who}")


def _ignored(log: Log, effect: Ignored) -> None:
    log.info("filter", f"[{effect.jail}] Ignore {effect.id} by {effect.by}")


def _spared(log: Log, effect: Spared) -> None:
    log.warning("actions", f"[{effect.jail}] {effect.id} fails, but is not banned: {effect.why}")


def _collateral(log: Log, effect: Collateral) -> None:
    whom = ", ".join(effect.whom)
    if effect.refused:
        log.warning("actions", f"[{effect.jail}] {effect.id} fails, but is not banned: it would hit {whom}")
    else:
        log.warning("actions", f"[{effect.jail}] The ban of {effect.id} hits {whom}, too")


def _surged(log: Log, effect: Surged) -> None:
    held = "held back until it is calmer" if effect.held else "not held back: holdbans = no"
    what = f"more than {effect.maxbans} new bans within a minute, {effect.id} is one too many; they are {held}"
    log.error("actions", f"[{effect.jail}] {what}. Look at its log and filter, or raise maxbans")


def _held(log: Log, effect: Held) -> None:
    spared = f"; {effect.spared} of the list are spared by ignoreip" if effect.spared else ""
    came, gone = len(effect.came), len(effect.gone)
    log.notice(
        "actions", f"[{effect.jail}] banlist: {effect.total} kept out, {came} of them new, {gone} let go{spared}"
    )


def _ban(effect: Ban) -> str:
    return _banned(effect.jail, effect.id, effect.restored)


def _banned(jail: str, who: str, restored: bool) -> str:
    return f"[{jail}] {'Restore Ban' if restored else 'Ban'} {who}"


def _increased(log: Log, effect: Increased) -> None:
    ban = effect.ban
    if effect.fault:
        log.error(
            "observer", f"[{ban.jail}] bantime.formula or bantime.factor: {effect.fault}; this ban does not grow"
        )
    grown = f"incr {spelt(effect.base)} to {spelt(ban.duration)}"
    log.info("observer", f"[{ban.jail}] IP {ban.id} is bad: {effect.bans} # last {_stamp(effect.last)} - {grown}")
    if ban.duration != effect.base:
        end = "infinite" if ban.duration < 0 else _stamp(ban.end)
        log.notice("observer", f"[{ban.jail}] Increase Ban {ban.id} ({ban.count} # {spelt(ban.duration)} -> {end})")


def _unban(effect: Unban) -> str:
    return f"[{effect.ban.jail}] Unban {effect.ban.id}"


def _again(log: Log, effect: Prolonged | AlreadyBanned) -> None:
    """A banned id offends: the later it does, the more it looks as if the ban did not bite."""
    if effect.after is None:
        return
    level = "DEBUG" if effect.after < 3 else "NOTICE" if effect.after < 60 else "WARNING"
    log.tell("actions", level, f"[{effect.ban.jail}] {effect.ban.id} already banned")


def _expired(log: Log, effect: Expired) -> None:
    log.info("actions", f"[{effect.jail}] Ignore {effect.id}, expired bantime")


def _warned(log: Log, effect: Warned) -> None:
    for text in effect.texts:
        log.warning("filter", f"[{effect.jail}] {text}")


def _broke(log: Log, effect: Broke) -> None:
    log.error("filter", f"[{effect.jail}] Failed to process line: {effect.line!r}, caught exception: {effect.error}")


def _ran_away(log: Log, effect: RanAway) -> None:
    cut = effect.line[:SHOWN] + ("..." if len(effect.line) > SHOWN else "")
    log.warning("filter", f"[{effect.jail}] Lost a line, for {effect.what} ran away on it: {cut!r}")
    if effect.rests:
        why = f"{effect.what} runs away again and again, so it is set aside for a minute; the others go on"
        cure = "rewrite it, it repeats what is repeated already, like (a+)+"
        log.error("filter", f"[{effect.jail}] {why}; {cure}")


def _stamp(seconds: float) -> str:
    if seconds >= _LATEST:
        return "9999-12-31 23:59:59"
    return _second(int(seconds // 1))


@lru_cache(maxsize=16)
def _second(seconds: int) -> str:
    """Return a second in words: in a storm many failures are of the same."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(seconds))


# Any: each function takes the one effect it stands beside, which a dictionary's type cannot say.
_LINES: dict[type[Effect], tuple[str, str, Callable[[Any], str]]] = {
    Found: ("filter", "INFO", _found),
    Ban: ("actions", "NOTICE", _ban),
    Unban: ("actions", "NOTICE", _unban),
}
"""What each of these says: who speaks, the level, the text."""
_TELLERS: dict[type[Effect], Callable[[Log, Any], None]] = {
    Forgiven: _forgiven,
    Known: _known,
    Increased: _increased,
    Ignored: _ignored,
    Spared: _spared,
    Collateral: _collateral,
    Surged: _surged,
    Held: _held,
    Prolonged: _again,
    AlreadyBanned: _again,
    Expired: _expired,
    Warned: _warned,
    Broke: _broke,
    RanAway: _ran_away,
}
