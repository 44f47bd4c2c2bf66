"""Who carries an action out: nftables, iptables or ipset natively, or the commands of the action file. Pure; nothing
is begun yet."""

from __future__ import annotations

from collections.abc import Callable

from f2b.config.model import ActionSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.firewall import stock, xtables
from f2b.firewall.plan import Plan, plan
from f2b.firewall.port import Service
from f2b.firewall.xtables import Xtables
from f2b.named import NamedTuple

NATIVE = ("nftables", "iptables", "ipset", "iptc")
"""Types of actions that run no commands of their own."""


class Choice(NamedTuple):
    """What carries an action out."""

    plan: Plan | Xtables | None
    """None: the action's own commands do."""
    stands_in: bool = False
    """nftables does what was meant for iptables."""
    doubt: ConfigError | None = None
    """Why commands that look like our own were not taken for them."""


def choose(spec: ActionSpec, jail: JailSpec, service: Service, installed: Callable[[str], bool]) -> Choice:
    """Choose for an action of a jail; `installed` says whether a shell would find a program.

    Raises ConfigError or ActionError if the action cannot be carried out.
    """
    options = {"name": jail.name, "actname": spec.name, **_wish(jail), **spec.options}
    try:
        if spec.type == "nftables":
            return Choice(plan(options, spec.place, service))
        if spec.type in NATIVE:
            return _runnable(xtables.xtables(options, spec.type, spec.place, service), spec, jail, installed)
    except ConfigError as fault:
        raise _placed(fault, spec, jail) from None
    try:
        native = stock.nftables(options)
        if native is not None:
            return Choice(plan(native, spec.place, service))
        from f2b.firewall import stock_xtables

        found = stock_xtables.xtables(options, spec.place, service)
        return _runnable(found, spec, jail, installed) if found else Choice(None)
    except ConfigError as fault:
        return Choice(None, doubt=_placed(fault, spec, jail))


def _runnable(found: Xtables, spec: ActionSpec, jail: JailSpec, installed: Callable[[str], bool]) -> Choice:
    """Choose for a plan of iptables: without the programs for it, nftables stands in."""
    programs = {half.program for half in found.halves.values()} if found.driver == "restore" else set()
    if all(installed(f"{program}{end}") for program in programs for end in ("-restore", "-save")):
        return Choice(found)
    if any(map(installed, programs)):
        return Choice(None)  # an iptables so small that only the action's commands can use it
    return Choice(plan({"name": jail.name, **xtables.stand_in(found)}, spec.place, lambda _: None), stands_in=True)


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
