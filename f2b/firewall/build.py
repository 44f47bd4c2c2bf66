"""From an action's specification to what carries it out."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache, cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from f2b.config.model import ActionSpec, JailSpec
from f2b.errors import ActionError, ConfigError
from f2b.events import Ban
from f2b.firewall import Firewall
from f2b.firewall.choice import NATIVE, choose
from f2b.firewall.command import begin, command_action
from f2b.firewall.dry import Dry
from f2b.firewall.native import Native, installed
from f2b.firewall.plan import Plan
from f2b.firewall.queued import QueuedAction
from f2b.firewall.script import Script
from f2b.firewall.ticket import Context, Counts
from f2b.firewall.turns import Turns
from f2b.log import Log
from f2b.loop import Loop

if TYPE_CHECKING:
    from f2b.firewall.python_pool import Pool

_DISABLED = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")


class Record(Protocol):
    """What is on record for actions that want to know more than their ban."""

    def counts(self, jail: str) -> Counts:
        """Return what a jail has counted."""
        ...

    def history(self, ban: Ban, own: bool) -> tuple[int, Sequence[str]]:
        """Return failures and log lines of all bans of this id, of all jails or of the ban's own."""
        ...

    def host_name(self, address: str, answer: Callable[[str], object]) -> None:
        """Answer in the loop what an address is called, "" if it has no name."""
        ...


class Blank:
    """The record of who has none."""

    def counts(self, jail: str) -> Counts:
        """Return nothing but zeros."""
        return Counts()

    def history(self, ban: Ban, own: bool) -> tuple[int, Sequence[str]]:
        """Return what the ban says itself."""
        return ban.failures, ban.matches

    def host_name(self, address: str, answer: Callable[[str], object]) -> None:
        """Answer that there is no name."""
        answer("")


class Builder:
    """Makes firewalls, all over one link to the kernel."""

    record: Record = Blank()
    """Whoever owns jails and database says so here, before actions are made."""

    def __init__(self, loop: Loop, log: Log, dry: bool, allowipv6: str = "auto") -> None:
        """`allowipv6` (yes, no, auto) says whether action files are made ready for IPv6, too."""
        self._loop = loop
        self._log = log
        self._dry = dry
        self._allowipv6 = allowipv6
        self.native = Native(loop.now, (4, 6) if _has_ipv6() else (4,))
        """Makes all native firewalls."""
        self.link = self.native.kernel.link
        """What changes of nftables go through."""
        self._latest: dict[tuple[str, str], QueuedAction] = {}
        """The latest action of each name in each jail, which may still be busy when its successor is made."""
        self._turns: dict[str, Turns] = {}
        """By action file, whose commands take turns."""
        self._in_nftables: set[str] = set()
        self._by_commands: set[str] = set()
        """Jails whose bans are there."""
        self._makers: Mapping[str, Callable[[ActionSpec, JailSpec], Firewall]] = {
            **dict.fromkeys(NATIVE, self._native),
            "dry": self._only_tell,
            "command": self._native,
            "script": self._script,
            "python": self._python,
        }

    def sweep(self, gone: Collection[str]) -> None:
        """Take what jails that are no longer configured, or moved to nftables, left in the kernel."""
        try:
            self.native.sweep(gone, self._in_nftables - self._by_commands)
        except ActionError as error:
            self._log.warning("actions", f"Bans of jails that are no more may still be in force: {error}")

    def make(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        """Return what carries out an action of a jail. Raises ConfigError that names what is wrong with it."""
        if self._dry:
            return self._only_tell(spec, jail)
        maker = self._makers.get(spec.type)
        if maker is None:
            raise ConfigError(f"actiontype = {spec.type} is not known", spec.place, f"use {', '.join(self._makers)}")
        made = maker(spec, jail)
        if isinstance(made, QueuedAction):
            former = self._latest.get((jail.name, spec.name))
            if former:
                made.follow(former)
            self._latest[jail.name, spec.name] = made
        return made

    def _native(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        chosen = choose(spec, jail, service, installed)
        if chosen.doubt:  # the program may know better than we do what these words mean
            self._log.warning("actions", f"[{jail.name}] {spec.name} runs its own commands: {chosen.doubt}")
        if chosen.plan is None:
            self._by_commands.add(jail.name)
            return self._shell(spec, jail)
        if isinstance(chosen.plan, Plan):
            self._in_nftables.add(jail.name)
        if chosen.stands_in:
            self._log.warning("actions", f"[{jail.name}] {spec.name}: iptables is not installed, nftables takes over")
        return self.native.make(spec.name, chosen.plan, self._report(jail))

    def _only_tell(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        return Dry(spec.name, jail.name, self._loop.now, lambda text: self._log.notice("actions", text))

    def _shell(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        report, names = self._report(jail), self.record.host_name
        turns = self._turns.setdefault(spec.file, Turns(self._loop)) if spec.options.get("actionunban") else None
        return command_action(spec, jail.name, self._loop, report, self._context(spec, jail), names, turns=turns)

    def _script(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        report, clock = self._report(jail), self._loop.now
        life = Script(spec.options, spec.name, jail.name, self._context(spec, jail), clock, report)
        run = partial(begin, self._loop, life.timeout, self.record.host_name)
        return QueuedAction(spec.name, jail.name, life, run, self._loop, report)

    def _python(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        from f2b.firewall.python import python_action

        return python_action(spec, jail.name, jail.bantime, self._pool, self._report(jail), self._context(spec, jail))

    @cached_property
    def _pool(self) -> Pool:
        """The threads of Python actions; who has none has no threads, nor the modules for them."""
        from f2b.firewall import python_pool, python_shim

        pool = python_pool.Pool(self._loop, partial(self._log.tell, "actions"))
        python_shim.install(lambda *words: pool.post(partial(self._log.tell, *words)))
        return pool

    def _context(self, spec: ActionSpec, jail: JailSpec) -> Context:
        name = os.uname().nodename
        return Context(
            _full_name() if any("<fq-hostname>" in text for text in spec.options.values()) else name,
            name.partition(".")[0],
            jail.bantime,
            self._allowipv6 == "yes" or (self._allowipv6 != "no" and _has_ipv6()),
            self.record.history,
            lambda: self.record.counts(jail.name),
        )

    def _report(self, jail: JailSpec) -> Callable[[str, str], None]:
        return lambda level, text: self._log.tell("actions", level, text)


def service(name: str) -> int | None:
    """Return the port of a service, None if this host does not know it."""
    try:
        return socket.getservbyname(name)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None


@cache
def _full_name() -> str:
    """Return this host's full name, which may take a look-up: once, and only if an action names it."""
    name = os.uname().nodename
    try:
        return socket.getaddrinfo(name, None, flags=socket.AI_CANONNAME)[0][3] or name
    except (OSError, UnicodeError):
        return name


def _has_ipv6() -> bool:
    """Say whether this host speaks IPv6 (`allowipv6 = auto`, as in Fail2Ban)."""
    try:
        return _DISABLED.read_text().strip() != "1"
    except OSError:  # a kernel without it
        return False
