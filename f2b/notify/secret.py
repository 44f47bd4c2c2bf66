"""Secrets from files that nobody else can read."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from f2b.errors import ConfigError, Place

LONGEST = 65536


def read(path: str, environment: Mapping[str, str]) -> str:
    """Return what a file holds, without blanks around it. A bare name is one of systemd's credentials.

    Raises ConfigError if it cannot be read, is empty, or others than its owner may read it.
    """
    file = Path(path)
    given = "/" not in path and environment.get("CREDENTIALS_DIRECTORY")
    if given:
        file = Path(given) / path
    place = Place(str(file))
    try:
        with file.open("rb") as opened:
            status = os.fstat(opened.fileno())
            text = opened.read(LONGEST).decode().strip()
    except OSError as error:
        raise ConfigError(f"the secret cannot be read: {error.strerror}", place, "look at its owner") from None
    except UnicodeDecodeError:
        raise ConfigError("the secret is no text", place) from None
    if not given and (status.st_mode & (stat.S_IRWXG | stat.S_IRWXO)):
        raise ConfigError("others may read the secret", place, f"chmod 600 {file}")
    if not given and status.st_uid not in (0, os.geteuid()):
        raise ConfigError("the secret is somebody else's", place, "let root own it, or who runs this")
    if not text:
        raise ConfigError("the secret is empty", place)
    return text
