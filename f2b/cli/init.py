"""`f2b init`: a first configuration for this host, from what runs on it."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import click

from f2b.cli import show
from f2b.cli.surroundings import Surroundings, look
from f2b.config import search
from f2b.config.model import JailSpec
from f2b.errors import ConfigError, Place
from f2b.named import NamedTuple

FOLDER = "/etc/f2b"
PROGRAMS = {
    "sshd": ("sshd",),
    "dropbear": ("dropbear",),
    "xrdp": ("xrdp",),
    "nginx": ("nginx-http-auth", "nginx-botsearch", "nginx-bad-request", "nginx-limit-req"),
    "apache2": ("apache-auth", "apache-botsearch", "apache-noscript", "apache-overflows"),
    "httpd": ("apache-auth", "apache-botsearch", "apache-noscript", "apache-overflows"),
    "lighttpd": ("lighttpd-auth",),
    "caddy": ("caddy",),
    "traefik": ("traefik-auth",),
    "haproxy": ("haproxy-http-auth",),
    "master": ("postfix", "postfix-sasl"),
    "dovecot": ("dovecot",),
    "exim4": ("exim",),
    "exim": ("exim",),
    "vsftpd": ("vsftpd",),
    "proftpd": ("proftpd",),
    "pure-ftpd": ("pure-ftpd",),
    "mysqld": ("mysqld-auth",),
    "mariadbd": ("mysqld-auth",),
    "mongod": ("mongodb-auth",),
    "asterisk": ("asterisk",),
    "freeswitch": ("freeswitch",),
    "named": ("named-refused",),
    "openvpn": ("openvpn",),
    "charon": ("strongswan",),
    "squid": ("squid",),
    "gitea": ("gitea",),
    "forgejo": ("gitea",),
    "grafana": ("grafana",),
    "grafana-server": ("grafana",),
    "vaultwarden": ("vaultwarden",),
    "jellyfin": ("jellyfin",),
    "slapd": ("slapd",),
    "murmurd": ("murmur",),
    "webmin": ("webmin-auth",),
    "pveproxy": ("proxmox",),
}
"""Which jails go with a program that runs, by the name of its process."""


class Choice(NamedTuple):
    """A jail to enable, and why."""

    jail: JailSpec
    program: str
    source: str
    """What it reads; empty if there is nothing yet."""


@click.command(short_help="Write a first configuration for this host")
@click.option("-c", "--config", "directory", metavar="DIR", default=FOLDER, show_default=True, help="Write it there.")
@click.option("--dry-run", is_flag=True, help="Print it, and write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print what was chosen as JSON.")
def init(directory: str, dry_run: bool, as_json: bool) -> int:
    """Look at this host and write DIR/jail.local: the jails of what runs here, with comments. Overwrites nothing.

    \b
    Examples:
      f2b init --dry-run
      f2b init && f2b check && f2b serve
    """
    here = look()
    chosen = choose(here)
    path = Path(directory) / "jail.local"
    if path.exists() and not dry_run:
        raise ConfigError("it is there already, and nothing was changed", Place(str(path)), "see f2b init --dry-run")
    written = "" if dry_run or not chosen else str(path)
    if written:
        write(path, text(here, chosen))
    if as_json:
        show.as_json({"jails": list(map(_entry, chosen)), "file": written or None, "notes": notes(here)})
    elif dry_run:
        print(text(here, chosen), end="")
    else:
        _report(here, chosen, written)
    return 0


def choose(here: Surroundings) -> list[Choice]:
    """Return the jails of the programs that run here."""
    wanted = {name: program for program, names in PROGRAMS.items() if program[:15] in here.programs for name in names}
    shipped = search.load_shipped(wanted)
    jails = {jail.name: jail for jail in (*shipped.jails, *shipped.broken)}
    machine = search.Machine()
    chosen = []
    for name, program in wanted.items():
        if name in jails:
            files = [file for log in jails[name].logpath for file in machine.logs(log.pattern)]
            source = ", ".join(files) or ("the journal" if jails[name].journal else "")
            chosen.append(Choice(jails[name], program, source))
    return chosen


def text(here: Surroundings, chosen: Sequence[Choice]) -> str:
    """Return the configuration, with comments."""
    allow = f"127.0.0.1/8 ::1 {here.admin}".strip()
    admin = "# The last one is where you are logged in from now.\n" if here.admin else ""
    parts = [
        "# What f2b does on this host; written by `f2b init`, yours from now on.\n"
        "#\n"
        "# Only what differs from the defaults stands here. The defaults and all jails:  f2b jail list\n"
        "# Look whether all is well:  f2b check       Put changes in force:  f2b reload --confirm 60s\n",
        "[DEFAULT]\n\n"
        f"# Never banned: addresses, networks, host names, file:/path/of/a/list.\n{admin}ignoreip = {allow}\n\n"
        "# maxretry failures within findtime lead to a ban for bantime.\n"
        "#maxretry = 5\n#findtime = 10m\n#bantime = 10m\n\n"
        "# Who comes back stays out for longer each time, up to maxtime.\n"
        "bantime.increment = true\nbantime.maxtime = 1w\n",
    ]
    parts += [f"# {note}\n" for note in notes(here)]
    for choice in chosen:
        parts.append(f"# {choice.program} runs here; {_reads(choice)}.\n[{choice.jail.name}]\nenabled = true\n")
    if not any(choice.jail.name == "sshd" for choice in chosen):
        parts.append("# No sshd runs here.\n[sshd]\nenabled = false\n")
    return "\n".join(parts)


def _reads(choice: Choice) -> str:
    missing = "none of its logs is there yet: say where with logpath = FILE"
    return f"it reads {choice.source}" if choice.source else missing


def notes(here: Surroundings) -> list[str]:
    """Return what an administrator should know of this host's firewall and of Fail2Ban."""
    found = []
    if here.firewall:
        beside = f"{here.firewall} runs here, and f2b's own table stands beside it"
        found.append(f"{beside}. To see bans there: banaction = {here.firewall}")
    if here.fail2ban:
        found.append("Fail2Ban has a configuration here, which f2b can run as it is: f2b migrate says more.")
    return found


def write(path: Path, content: str) -> None:
    """Make the file, and its folder if need be; never over one that is there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644), "w", encoding="utf-8") as out:
        out.write(content)


def _report(here: Surroundings, chosen: Sequence[Choice], written: str) -> None:
    if not chosen:
        print("nothing that f2b knows runs here: there is nothing to protect yet, and nothing was written;")
        print("jails for what you run elsewhere or in containers:  f2b jail list")
        return
    rows = [[it.jail.name, it.program, it.source or "no log yet: set logpath"] for it in chosen]
    print(show.table(["JAIL", "BECAUSE OF", "READS"], rows))
    for note in notes(here):
        print(note)
    print(f"\nwrote {written}; next:  f2b check  and  f2b serve")


def _entry(choice: Choice) -> dict[str, object]:
    return {"jail": choice.jail.name, "program": choice.program, "reads": choice.source or None}
