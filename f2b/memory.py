"""Giving memory back that only a start needed: reading a configuration, restoring thousands of bans."""

from __future__ import annotations

import ctypes
import gc


def settle() -> None:
    """Keep what there is now out of every later search for garbage, and give the system what is free.

    malloc keeps freed pieces below its top for itself (3 MB after 50,000 bans) until malloc_trim(3) is called, which
    not every libc has.
    """
    gc.freeze()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim:
        trim(0)
