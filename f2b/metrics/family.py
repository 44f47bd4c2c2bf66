"""The server's numbers as Prometheus names them: every name begins with `f2b_`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric, SummaryMetricFamily

_JAIL = {
    "works": ("f2b_jail_up", "gauge", "Whether the jail and all its actions work."),
    "failed": ("f2b_failed", "gauge", "Ids with failures that count now."),
    "failed_total": ("f2b_failures", "counter", "Failures counted."),
    "banned": ("f2b_banned", "gauge", "Ids banned now: what the ledger says."),
    "banned_total": (
        "f2b_bans",
        "counter",
        "Bans, those included that an earlier server made and this one restored.",
    ),
    "unban_total": ("f2b_unbans", "counter", "Bans that ended."),
    "prolong_total": ("f2b_prolonged", "counter", "Bans that were given another end."),
    "refused_total": ("f2b_refused", "counter", "Bans that were due and not made: a protected address, or maxbans."),
    "ignored_total": ("f2b_ignored", "counter", "Failures that did not count, for ignoreip or ignorecommand."),
    "error_total": ("f2b_errors", "counter", "Errors in the log."),
    "lines_total": ("f2b_lines", "counter", "Lines read."),
    "bytes_total": ("f2b_read_bytes", "counter", "Bytes read."),
    "lost_total": ("f2b_lines_lost", "counter", "Lines that nothing could be made of, by a fault of f2b."),
    "lag": ("f2b_lag_bytes", "gauge", "Bytes of logs that are written and not read yet."),
}
_SERVER = {
    "enforcing": ("f2b_enforcing", "gauge", "Whether bans reach a firewall."),
    "started": ("f2b_start_time_seconds", "gauge", "When the server was started."),
    "memory": ("f2b_memory_bytes", "gauge", "Memory of the server that is resident."),
    "processor": ("f2b_processor_seconds", "counter", "Time of the processor that the server took."),
    "events": ("f2b_events", "counter", "Events told, failures included."),
    "problems": ("f2b_problems", "gauge", "What is wrong now, as f2b status tells it."),
    "database_trouble": ("f2b_database_trouble", "gauge", "Whether the database refuses."),
}
_FAMILIES = {"gauge": GaugeMetricFamily, "counter": CounterMetricFamily}


def away() -> Iterator[Metric]:
    """Yield what can be said of a server that does not answer."""
    yield GaugeMetricFamily("f2b_up", "Whether the server answers.", value=0)
    yield GaugeMetricFamily("f2b_enforcing", "Whether bans reach a firewall.", value=0)


def families(answer: Mapping[str, Any], elements: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    """Yield everything. `elements`: how many bans the kernel holds, by jail and action, as it was asked last."""
    yield GaugeMetricFamily("f2b_up", "Whether the server answers.", value=1)
    version = GaugeMetricFamily("f2b_version", "Which f2b it is.", labels=["version"])
    version.add_metric([answer["version"]], 1)
    yield version
    for key, (name, kind, text) in _SERVER.items():
        yield _FAMILIES[kind](name, text, value=float(answer[key]))
    for key, (name, kind, text) in _JAIL.items():
        family = _FAMILIES[kind](name, text, labels=["jail"])
        for jail in answer["jails"]:
            family.add_metric([jail["name"]], float(jail[key]))
        yield family
    yield from _actions(answer, elements)
    if answer.get("fleet"):
        yield from _fleet(answer["fleet"])


def _fleet(said: Mapping[str, Any]) -> Iterator[Metric]:
    for key, text in (
        ("contact", "When Redis answered last, seconds since 1970; 0 if it never did."),
        ("lag", "By how many seconds this host is behind the fleet."),
        ("hosts", "Hosts that take part."),
    ):
        yield GaugeMetricFamily(f"f2b_fleet_{key}", text, value=float(said[key] or 0))


def _actions(answer: Mapping[str, Any], elements: Mapping[tuple[str, str], int]) -> Iterator[Metric]:
    labels = ["jail", "action"]
    works = GaugeMetricFamily("f2b_action_up", "Whether the action works.", labels=labels)
    seconds = SummaryMetricFamily(
        "f2b_action_seconds", "How long the action's calls, or its commands, took.", labels=labels
    )
    failures = CounterMetricFamily("f2b_action_failures", "How many of them failed.", labels=labels)
    held = GaugeMetricFamily(
        "f2b_firewall_elements", "Bans that the kernel holds; compare with f2b_banned.", labels=labels
    )
    for jail in answer["jails"]:
        for action in jail["actions"]:
            which = [jail["name"], action["name"]]
            works.add_metric(which, float(action["works"]))
            seconds.add_metric(which, action["calls"], action["seconds"])
            failures.add_metric(which, action["failures"])
            if (which[0], which[1]) in elements:
                held.add_metric(which, elements[which[0], which[1]])
    yield from (works, seconds, failures, held)
