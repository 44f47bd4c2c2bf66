"""Reading the configuration again while the server runs: all that changed, or nothing if it would break a jail."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from f2b.config.model import Problem, ServerSpec, Settings
from f2b.daemon import assemble, chronicle, proof
from f2b.daemon.reload import Known, Plan, merged, plan, refusals
from f2b.daemon.server import Server
from f2b.errors import ControlError

Tune = Callable[[ServerSpec], None]


class Renewal:
    """Compares what runs with what the files say now, and carries the difference out."""

    def __init__(
        self, server: Server, read_again: Callable[[], Settings], here: proof.Here, tune: Tune, bare: bool = False
    ) -> None:
        """`tune` applies what concerns the whole server. `bare`: nothing was read so far, so nothing can break."""
        self._server = server
        self._read_again = read_again
        self._here = here
        self._tune = tune
        self._bare = bare

    def enables(self, jail: str) -> bool:
        """Return whether the files enable a jail now, broken or not."""
        return jail in _enabled(self._read_again())

    def problems(self) -> list[Problem]:
        """Return what was wrong when it was read last."""
        broken = self._server.broken.values()
        return [*self._server.settings.problems, *(problem for found in broken for problem in found)]

    def reload(self, jail: str, restart: bool, before: Callable[[], object]) -> Sequence[str]:
        """Read again, for one jail or for all; return the warnings. `before` is called once nothing forbids it.

        Raises ControlError, with nothing changed, if a jail that runs, or is newly enabled, would not work.
        """
        self._renew(self._read_again(), jail, restart, before)
        return [str(problem) for problem in self.problems()]

    def way_back(self) -> Callable[[], object]:
        """Return what brings the configuration back that is in force now."""
        settings = self._server.settings
        return lambda: self._renew(settings, "", restart=False, before=lambda: None)

    def _renew(self, settings: Settings, jail: str, restart: bool, before: Callable[[], object]) -> None:
        running = {name: each.spec for name, each in self._server.engine.jails.items() if name != assemble.MANUAL}
        if jail and jail not in running and jail not in _enabled(settings):
            raise ControlError(f"there is no enabled jail {jail!r} in the configuration")
        todo = plan(running, settings, jail, restart)
        if not self._bare:
            self._refuse(settings, todo, jail)
        log = self._server.log
        log.info("server", f"Reload jail {jail}" if jail else "Reload all jails")
        self._tune(settings.server)
        before()
        self._carry_out(todo)
        self._bare = False
        self._server.settings = merged(self._server.settings, settings, jail) if jail else settings
        self._server.forget({spec.name for spec in self._server.settings.jails})
        for name, old in running.items():
            if jail in ("", name) and name not in (*todo.removed, *(spec.name for spec in todo.added)):
                spec = self._server.engine.jails[name].spec
                chronicle.goes_on(log, spec)
                self._server.outlet.guards[name].reload([it.name for it in spec.actions if it in old.actions])
        log.info("server", "Reload finished.")

    def _refuse(self, settings: Settings, todo: Plan, only: str) -> None:
        concerned = Settings(jails=(*todo.added, *todo.changed))
        built = list(proof.problems(concerned, self._here))
        refused = refusals(settings.problems, built, self._known(), only)
        if refused:
            text = "\n".join(str(problem) for problem in refused)
            raise ControlError(f"the new configuration has errors, so nothing was changed:\n{text}", 2)

    def _known(self) -> Known:
        running = self._server.engine.jails
        return Known(running, _enabled(self._server.settings) - running.keys(), self.problems())

    def _carry_out(self, todo: Plan) -> None:
        for name in todo.removed:
            self._server.remove(name)
        for spec in todo.changed:
            self._server.change(spec)
        for spec in todo.added:
            self._server.add(spec)


def _enabled(settings: Settings) -> set[str]:
    """Return the jails that are enabled, broken ones included."""
    named = {problem.jail for problem in settings.problems if problem.jail and problem.severity == "error"}
    return named | {spec.name for spec in (*settings.jails, *settings.broken)}
