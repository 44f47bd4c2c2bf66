"""What `fail2ban-client --help` says. Shell completions take the commands from the lines with four leading blanks."""

from __future__ import annotations

_OPTIONS = (
    ("-c, --conf <DIR>", "read the configuration in DIR"),
    ("-s, --socket <FILE>", "talk to the server on this socket"),
    ("-p, --pidfile <FILE>", "the server's pid file"),
    ("--pname <NAME>", "call the server's process so (default: fail2ban-server)"),
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
    ("--async", "start without jails; a client will say when to read the configuration"),
    ("--timeout <TIME>", "how long to wait for the server's start or end"),
    ("--str2sec <STRING>", "print a time such as 1d12h as seconds"),
    ("-h, --help", "print this"),
    ("-V, --version", "print the version (-V: the number only)"),
)

_COMMANDS = (
    ("start", "start the server"),
    ("restart", "stop the server and start it again"),
    ("restart [--unban] [--if-exists] <JAIL>", "make a jail anew, as 'reload --restart' does"),
    ("reload [--restart] [--unban] [--all]", "read the configuration again"),
    ("reload [--restart] [--unban] [--if-exists] <JAIL>", "read one jail's configuration again"),
    ("stop", "end the server"),
    ("ping [<SECONDS>]", "ask whether the server answers"),
    ("version", "ask for the server's version"),
    ("echo <WORD> ...", "print the words"),
    ("sleep <SECONDS>", "wait"),
    ("help", "print this"),
    ("status", "list the jails"),
    ("status --all [<FLAVOR>]", "show every jail"),
    ("status <JAIL> [<FLAVOR>]", "show a jail: basic, short, cymru or stats"),
    ("statistics", "show the numbers of all jails as a table"),
    ("banned", "list the bans of each jail"),
    ("banned <IP> ... <IP>", "list the jails in which each IP is banned"),
    ("unban --all", "lift every ban"),
    ("unban <IP> ... <IP>", "lift the bans of each IP"),
    ("get loglevel", "show how much the server logs"),
    ("set loglevel <LEVEL>", "log more or less: ERROR, WARNING, NOTICE, INFO, DEBUG, ..."),
    ("get logtarget", "show where the server logs to"),
    ("set logtarget <TARGET>", "log to STDOUT, STDERR, SYSLOG, SYSTEMD-JOURNAL or a file"),
    ("get syslogsocket", "show the socket of SYSLOG"),
    ("set syslogsocket auto|<SOCKET>", "change the socket of SYSLOG"),
    ("flushlogs", "open the server's log again, after it was rotated"),
    ("get dbfile", "show where the database is"),
    ("get dbmaxmatches", "show how many log lines of a ban the database keeps"),
    ("set dbmaxmatches <INT>", "keep more or fewer"),
    ("get dbpurgeage", "show how long the database remembers a ban"),
    ("set dbpurgeage <TIME>", "remember bans for longer or shorter"),
    ("add <JAIL> [<BACKEND>]", "make a jail that does not read yet"),
    ("start <JAIL>", "let a jail read"),
    ("stop <JAIL>", "take a jail down"),
    ("set <JAIL> idle on|off", "let a jail rest, or go on"),
    ("set <JAIL> banip <IP> ... <IP>", "ban each IP in a jail"),
    ("set <JAIL> unbanip [--report-absent] <IP> ... <IP>", "lift the bans of each IP in a jail"),
    ("set <JAIL> attempt <IP> [<LINE> ... <LINE>]", "count a failure of an IP"),
    ("get <JAIL> banip [<SEP>|--with-time]", "list the bans of a jail, the next to end first"),
    ("get <JAIL> banned [<IP> ...]", "list the bans of a jail, or say 1 or 0 for each IP"),
    ("get <JAIL> ignoreself", "show whether the host's own addresses are spared"),
    ("set <JAIL> ignoreself true|false", "spare them or not"),
    ("get <JAIL> ignoreip", "list whom a jail spares"),
    ("set <JAIL> addignoreip <IP> ... <IP>", "spare an address, a network or a host name"),
    ("set <JAIL> delignoreip <IP>", "spare it no longer"),
    ("get <JAIL> ignorecommand", "show the command that says whom a jail spares"),
    ("set <JAIL> ignorecommand <CMD>", "change it (needs allowactions = yes)"),
    ("get <JAIL> ignorecache", "show how long its answers hold"),
    ("set <JAIL> ignorecache <VALUE>", "change that"),
    ("get <JAIL> logpath", "list the logs of a jail"),
    ("set <JAIL> addlogpath <FILE> [tail]", "read one log more, from its end if so wanted"),
    ("set <JAIL> dellogpath <FILE>", "read a log no longer"),
    ("get <JAIL> logencoding", "show the encoding of a jail's logs"),
    ("set <JAIL> logencoding <ENCODING>", "change it"),
    ("get <JAIL> logtimezone", "show the time zone of a jail's logs"),
    ("set <JAIL> logtimezone <ZONE>", "change it"),
    ("get <JAIL> journalmatch", "show what a jail reads of the journal"),
    ("set <JAIL> addjournalmatch <MATCH>", "read more of it"),
    ("set <JAIL> deljournalmatch <MATCH>", "read less of it"),
    ("get <JAIL> prefregex", "show the regex that a line must match first"),
    ("set <JAIL> prefregex <REGEX>", "change it"),
    ("get <JAIL> failregex", "list the regexes of failures"),
    ("set <JAIL> addfailregex <REGEX>", "add one"),
    ("set <JAIL> delfailregex <INDEX>", "take one away; the first is 0"),
    ("get <JAIL> ignoreregex", "list the regexes of lines that are no failures"),
    ("set <JAIL> addignoreregex <REGEX>", "add one"),
    ("set <JAIL> delignoreregex <INDEX>", "take one away; the first is 0"),
    ("get <JAIL> datepattern", "show how a jail reads dates"),
    ("set <JAIL> datepattern <PATTERN>", "change it"),
    ("get <JAIL> usedns", "show whether host names are resolved"),
    ("set <JAIL> usedns yes|warn|no|raw", "change it"),
    ("get <JAIL> maxlines", "show how many lines a regex may span"),
    ("set <JAIL> maxlines <INT>", "change it"),
    ("get <JAIL> findtime", "show how long a jail remembers failures"),
    ("set <JAIL> findtime <TIME>", "change it"),
    ("get <JAIL> maxretry", "show how many failures lead to a ban"),
    ("set <JAIL> maxretry <INT>", "change it"),
    ("get <JAIL> maxmatches", "show how many log lines a ban keeps"),
    ("set <JAIL> maxmatches <INT>", "change it"),
    ("get <JAIL> bantime", "show how long a jail bans"),
    ("set <JAIL> bantime <TIME>", "change it, for present bans too"),
    ("get <JAIL> bantime.<OPTION>", "show how its ban times grow: increment, factor, maxtime, ..."),
    ("set <JAIL> bantime.<OPTION> <VALUE>", "change it"),
    ("get <JAIL> actions", "list the actions of a jail"),
    ("set <JAIL> addaction <ACT>", "add one without commands"),
    ("set <JAIL> delaction <ACT>", "take one away, with its bans"),
    ("get <JAIL> actionproperties <ACT>", "list the properties of an action"),
    ("get <JAIL> actionmethods <ACT>", "list the methods of an action"),
    ("get <JAIL> action <ACT> <PROPERTY>", "show a property, such as actionban"),
    ("set <JAIL> action <ACT> <PROPERTY> <VALUE>", "change it (needs allowactions = yes)"),
    ("set <JAIL> action <ACT> <METHOD>", "start, stop or flush an action"),
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
