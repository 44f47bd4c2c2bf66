"""How far a log was read, in a form that outlives the server and that Fail2Ban understands."""

from __future__ import annotations

from f2b.named import NamedTuple

# hashlib brings OpenSSL with it: 4 MB of memory for 40 hex digits. Its own parts have no type stubs.
try:
    from _md5 import md5  # type: ignore[import-not-found]  # no stub
    from _sha1 import sha1  # type: ignore[import-not-found]  # no stub
except ImportError:  # an interpreter built without its own hashes
    from hashlib import md5, sha1


class Position(NamedTuple):
    """Everything before `offset` was read."""

    first: str
    """SHA-1 of the file's first line, newline included, as hex digits; empty while there is no such line."""
    offset: int
    """Bytes; always the start of a line."""
    inode: int = 0
    """0 if Fail2Ban wrote this position: it keeps none."""


def fingerprint(line: bytes) -> str:
    """Return what `Position.first` holds for a complete first line, newline included; empty for an empty line.

    Fail2Ban's column is called `firstlinemd5`; what it writes there is SHA-1.
    """
    return str(sha1(line).hexdigest()) if line else ""


def same_first(known: str, line: bytes) -> bool:
    """Say whether `known`, which an old Fail2Ban may have written as MD5, is the hash of this first line."""
    if len(known) == 32 and line:
        return known == str(md5(line).hexdigest())
    return known == fingerprint(line)
