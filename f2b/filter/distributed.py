"""The type distributed: one attacker behind many addresses, seen by what their failures have in common."""

from __future__ import annotations

from collections.abc import Sequence

from f2b import net
from f2b.events import Failure
from f2b.filter.judge import FailureJudge
from f2b.filter.option import Options
from f2b.filter.recent import Recent

WINDOW_S = 600.0
SUBNET = "subnet"


class Distributed(FailureJudge):
    """Regroups failures; a group of enough hosts fails as a whole."""

    def __init__(self, options: Options) -> None:
        options.require("groupby", "write subnet, user, agent, asn, country, path, or another captured field")
        options.require("minhosts", "say how many different hosts make an attack")
        field = options.given("groupby")
        self._field = field.value.strip().lower() if field else SUBNET
        self._prefix = {4: options.integer("prefix4", 24, 1, 32), 6: options.integer("prefix6", 64, 1, 128)}
        self._least = options.integer("minhosts", 2)
        self._subnet = options.choice("ban", ("hosts", SUBNET), "hosts") == SUBNET
        if self._subnet and self._field != SUBNET:
            options.fault("ban", "subnet goes with groupby = subnet only", "write ban = hosts")
        self._window = options.seconds("window", WINDOW_S)
        self._failed: Recent[tuple[str, str], Failure] = Recent(self._window, options.maxhosts)
        """The latest failure of each group and host."""
        self._hosts: dict[str, dict[str, None]] = {}
        """The hosts of each group."""
        self._groups: dict[str, dict[str, None]] = {}
        """The groups of each host."""
        self._why = ""

    def judge(self, failure: Failure) -> Sequence[Failure]:
        """Return the failures of a whole group when it becomes an attack, and each one while that lasts."""
        host = failure.host or failure.id
        group = self._group(failure, host)
        if not group:
            self._why = f"it has no {self._field}"
            return ()
        time = self._failed.now if failure.time is None else failure.time
        new = self._failed.get((group, host), time) is None
        self._note(group, host, failure, time)
        hosts = self._hosts[group]
        self._why = f"{len(hosts)} hosts failed with {self._field} {group!r} within {self._window:g} s"
        if len(hosts) < self._least:
            return ()
        if self._subnet:
            return (failure._replace(id=group, host=group),)
        if not new or len(hosts) > self._least:
            return (failure,)
        known = (self._failed.get((group, one), time) for one in hosts)
        return [one._replace(time=failure.time) for one in known if one is not None]

    def pardon(self, success: Failure) -> None:
        """Forget the failures of a host that succeeded; as the same user, if both name one."""
        host, user = success.host or success.id, success.captures.get("user")
        for group in list(self._groups.get(host, ())):
            found = self._failed.get((group, host), float("-inf"))
            if found is not None and (not user or found.captures.get("user", user) == user):
                self._failed.pop((group, host))
                self._leave(group, host)

    def _group(self, failure: Failure, host: str) -> str:
        if self._field != SUBNET:
            value = failure.captures.get(self._field, "")
            return value if isinstance(value, str) else ", ".join(value)
        known = self._groups.get(host)
        if known:
            return next(iter(known))
        family = net.family(host)
        return net.network(f"{host.partition('/')[0]}/{self._prefix[family]}") or "" if family else ""

    def _note(self, group: str, host: str, failure: Failure, time: float) -> None:
        for key, _ in self._failed.put((group, host), failure, time):
            self._leave(*key)
        self._hosts.setdefault(group, {})[host] = None
        self._groups.setdefault(host, {})[group] = None

    def _leave(self, group: str, host: str) -> None:
        for table, key, member in ((self._hosts, group, host), (self._groups, host, group)):
            members = table.get(key, {})
            members.pop(member, None)
            if not members:
                table.pop(key, None)

    def why(self, failure: Failure) -> str:
        """Say how many hosts its group has."""
        return self._why
