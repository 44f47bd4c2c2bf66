"""Which commands `f2b` has, under which headings, and which module does each: a new command is one line here."""

from __future__ import annotations

from f2b.named import NamedTuple


class Entry(NamedTuple):
    """A command: the heading it stands under in `f2b --help`, and what it does."""

    heading: str
    summary: str
    by_hand: bool = False
    """Its module reads the arguments itself (`main(argv) -> int`); else it holds a click command of its own name."""


_ASK = "Ask the server"
_TELL = "Tell the server"
_RUN = "Run it"
_SET = "Set it up"
_TRY = "Try things out, without a server"

COMMANDS = {
    "status": Entry(_ASK, "What the server watches, and whom each jail keeps out", by_hand=True),
    "top": Entry(_ASK, "The server as it works, in the terminal"),
    "banned": Entry(_ASK, "Who is banned, where and until when"),
    "stats": Entry(_ASK, "Bans of the past by day, jail, country, user name and hour"),
    "explain": Entry(_ASK, "Why an address is or is not banned; what becomes of a line"),
    "verify": Entry(_ASK, "Whether the kernel keeps out whom it should, and what may be in the way"),
    "events": Entry(_ASK, "What happens, as it happens", by_hand=True),
    "ping": Entry(_ASK, "Whether the server answers, and whether it enforces bans", by_hand=True),
    "ban": Entry(_TELL, "Keep addresses out"),
    "unban": Entry(_TELL, "Let addresses in again"),
    "allow": Entry(_TELL, "Let no filter ban an address"),
    "confirm": Entry(_TELL, "Keep what a reload or ban with --confirm did"),
    "reload": Entry(_TELL, "Read the configuration again"),
    "stop": Entry(_TELL, "End the server"),
    "serve": Entry(_RUN, "Watch logs and ban, in the foreground", by_hand=True),
    "notify": Entry(_RUN, "Tell people of bans, errors and jails that are down", by_hand=True),
    "scan": Entry(_RUN, "Read what is new, ban and unban, and end: for timers and cron"),
    "metrics": Entry(_RUN, "Tell Prometheus how the server does", by_hand=True),
    "web": Entry(_RUN, "Show the server in a browser", by_hand=True),
    "fleet": Entry(_RUN, "Share bans and failures with other hosts, by Redis", by_hand=True),
    "init": Entry(_SET, "Write a first configuration for this host"),
    "migrate": Entry(_SET, "What becomes of a Fail2Ban configuration"),
    "jail": Entry(_SET, "List, enable and disable jails"),
    "regex": Entry(_TRY, "Run a filter over a log and report what it finds", by_hand=True),
    "replay": Entry(_TRY, "What the jails would have done with old logs"),
    "tune": Entry(_TRY, "How many hosts a jail would ban with other limits"),
    "check": Entry(_TRY, "What is wrong with the configuration, all at once"),
    "lint": Entry(_TRY, "Whether filters can be fooled, hang, or do nothing"),
    "draft": Entry(_TRY, "Draft failregexes for a log"),
    "networks": Entry(_TRY, "The networks of countries or operators, as a list to ban"),
    "demo": Entry(_TRY, "See an attack detected and banned, harmlessly"),
}
