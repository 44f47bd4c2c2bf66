"""Who carries an action out: nftables by itself, or the commands of the action file. Pure; nothing is begun yet."""

from __future__ import annotations

from typing import NamedTuple

from f2b.config.model import ActionSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.firewall import stock
from f2b.firewall.plan import Plan, plan
from f2b.firewall.port import Service


class Choice(NamedTuple):
    """What carries an action out."""

    plan: Plan | None
    """None: the action's own commands do."""
    stands_in: bool = False
    """nftables does what was meant for iptables."""
    doubt: ConfigError | None = None
    """Why nftables was not taken for commands that look like its own."""


def choose(spec: ActionSpec, jail: JailSpec, service: Service, iptables: bool) -> Choice:
    """Choose for an action of a jail; `iptables`: there is such a program.

    Raises ConfigError or ActionError if the action cannot be carried out.
    """
    if spec.type == "nftables":
        try:
            return Choice(plan({"name": jail.name, **spec.options}, spec.place, service))
        except ConfigError as fault:
            raise _placed(fault, spec, jail) from None
    options = {"name": jail.name, "actname": spec.name, **_wish(jail), **spec.options}
    native, stands_in = stock.nftables(options), False
    if native is None and not iptables:
        native, stands_in = stock.iptables(options), True
    if native is None:
        return Choice(None)
    try:
        return Choice(plan(native, spec.place, service), stands_in)
    except ConfigError as fault:
        return Choice(None, doubt=_placed(fault, spec, jail))


def _wish(jail: JailSpec) -> dict[str, str]:
    """Return what the jail itself says about native firewalls (`native = no`)."""
    wish = jail.options.get("native")
    return {"native": wish.value} if wish else {}


def _placed(fault: ConfigError, spec: ActionSpec, jail: JailSpec) -> ConfigError:
    """Return a fault of a plan with the place of the option at fault: its first word."""
    return ConfigError(fault.what, place(fault.what.split()[0], spec, jail), fault.cure)


def place(option: str, spec: ActionSpec, jail: JailSpec) -> Place:
    """Return where an action's option was written: in its jail, if that has it with this value, else where it was
    handed to the action."""
    own, handed = jail.options.get(option), spec.written.get(option)
    if own and (handed is None or own.value == handed.value):
        return own.place
    return handed.place if handed else spec.place
