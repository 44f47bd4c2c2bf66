"""Our own requests, carried out on the server: what `f2b status`, `f2b ban` and scripts ask for.

Results are what JSON can say: times are epoch seconds, durations seconds (-1: for ever), `null` means never or none.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator, Mapping

from f2b import net
from f2b.ban.ledger import Ledger
from f2b.control import event, roll, testimony
from f2b.control.roll import Roll
from f2b.daemon.cause import Check
from f2b.daemon.desk import Desk, Finish, JailView, Later, Order, ServerView, Steps
from f2b.daemon.feed import KINDS, Feed
from f2b.errors import ControlError
from f2b.events import Ban

Fields = Mapping[str, object]
MOST = 1000
"""Events in an answer: as many as can be put into words in a few milliseconds."""
MANY = 100
"""So many are banned in one step: some 10 ms."""
LONGEST_WAIT_S = 60.0
"""How long an answer may wait for an event."""
WRONG_USAGE = 2
"""Exit code of a request that nobody could carry out."""


def answer(desk: Desk, name: str, fields: Fields) -> object:
    """Carry a request out and return its result. Raises ControlError."""
    request = REQUESTS.get(name)
    if request is None:
        raise ControlError(f"the server knows no request {name!r}; is it of the same version?", WRONG_USAGE)
    return request(desk, fields)


# ---- fields: what came over the socket may be anything ----------------------------------------------------


def _text(fields: Fields, name: str) -> str:
    value = fields.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise ControlError(f"{name} must be a text, not {value!r}", WRONG_USAGE)
    return value


def _flag(fields: Fields, name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise ControlError(f"{name} must be true or false, not {value!r}", WRONG_USAGE)
    return value


def _seconds(fields: Fields, name: str) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < float("inf"):
        raise ControlError(f"{name} must be a number of seconds, not {value!r}", WRONG_USAGE)
    return float(value)


def _ids(fields: Fields) -> list[str]:
    value = fields.get("ids", [])
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise ControlError("ids must be a list of texts", WRONG_USAGE)
    return [net.network(item) or item for item in value]


def _addresses(fields: Fields) -> list[str]:
    ids = _ids(fields)
    strange = [item for item in ids if not net.family(item)]
    if strange:
        cure = "give addresses, or networks such as 192.0.2.0/24"
        raise ControlError(f"{', '.join(map(repr, strange))} is no address; {cure}", WRONG_USAGE)
    return ids


# ---- what there is ----------------------------------------------------------------------------------------


def _ping(desk: Desk, fields: Fields) -> object:
    view = desk.view()
    return {"version": view.version, "pid": view.pid, "enforcing": view.enforcing, "reason": view.reason}


def _status(desk: Desk, fields: Fields) -> object:
    return _overview(desk.view(), _jail)


def _summary(desk: Desk, fields: Fields) -> object:
    """The same without the bans, which may be many."""
    return _overview(desk.view(), _counts)


def _overview(view: ServerView, jail: Callable[[JailView], Mapping[str, object]]) -> Mapping[str, object]:
    return {
        "version": view.version,
        "pid": view.pid,
        "enforcing": view.enforcing,
        "reason": view.reason,
        "started": view.started,
        "jails": [jail(each) for each in view.jails],
        "problems": list(view.problems),
        "fleet": view.fleet,
    }


def _one_jail(desk: Desk, fields: Fields) -> object:
    return _jail(desk.jail(_text(fields, "jail")))


def _jail(jail: JailView) -> dict[str, object]:
    return {**_counts(jail), "bans": roll.bans([jail.bans])}


def _counts(jail: JailView) -> dict[str, object]:
    return {
        "name": jail.name,
        "state": jail.state,
        "reason": jail.reason,
        "backend": jail.backend,
        "failed": jail.failed,
        "failed_total": jail.failed_total,
        "banned": len(jail.bans),
        "banned_total": jail.banned_total,
        "lag": jail.lag,
        "maxretry": jail.spec.maxretry,
        "findtime": jail.spec.findtime,
        "files": list(jail.files),
        "journalmatch": list(jail.journalmatch),
    }


def _banned(desk: Desk, fields: Fields) -> object:
    """Every ban, or those of the wanted ids and of the networks that hold them."""
    ids, ledgers = _ids(fields), [jail.bans for jail in desk.view().jails]
    return {"bans": roll.bans(ledgers, [_among(ledger, ids) for ledger in ledgers] if ids else None)}


def _among(ledger: Ledger, ids: list[str]) -> list[str]:
    """Return who is banned of these, and the networks that hold them."""
    exact = set(ids)
    return [key for key in ledger.ids() if key in exact or ("/" in key and any(_holds(key, it) for it in ids))]


def _wanted(desk: Desk, ids: list[str]) -> list[Ban]:
    ledgers = [jail.bans for jail in desk.view().jails]
    return [ban for ledger in ledgers for key in _among(ledger, ids) if (ban := ledger.get(key))]


def _holds(held: str, wanted: str) -> bool:
    return "/" in held and net.network(held) is not None and wanted in net.NetSet([held])


def _verify(desk: Desk, fields: Fields) -> object:
    """Whether the kernel has every ban, or those of the wanted ids; of these it is looked at closely what they do."""
    ids = _ids(fields)
    if not ids:
        jails = desk.view().jails
        rows = (row for jail in jails for row in _checked(desk, jail))
        return {"checks": Roll(rows, sum(len(jail.bans) for jail in jails), rows=True), "not_banned": []}
    bans = _wanted(desk, ids)
    free = [key for key in ids if not any(ban.id == key or _holds(ban.id, key) for ban in bans)]
    return {"checks": [_check(check) for check in desk.verify(bans, True)], "not_banned": free}


def _checked(desk: Desk, jail: JailView) -> Iterator[str]:
    """Yield what the kernel says of a jail's bans, asked as it is read."""
    ids = list(jail.bans.ids())
    portion = desk.portion(jail.name) or max(1, len(ids))
    for at in range(0, len(ids), portion):
        bans = [ban for key in ids[at : at + portion] if (ban := jail.bans.get(key))]
        yield from (json.dumps(_check(check)) for check in desk.verify(bans, False))


