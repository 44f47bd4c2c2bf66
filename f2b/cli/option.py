"""Options that several commands have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from f2b import duration

Function = TypeVar("Function", bound=Callable[..., Any])


def seconds_of(ctx: click.Context, option: click.Parameter, value: str | None) -> float | None:
    """Return the seconds of a time such as 10m or 1d 12h."""
    try:
        return None if value is None else duration.seconds(value)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, option) from None


def confirmable(function: Function) -> Function:
    """Give a command the option that undoes what it did, unless it is confirmed."""
    what = "Undo it in so long, unless `f2b confirm` comes: for who may lock himself out."
    return click.option("--confirm", metavar="TIME", callback=seconds_of, help=what)(function)


def to_confirm(seconds: float) -> str:
    """Say what is to be done now."""
    return f"it is undone in {seconds:g} s, unless you say: f2b confirm"
