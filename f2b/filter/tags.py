"""From a filter's regex to Python's: `<HOST>`, `<F-USER>...</F-USER>` and the other tags become named groups.

The first step of compiling a filter; nothing of it runs for a line. What each tag accepts is Fail2Ban's, so that its
filters find the same addresses here.
"""

from __future__ import annotations

import re
import warnings
from bisect import bisect_right
from collections.abc import Iterator
from contextlib import contextmanager

from f2b.config.model import Text, UseDns
from f2b.errors import ConfigError
from f2b.named import NamedTuple

_IP4 = r"(?:::f{4,6}:)?(?P<ip4>(?:\d{1,3}\.){3}\d{1,3})"
_IP6 = r"(?P<ip6>(?:(?:[0-9a-fA-F]{1,4}::?|:){1,7}(?:[0-9a-fA-F]{1,4}|(?<=:):)))"
_IP = rf"(?:{_IP4}|{_IP6})"
_DNS = r"(?P<dns>[\w\-.^]*\w)"
_ADDR = rf"\[?{_IP}\]?"
_CIDR = r"(?P<cidr>\d+)"
_SUBNET = rf"\[?{_IP}(?:/{_CIDR})?\]?"

_TAGS = {"IP4": _IP4, "IP6": _IP6, "DNS": _DNS, "ADDR": _ADDR, "CIDR": _CIDR, "SUBNET": _SUBNET}
_TAGS |= {f"F-{name}/": regex for name, regex in _TAGS.items()}
_TAGS |= {"F-ID/": r"(?P<fid>\S+)", "F-PORT/": r"(?P<fport>\w+)"}
_HOST = rf"(?:{_ADDR}|{_DNS})"
_GROUPS = {"id": "fid", "port": "fport"}

