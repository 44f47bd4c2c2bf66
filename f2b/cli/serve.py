"""`f2b serve`: from options to a running server, and its end."""

from __future__ import annotations

import gc
import os
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from f2b import __version__, memory, paths
from f2b.alarm import Alarm
from f2b.cli.argument import WHERE, Command, Given, Usage
from f2b.config import search
from f2b.config.model import JailSpec, ServerSpec, Settings
from f2b.control import guest
from f2b.control.endpoint import Endpoint
from f2b.control.listener import clear
from f2b.daemon.front import Front
from f2b.daemon.healer import Healer
from f2b.daemon.process import PidFile, Signals, call_process, into_background, take_descriptors
from f2b.daemon.proof import Here
from f2b.daemon.record import Record
from f2b.daemon.reference import Reference
from f2b.daemon.server import Server
from f2b.daemon.supervisor import Supervisor
from f2b.errors import ConfigError, ControlError, F2bError
from f2b.firewall.build import Builder, service
from f2b.firewall.native import installed
from f2b.log import LEVELS, Log
from f2b.loop import Loop
from f2b.store import Store
from f2b.value import dataclass, replace

_CURE = "run as root"
_LOG_CURE = f"{_CURE} or give another place: --logtarget STDERR"
OFF, MEMORY = "None", ":memory:"
"""`dbfile = None`, and where the database is then."""
FAULT_S = 60.0
"""How long the same fault is not told again."""
LAST_WORDS_S = 10.0
"""How long the commands of actions may take to undo everything when the server ends."""


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; None: the configuration's, or the default."""

    directory: str | None = None
    socket: str | None = None
    pidfile: str | None = None
    db: str | None = None
    dry_run: bool = False
    background: bool = False
    greeting: str = ""
    """What to print when the server is ready."""
    loglevel: str | None = None
    logtarget: str | None = None
    syslogsocket: str | None = None
    name: str = ""
    """What `ps` and `pgrep` call the process."""
    bare: bool = False
    """Start without jails; a client of Fail2Ban's will say when to read the configuration."""
    ignoreip: tuple[str, ...] = ()
    """Whom every jail spares, too."""
    maxretry: int | None = None
    """That of every jail."""
    strict: bool = False
    """As Fail2Ban: say at once which jails are broken, and do not start if all of them are."""


HELP = """\
Usage: f2b serve [OPTIONS]

  Watch logs, ban attackers, and let them go again. SIGTERM ends it and keeps the bans, SIGHUP reloads.

  Without -c it reads /etc/f2b, else /etc/fail2ban, else its own defaults: sshd and recidive.

  Examples:
    f2b serve                      as root: protect this host
    f2b serve --dry-run            see what it would do
    f2b serve -c ./conf -s ./sock  a server of its own, beside any other

Options:
  -c, --config DIR     Read the configuration in DIR.
  -s, --socket SOCKET  Answer on this socket.
  -p, --pidfile FILE   Write the process number there.
  --db FILE            Keep bans and positions in this SQLite file.
  --dry-run            Say what would be banned, and touch no firewall.
  --loglevel LEVEL     ERROR, WARNING, NOTICE, INFO or DEBUG.
  --logtarget TARGET   STDOUT, STDERR, SYSLOG, SYSTEMD-JOURNAL or a file.
  -i, --ignoreip IP    Never ban this address or network. May be given again.
  -r, --maxretry N     Ban after N failures, in every jail.
  -h, --help           Show this message and exit.
"""
COMMAND = Command(
    "serve",
    HELP,
    {
        **WHERE,
        "p": "pidfile=",
        "i": "ignoreip=",
        "r": "maxretry=",
        **{name: name for name in ("db=", "dry-run", "loglevel=", "logtarget=")},
    },
)


def main(argv: Sequence[str]) -> int:
    """Run the command; return its exit code."""
    return COMMAND.run(argv, lambda given: run(_options(given)))


def _options(given: Given) -> Options:
    maxretry = given.value("maxretry")
    if maxretry is not None and not (maxretry.isascii() and maxretry.isdigit() and int(maxretry)):
        raise Usage(f"Invalid value for '-r' / '--maxretry': {maxretry!r} is no number above 0")
    return Options(
        given.value("config"),
        given.value("socket"),
        given.value("pidfile"),
        given.value("db"),
        "dry-run" in given.values,
        loglevel=given.value("loglevel"),
        logtarget=given.value("logtarget"),
        ignoreip=tuple(word for text in given.values.get("ignoreip", ()) for word in text.replace(",", " ").split()),
        maxretry=None if maxretry is None else int(maxretry),
    )


