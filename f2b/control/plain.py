"""Which socket a usual configuration names, read without the configuration's reader.

Clients are called in loops: so little is imported here that nothing is for `fail2ban-client ping`.
"""

from __future__ import annotations

import os

from f2b import paths

_OPTION = "socket"
_SECTIONS = ("[DEFAULT]", "[Definition]")
"""Where it may stand; what the latter says counts more, whatever file says it."""


class Unclear(Exception):  # noqa: N818 - no error
    """The configuration says it in words that take all of its reader."""


def plain_socket(directory: str | None) -> str:
    """Return the socket that the configuration names in plain words, "" if it names none.

    Raises Unclear if these are no plain words, or something is wrong.
    """
    folder = directory or next(filter(os.path.isdir, paths.FOLDERS), "")
    if directory and not os.path.isdir(directory):
        raise Unclear
    said: dict[str, str] = {}
    for file in _files(folder) if folder else ():
        try:
            with open(file, encoding="utf-8") as content:
                said |= _sockets_in(content.read())
        except (OSError, ValueError):
            raise Unclear from None
    return next((said[section] for section in reversed(_SECTIONS) if section in said), "")


def _files(folder: str) -> list[str]:
    """Return what the server's settings are read from, later ones over earlier ones."""
    found = []
    for name in ("fail2ban", "f2b"):
        more = f"{folder}/{name}.d"
        inside = sorted(os.listdir(more)) if os.path.isdir(more) else []
        for ending in (".conf", ".local"):
            found += [f"{folder}/{name}{ending}"] if os.path.isfile(f"{folder}/{name}{ending}") else []
            found += [f"{more}/{entry}" for entry in inside if entry.endswith(ending)]
    return found


def _sockets_in(text: str) -> dict[str, str]:
    """Return what one file says, by section. Raises Unclear unless it is `socket = PATH`, once in each."""
    if "[INCLUDES]" in text:
        raise Unclear
    said: dict[str, str] = {}
    section = ""
    lines = text.split("\n") if _OPTION in text.lower() else []
    for line, following in zip(lines, [*lines[1:], ""], strict=False):
        if line.startswith("["):
            section = line
        if line.startswith(("#", ";", "syslogsocket")) or _OPTION not in line.lower():
            continue
        name, _, value = line.partition("=")
        plain = name.rstrip() == _OPTION and section in _SECTIONS and section not in said
        if not plain or following[:1].isspace() or "\r" in text or "\ufeff" in text:
            raise Unclear
        said[section] = path = value.strip()
        if not path.startswith("/") or set(path) & set("%;"):
            raise Unclear
    return said
