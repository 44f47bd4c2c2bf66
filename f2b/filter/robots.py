"""The type robots: requests for what robots.txt (RFC 9309) asks robots to leave alone."""

from __future__ import annotations

import re

from f2b.filter.judge import RequestJudge
from f2b.filter.option import Options
from f2b.filter.recent import Recent
from f2b.filter.request import NO_METHOD, Request
from f2b.filter.table import Rules, Table

ROBOTS = "/robots.txt"
WINDOW_S = 86400.0
NOBODY = "\0"
"""The agent that no group is for but that of all others, `*`."""
_TOKEN = re.compile(r"[a-z_-]+")
"""A product token (RFC 9309, 2.2.1) in lower case."""


class Robots(RequestJudge):
    """Counts requests for disallowed paths, of all hosts or of those that have fetched robots.txt."""

    def __init__(self, options: Options) -> None:
        options.require("robots", "name the site's robots.txt")
        path = options.given("robots")
        self._table = Table("robots", [path.value.strip()] if path else [], options.place("robots"))
        self.tables = (self._table,)
        self._afterfetch = options.boolean("afterfetch", False)
        self._known: Recent[str, bool] = Recent(options.seconds("window", WINDOW_S), options.maxhosts)
        """Hosts that have fetched robots.txt."""
        agent = options.given("agent")
        self._agent = agent.value.strip() if agent else None
        self._why = ""

    def judge(self, request: Request, time: float | None) -> int:
        """Return 1 for a request that the rules disallow."""
        if request.method == NO_METHOD:
            self._why = "this is no HTTP"
            return 0
        now = self._known.now if time is None else time
        if request.path == ROBOTS:
            self._why = "it fetches robots.txt, which everybody may"
            if self._afterfetch:
                self._known.put(request.host, True, now)
            return 0
        rules: Rules | None = self._table.content
        if rules is None or self._may(rules, request):
            return 0
        if self._afterfetch and not self._known.get(request.host, now):
            self._why += ", but it has not fetched robots.txt"
            return 0
        return 1

    def _may(self, rules: Rules, request: Request) -> bool:
        group = _group(rules, request.agent or "" if self._agent is None else self._agent)
        may = rules.can_fetch(request.relative, group)
        self._why = f"{'*' if group == NOBODY else group} {'may' if may else 'may not'} fetch {request.relative}"
        return may

    def why(self, request: Request, time: float | None) -> str:
        """Say which group may or may not."""
        return self._why


def _group(rules: Rules, agent: str) -> str:
    """Return the group for an agent: the longest whose name is one of the words that it calls itself."""
    words = {*_TOKEN.findall(agent.lower()), agent.lower()}
    return max((group for group in rules.groups if group in words), key=len, default=NOBODY)
