"""The type useragent: requests by their User-Agent: scanners, none at all, or ever new ones."""

from __future__ import annotations

from f2b.filter.judge import RequestJudge
from f2b.filter.option import Options
from f2b.filter.recent import Recent
from f2b.filter.request import Glimpse, Request
from f2b.filter.rule import find

WINDOW_S = 3600.0
FURTHER = 64
"""So many agents of a host beyond `maxagents` are remembered: who shows more of them fails anyway."""
KNOWN = 10_000
"""So many agents are remembered with what the regexes say of them, then all are forgotten."""
LONGEST = 500
"""Characters of an agent that is worth remembering."""


class UserAgent(RequestJudge):
    """Judges what clients call themselves."""

    def __init__(self, options: Options) -> None:
        self._agents = options.regexes("agents", ignorecase=True)
        self._allowed = options.regexes("allowagents", excusing=True)
        self._empty = options.boolean("empty", True)
        self._most = options.integer("maxagents", 0, 0)
        self._window = options.seconds("window", WINDOW_S)
        self._shown: Recent[str, dict[int, float]] = Recent(self._window, options.maxhosts)
        """When each host showed which agents (their hashes) last."""
        self._known: dict[str, tuple[bool, bool]] = {}
        """Of agents seen before: whether they are excused, and named."""
        self._why = ""

    def judge(self, request: Request, time: float | None) -> int:
        """Return 1 for a failure."""
        agent = request.agent
        if agent is None:
            self._why = "this log does not say the agent"
            return 0
        excused, named = self._known.get(agent) or self._searched(agent)
        if excused:
            self._why = f"allowagents excuses {agent!r}"
            return 0
        if not agent:
            self._why = "there is no agent"
            return int(self._empty)
        further = self._most > 0 and self._is_further(request.host, agent, time)
        if named:
            self._why = f"agents names {agent!r}"
            return 1
        self._why = f"more than {self._most} agents within {self._window:g} s" if further else f"{agent!r} is fine"
        return int(further)

    def _searched(self, agent: str) -> tuple[bool, bool]:
        """Return whether an agent is excused, and named; remembered unless a regex rests, for that says nothing."""
        found = find(self._allowed, agent) is not None, find(self._agents, agent) is not None
        if len(agent) <= LONGEST and not any(rule.rests for rule in (*self._allowed, *self._agents)):
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[agent] = found
        return found

    def _is_further(self, host: str, agent: str, time: float | None) -> bool:
        """Note the agent of a host; return whether it is a new one beyond the most that are fine."""
        now = self._shown.now if time is None else time
        shown = self._shown.get(host, now) or {}
        key = hash(agent)
        new = shown.get(key, float("-inf")) <= now - self._window
        shown = {other: seen for other, seen in shown.items() if seen > now - self._window and other != key}
        if len(shown) >= self._most + FURTHER:
            del shown[next(iter(shown))]
        shown[key] = now
        self._shown.put(host, shown, now)
        return new and len(shown) > self._most

    def dull(self, seen: Glimpse) -> bool:
        """Return whether the agent was seen before and is fine."""
        agent = seen.agent
        if self._most or agent is None:
            return False
        excused, named = self._known.get(agent, (False, True))
        return excused or not named

    def why(self, request: Request, time: float | None) -> str:
        """Say what decided."""
        return self._why