def _check(check: Check) -> dict[str, object]:
    return {
        "id": check.ban.id,
        "jail": check.ban.jail,
        "action": check.action,
        "held": check.held,
        "left": check.left_s,
        "end": None if check.ban.duration < 0 else check.ban.end,
        "remarks": [{"cause": remark.cause, "cure": remark.cure} for remark in check.remarks],
    }


def _metrics(desk: Desk, fields: Fields) -> Steps[object]:
    measures = yield from desk.measures(_flag(fields, "closely"))
    view = desk.view()
    about = {"version": view.version, "started": view.started, "enforcing": view.enforcing, "now": desk.now()}
    return {**about, "problems": len(view.problems), "fleet": view.fleet, **measures}


# ---- what happens -----------------------------------------------------------------------------------------


def _events(desk: Desk, fields: Fields) -> object:
    """Return what came after a `cursor`, or since a time; if there is nothing, wait for it `wait` seconds.

    Without either, at once where the events end now.
    """
    feed = desk.feed()
    kinds = _kinds(fields)
    most = _most(fields)
    wait = min(_seconds(fields, "wait") or 0.0, LONGEST_WAIT_S)
    after, restarted = _place(feed, fields, kinds)

    def answer() -> object:
        batch = feed.read(after, kinds, most)
        told = [event.said(entry, feed.epoch) for entry in batch.entries]
        if restarted or batch.missed:
            told.insert(0, event.gap(feed.epoch, after, desk.now(), restarted))
        return {"events": told, "cursor": event.cursor(feed.epoch, batch.last)}

    def begin(finish: Finish) -> None:
        feed.wait(wait, after, kinds, lambda: finish(answer))

    fresh = not fields.get("cursor") and fields.get("since") is None
    if fresh or restarted or feed.read(after, kinds, 1).missed or not wait > 0:
        return answer()
    return Later(begin)


def _place(feed: Feed, fields: Fields, kinds: Collection[str]) -> tuple[int, bool]:
    """Return after which event to begin, and whether another run of the server gave the cursor."""
    cursor, since = _text(fields, "cursor"), _seconds(fields, "since")
    if cursor:
        number = event.number_of(cursor, feed.epoch)
        return (0, True) if number is None else (number, False)
    return feed.last if since is None else feed.number_at(since, kinds), False


def _most(fields: Fields) -> int:
    most = fields.get("most", MOST)
    if not isinstance(most, int) or most < 1:
        raise ControlError(f"most must be a number, at least 1, not {most!r}", WRONG_USAGE)
    return min(most, MOST)


def _kinds(fields: Fields) -> frozenset[str]:
    kinds = fields.get("kinds") or list(KINDS)
    if not isinstance(kinds, list) or not all(kind in KINDS for kind in kinds):
        raise ControlError(f"kinds must be a list of {', '.join(KINDS)}, not {kinds!r}", WRONG_USAGE)
    return frozenset(kinds)


def _explain(desk: Desk, fields: Fields) -> Steps[object]:
    """What every jail, or one, says of an id; the kernel is asked now."""
    given = _text(fields, "id")
    if not given:
        raise ControlError("nobody is named; give an address", WRONG_USAGE)
    key, name = net.network(given) or given, _text(fields, "jail")
    views = [desk.jail(name)] if name else desk.view().jails
    found = []
    for view in views:
        yield
        account = desk.account(key, view.name)
        checks = desk.verify([account.ban], True) if account.ban else ()
        found.append(testimony.entry(account, view, [_check(check) for check in checks]))
    return {"id": key, "now": desk.now(), "directory": desk.directory(), "jails": found}


