"""Fail2Ban's `get` and `set` of how ban times grow: `set sshd bantime.increment true`, ..."""

from __future__ import annotations

from collections.abc import Callable

from f2b.config.model import Increment, JailSpec, Text
from f2b.control.refusal import Args, nth, number, refusal, seconds, truth
from f2b.control.regex_words import SAID
from f2b.value import replace

PREFIX = "bantime."


def shown(spec: JailSpec, item: str) -> object:
    """Return what was set, None for anything else."""
    text = spec.written.get(item)
    value = None if text is None else text.value
    if not value:
        return False if item == "bantime.increment" and value is not None else None
    if item == "bantime.increment":
        return spec.increment.enabled
    if item == "bantime.overalljails" and text and text.place != SAID:
        return spec.increment.overalljails  # a word that came over the socket is shown as it is
    return number(seconds([value])) if item in ("bantime.maxtime", "bantime.rndtime") else value


def changer(item: str) -> Callable[[JailSpec, Args], JailSpec]:
    """Return how an item is changed; one that nobody knows is only remembered, as in Fail2Ban."""

    def change(spec: JailSpec, args: Args) -> JailSpec:
        text = nth(args, 0)
        steps = CHANGES[item](spec.increment, text) if item in CHANGES else spec.increment
        return written(replace(spec, increment=steps), item, text)

    return change


def written(spec: JailSpec, name: str, text: str) -> JailSpec:
    """Return a jail whose option `name` was given as `text`."""
    return replace(spec, written={**spec.written, name: Text(text, SAID)})


def _multipliers(text: str) -> tuple[int, ...]:
    try:
        return tuple(map(int, text.split()))
    except ValueError as error:
        raise refusal(str(error), "ValueError") from None


_USUAL = Increment()

CHANGES: dict[str, Callable[[Increment, str], Increment]] = {
    "bantime.increment": lambda steps, text: replace(steps, enabled=truth([text])),
    "bantime.factor": lambda steps, text: replace(steps, factor=text or _USUAL.factor),
    "bantime.formula": lambda steps, text: replace(steps, formula=text),
    "bantime.multipliers": lambda steps, text: replace(steps, multipliers=_multipliers(text)),
    "bantime.maxtime": lambda steps, text: replace(steps, maxtime=seconds([text]) if text else None),
    "bantime.rndtime": lambda steps, text: replace(steps, rndtime=seconds([text]) if text else 0),
    "bantime.overalljails": lambda steps, text: replace(steps, overalljails=truth([text])),
}