def run(options: Options) -> int:
    """Serve until somebody says stop; return 0, 1 if nothing can be protected, 2 if the configuration is bad."""
    gc.disable()  # what is made until all jails are up stays: looking through it again and again is in vain
    settings = search.load(_directory(options), only=search.NO_JAIL if options.bare else ())
    if options.strict and not _any_sound(settings):
        return 1
    if options.background:
        into_background()
    if options.name:
        call_process(options.name)
    take_descriptors()
    os.umask(0o077)  # what is written is for its owner; sockets and folders say otherwise where they must
    return Service(options, settings).run()


def _any_sound(settings: Settings) -> bool:
    """Say whether a jail can start, or none is enabled; tell on stderr what is wrong with the others."""
    errors = [problem for problem in settings.problems if problem.severity == "error"]
    for problem in errors:
        print(problem, file=sys.stderr)
    broken = dict.fromkeys(problem.jail for problem in errors if problem.jail)
    for name in broken:
        print(f"Errors in jail {name!r}. Skipping...", file=sys.stderr)
    return bool(settings.jails) or not broken


def _directory(options: Options) -> Path | None:
    return Path(options.directory).absolute() if options.directory else None


def ruled(settings: Settings, options: Options) -> Settings:
    """Return settings with what the command line says over them, and with the defaults of what nobody says."""
    here, server = paths.defaults(os.getuid(), os.environ), settings.server
    server = replace(
        server,
        loglevel=options.loglevel or server.loglevel,
        logtarget=options.logtarget or server.logtarget or (here.log if options.background else "STDERR"),
        syslogsocket=options.syslogsocket or server.syslogsocket,
        dbfile=options.db or server.dbfile or here.database,
    )
    return replace(settings, server=server, jails=tuple(_ruled(jail, options) for jail in settings.jails))


def _ruled(jail: JailSpec, options: Options) -> JailSpec:
    """Return a jail with what the command line says of every jail."""
    maxretry = jail.maxretry if options.maxretry is None else options.maxretry
    return replace(jail, ignoreip=(*jail.ignoreip, *options.ignoreip), maxretry=maxretry)


