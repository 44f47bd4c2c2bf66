"""What `--help` says, taken apart: the one source of manual pages and completions.

A text is a usage line, then pieces with blank lines between: a heading with what is indented below it, a table of two
columns, or a paragraph. The texts in man/ that go into the pages besides are written the same way.
"""

from __future__ import annotations

import contextlib
import io
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field

from f2b.cli import compat_help, compat_regex, group, main
from f2b.cli.commands import COMMANDS

WIDE = 10_000
"""Columns: no line is broken that the author did not break."""
EXAMPLES = "Examples"
EXIT = re.compile(r"\s*\bExit (?:codes|status): ")
COMPATIBLE = {
    "fail2ban-client": ("Speak to the server in Fail2Ban's words", compat_help.usage("fail2ban-client")),
    "fail2ban-server": ("Start the server with Fail2Ban's arguments", compat_help.usage("fail2ban-server")),
    "fail2ban-regex": ("Try regular expressions on a log, as in Fail2Ban", compat_regex.HELP),
}


@dataclass(frozen=True)
class Entry:
    """A row of a table: `-c, --config DIR` and what it does."""

    term: str
    text: str


@dataclass
class Section:
    """A heading ("" for what needs none) and what stands below it, in its order."""

    heading: str
    blocks: list[str | list[Entry] | list[str]] = field(default_factory=list)
    """A paragraph, a table, or lines that stay as they are."""

    def entries(self) -> Iterator[Entry]:
        """Yield the rows of its tables."""
        for block in self.blocks:
            yield from (row for row in block if isinstance(row, Entry))


@dataclass
class Page:
    """A program, a command, or a subject."""

    name: str
    summary: str
    usage: str = ""
    sections: list[Section] = field(default_factory=list)
    below: list[Page] = field(default_factory=list)
    """Its own commands, such as `f2b jail list`."""

    def section(self, heading: str) -> Section:
        """Return the section of that heading, made if it is missing."""
        for section in self.sections:
            if section.heading == heading:
                return section
        self.sections.append(Section(heading))
        return self.sections[-1]

    def options(self) -> list[Entry]:
        """Return its options."""
        return list(self.section("Options").entries())


def of_commands() -> list[Page]:
    """Return the page of f2b, then one for each command, in the order of the help."""
    top = _page("f2b", "read logs, find attackers, keep them out", _help())
    return [top, *(_command((name,), entry.summary) for name, entry in COMMANDS.items())]


def of_compatible() -> list[Page]:
    """Return the pages of the programs that Fail2Ban has, too."""
    return [_page(name, summary, text) for name, (summary, text) in COMPATIBLE.items()]


def read(text: str, page: Page) -> Page:
    """Add to a page what a text says."""
    heading, depth = "", WIDE
    for piece in re.split(r"\n[ ]*\n", text.strip("\n")):
        lines = textwrap.dedent(piece).splitlines()
        indent = len(piece) - len(piece.lstrip())
        if lines[0].startswith("Usage: "):
            page.usage = " ".join(line.strip() for line in lines).removeprefix("Usage: ")
        elif lines[0].endswith(":") and len(lines) > 1 and lines[1].startswith(" "):
            heading, depth = lines[0].removesuffix(":"), indent
            page.section(heading).blocks.append(_block(textwrap.dedent("\n".join(lines[1:])), heading))
        elif indent > depth:
            page.section(heading).blocks.append(_block("\n".join(lines), heading))
        else:
            _add_loose(lines, page)
    return page


def _command(words: tuple[str, ...], summary: str) -> Page:
    page = _page(" ".join(("f2b", *words)), summary, _help(*words))
    own = page.section("Commands")
    page.below = [_command((*words, entry.term), entry.text) for entry in own.entries()]
    page.sections.remove(own)
    return page


def _page(name: str, summary: str, text: str) -> Page:
    return read(text, Page(name, summary[0].lower() + summary[1:]))


def _help(*words: str) -> str:
    said = io.StringIO()
    group.f2b.context_settings["terminal_width"] = WIDE
    try:
        with contextlib.redirect_stdout(said):
            status = main.run([*words, "--help"])
    finally:
        del group.f2b.context_settings["terminal_width"]
    assert status == 0, words
    return said.getvalue()


def _block(text: str, heading: str) -> str | list[Entry] | list[str]:
    lines = text.splitlines()
    if heading.startswith(EXAMPLES):
        return lines
    return _table(lines) or _joined(lines)


def _table(lines: list[str]) -> list[Entry]:
    """Return rows of two columns; none if this is no table."""
    starts = [found.end() for line in lines if (found := re.match(r"\S.*?  +(?=\S)", line))]
    column = max(set(starts), key=starts.count, default=WIDE)
    rows: list[Entry] = []
    for line in lines:
        if not line.startswith(" "):
            fits = line[column - 1 : column] == " "
            rows.append(Entry(line[:column].strip(), line[column:]) if fits else Entry(line, ""))
        elif rows:
            rows[-1] = Entry(rows[-1].term, f"{rows[-1].text} {line.strip()}".strip())
    return rows if rows and all(row.text for row in rows) else []


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _add_loose(lines: list[str], page: Page) -> None:
    """Add what has no heading: a table or a paragraph, whose exit codes get a section of their own."""
    if all(line.startswith("    ") for line in lines):
        page.section("").blocks.append(lines)
        return
    table = _table(lines) if any("  " in line.strip() for line in lines) else []
    if table:
        page.section("").blocks.append(table)
        return
    said, *codes = EXIT.split(_joined(lines), maxsplit=1)
    if said:
        page.section("").blocks.append(said)
    for code in codes:
        rows = [Entry(*row.split(" ", 1)) for row in re.split(r"[,;] (?=\d+ )", code.rstrip("."))]
        page.section("Exit status").blocks.append(rows)
