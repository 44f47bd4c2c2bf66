"""The installed Fail2Ban as an oracle: its annotated sample logs, and its reading of made-up lines."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from f2b.date.formats import DEFAULTS
from f2b.date.reader import DateReader
from f2b.lines import LineReader

SAMPLES = Path("/usr/lib/python3/dist-packages/fail2ban/tests/files/logs")
FILTERS = Path("/etc/fail2ban/filter.d")
SAMPLE_NOW = 1124013600
YEAR = time.localtime().tm_year
ZURICH = ZoneInfo("Europe/Zurich")


def own_pattern(name: str) -> bool:
    """Tell whether a filter, or a file it includes, sets a datepattern."""
    text = (FILTERS / f"{name}.conf").read_text(encoding="utf-8")
    included = re.findall(r"^(?:before|after)\s*=\s*(\S+)", text, re.M)
    texts = [text, *((FILTERS / one).read_text(encoding="utf-8") for one in included if one != "common.conf")]
    return any(re.search(r"^\s*datepattern", one, re.M) for one in texts)


def annotated(path: Path) -> Iterator[tuple[str, str | None]]:
    """Yield the lines of a sample log, with the time that the line before says a failure in it has."""
    expected = None
    for line in path.read_text(encoding="utf-8", errors="replace").split("\n"):
        if line.startswith("#"):
            found = re.match(r"#\s*failJSON:\s*(.+)", line)
            if found:
                fact = json.loads(found.group(1))
                expected = fact.get("time") if fact.get("match", True) else None
        elif line:
            yield line, expected
            expected = None


def test_read_of_every_sample_with_default_patterns_gives_the_annotated_time() -> None:
    wrong, right = [], 0
    for path in sorted(SAMPLES.iterdir()):
        if not path.is_file() or not (FILTERS / f"{path.name}.conf").exists() or own_pattern(path.name):
            continue
        reader = DateReader((), None, YEAR)
        for line, expected in annotated(path):
            stamp = reader.read(line, SAMPLE_NOW)
            if expected is None:
                continue
            when = re.sub(r"-(\d)T", r"-0\1T", expected.partition(".")[0])
            seconds = datetime.fromisoformat(when).replace(tzinfo=ZURICH).timestamp()
            if stamp is None or stamp.time is None or int(stamp.time) != seconds:
                wrong.append((path.name, expected, line))
            right += 1
    assert wrong == []
    assert right > 400


def oracle(lines: list[str], folder: Path, pattern: str | None) -> dict[int, tuple[float | None, str]]:
    """Return what Fail2Ban makes of each line: its time, and the text that its regexes would see."""
    log = folder / "oracle.log"
    log.write_text("".join(f"{line} ~{number}~\n" for number, line in enumerate(lines)), encoding="utf-8")
    told = [] if pattern is None else ["-d", pattern]
    regex = r"^<F-ID>[\s\S]* ~\d+~</F-ID>$"
    command = ["/usr/bin/fail2ban-regex", "--usedns=raw", "-e", "utf-8", "-o", "<time>|<fid>", *told, str(log), regex]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}, timeout=60
    )
    seen: dict[int, tuple[float | None, str]] = {}
    for row in done.stdout.split("\n"):
        when, bar, text = row.partition("|")
        if bar and text.endswith("~"):
            body, number, _ = text.rsplit("~", 2)
            seen[int(number)] = (None if when == "None" else float(when), body)
    return seen


def compare(lines: list[str], folder: Path, pattern: str | None = None) -> None:
    """Assert that we read each line as Fail2Ban does.

    Where we know no time it says now. It says so too where it cuts a date out and can then make nothing of it (after
    lines with and without a zone in turn): only the cut is compared there.
    """
    seen = oracle(lines, folder, pattern)
    assert len(seen) == len(lines)
    ours = LineReader(DateReader(() if pattern is None else pattern.split("\n"), None, YEAR))
    for number, line in enumerate(lines):
        made = ours.line(f"{line} ~{number}~", time.time())
        when, body = seen[number]
        assert made.text.rsplit("~", 2)[0] == body, line
        if made.time is None:
            assert when is None or abs(when - time.time()) < 60, line
        elif when is None or abs(when - time.time()) > 60:
            assert when == pytest.approx(made.time, abs=0.001), line


MOMENT = st.integers(min_value=86400 * 2, max_value=86400 * 500).map(
    lambda age: datetime.now() - timedelta(seconds=age)
)
ZONE = ["", " +0200", " Z", " -0530", "+01:00", " CET", "Z"]
FRACTION = ["", ".123", ",123", ".5"]
FORMS = [
    "%Y-%m-%dT%H:%M:%S{f}{z}",
    "%Y/%m/%d %H:%M:%S{f}{z}",
    "%a %b %e %H:%M:%S{f} %Y",
    "%b %d %H:%M:%S{f}",
    "%b %e %k:%M:%S",
    "%a %b %d %Y %H:%M:%S",
    "%d/%m/%Y %H:%M:%S{f}",
    "%d-%m-%y %H:%M:%S",
    "%d/%b/%Y:%H:%M:%S{f}{z}",
    "%m/%d/%Y:%H:%M:%S",
    "%m-%d-%Y %H:%M:%S{f}",
    "[%s{f}]",
    "%s{f}",
    "audit(%s.123:42)",
    "<%m/%d/%y@%H:%M:%S>",
    "%y%m%d %k:%M:%S",
    "%b %d, %Y %I:%M:%S %p",
    "%b-%d-%y %H:%M:%S",
    "%Y%m%dT%H%M%S{f}{z}",
    "CET %a %b %d %H:%M:%S %Y",
    "+0200 %b %d %H:%M:%S %Y",
    "no date",
]


@st.composite
def log_line(draw: st.DrawFn) -> str:
    """Draw a line with one or two dates among other text."""
    before = draw(st.sampled_from(["", "", "", "[", "<", "x ", "host prog[123]: ", "  ", "12", "1.2.3.4 - - ["]))
    after = draw(st.sampled_from([" foo", "] foo", ": x", " 2026", "x", "1", " 12:12:12", '",']))
    text = before + draw(dated()) + after
    return text + " " + draw(dated()) if draw(st.booleans()) else text


@st.composite
def dated(draw: st.DrawFn) -> str:
    """Draw a date in one of the forms that the default detector knows."""
    form = draw(st.sampled_from(FORMS))
    form = form.replace("{f}", draw(st.sampled_from(FRACTION))).replace("{z}", draw(st.sampled_from(ZONE)))
    return draw(MOMENT).strftime(form)


SLOW = settings(max_examples=settings().max_examples // 10, deadline=None, suppress_health_check=list(HealthCheck))


DISPUTED = re.compile(r"^(?:[A-Z]{1,5}|[+-]\d\d:?\d\d) .*\d\d:\d\d:\d\d")
"""A zone before the date: among lines of other forms it is read otherwise than by Fail2Ban, see the closing notes."""


@SLOW
@given(st.lists(log_line().filter(lambda line: not DISPUTED.match(line)), min_size=40, max_size=80))
def test_lines_of_all_forms_mixed_are_read_as_fail2ban_reads_them(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    # Each line twice: what was learnt from a line is used on the next.
    compare([line for line in lines for _ in range(2)], tmp_path_factory.mktemp("mixed"))


PATTERNS = [
    "%Y-%m-%d %H:%M:%S",
    "^%Y-%m-%d %H:%M:%S(?:\\.%f)?",
    "{^LN-BEG}%b %d %H:%M:%S",
    "{^LN-BEG}%ExY(?P<_sep>[-/.])%m(?P=_sep)%d[T ]%H:%M:%S(?:[.,]%f)?(?:\\s*%z)?",
    "\\[%d/%b/%Y:%H:%M:%S(?: %z)?\\]",
    "^[^\\[]*\\[({DATE})",
    "{UNB}%d/%m/%Y",
    "**%H:%M:%S**",
    "{^LN-BEG}",
    "^{DATE}\n%H:%M",
    "EPOCH\n%b %d, %ExY %I:%M:%S %p",
    "LEPOCH",
    "{DATE}",
    "{DATE} f",
    "%a %b %d\n{^LN-BEG}EPOCH",
]


@SLOW
@given(st.lists(log_line(), min_size=30, max_size=60), st.sampled_from(PATTERNS))
def test_lines_under_a_datepattern_are_read_as_fail2ban_reads_them(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str], pattern: str
) -> None:
    compare([line for line in lines for _ in range(2)], tmp_path_factory.mktemp("patterns"), pattern)


def test_names_of_the_default_templates_are_those_that_fail2ban_shows() -> None:
    done = subprocess.run(
        ["/usr/bin/fail2ban-regex", "-v", "x", "y<HOST>"], capture_output=True, text=True, check=True, timeout=60
    )
    shown = re.findall(r"^\|  \[0\] (.+)$", done.stdout, re.M)
    ours = [template.name for template in DateReader((), None, YEAR).templates]
    newer = {index for index, name in enumerate(ours) if name.endswith(DateReader((DEFAULTS[13],)).templates[0].name)}
    assert len(newer) == 2, "Fail2Ban 1.1 takes more forms of this one than 1.0"
    assert [one for index, one in enumerate(ours) if index not in newer] == [
        one for index, one in enumerate(shown) if index not in newer
    ]
    assert len(ours) == len(shown)