# ---- what is to be done -----------------------------------------------------------------------------------


def _put_out(desk: Desk, fields: Fields) -> Steps[object]:
    ids = _addresses(fields)
    if not ids:
        raise ControlError("nobody is named; give an address", WRONG_USAGE)
    jail, seconds = _text(fields, "jail"), _confirm(fields)
    force, duration = _flag(fields, "force"), _seconds(fields, "duration")
    if not force:
        desk.judge(ids, jail)
    warnings: list[str] = []
    bans: list[Ban] = []
    for at in range(0, len(ids), MANY):
        warnings += desk.hits(ids[at : at + MANY], jail)
        bans += desk.ban(ids[at : at + MANY], jail, duration)
        yield
    if bans and seconds is not None:
        new = [ban.id for ban in bans]
        desk.try_out(f"the ban of {', '.join(new)}", seconds, lambda: desk.unban(new, bans[0].jail))
    return {"banned": len(bans), "hits": warnings}


def _impose(desk: Desk, fields: Fields) -> object:
    """Carry out `orders` of the fleet: of each `jail`, `id`, and `end`, `origin`, `failures`, or `counted`, `lifted`.

    Say what became of each, in their order. `fleet` is what is known of it, `contact` when Redis last answered.
    """
    orders, said = fields.get("orders", []), fields.get("fleet")
    if not isinstance(orders, list) or not all(isinstance(each, dict) for each in orders):
        raise ControlError("orders must be a list of objects", WRONG_USAGE)
    wanted = [_order(each) for each in orders]
    if isinstance(said, dict):
        desk.hear_fleet(said, _seconds(fields, "contact"))
    return {"results": list(desk.impose(wanted))}


def _order(said: Fields) -> Order:
    ids = _addresses({"ids": [said.get("id")]})
    failures = _seconds(said, "failures") or 0.0
    end, lifted = _seconds(said, "end"), _seconds(said, "lifted")
    counted = _flag(said, "counted")
    return Order(_text(said, "jail"), ids[0], end, _text(said, "origin"), int(failures), counted, lifted)


def _confirm(fields: Fields) -> float | None:
    """Return in how many seconds a change is undone unless it is confirmed, or None."""
    seconds = _seconds(fields, "confirm")
    if seconds is not None and not seconds > 0:
        raise ControlError("the time to confirm must be more than 0 s", WRONG_USAGE)
    return seconds


def _allow(desk: Desk, fields: Fields) -> object:
    """Let no filter ban somebody for `duration` seconds, or for good, or (`remove`) no longer."""
    ids, seconds, remove = _addresses(fields), _seconds(fields, "duration"), _flag(fields, "remove")
    if seconds is not None and not seconds > 0:
        raise ControlError("the time to allow must be more than 0 s", WRONG_USAGE)
    lifted = 0
    if remove:
        desk.disallow(ids)
    elif ids:
        lifted = desk.allow(ids) if seconds is None else desk.allow(ids, seconds)
    allowed = [{"id": key, "end": None if end == float("inf") else end} for key, end in desk.allowed().items()]
    return {"allowed": allowed, "unbanned": lifted}


def _keep(desk: Desk, fields: Fields) -> object:
    return {"confirmed": list(desk.confirm())}


def _let_in(desk: Desk, fields: Fields) -> Steps[object]:
    ids, everybody = _ids(fields), _flag(fields, "all")
    if bool(ids) == everybody:
        raise ControlError("give either addresses or --all", WRONG_USAGE)
    jail, lifted = _text(fields, "jail"), 0
    for name in [each.name for each in desk.view().jails] if everybody and not jail else [jail]:
        lifted += desk.unban(None if everybody else ids, name)
        yield
    return {"unbanned": lifted}


def _reload(desk: Desk, fields: Fields) -> object:
    seconds, undo = _confirm(fields), desk.undo_reload()
    warnings = desk.reload(_text(fields, "jail"), _flag(fields, "unban"))
    if seconds is not None:
        desk.try_out("the reload", seconds, undo)
    return {"warnings": list(warnings)}


def _stop(desk: Desk, fields: Fields) -> object:
    pid = desk.view().pid
    desk.stop(_flag(fields, "keep"))
    return {"pid": pid}


REQUESTS: dict[str, Callable[[Desk, Fields], object]] = {
    "ping": _ping,
    "status": _status,
    "summary": _summary,
    "metrics": _metrics,
    "jail": _one_jail,
    "banned": _banned,
    "verify": _verify,
    "explain": _explain,
    "events": _events,
    "ban": _put_out,
    "allow": _allow,
    "confirm": _keep,
    "unban": _let_in,
    "impose": _impose,
    "reload": _reload,
    "stop": _stop,
}
