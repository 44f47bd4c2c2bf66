"""The desk, staffed: what people and programs ask of a running server (`desk.Desk`)."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence

from f2b import __version__, net
from f2b.config import search
from f2b.config.model import JailSpec, ServerSpec, Settings
from f2b.daemon import assemble, chronicle, proof
from f2b.daemon.account import Account, account
from f2b.daemon.cause import Check
from f2b.daemon.desk import JailView, Order, ServerView, Steps
from f2b.daemon.feed import Feed
from f2b.daemon.fleet import Fleet
from f2b.daemon.measure import PORTION, measures
from f2b.daemon.renewal import Renewal
from f2b.daemon.resolve import Resolver
from f2b.daemon.server import Server
from f2b.daemon.trial import Trials
from f2b.errors import ConfigError, ControlError
from f2b.events import Ban, Ignored, Unban
from f2b.firewall import is_proven
from f2b.firewall.life import Query
from f2b.firewall.shell import Result
from f2b.jail import Jail
from f2b.source.pattern import expand

RESTS = "it was told to rest"


class Front:
    """Answers for a server."""

    def __init__(
        self,
        server: Server,
        read_again: Callable[[], Settings],
        here: proof.Here,
        dry: str = "",
        bare: bool = False,
    ) -> None:
        """`read_again` reads the configuration; `dry` says why nothing is enforced, if that is so.

        `bare`: the configuration is yet to be read.
        """
        self._server = server
        self._renewal = Renewal(server, read_again, here, self.tune, bare)
        self._resolver = Resolver(server.loop)
        self._dry = dry
        self._started = server.loop.now()
        self._trials = Trials(server.loop, server.log)
        self._fleet = Fleet(server)
        self.keep = True
        """Whether bans stay in the kernel when the server ends; only a `stop` takes them out."""
        self.farewells: list[Callable[[], object]] = []
        """What to call at the very end: somebody waits for it."""

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
            (
                *(str(it) for it in self._renewal.problems() if it.severity == "error"),
                *self._server.watchdog.troubles,
                *self._server.silence.troubles,
                *self._fleet.troubles(),
            ),
            self._fleet.report(),
        )

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
        failing = self._server.failing(jail.name)
        rests = jail.name in self._server.resting
        waits = reading.waiting or self._server.lacks(jail.name)
        return JailView(
            jail.name,
            "down" if failing else "idle" if rests else "waiting" if waits else "up",
            failing or (RESTS if rests else waits or jail.patience.resting()),
            jail.spec,
            jail.spec.backend if rests else reading.backend,
            _files(jail.spec) if rests else reading.files,
            jail.spec.filter.journalmatch if rests and jail.spec.journal else reading.journalmatch,
            len(jail.counter),
            jail.counter.total,
            jail.ledger,
            jail.banned_total,
            self._server.intake.lag(jail.name),
        )

    def ban(self, ids: Sequence[str], jail: str, duration: float | None = None) -> Sequence[Ban]:
        """Ban by hand; return the bans that are new. `jail` "" is the jail `manual`, made on first use."""
        found = self._judge(jail)
        keys = [net.network(key) or key for key in ids]
        now = self._server.loop.now()
        effects = [effect for key in keys for effect in found.ban(key, now, duration)]
        self._server.take(effects)
        return [effect for effect in effects if isinstance(effect, Ban)]

    def judge(self, ids: Sequence[str], jail: str) -> None:
        """Raise ControlError if bans would lock out whom no filter may ban, or hit others where that is refused.

        Where no jail is named, what any of them says counts.
        """
        keys, own = [net.network(key) or key for key in ids], self._judge(jail)
        judges = [own] if jail else list(self._server.engine.jails.values())
        found = {key: reason for key in keys for it in judges if (reason := it.protects(key))}
        why = [f"{key}: {reason}" for key, reason in found.items()]
        if not why and any(it.spec.collateral == "refuse" for it in judges):
            why = [f"it would also hit {text}" for text in self.hits(keys, jail)]
        if why:
            raise ControlError(f"nobody was banned, for {'; '.join(why)}; --force bans all the same")

    def _judge(self, jail: str) -> Jail:
        """Return the jail that bans by hand are of."""
        if not jail and assemble.MANUAL not in self._server.engine.jails:
            self._server.add(assemble.manual())
        return self._jail(jail or assemble.MANUAL)

    def hits(self, ids: Sequence[str], jail: str) -> Sequence[str]:
        """Return in words whom else bans of these would hit."""
        now = self._server.loop.now()
        judge = self._server.engine.jails.get(jail or assemble.MANUAL)
        jails = [judge] if judge else list(self._server.engine.jails.values())[:1]
        return [f"{', '.join(whom)} ({key})" for key in ids for it in jails if (whom := it.custody.hits(key, now))]

    def allow(self, ids: Sequence[str], seconds: float = float("inf")) -> int:
        """Let no filter ban these for so long, and let them in; return how many bans were lifted."""
        self._server.allow(dict.fromkeys(ids, self._server.loop.now() + seconds))
        wanted, begins = net.Spans(ids), tuple(map(net.beginning, ids))
        found = [
            (jail.ledger, key)
            for jail in self._server.engine.jails.values()
            for key in jail.ledger.ids()
            if ("/" in key or key.startswith(begins)) and (key in wanted or key in ids)
        ]
        held = {key for ledger, key in found if (ban := ledger.brief(key)) and not ban.listed}
        return self.unban(sorted(held)) if held else 0

    def disallow(self, ids: Sequence[str]) -> None:
        """Let filters ban these again."""
        self._server.allow(dict.fromkeys(ids))

    def allowed(self) -> Mapping[str, float]:
        """Return who was allowed so, and until when."""
        return self._server.allowed()

    def try_out(self, what: str, seconds: float, undo: Callable[[], object]) -> None:
        """Undo something in so many seconds, unless it is confirmed."""
        self._trials.begin(what, seconds, undo)

    def confirm(self) -> Sequence[str]:
        """Keep all that would be undone; return what that is."""
        return self._trials.keep()

    def portion(self, jail: str) -> int | None:
        """Return how many bans of a jail are best asked for at once; None where it makes no difference to ask for
        all."""
        guard = self._server.outlet.guards.get(jail)
        proven = [it for it in guard.firewalls if is_proven(it)] if guard else []
        return PORTION if all(it.piecemeal for it in proven) else None

    def verify(self, bans: Sequence[Ban], closely: bool) -> Sequence[Check]:
        """Ask the kernel for these bans, action by action; of jails that are gone by now nothing is said."""
        jails: dict[str, list[Ban]] = {}
        for ban in bans:
            jails.setdefault(ban.jail, []).append(ban)
        guards = self._server.outlet.guards
        asked = [(guards[name], each) for name, each in jails.items() if name in guards]
        return [check for guard, each in asked for check in guard.doubt.checks(each, closely)]

    def account(self, key: str, jail: str) -> Account:
        """Return what a jail can say of an id. Raises ControlError if there is none of this name."""
        return account(self._jail(jail), key, self._server.loop.now())

    def directory(self) -> str:
        """Return the folder that the configuration was read from."""
        return self._server.settings.directory

    def unban(self, ids: Sequence[str] | None, jail: str = "") -> int:
        """Lift bans, in one jail or in all, and forget their history; return how many were lifted."""
        jails = [self._jail(jail)] if jail else list(self._server.engine.jails.values())
        keys = None if ids is None else [net.network(key) or key for key in ids]
        lifted = [unban for each in jails for unban in each.unban(keys)]
        self._server.take(lifted)
        return sum(isinstance(effect, Unban) for effect in lifted)

    def impose(self, orders: Sequence[Order]) -> Sequence[str]:
        """Carry out what the fleet wants; return for each order `banned`, nothing, or why it was refused."""
        return self._fleet.impose(orders)

    def hear_fleet(self, said: Mapping[str, object], contact: float | None) -> None:
        """Remember what is said of the fleet, and when it was last heard of."""
        self._fleet.note(said, contact)

    def attempt(self, jail: str, key: str, lines: Sequence[str]) -> bool:
        """Count a failure for each of these log lines, one at least; return False if the id is spared."""
        found, now = self._jail(jail), self._server.loop.now()
        effects = found.attempt(net.network(key) or key, lines, now)
        self._server.take(effects)
        return not any(isinstance(effect, Ignored) for effect in effects)

    # ---- jails ----

    def change(self, spec: JailSpec) -> None:
        """Let a jail go on by this specification. Raises ConfigError, with nothing changed, if that cannot work."""
        self._check(spec)
        old = self._jail(spec.name).spec
        self._server.change(spec)
        chronicle.tuned(self._server.log, old, spec)

    def add(self, spec: JailSpec) -> None:
        """Make a jail that rests until it is told to start. Raises ConfigError."""
        self._check(spec)
        self._server.add(spec, resting=True)

    def _check(self, spec: JailSpec) -> None:
        for problem in assemble.build_filter(spec)[1]:
            if problem.severity == "error":
                raise ConfigError(problem.what, problem.place, problem.cure)

    def start(self, jail: str) -> None:
        """Let a jail that rests read again, from where it stopped."""
        self._server.wake(self._jail(jail).name)

    def rest(self, jail: str) -> None:
        """Let a jail read nothing for now; its bans end in their time."""
        self._server.rest(self._jail(jail).name)

    def act(self, jail: str, action: str, verb: str) -> None:
        """Let one action `start`, `stop` or `flush`, or see whether it still stands (any other verb)."""
        self._server.outlet.guards[self._jail(jail).name].act(action, verb)

    def ask(self, jail: str, action: str, query: Query, answer: Callable[[Result], object]) -> None:
        """Ask a Python action something; call with the result, whose value is the answer."""
        self._server.outlet.guards[self._jail(jail).name].ask(action, query, answer)

    def remove(self, jail: str) -> None:
        """Take a jail down with its bans, which come back when it does."""
        self._server.remove(self._jail(jail).name)

    # ---- the configuration ----

    def configured(self, jail: str) -> bool:
        """Return whether the configuration enables a jail now."""
        return self._renewal.enables(jail)

    def reload(self, jail: str = "", unban: bool = False, restart: bool = False) -> Sequence[str]:
        """Read the configuration again; return its warnings. Raises ControlError, with nothing changed, if a jail
        that runs, or is newly enabled, would not work."""

        def before() -> None:
            if unban and (not jail or jail in self._server.engine.jails):
                self.unban(None, jail)

        return self._renewal.reload(jail, restart, before)

    def undo_reload(self) -> Callable[[], object]:
        """Return what brings the configuration back that is in force now."""
        return self._renewal.way_back()

    def settings(self) -> ServerSpec:
        """Return what holds for the whole server, changes at run time included."""
        return self._server.settings.server

    def tune(self, spec: ServerSpec) -> None:
        """Let this hold for the whole server from now on. Raises ControlError if the log cannot be written so."""
        self._server.tune(spec)

    # ---- the rest ----

    def complain(self, text: str) -> None:
        """Write an error into the server's log."""
        self._server.log.error("transmitter", text)

    def files(self, pattern: str) -> Sequence[str]:
        """Return the existing files that a path or a glob names."""
        return search.Machine().logs(pattern)

    def wait(self, seconds: float, call: Callable[[], object]) -> None:
        """Call in so many seconds; nobody waits for it."""
        self._server.loop.after(seconds, call)

    def resolve(self, names: Sequence[str], call: Callable[[Sequence[str]], object]) -> None:
        """Look host names up and call with all their addresses."""
        found: dict[str, Sequence[str]] = {}

        def answer(name: str, addresses: Sequence[str]) -> None:
            found[name] = addresses
            if len(found) == len(set(names)):
                call([address for each in found.values() for address in each])

        for name in dict.fromkeys(names):
            self._resolver.resolve(name, answer)

    def measures(self, closely: bool) -> Steps[Mapping[str, object]]:
        """Find out how the server does, in numbers; `closely`: what each firewall holds, too."""
        return measures(self._server, closely)

    def now(self) -> float:
        """Return the time."""
        return self._server.loop.now()

    def feed(self) -> Feed:
        """Return what happened lately, to read and to wait for more."""
        return self._server.feed

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

    def stop(self, keep: bool = False, then: Callable[[], object] | None = None) -> None:
        """End the server once this request is answered; `keep` leaves the bans in the kernel."""
        self.keep = keep
        self.farewells += [then] if then else []
        self._server.loop.soon(self._server.loop.stop)


def _files(spec: JailSpec) -> tuple[str, ...]:
    """Return the logs that a jail would read."""
    return () if spec.journal else tuple(path for log in spec.logpath for path in expand(log.pattern))
