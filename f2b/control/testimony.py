"""What jails say of an id, as JSON can say it: the answer to `f2b explain IP`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from f2b.ban.counter import Tally
from f2b.daemon.account import Account, Next, rule
from f2b.daemon.desk import JailView
from f2b.events import Ban
from f2b.trace import Step

Entry = dict[str, object]


def entry(account: Account, view: JailView, kernel: Sequence[Mapping[str, object]]) -> Entry:
    """Return what a jail says; `view` is the jail itself, `kernel` what the kernel holds of the ban."""
    spec = view.spec
    return {
        "jail": view.name,
        "state": view.state,
        "reason": view.reason,
        "filter": spec.filter.name,
        "files": list(view.files),
        "journalmatch": list(view.journalmatch),
        "maxretry": spec.maxretry,
        "findtime": spec.findtime,
        "bantime": spec.bantime,
        "counting": spec.counting,
        "usedns": spec.filter.usedns,
        "failed_total": view.failed_total,
        "counted_as": account.counted,
        "spared": account.spared or None,
        "protected": account.protected or None,
        "steps": [_step(step) for step in account.steps],
        "kept": spec.explainlines,
        "kept_since": account.since,
        "count": None if account.tally is None else _tally(account.tally, account.worth),
        "ban": None if account.ban is None else _ban(account.ban, account),
        "kernel": list(kernel),
        "next": None if account.next is None else _next(account.next),
    }


def _step(step: Step) -> Entry:
    return {
        "read": step.read,
        "time": step.time,
        "id": step.id,
        "lines": list(step.lines),
        "attempts": step.attempts,
        "what": step.what,
        "why": step.why,
        "count": step.tally,
    }


def _tally(tally: Tally, worth: int) -> Entry:
    return {
        "retry": tally.retry,
        "failures": tally.failures,
        "first": tally.first,
        "last": tally.last,
        "worth": worth,
    }


def shown(ban: Ban) -> Entry:
    """Return a ban as every answer tells it."""
    return {
        "id": ban.id,
        "time": ban.time,
        "duration": ban.duration,
        "end": None if ban.duration < 0 else ban.end,
        "failures": ban.failures,
        "count": ban.count,
        "restored": ban.restored,
    }


def _ban(ban: Ban, account: Account) -> Entry:
    spec = account.jail.spec
    return {
        **shown(ban),
        "listed": ban.listed,
        "by_hand": ban.own_time and not ban.listed and not ban.failures,
        "base": spec.bantime,
        "grown": ban.grown,
        "growth": rule(spec.increment),
        "matches": list(ban.matches),
    }


def _next(ahead: Next) -> Entry:
    ban = ahead.ban
    return {
        "more": ahead.more,
        "before": ahead.before,
        "duration": ban.duration,
        "grown": ban.grown,
        "count": ban.count,
    }