TOKEN = re.compile(
    r"""
    (?P<escape> \\. )
  | (?P<set>    \[\^?\]? (?:\\.|[^\]\\])* \] )
  | (?P<whole>  \(\?\#[^)]*\) | \(\?P=\w+\) )
  | (?P<broken> \[ .* | \(\?\# .* )  # has no end: said once, not looked for from every bracket
  | \(\?(?P<flags>[aiLmsux]+)\)
  | (?P<open>   \( (?: \? (?: \(\w+\) | P?<\w+> | [:=!>] | <[=!] | [a-zA-Z]*(?:-[a-zA-Z]+)?: ) )? )
  | (?P<close>  \) )
  | <F-(?P<begin>[A-Z0-9_\-]+)>
  | </F-(?P<end>[A-Z0-9_\-]+)>
  | <(?P<tag>HOST|SKIPLINES|IP4|IP6|DNS|ADDR|CIDR|SUBNET|F-[A-Z0-9]+/)>
  | (?P<text>   [^\\\[()<]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)

LONGEST = 250_000
"""Characters of a regex: a longer one takes seconds to compile."""
_SHOWN = 200
"""So many characters are told on either side of what is wrong in a regex."""

_CARET = re.compile(r"(?:\(\?[aiLmsux]+\))?\^(?![*+?{])")
_IDENTITY = frozenset({"fid", "ip4", "ip6", "dns", "mlfid"})


class Expanded(NamedTuple):
    """A regex as Python knows it, and which position of it came from which of the original."""

    pattern: str
    steps: tuple[tuple[int, int, bool], ...]
    """A token each: its position in `pattern`, that in the original, and whether it stayed as it was."""

    def origin(self, position: int) -> int:
        """Return the position in the original that a position in `pattern` came from."""
        at = bisect_right(self.steps, (position, len(self.pattern), True)) - 1
        start, origin, kept = self.steps[max(at, 0)]
        return origin + max(position - start, 0) if kept else origin


class _Expansion:
    """One pass over a regex, token by token."""

    def __init__(self, usedns: UseDns) -> None:
        self.host = _ADDR if usedns == "no" else _HOST
        self.skips = 0
        self.flags = ""
        """Of flag groups amid the pattern: Python wants them in front, where old ones took them from anywhere."""
        self.opened: set[str] = set()
        self.closers: list[str] = []
        self.fresh = False
        """The token before opened a group: flags that come now are that group's alone."""

    def token(self, match: re.Match[str]) -> str:
        """Return what becomes of a token."""
        kind = match.lastgroup or "text"
        fresh, self.fresh = self.fresh, kind in ("open", "begin")
        if kind == "open":
            self.closers.append(")")
        elif kind == "close":
            return self.closers.pop() if self.closers else ")"
        elif kind == "flags":
            return self._flagged(match["flags"], fresh)
        elif kind == "begin":
            return self._begin(match["begin"])
        elif kind == "end" and match["end"] in self.opened:
            return self.closers.pop() if self.closers else ")"
        elif kind == "tag":
            return self._tag(match["tag"], match[0])
        return match[0]

    def _flagged(self, flags: str, fresh: bool) -> str:
        if fresh:
            self.closers[-1] += ")"
            return f"(?{flags}:"
        self.flags += flags
        return ""

    def _begin(self, tag: str) -> str:
        self.opened.add(tag)
        self.closers.append(")")
        name = tag.lower()
        return f"(?P<{_GROUPS.get(name, name)}>"

    def _tag(self, tag: str, written: str) -> str:
        if tag == "HOST":
            return self.host
        if tag == "SKIPLINES":
            self.skips += 1
            return rf"\n(?P<skiplines{self.skips - 1}>(?:.*\n)*?)"
        return _TAGS.get(tag, written)


def expand(regex: str, usedns: UseDns = "warn") -> Expanded:
    """Return a regex with its tags replaced by groups and its flags where every Python accepts them.

    `(?i)` right after an opening parenthesis holds for that group, anywhere else for the whole regex.
    """
    expansion = _Expansion(usedns)
    parts: list[str] = []
    steps: list[tuple[int, int, bool]] = []
    length = 0
    for match in TOKEN.finditer(regex):
        part = expansion.token(match)
        steps.append((length, match.start(), part == match[0]))
        parts.append(part)
        length += len(part)
    steps.append((length, len(regex), True))
    front = f"(?{''.join(sorted(set(expansion.flags)))})" if expansion.flags else ""
    return Expanded(front + "".join(parts), tuple((at + len(front), origin, kept) for at, origin, kept in steps))


@contextmanager
def quietly() -> Iterator[None]:
    """Let regexes be parsed without Python's warnings about `[[`, which means the same in every Python so far."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def compile_regex(text: Text, usedns: UseDns = "warn", multiline: bool = False) -> re.Pattern[str]:
    """Compile a regex of a filter. Raises ConfigError that names the place and the position of what is wrong."""
    regex = text.value
    if not regex.strip():
        raise ConfigError("the regex is empty", text.place, "write one, or leave the line out")
    if len(regex) > LONGEST:
        cure = f"no more than {LONGEST:,} are possible; make several of it"
        raise ConfigError(f"a regex of {len(regex):,} characters", text.place, cure)
    expanded = expand(regex, usedns)
    try:
        with quietly():
            return re.compile(expanded.pattern, re.MULTILINE if multiline else 0)
    except (re.error, OverflowError, RecursionError) as error:
        raise ConfigError(_fault(regex, expanded, error), text.place, _cure(error)) from error


def begins_a_line(pattern: str) -> bool:
    """Return whether a pattern, as Python knows it, surely matches only where `^` does."""
    if not _CARET.match(pattern):
        return False
    depth = 0
    for token in TOKEN.finditer(pattern):
        depth += {"open": 1, "begin": 1, "close": -1}.get(token.lastgroup or "", 0)
        if depth == 0 and token.lastgroup == "text" and "|" in token[0]:
            return False
    return True


def _fault(regex: str, expanded: Expanded, error: Exception) -> str:
    message = getattr(error, "msg", str(error))
    position = getattr(error, "pos", None)
    if position is None:
        return f"bad regex {regex!r}: {message}"
    at = expanded.origin(position)
    before = regex[:at] if at <= _SHOWN else f"...{regex[at - _SHOWN : at]}"
    return f"bad regex, {message} at position {at}: {before}>>>{regex[at:]}"


def _cure(error: Exception) -> str:
    if "redefinition of group" in str(error):
        return "a tag or group name may stand once in a regex; <HOST>, <ADDR> and <SUBNET> share their groups"
    return ""


def require_identity(text: Text, *patterns: re.Pattern[str]) -> None:
    """Raise ConfigError unless one of the patterns, those a match takes together, catches who did it."""
    if not any(_IDENTITY & pattern.groupindex.keys() for pattern in patterns):
        raise ConfigError(
            f"No failure-id group in {text.value!r}", text.place, "add <HOST>, <ADDR> or <F-ID>...</F-ID>"
        )
