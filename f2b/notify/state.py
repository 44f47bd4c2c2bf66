"""What a notifier must know again when it was killed, in one file that is always whole."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from f2b.errors import F2bError


class State:
    """A JSON object on disk."""

    def __init__(self, path: str) -> None:
        self._path = Path(path)

    def load(self) -> Mapping[str, Any]:
        """Return what was saved last; nothing if there is none, or it is no good. Raises F2bError."""
        try:
            found = json.loads(self._path.read_bytes())
        except FileNotFoundError:
            return {}
        except ValueError:
            return {}  # an earlier version's, or somebody else's: begin anew
        except OSError as error:
            raise self._fault(error) from None
        return found if isinstance(found, dict) else {}

    def save(self, what: Mapping[str, Any]) -> None:
        """Put this in the place of what was there, whatever happens meanwhile. Raises F2bError."""
        fresh = self._path.with_name(self._path.name + ".new")
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with open(fd, "wb") as file:  # noqa: PTH123 - it is open already, for nobody else to read
                file.write(json.dumps(what).encode())
                file.flush()
                os.fsync(fd)
            fresh.replace(self._path)
        except OSError as error:
            raise self._fault(error) from None

    def _fault(self, error: OSError) -> F2bError:
        return F2bError(f"cannot use {self._path}: {error.strerror}; name another file with --state")
