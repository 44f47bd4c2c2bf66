"""The shipped filters against the annotated sample logs of Debian's fail2ban package.

Above each sample stands a JSON note: whether it is a failure, of which host, after how many lines. A note
`filterOptions` begins a part with the filter's options, or several in turn.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from f2b import net
from tests.filters.reading import failures

SAMPLES = Path("/usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
NOW = 1795255500.0
"""Later than every sample with a year."""

# sshd writes nothing after a password's "ssh2". Whoever believes that it does lets a user name with "ssh2: " in it
# accuse anybody.
DELIBERATE = "Failed password for invalid user test from 127.0.0.1 port 58946 ssh2: from 10.10.1.2 port 55555 ssh2"


class Sample(NamedTuple):
    line: str
    note: dict[str, Any]


def parts(name: str) -> Iterator[tuple[dict[str, str], list[Sample]]]:
    """Yield each set of options with the samples for it."""
    options: list[dict[str, str]] = [{}]
    samples: list[Sample] = []
    note: dict[str, Any] = {}
    for row in (SAMPLES / name).read_text(encoding="utf-8", errors="surrogateescape").splitlines():
        told = re.match(r"# ?(filterOptions|failJSON): (.*)", row)
        if told and told[1] == "failJSON":
            note = json.loads(told[2])
        elif told:
            yield from ((one, samples) for one in options)
            found, samples = json.loads(told[2]), []
            options = found if isinstance(found, list) else [found]
        elif row and not row.startswith("#"):
            samples.append(Sample(row, note))
            note = {}
    yield from ((one, samples) for one in options)


def applies(sample: Sample, name: str, options: dict[str, str]) -> bool:
    """Return whether a sample is meant for these options; a constraint is a Python expression."""
    return bool(eval(sample.note.get("constraint", "True"), {"name": name, "opts": options}))


def expected(sample: Sample) -> tuple[object, ...]:
    note = sample.note
    if not note["match"]:
        return ()
    host = note.get("host") or note.get("ip4") or note.get("ip6")
    return (net.address(host) or host) if host else None, note.get("attempts"), note.get("user")


@pytest.mark.parametrize(
    ("log", "name"),
    [
        ("sshd", "sshd"),
        ("sshd-journal", "sshd"),
        ("recidive", "recidive"),
        ("nginx-http-auth", "nginx-http-auth"),
        ("nginx-botsearch", "nginx-botsearch"),
    ],
)
def test_shipped_filter_when_it_reads_annotated_samples_then_it_agrees(log: str, name: str, tmp_path: Path) -> None:
    compared = 0
    differing = []
    for options, samples in parts(log):
        wanted = {key: value for key, value in options.items() if not key.startswith("test.")}
        spec = name + "".join(f'[{key}="{value}"]' for key, value in wanted.items())
        meant = [sample for sample in samples if applies(sample, name, options)]
        found = failures(spec, [sample.line for sample in meant], NOW, tmp_path)
        for sample, of_line in zip(meant, found, strict=True):
            compared += 1
            if not agrees(expected(sample), of_line):
                differing.append((spec, sample, of_line))
    assert compared >= 8
    assert not [one for one in differing if DELIBERATE not in one[1].line]


def agrees(wanted: tuple[object, ...], found: Any) -> bool:
    if not wanted or not found:
        return not wanted and not found
    (failure,) = found
    host, attempts, user = wanted
    return (
        host in (None, failure.unresolved or failure.id)
        and attempts in (None, len(failure.matches))
        and user in (None, failure.captures.get("user"))
    )
