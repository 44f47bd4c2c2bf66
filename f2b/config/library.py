"""The files of filter.d and action.d, each read once, and what to say of those that are not there."""

from __future__ import annotations

from f2b.config import convert, layer
from f2b.config.layer import Conf, Shelf
from f2b.config.spec import Spec
from f2b.errors import ConfigError


class Library:
    """Hands out the configurations that jails name."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self._read: dict[str, Conf | None] = {}

    def definition(self, kind: str, spec: Spec) -> Conf:
        """Return the file that `spec` names in `filter.d` or `action.d`. Raises ConfigError."""
        name = f"{kind}/{spec.name}"
        if name not in self._read:
            self._read[name] = layer.read(name, self._shelf)
        conf = self._read[name]
        if conf is None:
            cure = convert.near(spec.name, self._shelf.names(kind)) or f"write it, or name one of those in {kind}"
            raise ConfigError(f"there is no {name}.conf", spec.place, cure)
        return conf

    def add(self, kind: str, name: str, conf: Conf) -> None:
        """Take in a configuration that lies elsewhere."""
        self._read[f"{kind}/{name}"] = conf

    def program(self, spec: Spec) -> str:
        """Return the path of the Python action that `spec` names. Raises ConfigError."""
        path = self._shelf.program(spec.name)
        if path is None:
            raise ConfigError(f"there is no action.d/{spec.name}", spec.place, "give the name of a file in action.d")
        return path
