"""What `fail2ban-client --help` says. Shell completions take the commands from the lines with four leading blanks."""

from __future__ import annotations

_OPTIONS = (
    ("-c, --conf <DIR>", "read the configuration in DIR"),
    ("-s, --socket <FILE>", "talk to the server on this socket"),
    ("-p, --pidfile <FILE>", "the server's pid file"),
    ("--pname <NAME>", "accepted for Fail2Ban's sake"),
    ("--loglevel <LEVEL>", "start with this log level"),
    ("--logtarget <TARGET>", "start with this log: a file, stdout, stderr, syslog or sysout"),
    ("--syslogsocket auto|<FILE>", "start with this syslog socket"),
    ("-d", "print the configuration"),
    ("--dp, --dump-pretty", "print the configuration for reading"),
    ("-t, --test", "test the configuration first"),
    ("-i", "read commands from standard input, one a line"),
    ("-v", "say more"),
    ("-q", "say less"),
    ("-x", "start even where an old socket is in the way"),
    ("-b", "start in the background (default)"),
    ("-f", "start in the foreground"),
    ("--async", "accepted for Fail2Ban's sake"),
    ("--timeout <TIME>", "how long to wait for the server's start or end"),
    ("--str2sec <STRING>", "print a time such as 1d12h as seconds"),
    ("-h, --help", "print this"),
    ("-V, --version", "print the version (-V: the number only)"),
)

_COMMANDS = (
    ("start", "start the server"),
    ("restart", "stop the server and start it again"),
    ("reload [--unban] [<JAIL>|--all]", "read the configuration again"),
    ("stop", "end the server"),
    ("ping", "ask whether the server answers"),
    ("version", "ask for the server's version"),
    ("status", "list the jails"),
    ("status <JAIL> [basic|short]", "show a jail"),
    ("banned", "list the bans of each jail"),
    ("banned <IP> ... <IP>", "list the jails in which each IP is banned"),
    ("unban --all", "lift every ban"),
    ("unban <IP> ... <IP>", "lift the bans of each IP"),
    ("echo <WORD> ...", "print the words"),
    ("flushlogs", "open the server's log again, after it was rotated"),
    ("set <JAIL> banip <IP> ... <IP>", "ban each IP in a jail"),
    ("set <JAIL> unbanip [--report-absent] <IP> ... <IP>", "lift the bans of each IP in a jail"),
    ("set <JAIL> bantime <TIME>", "change how long a jail bans"),
    ("get <JAIL> banip [<SEP>|--with-time]", "list the bans of a jail, the next to end first"),
    ("get <JAIL> banned [<IP> ...]", "list the bans of a jail, or say 1 or 0 for each IP"),
    ("get <JAIL> bantime", "show how long a jail bans"),
    ("get <JAIL> findtime", "show how long a jail remembers failures"),
    ("get <JAIL> maxretry", "show how many failures lead to a ban"),
    ("get <JAIL> maxmatches", "show how many log lines a ban keeps"),
    ("get <JAIL> maxlines", "show how many lines a regex may span"),
    ("get <JAIL> usedns", "show whether host names are resolved"),
    ("get <JAIL> logpath", "list the logs of a jail"),
    ("get <JAIL> logtimezone", "show the time zone of a jail's logs"),
    ("get <JAIL> ignoreself", "show whether the host's own addresses are spared"),
    ("get <JAIL> ignoreip", "list whom a jail spares"),
    ("get <JAIL> ignorecommand", "show the command that says whom a jail spares"),
    ("get <JAIL> actions", "list the actions of a jail"),
)
_COLUMN = 28
_WIDE_COLUMN = 45


def usage(program: str) -> str:
    """Return the help of `fail2ban-client` or `fail2ban-server`."""
    options = "\n".join(_entry(name, what, _COLUMN) for name, what in _OPTIONS)
    commands = "\n".join(_entry(name, what, _WIDE_COLUMN) for name, what in _COMMANDS)
    return f"""Usage: {program} [OPTIONS] <COMMAND>

Fail2Ban's command line for f2b, which reads logs, finds attackers and keeps them out.

Options:
{options}

Command:
{commands}
"""


def _entry(name: str, what: str, column: int) -> str:
    start = f"    {name}"
    gap = " " * (column - len(start)) if len(start) < column else "\n" + " " * column
    return f"{start}{gap}{what}"
