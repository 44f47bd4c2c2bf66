"""`f2b jail`: which jails there are; enabling and disabling them in jail.local, comments and all else kept."""

from __future__ import annotations

import re
from pathlib import Path

import click

from f2b.cli import show
from f2b.cli.check import Wealthy
from f2b.config import search
from f2b.config.model import JailSpec
from f2b.errors import ConfigError, Place
from f2b.paths import FOLDERS

_SECTION = re.compile(r"^\[(?P<name>[^\]]+)\]")
_ENABLED = re.compile(r"^enabled\s*[=:]")

_where = click.option("-c", "--config", "directory", metavar="DIR", help="The configuration in DIR.")


@click.group(short_help="List, enable and disable jails")
def jail() -> None:
    """List all jails, and enable or disable them in jail.local.

    \b
    Examples:
      f2b jail list
      f2b jail enable nginx-http-auth && f2b reload
      f2b jail disable sshd
    """


@jail.command("list", short_help="All jails: enabled or not, and what they read")
@_where
@click.option("--json", "as_json", is_flag=True, help="Print them as JSON.")
def list_(directory: str | None, as_json: bool) -> None:
    """Print every jail that the configuration or f2b itself knows."""
    folder = Path(directory) if directory else None
    found = search.load(folder)
    enabled = {spec.name for spec in (*found.jails, *found.broken)}
    every = search.load(folder, Wealthy(), disabled=True)
    jails = sorted((*every.jails, *every.broken), key=lambda spec: spec.name)
    if as_json:
        entries = [{"name": it.name, "enabled": it.name in enabled, "reads": _reads(it)} for it in jails]
        show.as_json({"jails": entries})
        return
    rows = [[show.plain(it.name), _word(it.name in enabled), it.filter.name, _short(it)] for it in jails]
    print(show.table(["JAIL", "ENABLED", "FILTER", "READS"], rows))


def _word(enabled: bool) -> str:
    return show.paint("yes", "green") if enabled else "no"


def _reads(spec: JailSpec) -> list[str]:
    return [log.pattern for log in spec.logpath]


def _short(spec: JailSpec) -> str:
    paths = _reads(spec)
    return f"{paths[0]} and {len(paths) - 1} more" if len(paths) > 1 else "".join(paths) or spec.backend


@jail.command(short_help="Enable jails in jail.local")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_where
def enable(names: tuple[str, ...], directory: str | None) -> None:
    """Enable each jail NAME: from the next reload on."""
    _set(names, directory, enabled=True)


@jail.command(short_help="Disable jails in jail.local")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@_where
def disable(names: tuple[str, ...], directory: str | None) -> None:
    """Disable each jail NAME: from the next reload on."""
    _set(names, directory, enabled=False)


def _set(names: tuple[str, ...], directory: str | None, enabled: bool) -> None:
    here = next((path for path in map(Path, FOLDERS) if path.is_dir()), None)
    folder = Path(directory) if directory else here or Path(FOLDERS[0])
    known = search.load(folder if folder.is_dir() else None, Wealthy(), only=names, disabled=True)
    found = {spec.name for spec in (*known.jails, *known.broken)} | {it.jail for it in known.problems}
    unknown = ", ".join(repr(name) for name in names if name not in found)
    if unknown:
        raise ConfigError(f"there is no jail {unknown}", None, "f2b jail list says which there are")
    path = folder / "jail.local"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        for name in names:
            text = switched(text, name, enabled)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"it cannot be changed: {error.strerror}", Place(str(path)), "run f2b as root") from None
    print(f"{'enabled' if enabled else 'disabled'} {' '.join(names)} in {path}; put it in force: f2b reload")


def switched(text: str, name: str, enabled: bool) -> str:
    """Return a jail.local in which a jail is enabled or not; every other line stays as it is."""
    word = f"enabled = {'true' if enabled else 'false'}"
    lines = text.splitlines()
    heads = {at: found["name"].strip() for at, line in enumerate(lines) if (found := _SECTION.match(line))}
    starts = [at for at, head in heads.items() if head == name]
    if not starts:
        gap = [""] if lines and lines[-1].strip() else []
        return "\n".join([*lines, *gap, f"[{name}]", word]) + "\n"
    first = starts[-1] + 1  # the last one decides
    inside = range(first, min((at for at in heads if at >= first), default=len(lines)))
    known = [at for at in inside if _ENABLED.match(lines[at])]
    for at in known:
        lines[at] = word
    if not known:
        lines.insert(first, word)
    return "\n".join(lines) + "\n"
