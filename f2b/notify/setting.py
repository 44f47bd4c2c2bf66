"""The section `[notify]` of f2b.conf, read and checked: everything wrong at once. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from f2b import duration
from f2b.config.model import Text
from f2b.config.section import Section
from f2b.named import NamedTuple
from f2b.notify.news import KINDS
from f2b.notify.pace import Quiet

SECTION = "notify"
TELEGRAM = "https://api.telegram.org"
Tls = str
"""`starttls`, `tls` or `no`."""

_CLOCK = re.compile(r"(\d\d?):(\d\d)\s*-\s*(\d\d?):(\d\d)")
_LOCAL = ("localhost", "127.0.0.1", "::1")


class Telegram(NamedTuple):
    """A bot, and the chat that it writes to."""

    url: str
    token_file: str
    chat: str


class Webhook(NamedTuple):
    """A URL that gets JSON."""

    url: str
    template: object
    """JSON with `<tags>`; None is all there is to say."""
    secret_file: str
    """Of the key that signs the body; empty is no signature."""


class Mail(NamedTuple):
    """Where mail goes, and over which server."""

    to: tuple[str, ...]
    sender: str
    server: str
    port: int
    tls: Tls
    ca: str
    user: str
    password_file: str


class Spec(NamedTuple):
    """What to tell, to whom, and how often."""

    telegram: Telegram | None
    webhook: Webhook | None
    mail: Mail | None
    apprise_file: str
    """Of Apprise's URLs, one a line; empty is none."""
    events: tuple[str, ...]
    jails: tuple[str, ...]
    """Only these; none is all."""
    limit: int
    window: float
    quiet: Quiet
    geoip: str
    asn: str
    host: str
    """What this host is called; empty is its own name."""

    @property
    def somebody(self) -> bool:
        """Whether there is anybody to tell."""
        return bool(self.telegram or self.webhook or self.mail or self.apprise_file)


def read(section: Mapping[str, Text]) -> Spec:
    """Return what the section says. Raises ConfigError, with all that is wrong."""
    options = Section(SECTION, section)
    spec = Spec(
        telegram=_telegram(options),
        webhook=_webhook(options),
        mail=_mail(options),
        apprise_file=options.text("apprise_file"),
        events=options.get("events", _events, ("ban", "refused", "error", "down", "up")),
        jails=tuple(options.text("jails").split()),
        limit=options.get("limit", _limit, 10),
        window=options.get("window", _window, 600.0),
        quiet=options.get("quiet", _quiet, Quiet()),
        geoip=options.text("geoip"),
        asn=options.text("asn"),
        host=options.text("host"),
    )
    options.end()
    return spec


def _telegram(options: Section) -> Telegram | None:
    token, chat = options.text("telegram_token_file"), options.text("telegram_chat")
    url = options.get("telegram_url", _url, TELEGRAM).rstrip("/")
    if not token and not chat:
        return None
    options.need("telegram_token_file", "telegram_chat")
    options.need("telegram_chat", "telegram_token_file")
    return Telegram(url, token, chat)


def _webhook(options: Section) -> Webhook | None:
    url, secret = options.get("webhook", _url, ""), options.text("webhook_secret_file")
    template = options.get("webhook_template", _json, None)
    return Webhook(url, template, secret) if url else None


def _mail(options: Section) -> Mail | None:
    to = tuple(options.text("mail_to").replace(",", " ").split())
    host, port = options.get("mail_server", _server, ("localhost", 0))
    tls = options.get("mail_tls", _tls, "no" if host in _LOCAL else "starttls")
    sender = options.text("mail_from", "f2b")
    user, password = options.text("mail_user"), options.text("mail_password_file")
    ca = options.text("mail_ca")
    if user:
        options.need("mail_password_file", "mail_user")
    if password and tls == "no" and host not in _LOCAL:
        options.wrong("mail_tls", "a password goes over the network only with TLS", "write mail_tls = starttls")
    ports = {"tls": 465, "starttls": 587 if user else 25, "no": 25}
    return Mail(to, sender, host, port or ports[tls], tls, ca, user, password) if to else None


def _url(text: str) -> str:
    if not re.match(r"https?://[^/\s]+", text):
        raise ValueError("this is no http or https URL")
    return text


def _json(text: str) -> object:
    found: object = json.loads(text)
    return found


def _server(text: str) -> tuple[str, int]:
    found = re.fullmatch(r"\[([^\]]+)\](?::(\d+))?|([^:\s]+)(?::(\d+))?", text)
    if not found:
        raise ValueError("write HOST or HOST:PORT")
    return found[1] or found[3], int(found[2] or found[4] or 0)


def _tls(text: str) -> Tls:
    if text.lower() not in ("starttls", "tls", "no"):
        raise ValueError("write starttls, tls or no")
    return text.lower()


def _events(text: str) -> tuple[str, ...]:
    names = text.replace(",", " ").split()
    wrong = [name for name in names if name not in KINDS]
    if wrong:
        raise ValueError(f"{wrong[0]} is none of {', '.join(KINDS)}")
    return tuple(names)


def _limit(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 1000:
        raise ValueError("write a number from 1 to 1000")
    return int(text)


def _window(text: str) -> float:
    seconds = duration.seconds(text)
    if not seconds >= 1:
        raise ValueError("write a time such as 10m")
    return float(seconds)


def _quiet(text: str) -> Quiet:
    found = _CLOCK.fullmatch(text)
    hours = [int(part) for part in found.groups()] if found else []
    if not found or max(hours[0], hours[2]) > 24 or max(hours[1], hours[3]) > 59:
        raise ValueError("write hours such as 22:00-07:00")
    return Quiet((hours[0] * 60 + hours[1]) % 1440, (hours[2] * 60 + hours[3]) % 1440)
