"""Ports as people write them: names, numbers, ranges and lists. Pure.

`http,https`, `22`, `6660:6669` (iptables) and `6660-6669` (nft).
"""

from __future__ import annotations

from collections.abc import Callable

PORTS = ((0, 0xFFFF),)
"""All of them."""

Service = Callable[[str], int | None]
"""The port of a service that /etc/services knows."""

USUAL = {
    "ftp-data": 20,
    "ftp": 21,
    "ssh": 22,
    "telnet": 23,
    "smtp": 25,
    "domain": 53,
    "http": 80,
    "kerberos": 88,
    "pop3": 110,
    "pop-3": 110,
    "sunrpc": 111,
    "nntp": 119,
    "ntp": 123,
    "imap": 143,
    "imap2": 143,
    "snmp": 161,
    "imap3": 220,
    "ldap": 389,
    "https": 443,
    "submissions": 465,
    "smtps": 465,
    "ssmtp": 465,
    "urd": 465,
    "submission": 587,
    "ldaps": 636,
    "rsync": 873,
    "ftps-data": 989,
    "ftps": 990,
    "imaps": 993,
    "pop3s": 995,
    "socks": 1080,
    "openvpn": 1194,
    "ms-sql-s": 1433,
    "mysql": 3306,
    "ms-wbt-server": 3389,
    "sieve": 4190,
    "sip": 5060,
    "sip-tls": 5061,
    "xmpp-client": 5222,
    "xmpp-server": 5269,
    "postgresql": 5432,
    "http-alt": 8080,
    "webmin": 10000,
}
"""What jails usually name, for hosts without /etc/services."""


def ports(text: str, service: Service) -> tuple[tuple[int, int], ...]:
    """Return the ranges that `text` names: sorted, without overlap. Raises ValueError that says what is no port."""
    ranges = sorted(_range(word, service) for word in text.replace(",", " ").split())
    if not ranges:
        raise ValueError("no port is given")
    merged = [ranges[0]]
    for first, last in ranges[1:]:
        if first <= merged[-1][1] + 1:
            merged[-1] = merged[-1][0], max(last, merged[-1][1])
        else:
            merged.append((first, last))
    return tuple(merged)


def _range(word: str, service: Service) -> tuple[int, int]:
    single = _known(word, service)  # a service's name may hold a dash
    if single is not None:
        return single, single
    first_word, mark, last_word = word.partition(":" if ":" in word else "-")
    first = _known(first_word, service) if first_word else 0
    last = _known(last_word, service) if last_word else 0xFFFF
    if len(word) == len(mark) or not mark or first is None or last is None or first > last:
        raise ValueError(f"{word!r} is no port, service or range")
    return first, last


def _known(word: str, service: Service) -> int | None:
    if word.isascii() and word.isdigit():
        value = int(word[:6])
        return value if value <= 0xFFFF else None
    found = service(word)
    return USUAL.get(word.lower()) if found is None else found
