"""`f2b regex systemd-journal FILTER` and our `fail2ban-regex`, on a journal written here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.source.journals import Writer

OURS = [sys.executable, "-c", "import sys; from f2b.cli.compat_regex import main; sys.exit(main())"]
FILTER = "^host sshd\\[7\\]: wrong password from <HOST>$"


def journal(folder: Path) -> Path:
    writer = Writer(folder / "test.journal")
    for number in range(5):
        writer.write(f"wrong password from 192.0.2.{number}".encode(), 1_763_600_000.25 + number, _HOSTNAME="host")
        writer.write(b"all is well", 1_763_600_000.5 + number, _HOSTNAME="host")
    writer.write(b"wrong password from 192.0.2.9", 1_763_600_010.0, _HOSTNAME="host", SYSLOG_IDENTIFIER="other")
    writer.close()
    return writer.path


def report(command: list[str], *args: str) -> str:
    return subprocess.run([*command, *args], capture_output=True, text=True, check=True, timeout=60).stdout


def counts(text: str) -> str:
    found = re.search(r"^Lines: .*", text, re.MULTILINE)
    assert found
    return found[0].partition("[")[0].strip()


def test_journal_when_tested_then_its_entries_fail_at_their_times(tmp_path: Path) -> None:
    log = f"systemd-journal[journalfiles={journal(tmp_path)}, journalflags=0]"
    rows = [
        json.loads(row) for row in report([sys.executable, "-m", "f2b"], "regex", "--json", log, FILTER).splitlines()
    ]
    failures = [failure for row in rows[:-1] for failure in row["failures"]]
    assert [(failure["id"], failure["time"]) for failure in failures] == [
        (f"192.0.2.{number}", 1_763_600_000.25 + number) for number in range(5)
    ]
    assert rows[-1]["summary"]["lines"] == 11


def test_journal_when_tested_then_the_report_counts_its_entries(tmp_path: Path) -> None:
    log = f"systemd-journal[journalfiles={journal(tmp_path)}, journalflags=0]"
    assert counts(report(OURS, log, FILTER)) == "Lines: 11 lines, 0 ignored, 5 matched, 6 missed"
