"""The desk, staffed: what people and programs ask of a running server (`desk.Desk`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from f2b import __version__, net
from f2b.config.model import Problem, Settings
from f2b.daemon import assemble
from f2b.daemon.desk import JailView, ServerView
from f2b.daemon.reload import Plan, plan, refusals
from f2b.daemon.server import Server
from f2b.errors import ControlError
from f2b.events import Ban
from f2b.jail import Jail


class Front:
    """Answers for a server."""

    def __init__(self, server: Server, read_again: Callable[[], Settings], dry: str = "") -> None:
        """`read_again` reads the configuration; `dry` says why nothing is enforced, if that is so."""
        self._server = server
        self._read_again = read_again
        self._dry = dry
        self._started = server.loop.now()
        self.keep = True
        """Whether bans stay in the kernel when the server ends; only a `stop` takes them out."""

    def view(self) -> ServerView:
        """Return everything at once."""
        views = tuple(self._view(jail) for jail in self._server.engine.jails.values())
        reason = self._dry or "; ".join(f"{view.name}: {view.reason}" for view in views if view.state == "down")
        return ServerView(
            __version__,
            os.getpid(),
            self._started,
            not reason,
            reason,
            views,
            (*(str(it) for it in self._problems() if it.severity == "error"), *self._server.watchdog.troubles),
        )

    def _problems(self) -> list[Problem]:
        broken = self._server.broken.values()
        return [*self._server.settings.problems, *(problem for found in broken for problem in found)]

    def jail(self, name: str) -> JailView:
        """Return one jail. Raises ControlError if there is none of this name."""
        return self._view(self._jail(name))

    def _jail(self, name: str) -> Jail:
        jail = self._server.engine.jails.get(name)
        if jail is None:
            raise ControlError(f"there is no jail {name!r}; `f2b status` lists those there are")
        return jail

    def _view(self, jail: Jail) -> JailView:
        reading = self._server.intake.view(jail.name)
        broken = [str(it) for it in self._server.broken.get(jail.name, []) if it.severity == "error"]
        failing = "; ".join([*self._server.outlet.guards[jail.name].faults, *broken])
        return JailView(
            jail.name,
            "down" if failing else "waiting" if reading.waiting else "up",
            failing or reading.waiting or jail.patience.resting(),
            jail.spec,
            reading.backend,
            reading.files,
            reading.journalmatch,
            len(jail.counter),
            jail.counter.total,
            tuple(jail.ledger),
            jail.banned_total,
        )

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> int:
        """Ban by hand; return how many were not banned before. `jail` "" is the jail `manual`, made on first use."""
        if not jail and assemble.MANUAL not in self._server.engine.jails:
            self._server.add(assemble.manual())
        found = self._jail(jail or assemble.MANUAL)
        now = self._server.loop.now()
        effects = [effect for key in ids for effect in found.ban(net.network(key) or key, now, duration)]
        self._server.take(effects)
        return sum(isinstance(effect, Ban) for effect in effects)

    def unban(self, ids: Sequence[str] | None, jail: str = "") -> int:
        """Lift bans, in one jail or in all, and forget their history; return how many were lifted."""
        jails = [self._jail(jail)] if jail else list(self._server.engine.jails.values())
        keys = None if ids is None else [net.network(key) or key for key in ids]
        lifted = [unban for each in jails for unban in each.unban(keys)]
        self._server.take(lifted)
        return len(lifted)

    def set_bantime(self, jail: str, seconds: float) -> None:
        """Change the jail's ban time, for running bans too."""
        self._server.take(self._jail(jail).set_bantime(seconds))

    def reload(self, jail: str = "", unban: bool = False) -> Sequence[str]:
        """Read the configuration again; return its warnings. Raises ControlError, with nothing changed, if a jail
        that runs, or is newly enabled, would not work."""
        settings = self._read_again()
        running = {name: each.spec for name, each in self._server.engine.jails.items() if name != assemble.MANUAL}
        if jail and jail not in running and jail not in {spec.name for spec in settings.jails}:
            raise ControlError(f"there is no enabled jail {jail!r} in the configuration")
        todo = plan(running, settings, jail)
        self._refuse(settings, todo, jail)
        if unban:
            self.unban(None, jail)
        self._carry_out(todo)
        self._server.settings = settings
        self._server.forget({spec.name for spec in settings.jails})
        self._server.log.info("server", "Reload finished.")
        return [str(problem) for problem in self._problems()]

    def _refuse(self, settings: Settings, todo: Plan, only: str) -> None:
        problems = list(settings.problems)
        for spec in (*todo.added, *todo.changed):
            problems += assemble.build_filter(spec)[1]
        refused = refusals(problems, self._problems(), only)
        if refused:
            text = "\n".join(str(problem) for problem in refused)
            raise ControlError(f"the new configuration has errors, so nothing was changed:\n{text}", 2)

    def _carry_out(self, todo: Plan) -> None:
        for name in todo.removed:
            self._server.remove(name)
        for spec in todo.changed:
            self._server.change(spec)
        for spec in todo.added:
            self._server.add(spec)

    def flush_log(self) -> bool:
        """Open the log again by its name; return whether it is a file at all."""
        log = self._server.log
        try:
            log.reopen()
        except OSError as error:
            raise ControlError(
                f"cannot open {log.target} again: {error.strerror}; the log goes on as it was"
            ) from None
        log.info(
            "server", f"rollover performed on {log.target}" if log.to_file else f"flush performed on {log.target}"
        )
        return log.to_file

    def stop(self, keep: bool = False) -> None:
        """End the server once this request is answered; `keep` leaves the bans in the kernel."""
        self.keep = keep
        self._server.loop.soon(self._server.loop.stop)
