"""Links that another user has put into a folder which all may write into, as /tmp is.

Whoever follows one reads or writes what that user may not. The kernel refuses them itself where fs.protected_symlinks
is on (proc_sys_fs(5)).
"""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path


def planted(path: str) -> bool:
    """Whether a path is such a link. Raises OSError if it is not there."""
    link = Path(path).lstat()
    if not stat.S_ISLNK(link.st_mode) or link.st_uid in (0, os.geteuid()):
        return False
    return bool(Path(path).parent.stat().st_mode & stat.S_IWOTH)


def refuse_planted(path: str) -> None:
    """Raise OSError if a path is such a link; what is not there yet is none."""
    try:
        found = planted(path)
    except FileNotFoundError:
        return
    if found:
        raise PermissionError(errno.EPERM, "it is another user's link in a folder that all may write into", path)
