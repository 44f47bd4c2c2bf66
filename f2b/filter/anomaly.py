"""The type anomaly: hosts that behave unlike the others, by how many of their requests are suspect."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from f2b.events import SUCCESS
from f2b.filter.histogram import Histogram
from f2b.filter.http import Http
from f2b.filter.judge import Clauses, RequestJudge
from f2b.filter.option import Options
from f2b.filter.request import Request

WINDOW_S = 600.0
REQUESTS = 20
STEPS = 3600
"""The window slides in so many steps at least, of a second or more: what a host does within one is kept as one."""
STEPS_OF_A_HOST = 20
"""So many steps of each of `maxhosts` are remembered, on average; the oldest go first."""
FLOOR = 1.0
"""The least that a deviation counts as: where nearly all hosts do the same, it would be 0."""


class _Host:
    """What a host did within the window."""

    __slots__ = ("failed", "requests", "suspect")

    def __init__(self) -> None:
        self.requests = 0
        self.suspect = 0
        self.failed = float("-inf")
        """When it failed last."""


class _Step:
    """What a host did within a step."""

    __slots__ = ("host", "requests", "suspect", "time")

    def __init__(self, host: str, time: float) -> None:
        self.host = host
        self.time = time
        """When its first request was."""
        self.requests = 0
        self.suspect = 0


class Anomaly(RequestJudge):
    """Compares hosts with each other, and each with its own."""

    def __init__(self, options: Options) -> None:
        self._http = Http(options)
        self._weight = options.integer("weight", 1)
        self._window = options.seconds("window", WINDOW_S)
        self._least = options.integer("minrequests", REQUESTS)
        self._ratio = options.number("ratio", 0.0, most=1.0) if options.given("ratio") else None
        self._deviation = options.number("deviation", 0.0) if options.given("deviation") else None
        if self._ratio is None and self._deviation is None:
            options.fault("ratio", "neither ratio nor deviation is given", "give one of them, or both")
        self._most = options.maxhosts
        self._step_s = max(1.0, self._window / STEPS)
        self._hosts: dict[str, _Host] = {}
        self._steps: deque[_Step] = deque()
        """All that is within the window, oldest first."""
        self._open: dict[str, _Step] = {}
        """The present step of each host."""
        self._suspects = Histogram()
        self._now = float("-inf")
        self._why = ""

    def judge(self, request: Request, time: float | None) -> int:
        """Return what a request counts for that makes its host stand out."""
        counted = self._http.judge(request, time)
        self._now = max(self._now, self._now if time is None else time)
        host = self._note(request.host, counted not in (0, SUCCESS))
        self._slide()
        if counted == SUCCESS:
            return SUCCESS
        if host.failed > self._now - self._window or not self._stands_out(request.host, host):
            return 0
        host.failed = self._now
        return self._weight

    def _note(self, name: str, suspect: bool) -> _Host:
        host = self._hosts.get(name)
        if host is None:
            host = self._hosts[name] = _Host()
            self._suspects.add(0)
        step = self._open.get(name)
        if step is None or step.time <= self._now - self._step_s:
            step = self._open[name] = _Step(name, self._now)
            self._steps.append(step)
        step.requests += 1
        host.requests += 1
        if suspect:
            step.suspect += 1
            host.suspect += 1
            self._suspects.move(host.suspect - 1, host.suspect)
        return host

    def _slide(self) -> None:
        """Forget what is older than the window, and the oldest beyond what may be remembered."""
        horizon, most = self._now - self._window, self._most * STEPS_OF_A_HOST
        while self._steps and (
            self._steps[0].time <= horizon or len(self._steps) > most or len(self._hosts) > self._most
        ):
            self._drop(self._steps.popleft())

    def _drop(self, step: _Step) -> None:
        host = self._hosts[step.host]
        self._suspects.move(host.suspect, host.suspect - step.suspect)
        host.suspect -= step.suspect
        host.requests -= step.requests
        if self._open.get(step.host) is step:
            del self._open[step.host]
        if not host.requests:
            self._suspects.remove(0)
            del self._hosts[step.host]

    def _stands_out(self, name: str, host: _Host) -> bool:
        if host.requests < self._least:
            self._why = f"{name} has made {host.requests} of the {self._least} requests that it takes"
            return False
        said, stands_out = [f"{host.suspect} of {host.requests} requests are suspect"], True
        if self._ratio is not None:
            stands_out = host.suspect >= self._ratio * host.requests
        if self._deviation is not None:
            median = self._suspects.median()
            spread = max(FLOOR, self._suspects.deviation(median))
            said.append(f"the median of {self._suspects.total} hosts is {median:g}, the deviation {spread:g}")
            stands_out = stands_out and host.suspect >= median + self._deviation * spread
        self._why = "; ".join(said)
        return stands_out

    def needs(self) -> Clauses | None:
        """Say that every request matters."""
        return None

    def why(self, request: Request, time: float | None) -> str:
        """Say how the host compares."""
        return self._why

    @property
    def state(self) -> Mapping[str, int]:
        """How much is remembered."""
        return {"hosts": len(self._hosts), "steps": len(self._steps)}
