"""How a line of the own log looks: a target's options in brackets, `/var/log/f2b.log[format="...", datetime=off]`.

The format is that of Python's `logging`, as in Fail2Ban. Without one it is Fail2Ban's, with or without date and
padding.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache

from f2b.named import NamedTuple

LEVELS = {
    "CRITICAL": 50,
    "ERROR": 40,
    "WARNING": 30,
    "NOTICE": 25,
    "INFO": 20,
    "DEBUG": 10,
    "TRACEDEBUG": 7,
    "HEAVYDEBUG": 5,
}
_NUMBERED = ("KERN", "USER", "MAIL", "DAEMON", "AUTH", "SYSLOG", "LPR", "NEWS", "UUCP", "CRON", "AUTHPRIV", "FTP")
FACILITIES = {name: number for number, name in enumerate(_NUMBERED)} | {f"LOCAL{n}": 16 + n for n in range(8)}
"""syslog(3)"""
_DATE = "%(asctime)s "
_PADDED = "%(name)-24s[%(process)d]: %(levelname)-7s %(message)s"
_PLAIN = "%(name)s[%(process)d]: %(levelname)s %(message)s"
_CONTROL = re.compile("[\\x00-\\x08\\x0a-\\x1f\\x7f-\\x9f\\u2028\\u2029]")
_OPTION = re.compile(r"""\s*(\w+)\s*=\s*("[^"]*"|'[^']*'|[^,\]]*)\s*(?:,|$)""")
_TRUE = ("1", "on", "true", "yes")


class Form(NamedTuple):
    """The looks of a line."""

    format: str = _DATE + _PADDED
    facility: int = FACILITIES["DAEMON"]
    own: bool = False
    """The format was given, so that targets that say some of it themselves take all of it."""

    def line(self, level: str, name: str, text: str) -> str:
        """Return a line, as it is now."""
        now = time.time()
        said: Mapping[str, object] = {
            "asctime": f"{_second(int(now))},{int(now % 1 * 1000):03d}",
            "name": name,
            "process": os.getpid(),
            "levelname": level,
            "message": _plain(text),
        }
        return self.format % ({**_more(now, level), **said} if self.own else said)

    def lines(self, level: str, name: str, texts: Iterable[str]) -> list[str]:
        """Return several lines of the same moment."""
        if self.own:
            return [self.line(level, name, text) for text in texts]
        head = self.line(level, name, "")  # the message stands last
        return [head + _plain(text) for text in texts]


def _plain(text: str) -> str:
    """Return a text that begins no line of its own and that no terminal obeys: somebody else may have written it."""
    return text if text.isprintable() else _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


@lru_cache(maxsize=1)
def _second(now: int) -> str:
    """Return a second as the log has it; a storm of bans is thousands of lines in each."""
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))


_NOWHERE = {"filename": "", "pathname": "", "module": "", "funcName": "", "lineno": 0, "thread": 0}
"""What only `logging` knows."""


def _more(now: float, level: str) -> Mapping[str, object]:
    """Return what a format of the administrator's own may ask for besides."""
    return {
        **_NOWHERE,
        "created": now,
        "msecs": now % 1 * 1000,
        "relativeCreated": now * 1000,
        "processName": "f2b",
        "threadName": "f2b",
        "levelno": LEVELS[level],
    }


def understood(target: str, dated: bool, padded: bool) -> tuple[str, Form]:
    """Return a target without its options, and what they say; `dated` and `padded` hold if they do not say.

    Raises OSError for options that make no sense.
    """
    name, bracket, rest = target.partition("[")
    options = _options(target, rest.strip().removesuffix("]")) if bracket else {}
    given = options.get("format", "")
    if given:
        form = Form(given, own=True)
    else:
        date = _DATE if _yes(options, "datetime", dated) else ""
        form = Form(date + (_PADDED if _yes(options, "padding", padded) else _PLAIN))
    facility = options.get("facility", "DAEMON").upper().removeprefix("LOG_")
    if facility not in FACILITIES:
        raise OSError(errno.EINVAL, f"there is no facility {facility}", target)
    form = form._replace(facility=FACILITIES[facility])
    try:
        form.line("INFO", "f2b", "")
    except (KeyError, ValueError, TypeError, OverflowError, MemoryError) as error:
        raise OSError(errno.EINVAL, f"its format cannot be filled in ({error})", target) from None
    return name.strip(), form


def _options(target: str, text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    position = 0
    while text[position:].strip():
        option = _OPTION.match(text, position)
        if option is None:
            raise OSError(errno.EINVAL, "its options are not NAME=VALUE, NAME=VALUE", target)
        value = option[2].strip()
        found[option[1]] = value[1:-1] if value[:1] in ("'", '"') and value[-1:] == value[:1] else value
        position = option.end()
    return found


def _yes(options: Mapping[str, str], name: str, otherwise: bool) -> bool:
    return options[name].lower() in _TRUE if name in options else otherwise
