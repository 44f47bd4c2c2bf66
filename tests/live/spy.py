"""A Python action that uses every method and writes down what it is told: for Fail2Ban as for us."""

from __future__ import annotations

import json
import os
from typing import Any

from fail2ban.server.action import ActionBase  # type: ignore[import-not-found]  # Fail2Ban's, or what f2b puts there

KEYS = ("ip", "family", "ip-rev", "ip-host", "fid", "failures", "matches", "bantime", "bancount", "restored", "F-*")


class Spy(ActionBase):  # type: ignore[misc]  # the same
    def __init__(self, jail: Any, name: str, **parameters: str) -> None:
        super().__init__(jail, name)
        self.colour = "red"
        self.note("init", parameters, str(jail), jail.name, sorted(vars(self)))
        self._logSys.info("%s was made for %r", name, jail.name)

    @property
    def shade(self) -> str:
        return f"dark {self.colour}"

    @shade.setter
    def shade(self, value: str) -> None:
        self.colour = value

    def note(self, *what: Any) -> None:
        with open(os.environ["F2B_RECORD"], "a") as record:
            record.write(f"=spy {json.dumps(what, default=str)}\0\0")

    def start(self) -> None:
        self.note("start")

    def stop(self) -> None:
        self.note("stop")

    def ban(self, aInfo: Any) -> None:  # noqa: N803 - Fail2Ban's name
        self.tell("ban", aInfo)

    def unban(self, aInfo: Any) -> None:  # noqa: N803
        self.tell("unban", aInfo)

    def reban(self, aInfo: Any) -> None:  # noqa: N803
        self.tell("reban", aInfo)

    def flush(self) -> bool:
        self.note("flush")
        return False  # so each ban is lifted by itself, too

    def tell(self, verb: str, info: Any) -> None:
        told = {key: info[key] for key in KEYS}
        told["nothing"] = info.get("nothing", "not there")
        told["F-*"] = {name: value for name, value in told["F-*"].items() if name != "matches"}
        self.note(verb, told, sorted(set(info) - {"jail.name"}), type(info["time"]).__name__, "ip" in info)
        info["ip"] = "changed"

    def paint(self, colour: str = "blue") -> str:
        self.colour = colour
        return f"painted {colour}"


Action = Spy
