"""Descriptors: each followed log takes one, and there may be more logs than the process may have files open."""

from __future__ import annotations

import os
import resource

SHARE = 0.6
"""Of the descriptors that logs may bring into use: the firewall, actions, clients and the database need some, too."""

_OPEN = "/proc/self/fd"


def crowded() -> bool:
    """Whether so many files are open that logs that rest should be closed."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    try:
        # Linux 6.2 counts them here; before it, they are listed, which takes a thousand times as long.
        return (os.stat(_OPEN).st_size or len(os.listdir(_OPEN))) > most * SHARE  # noqa: PTH116, PTH208 - counts only
    except FileNotFoundError:
        return False  # no /proc
    except OSError:
        return True  # not one is left
