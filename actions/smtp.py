"""Tell of bans, starts and stops by mail over SMTP: no mail program is needed on this host.

action = smtp.py[host="mail.example.org:587", user="f2b", password="...", ssl="true", dest="admin@example.org"]
"""

from __future__ import annotations

import smtplib
import socket
from collections.abc import Mapping
from email.message import EmailMessage
from email.utils import formataddr, formatdate, make_msgid
from typing import Any


class Action:
    """One jail's mail; f2b calls it in a thread of its own."""

    norestored = True

    def __init__(
        self,
        jail: Any,
        name: str,
        host: str = "localhost",
        user: str = "",
        password: str = "",
        sendername: str = "f2b",
        sender: str = "f2b",
        dest: str = "root",
        matches: str = "",
        ssl: str = "",
        startstop: str = "",
    ) -> None:
        """`ssl` is STARTTLS; `matches` names what is quoted: matches, ipmatches, ipjailmatches."""
        self._jail = str(jail.name)
        self._host, _, self._port = host.partition(":")
        self._login = (user, password)
        self._from = formataddr((sendername, sender))
        self._sender, self._dest = sender, dest
        self._quoted = matches
        self._secure = ssl.lower() in ("1", "on", "true", "yes")
        self._startstop = startstop.lower() in ("1", "on", "true", "yes")

    def start(self) -> None:
        """Tell that the jail starts, if that is wanted."""
        if self._startstop:
            self._send("started", "The jail runs.")

    def stop(self) -> None:
        """Tell that the jail stops, if that is wanted."""
        if self._startstop:
            self._send("stopped", "The jail has stopped.")

    def ban(self, info: Mapping[str, Any]) -> None:
        """Tell of a ban."""
        why = f"{info['failures']} failures in the jail {self._jail}"
        text = f"{info['ip']} is banned for {info['bantime']} s: {why}."
        if self._quoted:
            text += f"\n\nWhat it did:\n\n{info[self._quoted]}"
        self._send(f"banned {info['ip']}", text)

    def unban(self, info: Mapping[str, Any]) -> None:
        """Tell nothing."""

    def reban(self, info: Mapping[str, Any]) -> None:
        """Tell of a ban that failed before."""
        self.ban(info)

    def _send(self, what: str, text: str) -> None:
        message = EmailMessage()
        message["Subject"] = f"[f2b] {self._jail}: {what} on {socket.gethostname()}"
        message["From"], message["To"] = self._from, self._dest
        message["Date"], message["Message-ID"] = formatdate(), make_msgid()
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(text + "\n")
        with smtplib.SMTP(self._host, int(self._port or 25), timeout=30) as server:
            if self._secure:
                server.starttls()
            if self._login[0]:
                server.login(*self._login)
            server.send_message(message, self._sender, [it.strip() for it in self._dest.split(",")])
