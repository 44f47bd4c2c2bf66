"""Who is told: a Telegram chat, a webhook, mailboxes, and by Apprise a hundred others.

Each target sends one message, or raises UndeliveredError.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import smtplib
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

from f2b.errors import ConfigError, Place
from f2b.notify import secret
from f2b.notify.post import PATIENCE_S, UndeliveredError, post, reason
from f2b.notify.setting import Mail, Spec, Telegram, Webhook
from f2b.notify.wording import Message

Send = Callable[[Message], None]
LONGEST_TELEGRAM = 4096
"""Characters of a message (core.telegram.org/bots/api#sendmessage)."""
_TAG = re.compile(r"<(\w+)>")


def targets(spec: Spec, environment: Mapping[str, str]) -> dict[str, Send]:
    """Return how to send to each target, by its name; secrets are read now. Raises ConfigError."""
    found: dict[str, Send] = {}
    if spec.telegram:
        found["telegram"] = _telegram(spec.telegram, secret.read(spec.telegram.token_file, environment))
    if spec.webhook:
        key = secret.read(spec.webhook.secret_file, environment) if spec.webhook.secret_file else ""
        found["webhook"] = _webhook(spec.webhook, key)
    if spec.mail:
        password = secret.read(spec.mail.password_file, environment) if spec.mail.password_file else ""
        found["mail"] = _mail(spec.mail, password)
    if spec.apprise_file:
        found["apprise"] = _apprise(spec.apprise_file, secret.read(spec.apprise_file, environment))
    return found


def _telegram(chat: Telegram, token: str) -> Send:
    url = f"{chat.url}/bot{token}/sendMessage"

    def send(message: Message) -> None:
        text = f"{message.title}\n\n{message.text}"[:LONGEST_TELEGRAM]
        said = {"chat_id": chat.chat, "text": text, "disable_web_page_preview": True}
        try:
            post(url, json.dumps(said).encode(), {})
        except UndeliveredError as error:
            raise _explained(error) from None

    return send


def _explained(error: UndeliveredError) -> UndeliveredError:
    """Return a refusal in the words of Telegram's answer, if it gave one."""
    with suppress(ValueError, KeyError, TypeError, AttributeError):
        said = json.loads(error.answer)
        wait = float(said.get("parameters", {}).get("retry_after", error.wait_s))
        return UndeliveredError(f"{error}: {said['description']}", wait)
    return error


def _webhook(hook: Webhook, key: str) -> Send:
    def send(message: Message) -> None:
        said = message.data if hook.template is None else _filled(hook.template, message.data)
        body = json.dumps(said).encode()
        headers = {"X-F2B-Delivery": message.key}
        if key:
            headers["X-F2B-Signature"] = f"sha256={hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}"
        post(hook.url, body, headers)

    return send


def _filled(template: object, data: Mapping[str, Any]) -> object:
    """Return a template with its tags replaced; a text that is one tag alone becomes its value, whatever its type."""
    if isinstance(template, dict):
        return {name: _filled(value, data) for name, value in template.items()}
    if isinstance(template, list):
        return [_filled(value, data) for value in template]
    if not isinstance(template, str):
        return template
    alone = _TAG.fullmatch(template)
    if alone and alone[1] in data:
        return data[alone[1]]
    return _TAG.sub(lambda tag: str(data.get(tag[1], tag[0])), template)


def _mail(mail: Mail, password: str) -> Send:
    context = ssl.create_default_context(cafile=mail.ca or None)

    def send(message: Message) -> None:
        try:
            with _connection(mail, context) as server:
                if password:
                    server.login(mail.user, password)
                server.send_message(_letter(mail, message), mail.sender, mail.to)
        except smtplib.SMTPAuthenticationError as error:
            raise UndeliveredError(f"the mail server refuses the password (SMTP {error.smtp_code})") from None
        except smtplib.SMTPResponseException as error:
            raise UndeliveredError(f"the mail server says: {error.smtp_code} {error.smtp_error!r}") from None
        except (OSError, smtplib.SMTPException) as error:
            raise UndeliveredError(reason(error)) from None

    return send


def _connection(mail: Mail, context: ssl.SSLContext) -> smtplib.SMTP:
    if mail.tls == "tls":
        return smtplib.SMTP_SSL(mail.server, mail.port, timeout=PATIENCE_S, context=context)
    server = smtplib.SMTP(mail.server, mail.port, timeout=PATIENCE_S)
    try:
        if mail.tls == "starttls":
            server.starttls(context=context)
    except BaseException:
        server.close()
        raise
    return server


def _letter(mail: Mail, message: Message) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = mail.sender
    letter["To"] = ", ".join(mail.to)
    letter["Subject"] = " ".join(message.title.split())
    letter["Date"] = formatdate(localtime=True)
    letter["Message-ID"] = f"<{message.key}@f2b>"
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(message.text + "\n")
    return letter


def _apprise(path: str, urls: str) -> Send:
    try:
        import apprise  # 0.5 s of import, an extra
    except ImportError:
        raise ConfigError("apprise_file needs Apprise", cure="pip install 'f2b[apprise]'") from None
    everybody = apprise.Apprise()
    for number, url in enumerate(urls.splitlines(), 1):
        if url.strip() and not url.startswith("#") and not everybody.add(url.strip()):
            raise ConfigError("Apprise does not understand this URL", Place(path, number))

    def send(message: Message) -> None:
        if not everybody.notify(body=message.text, title=message.title):
            raise UndeliveredError("Apprise could not deliver it to all of its URLs")

    return send
