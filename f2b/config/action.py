"""An action's file and its parameters, to an `ActionSpec`."""

from __future__ import annotations

from collections.abc import Mapping

from f2b.config.definition import Definition
from f2b.config.library import Library
from f2b.config.model import ActionSpec, Text
from f2b.config.spec import Spec
from f2b.config.text import Value
from f2b.errors import Place

COMMANDS = frozenset(
    {
        *("actionstart", "actionstart_on_demand", "actionstop", "actionflush", "actionreload", "actioncheck"),
        *("actionrepair", "actionrepair_on_unban", "actionban", "actionprolong", "actionreban", "actionunban"),
        "norestored",
    }
)
"""The options of [Definition] that reach the action; others are there to build these."""

SCRIPT = frozenset({"script", "events", "norestored"})
"""The same for an action that runs a script: it has a `script` and no commands."""

_DELAYED = ("matches", "ipmatches", "ipjailmatches", "timeout", "bantime")


def build(spec: Spec, jail: str, variables: Mapping[str, Value], library: Library) -> ActionSpec:
    """Return the action that `spec` names. `variables` are the jail's options. Raises ConfigError."""
    if spec.name.endswith(".py"):
        name = spec.options.get("actname")
        return ActionSpec(
            name=name.text if name else spec.name.removesuffix(".py"),
            file=spec.name,
            place=Place(library.program(spec)),
            type="python",
            options={key: value.text for key, value in spec.options.items() if key != "actname"},
        )
    parameters = _named(spec, jail)
    conf = library.definition("action.d", spec)
    definition = Definition(conf, parameters, variables, init_visible=False, delayed=_DELAYED)
    # Only [Definition] tells it: firewallcmd-ipset has an option of this name in [Init].
    kind = definition.get("actiontype") if "actiontype" in definition.own else None
    # A file of Fail2Ban's may well call a tag of its commands `script`.
    is_script = kind is None and "script" in definition.own and COMMANDS.isdisjoint({*definition.own} - SCRIPT)
    # A back end of f2b's own takes all that its file defines.
    told = SCRIPT if is_script else COMMANDS if kind is None else COMMANDS.union(definition.own)
    written = {**parameters, **definition.given, **({"actiontype": kind} if kind else {})}
    return ActionSpec(
        name=parameters["actname"].text,
        file=spec.name,
        place=definition.place,
        type=kind.text if kind else "script" if is_script else "command",
        options={
            name: value.text
            for name, value in definition.options.items()
            if (name in told or name in definition.given) and name != "bantime" and value is not kind
        },
        written={name: Text(value.text, value.place) for name, value in written.items()},
    )


def _named(spec: Spec, jail: str) -> dict[str, Value]:
    """Return the parameters with `name` and `actname`, which every action has."""
    parameters = dict(spec.options)
    suffix = ""
    if "name" in parameters:
        name = parameters["name"].text
        suffix = name.removeprefix(jail) if name.startswith(jail) else f"-{name}"
    else:
        parameters["name"] = Value(jail, (spec.place,))
    parameters.setdefault("actname", Value(spec.name + suffix, (spec.place,)))
    return parameters
