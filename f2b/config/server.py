"""fail2ban.conf and f2b.conf: what concerns the whole server."""

from __future__ import annotations

from typing import Literal

from f2b.config import convert, spelling
from f2b.config.interpolation import Scope
from f2b.config.layer import INCLUDES, Conf
from f2b.config.model import ServerSpec
from f2b.config.notes import Notes, Options
from f2b.config.text import DEFAULT, Value
from f2b.errors import ConfigError

_DEFINITION = "Definition"
_LEVELS = ("CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG", "TRACEDEBUG", "HEAVYDEBUG")
_KNOWN = (
    *("loglevel", "logtarget", "syslogsocket", "socket", "pidfile", "dbfile", "dbpurgeage", "dbmaxmatches"),
    "allowipv6",
    *("socketgroup", "fleetuser", "webuser"),
)


def build(conf: Conf, notes: Notes) -> ServerSpec:
    """Return the server's settings; what is wrong goes to `notes` and leaves the default."""
    scope = Scope(conf.sections, _DEFINITION, known=conf.known)
    options = Options(scope, notes)
    default = ServerSpec()
    for doubt in spelling.doubts(conf.sections.get(_DEFINITION, {}), _KNOWN):
        notes.add(doubt, "warning")
    return ServerSpec(
        loglevel=options.get("loglevel", _level, default.loglevel),
        logtarget=options.text("logtarget") or None,
        syslogsocket=options.text("syslogsocket", default.syslogsocket),
        socket=options.text("socket") or None,
        pidfile=options.text("pidfile") or None,
        dbfile=options.text("dbfile") or None,
        dbpurgeage=options.get("dbpurgeage", convert.seconds, default.dbpurgeage),
        dbmaxmatches=options.get("dbmaxmatches", convert.integer, default.dbmaxmatches, "warning"),
        socketgroup=options.text("socketgroup") or None,
        fleetuser=options.text("fleetuser") or None,
        webuser=options.text("webuser") or None,
        allowipv6=options.get("allowipv6", _allowipv6, default.allowipv6),
        options=options.written(name for name in scope.options() if name not in _KNOWN),
        sections={
            section: Options(Scope(conf.sections, section, known=conf.known), notes).written(own)
            for section, own in conf.sections.items()
            if section not in (_DEFINITION, DEFAULT, INCLUDES)
        },
        written=options.written(_KNOWN),
    )


def _level(value: Value) -> str:
    level = value.text.upper()
    if level not in _LEVELS and not level.isdigit():
        raise ConfigError(f"loglevel = {value.text} is unknown", value.place, f"write one of {', '.join(_LEVELS)}")
    return level


def _allowipv6(value: Value) -> Literal["auto", "yes", "no"]:
    if value.text.lower() == "auto":
        return "auto"
    return "yes" if convert.boolean(value) else "no"
