"""From an action's specification to what carries it out."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping

from f2b.config.model import ActionSpec, JailSpec
from f2b.errors import ConfigError
from f2b.firewall import Firewall, stock
from f2b.firewall.command import CommandAction
from f2b.firewall.dry import Dry
from f2b.firewall.kernel import Kernel
from f2b.firewall.nftables import Nftables
from f2b.firewall.plan import plan
from f2b.log import Log
from f2b.loop import Loop


class Builder:
    """Makes firewalls, all over one link to the kernel."""

    def __init__(self, loop: Loop, log: Log, dry: bool) -> None:
        self._loop = loop
        self._log = log
        self._dry = dry
        self.kernel = Kernel()
        """Shared by all native firewalls."""
        self.link = self.kernel.link
        """What their changes go through; a `Monitor` needs it to know them from foreign ones."""
        self._makers: Mapping[str, Callable[[ActionSpec, JailSpec], Firewall]] = {
            "nftables": self._nftables,
            "dry": self._only_tell,
            "command": self._command,
        }

    def make(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        """Return what carries out an action of a jail. Raises ConfigError that names what is wrong with it."""
        if self._dry:
            return self._only_tell(spec, jail)
        maker = self._makers.get(spec.type)
        if maker is None:
            raise ConfigError(f"actiontype = {spec.type} is not known", spec.place, f"use {', '.join(self._makers)}")
        return maker(spec, jail)

    def _nftables(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        wanted = plan({"name": jail.name, **spec.options}, spec.place, _service)
        return Nftables(spec.name, wanted, self._loop.now, self.kernel, self._report(jail))

    def _only_tell(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        return Dry(spec.name, jail.name, self._loop.now, lambda text: self._log.notice("actions", text))

    def _command(self, spec: ActionSpec, jail: JailSpec) -> Firewall:
        native = stock.nftables({"name": jail.name, "actname": spec.name, **spec.options})
        if native is not None:
            try:
                wanted = plan(native, spec.place, _service)
            except ConfigError as fault:
                # nft may know better than we do what these words mean.
                self._log.warning("actions", f"[{jail.name}] {spec.name} runs its own commands: {fault}")
            else:
                return Nftables(spec.name, wanted, self._loop.now, self.kernel, self._report(jail))
        return CommandAction(spec, jail.name, self._loop, self._report(jail))

    def _report(self, jail: JailSpec) -> Callable[[str, str], None]:
        return lambda level, text: self._log.tell("actions", level, text)


def _service(name: str) -> int | None:
    try:
        return socket.getservbyname(name)
    except (OSError, ValueError):  # ValueError: a NUL in the name
        return None
