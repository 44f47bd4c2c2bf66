"""Long work, in processes of its own that have a limit: a regex may run away, a log may be long."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping
from threading import BoundedSemaphore
from typing import Any

from f2b.bundle import again
from f2b.errors import F2bError

AT_ONCE = 2
"""So many pieces of work; whoever comes then is told to come again."""
LIMIT_S = 20.0
MOST_MEMORY = 1 << 30
"""Bytes of address space that one may take."""


class WorkError(F2bError):
    """The work could not be done; this says why."""


class BusyError(WorkError):
    """Others' work is being done."""


class Workshop:
    """Does a few pieces of work at once. Calls wait: they are for threads."""

    def __init__(self, at_once: int = AT_ONCE) -> None:
        self._places = BoundedSemaphore(at_once)

    def do(self, task: str, limit_s: float = LIMIT_S, **fields: object) -> Any:
        """Return what a task of `worker.py` answers. Raises WorkError."""
        if not self._places.acquire(blocking=False):
            raise BusyError("others have me busy; try again in a moment")
        try:
            return _done(task, fields, limit_s)
        finally:
            self._places.release()


def _done(task: str, fields: Mapping[str, object], limit_s: float) -> Any:
    asked = json.dumps({"task": task, "limit": limit_s, "memory": MOST_MEMORY, **fields}).encode()
    pipe = subprocess.PIPE
    worker = subprocess.Popen(
        again("f2b-web-worker", "f2b.web.worker"), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    )
    try:
        said, complaint = worker.communicate(asked, timeout=limit_s)
    except subprocess.TimeoutExpired:
        raise WorkError(f"this took longer than {limit_s:.0f} s and was given up") from None
    finally:
        _end(worker)
    return _result(said, complaint)


def _end(worker: subprocess.Popen[bytes]) -> None:
    """End a worker, and whatever it started."""
    if worker.poll() is None:
        os.killpg(worker.pid, signal.SIGKILL)
    with worker:  # closes its pipes and waits for it
        pass


def _result(said: bytes, complaint: bytes) -> Any:
    try:
        answer = json.loads(said)
    except ValueError:
        last = complaint.decode(errors="replace").strip().rpartition("\n")[2]
        raise WorkError(f"this could not be done: {last or 'it was ended'}") from None
    if "error" in answer:
        raise WorkError(answer["error"])
    return answer["result"]