class Service:
    """One server process: its files, its socket, its signals."""

    def __init__(self, options: Options, settings: Settings) -> None:
        here = paths.defaults(os.getuid(), os.environ)
        settings = ruled(settings, options)
        server = settings.server
        self._options = options
        self._settings = settings
        self._socket = options.socket or server.socket or here.socket
        self._pid = PidFile(options.pidfile or server.pidfile or here.pidfile)
        self._db = MEMORY if server.dbfile == OFF else str(server.dbfile)
        self._dry = self._why_dry()
        self._loop = Loop(self._fault)
        self._supervisor = Supervisor(os.environ)
        self._faults: dict[str, float] = {}
        self._log = _open_log(server)

    def _why_dry(self) -> str:
        if self._options.dry_run:
            return "dry run: --dry-run was given, nothing is banned"
        if os.geteuid() != 0 and not self._settings.directory:
            return "dry run: not root, so nothing is banned; run as root to protect this host"
        return ""

    def run(self) -> int:
        """Set everything up, serve, and take everything down."""
        loop, log = self._loop, self._log
        clear(Path(self._socket))  # who has the socket is the server: another one must not touch the database
        log.info("server", f"Starting f2b {__version__}, {len(self._settings.jails)} jails; {self._enforcing()}")
        store = self._open_store()
        builder = Builder(loop, log, bool(self._dry), self._settings.server.allowipv6)
        server = Server(self._settings, builder.make, store, loop, log)
        builder.record = Record(server.engine, store, loop, self._settings.server.dbmaxmatches)
        here = Here(service, installed, Reference(lambda level, text: None).refresh)
        front = Front(server, self._read_again, here, self._dry, self._options.bare)
        about = self._settings.server
        users = ((about.fleetuser, guest.FLEET), (about.webuser, guest.WEB))
        endpoint = Endpoint(loop, front, log, self._socket, about.socketgroup, users)
        endpoint.open()
        signals = self._signals(front)
        alarm = Alarm()
        alarm.set()
        try:
            self._write_pid()
            if not self._settings.jails and not self._options.bare:
                log.warning("server", "No jail is enabled, so nothing is protected; enable one in jail.local")
            server.start(builder.native.restore.together)
            if not self._protects(front):
                return 1
            healer = Healer(loop, log, builder.native, server.outlet.guards)
            healer.watch()
            if not self._options.bare:
                builder.sweep(server.gone())
            if self._options.greeting:
                print(self._options.greeting, flush=True)
            endpoint.prepare()
            memory.settle()
            gc.enable()
            loop.slow = server.watchdog.slow
            server.watchdog.start(self._supervisor)
            loop.run()
            return 0
        finally:
            self._end(server, front.keep)
            alarm.off()
            signals.close()
            store.close()
            self._pid.remove()
            endpoint.close(front.farewells)

    def _fault(self, error: Exception) -> None:
        """A fault of ours costs what was being done, not the server: told with its place, each once a minute."""
        at = error.__traceback__
        while at and at.tb_next:
            at = at.tb_next
        where = f"{Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else "?"
        text = f"{type(error).__name__}: {error} ({where})"
        if time.monotonic() - self._faults.get(text, -FAULT_S) >= FAULT_S:
            self._faults[text] = time.monotonic()
            self._log.critical("server", f"A fault in f2b, which goes on; please report it: {text}")

    def _enforcing(self) -> str:
        return f"enforcing: no ({self._dry})" if self._dry else "enforcing: yes"

    def _write_pid(self) -> None:
        """Without a pid file scripts may be at a loss, but the host is not: say so and go on."""
        try:
            self._pid.write()
        except OSError as error:
            cure = f"{_CURE} or give another place: -p"
            self._log.error("server", f"Cannot write {error.filename or 'the pid file'}: {error.strerror}; {cure}")

    def _open_store(self) -> Store:
        most = self._settings.server.dbmaxmatches
        return Store(self._db, lambda level, text: self._log.tell("database", level, text), most)

    def _read_again(self) -> Settings:
        self._supervisor.reloading()
        self._loop.soon(self._supervisor.ready)  # also if it is refused: then all goes on as it was
        try:
            return ruled(search.load(_directory(self._options)), self._options)
        except ConfigError as error:
            raise ControlError(str(error), 2) from None

    def _signals(self, front: Front) -> Signals:
        def reload() -> None:
            try:
                front.reload()
            except ControlError as error:
                self._log.error("server", f"Not reloaded: {error}")

        return Signals(
            self._loop,
            {
                signal.SIGTERM: self._loop.stop,
                signal.SIGINT: self._loop.stop,
                signal.SIGHUP: reload,
                signal.SIGUSR1: front.flush_log,
            },
        )

    def _protects(self, front: Front) -> bool:
        """Say whether any jail can ban at all; a server that cannot must not look like one that can."""
        down = [view for view in front.view().jails if view.state == "down"]
        if not down or len(down) < len(front.view().jails):
            return True
        self._log.critical("server", f"No jail can ban, so f2b ends: {down[0].reason}")
        print(f"f2b: {down[0].reason}", file=sys.stderr)
        return False

    def _end(self, server: Server, keep: bool) -> None:
        self._log.info("server", "Shutdown in progress...")
        self._supervisor.stopping()
        server.shut(keep)
        deadline = self._loop.now() + LAST_WORDS_S
        while server.busy and self._loop.now() < deadline:
            self._loop.turn(0.2)
        server.abandon()
        self._log.info("server", "Exiting f2b")


def _open_log(server: ServerSpec) -> Log:
    target = str(server.logtarget)
    try:
        log = Log(target, server.loglevel, server.syslogsocket, ("SYSTEMD-JOURNAL", "SYSLOG", "STDERR"))
    except KeyError:
        cure = f"use one of {', '.join(LEVELS)}"
        raise ConfigError(f"loglevel {server.loglevel!r} is not known", cure=cure) from None
    except OSError as error:
        raise F2bError(f"cannot write the log {target}: {error.strerror}; {_LOG_CURE}") from None
    if log.trouble:
        log.error("server", f"{log.trouble}; {_LOG_CURE}")
    return log


def complain(error: F2bError) -> int:
    """Say why the server did not start; return the exit code."""
    print(f"f2b: {error}", file=sys.stderr)
    return 2 if isinstance(error, ConfigError) else 1
