"""What a configuration says, typed and frozen: the last form of every setting, and its defaults.

`config.build` makes these from .conf files; the engine reads nothing else. Times are seconds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from f2b.errors import Place
from f2b.named import NamedTuple
from f2b.value import dataclass, field

UseDns = Literal["yes", "warn", "no", "raw"]
Severity = Literal["error", "warning"]
Counting = Literal["rate", "window"]
Collateral = Literal["warn", "refuse", "no"]


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of configuration, and where it was written. Places do not count when settings are compared."""

    value: str
    place: Place = field(compare=False)
    places: tuple[Place, ...] = field(default_factory=tuple, compare=False)
    """The place of each of its lines, where somebody may ask for that."""


Written = Mapping[str, Text]
"""Fail2Ban's options as they were written, `%()s` replaced: for who prints them, or tells where they stand."""


class LogPath(NamedTuple):
    """A log, or a glob of logs, and where reading starts when its position is not known."""

    pattern: str
    tail: bool = False
    """Start at the end, whatever was there before."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with the configuration, and what to write instead."""

    severity: Severity
    what: str
    cure: str = ""
    place: Place | None = None
    jail: str = ""
    """The jail that cannot start because of it; empty if it is no single jail's matter."""

    def __str__(self) -> str:
        where = f"{self.place}: " if self.place else ""
        whose = f"jail {self.jail}: " if self.jail else ""
        return f"{where}{whose}{self.what}" + (f"; {self.cure}" if self.cure else "")


@dataclass(frozen=True, slots=True)
class FilterSpec:
    """What a failure is."""

    name: str
    place: Place = field(compare=False)
    type: str = "regex"
    failregex: tuple[Text, ...] = ()
    ignoreregex: tuple[Text, ...] = ()
    prefregex: Text | None = None
    maxlines: int = 1
    """How many lines a regex may span; 1 for the usual kind."""
    datepattern: tuple[Text, ...] = ()
    """Empty: the default detector."""
    usedns: UseDns = "warn"
    journalmatch: tuple[str, ...] = ()
    """One group of `FIELD=value` terms a line, as in the option; lines are alternatives."""
    logtype: str = "file"
    options: Mapping[str, Text] = field(default_factory=dict)
    """Every other option of [Definition], for filter types that want it."""
    base: tuple[FilterSpec, ...] = ()
    """The filters whose failures this one judges (`base = NAME`)."""
    written: Written = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """What is done about a ban."""

    name: str
    """`actname`: unique in its jail."""
    file: str
    """The file's name in action.d, without extension, or `x.py`."""
    place: Place = field(compare=False)
    type: str = "command"
    """`command` runs shell commands, `script` a program, `python` a Fail2Ban action class; others are back ends
    (`nftables`, `dry`)."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Everything Fail2Ban would hand to the action: the action* commands, [Init], parameters (`x?family=inet6`
    included), all load-time tags and interpolations replaced."""
    written: Written = field(default_factory=dict, compare=False)
    """Parameters, then [Init]."""


@dataclass(frozen=True, slots=True)
class Increment:
    """How ban times grow for those who come back (`bantime.*`)."""

    enabled: bool = False
    factor: str = "1"
    formula: str = ""
    multipliers: tuple[int, ...] = ()
    maxtime: float | None = None
    rndtime: float = 0
    overalljails: bool = False


@dataclass(frozen=True, slots=True)
class JailSpec:
    """One jail: what it reads, what it counts, whom it spares, what it does."""

    name: str
    place: Place = field(compare=False)
    filter: FilterSpec
    actions: tuple[ActionSpec, ...] = ()
    backend: str = "auto"
    """As configured: auto, polling, pyinotify, gamin, systemd, or our bans; in lower case, without options."""
    backend_options: Mapping[str, str] = field(default_factory=dict)
    journal: bool = False
    """It reads the journal (`filter.journalmatch` says what of it) and `logpath` is of no account."""
    logpath: tuple[LogPath, ...] = ()
    logencoding: str = "auto"
    logtimezone: str | None = None
    maxretry: int = 3
    maxmatches: int = 5
    """How many of the newest log lines a ban keeps."""
    findtime: float = 600
    bantime: float = 600
    """Seconds; -1 for ever."""
    counting: Counting = "rate"
    """What maxretry and findtime mean: Fail2Ban's estimate of a rate, or just the failures of the last findtime."""
    prefix4: int = 32
    """Who shares so many bits of an IPv4 address is counted and banned as one."""
    prefix6: int = 128
    banlist: tuple[str, ...] = ()
    """Files of addresses and networks that are kept out as long as they stand there."""
    protect: tuple[str, ...] = ()
    """Addresses and networks that no filter may ban."""
    protectgroups: tuple[str, ...] = ("sudo", "wheel", "adm")
    """Nor may it ban where root, or a member of these groups, is logged in from."""
    collateral: Collateral = "warn"
    """What becomes of bans that hit others, too."""
    proxies: tuple[str, ...] = ()
    """Addresses and networks behind which there are many, and `file:PATH`s of such."""
    maxbans: int = 0
    """More new bans than this in a minute raise an alarm; 0 is no limit."""
    holdbans: bool = False
    """And do not come into force."""
    explainlines: int = 50
    """How many failures, and what became of them, are kept for `f2b explain`."""
    deadafter: float = 604800
    """A filter that matches nothing for so long, though its logs grow, is told of; 0: never."""
    increment: Increment = field(default_factory=Increment)
    ignoreself: bool = True
    ignoreip: tuple[str, ...] = ()
    """Addresses, networks, host names, `file:PATH`, raw ids."""
    ignorecommand: str = ""
    ignorecache: Mapping[str, str] = field(default_factory=dict)
    options: Mapping[str, Text] = field(default_factory=dict)
    """Every other option of the jail's section, for what is not Fail2Ban's."""
    written: Written = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """What concerns the whole server (fail2ban.conf, f2b.conf). None: not configured."""

    loglevel: str = "INFO"
    logtarget: str | None = None
    syslogsocket: str = "auto"
    socket: str | None = None
    pidfile: str | None = None
    dbfile: str | None = None
    """`None` as a word switches it off; see `database`."""
    dbpurgeage: float = 86400
    dbmaxmatches: int = 10
    allowipv6: Literal["auto", "yes", "no"] = "auto"
    socketgroup: str | None = None
    """Who may ask on the socket, beside root."""
    fleetuser: str | None = None
    """Who of them may carry over bans of other hosts: the user of `f2b fleet run`."""
    webuser: str | None = None
    """Who of them may ban and let in: the user of `f2b web`."""
    options: Mapping[str, Text] = field(default_factory=dict)
    """Every other option of [Definition], for what is not Fail2Ban's."""
    sections: Mapping[str, Mapping[str, Text]] = field(default_factory=dict)
    """Every other section ([fleet], [notify], ...), its own options only."""
    written: Written = field(default_factory=dict, compare=False)


@dataclass(frozen=True, slots=True)
class Settings:
    """All that was read. `jails` holds the enabled jails that can start; the others stand in `problems`."""

    server: ServerSpec = field(default_factory=ServerSpec)
    jails: tuple[JailSpec, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken: tuple[JailSpec, ...] = ()
    """Enabled jails that cannot start, as far as they were understood: for who looks for more that is wrong."""
    directory: str = ""
    """The folder they were read from; empty if there is none, and these are the defaults that f2b brings along."""
