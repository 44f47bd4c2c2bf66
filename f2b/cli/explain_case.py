"""The verdict of `f2b explain IP`: what keeps somebody in, or out, and what would change that."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from f2b import duration
from f2b.trace import NAMELESS, UNDATED

_CURES = {
    "waiting": "look at its logpath; it begins as soon as the log is there",
    "idle": "start it: fail2ban-client start JAIL",
    "down": "mend what is said there; f2b check tells more",
}

Verdict = dict[str, str]
Jail = Mapping[str, Any]


def _verdict(cause: str, text: str, cure: str = "") -> Verdict:
    return {"cause": cause, "text": text, "cure": cure}


def conclude(jail: Jail, now: float) -> Verdict:
    """Return why one jail bans somebody, or does not."""
    if jail["ban"] is not None:
        return _banned(jail)
    if jail["spared"]:
        rule = "ignoreself" if "ignoreself" in jail["spared"] else f"ignoreip ({jail['spared']})"
        return _verdict(
            "ignored", f"{rule} spares it, so nothing of it is counted", f"look at {rule} if that is wrong"
        )
    if jail["protected"]:
        return _verdict("protected", f"no filter may ban it: {jail['protected']}")
    if jail["steps"]:
        return _after(jail, now)
    if jail["state"] != "up":
        return _verdict(jail["state"], f"the jail reads nothing: {jail['reason']}", _CURES[jail["state"]])
    if jail["mentions"]:
        return _mentioned(jail)
    return _unseen(jail, now)


def _banned(jail: Jail) -> Verdict:
    ban = jail["ban"]
    until = "for ever" if ban["end"] is None else f"until {_clock(ban['end'])}"
    lost = [check for check in jail["kernel"] if check["held"] is False]
    text = f"banned {until}, {length(ban)}"
    if not lost:
        return _verdict("banned", text)
    remarks = [remark for check in lost for remark in check["remarks"]]
    why = remarks[0]["cause"] if remarks else f"{lost[0]['action']} does not hold it"
    return _verdict("not in force", f"{text}; but not in force: {why}", remarks[0]["cure"] if remarks else "")


def length(ban: Mapping[str, Any]) -> str:
    """Say for how long a ban is, and how that came about."""
    span = duration.human(round(ban["duration"]))
    if ban["listed"]:
        return "as long as a banlist names it"
    if ban["by_hand"]:
        return f"for {span}, by hand"
    if ban["grown"]:
        earlier = f"{ban['count'] - 1} earlier ban{'s' * (ban['count'] != 2)}"
        base = duration.human(round(ban["base"]))
        return f"for {span}: bantime {base}, grown after {earlier} ({ban['growth']})"
    if ban["restored"] and ban["duration"] != ban["base"]:
        return f"for {span}, as before the restart"
    return f"for {span}, the jail's bantime"


# ---- what was seen ----------------------------------------------------------------------------------------------


def _after(jail: Jail, now: float) -> Verdict:
    """Say why what was found has not led to a ban."""
    last = jail["steps"][-1]
    name = last["why"]
    special = {
        NAMELESS: ("dns", f"its host is a name, {name}, that has no address", "let the service log addresses"),
        "asked for addresses": ("dns", f"the addresses of {name} are being looked up", "wait, or mend the resolver"),
        "asked ignorecommand": ("ignored", "ignorecommand is being asked", "wait for its answer"),
        "ignored": ("ignored", f"it was spared: {name}", "look at ignoreip, ignoreself and ignorecommand"),
        "passed over": ("ignored", "a cached answer of ignorecommand spares it", "see ignorecache"),
        UNDATED: ("date", "its lines have no date that could be read", "set a datepattern that fits"),
        "spared": ("protected", f"no filter may ban it: {name}", ""),
        "held": ("held", "more bans in a minute than maxbans: it is not banned for now", "look at filter and log"),
        "over already": ("old", "the ban would have been over already when its lines were read", "see logtimezone"),
        "forgave": ("success", "a success cleared its failures", ""),
    }
    if last["what"] in special:
        return _verdict(*special[last["what"]])
    if last["what"] != "counted":
        return _verdict("over", "its ban is over, or was lifted", "")
    slow = _slowly(jail)
    if slow is not None and jail["next"] and jail["next"]["more"] > 0:
        have, most = duration.human(round(slow)), duration.human(round(jail["findtime"]))
        text = f"{jail['maxretry']} failures came within {have}, and findtime is {most}; {_next(jail, now)}"
        return _verdict("findtime", text, f"set findtime above {have}")
    count = jail["count"]["retry"] if jail["count"] else 0
    return _verdict("maxretry", f"{count} of {jail['maxretry']} failures; {_next(jail, now)}")


def _slowly(jail: Jail) -> float | None:
    """Return in how many seconds the quickest maxretry failures came, if that is too slow."""
    times: list[float] = []
    for step in jail["steps"]:
        if step["what"] == "counted":
            times += [step["read"] if step["time"] is None else step["time"]] * step["attempts"]
    times.sort()
    most = jail["maxretry"]
    spans = [after - before for before, after in zip(times, times[most - 1 :], strict=False)]
    return min(spans) if spans and min(spans) > jail["findtime"] else None


def _next(jail: Jail, now: float) -> str:
    """Say what would lead to a ban, and to which."""
    ahead = jail["next"]
    if not ahead:
        return "nothing bans it"
    more = f"{ahead['more']} more failure{'s' * (ahead['more'] != 1)}"
    when = f"within {duration.human(round(jail['findtime']))}"
    if ahead["before"] is not None and ahead["before"] > now:
        when = f"before {_clock(ahead['before'])}"
    span = "for ever" if ahead["duration"] < 0 else f"for {duration.human(round(ahead['duration']))}"
    again = f" (its ban number {ahead['count']})" if ahead["count"] > 1 else ""
    return f"{more} {when} {'bans' if ahead['more'] == 1 else 'ban'} it {span}{again}"


# ---- what was not -----------------------------------------------------------------------------------------------


def _mentioned(jail: Jail) -> Verdict:
    """Say why lines that name it were not counted."""
    last = jail["mentions"][-1]
    verdict = last["verdict"]
    if verdict["cause"] not in ("counts", "bans"):
        return _verdict(verdict["cause"], f"{last['log']} names it, but {verdict['text']}", verdict["cure"])
    if jail["hours_off"]:
        side = "behind" if jail["hours_off"] > 0 else "ahead"
        text = f"dates in {last['log']} are {abs(jail['hours_off']):g} h {side}, which looks like a time zone"
        cure = f"set logtimezone = {jail['zone']}" if jail["zone"] else "set the clock of what writes the log"
        return _verdict("time zone", f"{text}: its lines were taken for old ones and passed over", cure)
    age = last["date"]["age"] if last["date"] else None
    if age is not None and age > jail["findtime"]:
        text = f"its latest line is {duration.human(round(age))} old, more than findtime"
        return _verdict("old", f"{text}: such lines are passed over, or no longer count", "set a longer findtime")
    text = f"{last['log']} names it in lines that would count; they were written before this jail read on from there"
    return _verdict("not read", text, "new lines will count; f2b replay shows what the old ones would have done")


def _unseen(jail: Jail, now: float) -> Verdict:
    if jail["elsewhere"]:
        logs = ", ".join(jail["files"])
        found = jail["elsewhere"][0]
        return _verdict("wrong file", f"{found} names it, but this jail reads {logs}", f"add {found} to logpath")
    if jail["unreadable"]:
        return _verdict(
            "unread", f"its logs cannot be looked into: {jail['unreadable'][0]}", "run f2b explain as root"
        )
    if not jail["files"]:
        source = "the journal" if jail["journalmatch"] else "no log"
        return _verdict("not seen", f"no failure of it was found; this jail reads {source}")
    return _verdict("not seen", f"no line of its logs names it ({_written(jail['written'], now)})")


def _written(ages: Mapping[str, float], now: float) -> str:
    if not ages:
        return "they are empty"
    path, when = max(ages.items(), key=lambda item: item[1])
    return f"{path} was written {duration.human(max(1, round(now - when)))} ago"


def _clock(moment: float) -> str:
    """Return a time of today by its hour, any other with its day."""
    local = time.localtime(moment)
    today = local[:3] == time.localtime()[:3]
    return time.strftime("%H:%M:%S" if today else "%Y-%m-%d %H:%M:%S", local)


# ---- all jails --------------------------------------------------------------------------------------------------

_FIRST = ("not in force", "banned", "protected", "findtime", "maxretry")
_LAST = ("wrong file", "waiting", "down", "idle", "unread", "not seen")


def overall(answer: Mapping[str, Any]) -> Verdict:
    """Return the verdict of the jail that matters most: one that bans, then one that saw something."""
    jails: Sequence[Jail] = answer["jails"]
    if not jails:
        return _verdict("no jail", "no jail is enabled", "f2b jail enable NAME")
    chosen = min(jails, key=lambda jail: _weight(jail["verdict"]["cause"]))
    verdict = chosen["verdict"]
    return {"jail": chosen["jail"], **verdict}


def _weight(cause: str) -> int:
    if cause in _LAST:
        return 1 + _LAST.index(cause)
    return _FIRST.index(cause) - len(_FIRST) if cause in _FIRST else 0
