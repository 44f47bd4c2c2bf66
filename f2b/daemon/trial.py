"""What is undone unless somebody confirms that he can still reach this host."""

from __future__ import annotations

from collections.abc import Callable

from f2b.errors import F2bError
from f2b.log import Log
from f2b.loop import Loop, Timer
from f2b.named import NamedTuple


class _Trial(NamedTuple):
    what: str
    timer: Timer


class Trials:
    """Changes that wait to be confirmed."""

    def __init__(self, loop: Loop, log: Log) -> None:
        self._loop = loop
        self._log = log
        self._trials: list[_Trial] = []

    def begin(self, what: str, seconds: float, undo: Callable[[], object]) -> None:
        """Call `undo` in so many seconds, unless it is confirmed."""
        trial: list[_Trial] = []

        def over() -> None:
            self._trials.remove(trial[0])
            self._log.warning("server", f"Nobody confirmed {what} within {seconds:g} s: it is undone")
            try:
                undo()
            except F2bError as error:
                self._log.error("server", f"{what} could not be undone: {error}")

        trial.append(_Trial(what, self._loop.after(seconds, over)))
        self._trials += trial

    def keep(self) -> list[str]:
        """Undo nothing of what was begun so far; return what that is."""
        kept, self._trials = self._trials, []
        for trial in kept:
            trial.timer.cancel()
        return [trial.what for trial in kept]
