from __future__ import annotations

import pytest

from f2b.config.model import Text
from f2b.errors import ConfigError, Place
from f2b.notify import setting
from f2b.notify.pace import Quiet
from f2b.notify.setting import Spec


def read(**options: str) -> Spec:
    return setting.read({name: Text(value, Place("f2b.conf", 3)) for name, value in options.items()})


def test_section_when_empty_then_nobody_is_told() -> None:
    assert not read().somebody
    assert read().limit == 10
    assert read().window == 600


def test_section_when_full_then_all_of_it_counts() -> None:
    spec = read(
        telegram_token_file="/t",
        telegram_chat="-1",
        webhook="https://example.org/x",
        webhook_template='{"text": "<text>"}',
        mail_to="a@example.org b@example.org",
        mail_server="[::1]:2525",
        events="ban, down",
        jails="sshd web",
        limit="3",
        window="1h",
        quiet="22:30 - 7:00",
        host="web1",
    )
    assert spec.somebody
    assert spec.telegram == setting.Telegram(setting.TELEGRAM, "/t", "-1")
    assert spec.webhook == setting.Webhook("https://example.org/x", {"text": "<text>"}, "")
    assert spec.mail
    assert (spec.mail.server, spec.mail.port, spec.mail.tls) == ("::1", 2525, "no")
    assert spec.mail.to == ("a@example.org", "b@example.org")
    assert (spec.events, spec.jails, spec.limit, spec.window) == (("ban", "down"), ("sshd", "web"), 3, 3600)
    assert spec.quiet == Quiet(22 * 60 + 30, 7 * 60)


@pytest.mark.parametrize(
    ("server", "user", "tls", "port"),
    [
        ("mx.example.org", "", "", 25),
        ("mx.example.org", "me", "", 587),
        ("mx.example.org", "me", "tls", 465),
        ("mx.example.org:2525", "me", "tls", 2525),
    ],
)
def test_mail_server_when_it_has_no_port_then_it_is_the_usual_one(
    server: str, user: str, tls: str, port: int
) -> None:
    more = {"mail_user": user, "mail_password_file": "/p"} if user else {}
    spec = read(mail_to="root", mail_server=server, mail_tls=tls, **more)
    assert spec.mail
    assert (spec.mail.port, spec.mail.tls) == (port, tls or "starttls")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"telegram_chat": "1"}, "telegram_chat needs telegram_token_file"),
        ({"telegram_token_file": "/t"}, "telegram_token_file needs telegram_chat"),
        ({"webhook": "example.org"}, "no http or https URL"),
        ({"webhook_template": "{"}, "webhook_template = {"),
        ({"events": "ban frobnicate"}, "frobnicate is none of"),
        ({"limit": "0"}, "from 1 to 1000"),
        ({"window": "soon"}, "window = soon"),
        ({"window": "0"}, "such as 10m"),
        ({"quiet": "22-7"}, "hours such as"),
        ({"quiet": "25:00-07:00"}, "hours such as"),
        ({"mail_to": "a", "mail_tls": "maybe"}, "starttls, tls or no"),
        ({"mail_to": "a", "mail_server": "a b"}, "HOST or HOST:PORT"),
        ({"mail_to": "a", "mail_user": "me"}, "mail_user needs mail_password_file"),
        (
            {"mail_to": "a", "mail_server": "mx", "mail_tls": "no", "mail_password_file": "/p"},
            "a password goes over the network only with TLS",
        ),
        ({"telegram_chatt": "1"}, "there is no option telegram_chatt; did you mean 'telegram_chat'"),
    ],
)
def test_section_when_something_is_wrong_then_it_is_said_with_its_place(options: dict[str, str], why: str) -> None:
    with pytest.raises(ConfigError, match=why.replace("{", r"\{")) as error:
        read(**options)
    assert "[notify]" in str(error.value)


def test_section_when_several_things_are_wrong_then_all_are_said() -> None:
    with pytest.raises(ConfigError) as error:
        read(limit="x", window="y", nonsense="z")
    assert len(error.value.more) == 2
