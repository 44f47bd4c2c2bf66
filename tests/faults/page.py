"""The part of docs/reliability.md that the suite writes: which fault does harm to whom."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.faults.case import CASES
from tests.faults.patient import PATIENCE_S

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reliability.md"
BEGIN, END = "<!-- begin: script/faults --page -->\n", "<!-- end -->\n"
Held = Mapping[str, Mapping[str, bool]]
"""By server and case, whether it holds."""


def kept(files: Iterable[Path]) -> dict[str, dict[str, bool]]:
    """Return what earlier runs have kept."""
    found: dict[str, dict[str, bool]] = {"f2b": {}, "Fail2Ban": {}}
    for file in files:
        for line in file.read_text().splitlines():
            one = json.loads(line)
            found[one["server"]][one["case"]] = one["holds"]
    return found


def table(held: Held) -> str:
    """Return the counts and the cases as Markdown."""
    both = [name for name in held["Fail2Ban"] if name in held["f2b"]]
    ours, theirs = (sum(held[server][name] for name in both) for server in ("f2b", "Fail2Ban"))
    every = held["f2b"].values()
    lines = [
        f"**f2b: {sum(every)} of {len(every)} cases hold.** {len(both)} of them apply to Debian's Fail2Ban 1.0.2,",
        f"too: there it holds in {theirs}, and f2b in {ours}. A ban counts as lost after",
        f"{PATIENCE_S['f2b']:.0f} s in f2b, after {PATIENCE_S['Fail2Ban']:.0f} s in Fail2Ban.",
        "",
        "| fault | what is done | f2b | Fail2Ban |",
        "|---|---|---|---|",
    ]
    for case in CASES:
        name = f"{case.area}: {case.name}"
        if name in held["f2b"]:
            other = f"n/a: {case.ours}" if case.ours else _mark(held["Fail2Ban"].get(name))
            marks = f"{_mark(held['f2b'][name])} | {other}"
            lines.append(f"| {name} | {case.what.partition(chr(10))[0]} | {marks} |")
    return "\n".join([*lines, ""])


def _mark(holds: bool | None) -> str:
    return {True: "holds", False: "**harm**", None: "not tried"}[holds]


def write(held: Held) -> None:
    """Put the table in its place."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n{table(held)}\n{END}{after}", encoding="utf-8")
