from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from f2b.config.model import Text
from f2b.errors import ConfigError, Place
from f2b.notify import setting
from f2b.notify.post import UndeliveredError
from f2b.notify.target import Send, targets
from f2b.notify.wording import Message
from tests.notify.serving import Answer, Web, certificate, mail, web

MESSAGE = Message(
    "key-1", "host: 192.0.2.1 banned", "192.0.2.1 banned in sshd", {"count": 1, "jail": "sshd", "ids": ["a"]}
)


@pytest.fixture(scope="module")
def trusted(tmp_path_factory: pytest.TempPathFactory) -> str:
    return certificate(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def server() -> Iterator[Web]:
    with web() as found:
        yield found


def secret(folder: Path, text: str, name: str = "secret") -> str:
    file = folder / name
    file.write_text(f"{text}\n")
    file.chmod(0o600)
    return str(file)


def target(options: Mapping[str, object], environment: Mapping[str, str] | None = None) -> Send:
    """Return how to send to the one target that a section names."""
    spec = setting.read({name: Text(str(value), Place("f2b.conf")) for name, value in options.items()})
    (send,) = targets(spec, environment or {}).values()
    return send


def test_telegram_when_sent_then_the_bot_writes_into_the_chat(server: Web, tmp_path: Path) -> None:
    token = secret(tmp_path, "123:abc")
    send = target({"telegram_token_file": token, "telegram_chat": "-42", "telegram_url": server.url})
    send(MESSAGE)
    (request,) = server.requests
    assert request.path == "/bot123:abc/sendMessage"
    assert request.said["chat_id"] == "-42"
    assert request.said["text"] == "host: 192.0.2.1 banned\n\n192.0.2.1 banned in sshd"
    send(MESSAGE._replace(text="x" * 10_000))
    assert len(server.requests[1].said["text"]) == 4096


def test_telegram_when_it_is_asked_too_often_then_it_says_how_long_to_wait_and_never_the_token(
    server: Web, tmp_path: Path
) -> None:
    body = b'{"ok":false,"error_code":429,"description":"Too Many Requests","parameters":{"retry_after":17}}'
    server.answers = [Answer(429, body), Answer(500, b"oops"), Answer(302, b"", (("Location", "/elsewhere"),))]
    token = secret(tmp_path, "123:abc")
    send = target({"telegram_token_file": token, "telegram_chat": "-42", "telegram_url": server.url})
    for wait, why in ((17, "Too Many Requests"), (0, "HTTP 500"), (0, "elsewhere")):
        with pytest.raises(UndeliveredError, match=why) as error:
            send(MESSAGE)
        assert error.value.wait_s == wait
        assert "123:abc" not in str(error.value)
    server.server.shutdown()
    server.server.server_close()
    with pytest.raises(UndeliveredError, match="refused") as error:
        send(MESSAGE)
    assert "123:abc" not in str(error.value)


def test_webhook_when_sent_then_it_gets_all_there_is_signed(server: Web, tmp_path: Path) -> None:
    send = target({"webhook": f"{server.url}/hook?x=1", "webhook_secret_file": secret(tmp_path, "s3cret")})
    send(MESSAGE)
    (request,) = server.requests
    assert request.path == "/hook?x=1"
    assert request.said == MESSAGE.data
    expected = hmac.new(b"s3cret", request.body, hashlib.sha256).hexdigest()
    assert request.headers["X-F2B-Signature"] == f"sha256={expected}"
    assert request.headers["X-F2B-Delivery"] == "key-1"


def test_webhook_when_it_has_a_template_then_tags_become_values_and_never_json(server: Web) -> None:
    template = {"content": "<jail>: <evil>", "n": "<count>", "all": ["<ids>", 1, "<unknown>"]}
    send = target({"webhook": server.url, "webhook_template": json.dumps(template)})
    send(MESSAGE._replace(data={**MESSAGE.data, "evil": '", "admin": true'}))
    assert server.requests[0].said == {"content": 'sshd: ", "admin": true', "n": 1, "all": [["a"], 1, "<unknown>"]}


@pytest.mark.filterwarnings("ignore:Requiring AUTH")  # it does not know that all of it is in TLS
@pytest.mark.parametrize("tls", ["starttls", "tls"])
def test_mail_when_sent_with_tls_and_password_then_it_arrives_encrypted(
    tls: str, trusted: str, tmp_path: Path
) -> None:
    with mail(Path(trusted).parent, tls) as (box, port):
        options = {
            "mail_to": "ops@example.org, root",
            "mail_from": "f2b@example.org",
            "mail_server": f"localhost:{port}",
            "mail_tls": tls,
            "mail_ca": trusted,
            "mail_user": "f2b",
            "mail_password_file": secret(tmp_path, "secret"),
        }
        target(options)(MESSAGE)
        (letter,) = box.letters
        assert box.encrypted == [True]
        assert box.users == ["f2b"]
        assert letter["To"] == "ops@example.org, root"
        assert letter["Subject"] == "host: 192.0.2.1 banned"
        assert letter["Message-ID"] == "<key-1@f2b>"
        assert letter.get_payload() == "192.0.2.1 banned in sshd\r\n"
        wrong = target({**options, "mail_password_file": secret(tmp_path, "wrong", "other")})
        with pytest.raises(UndeliveredError, match="refuses the password"):
            wrong(MESSAGE)
        del options["mail_ca"]
        with pytest.raises(UndeliveredError, match="not trusted"):
            target(options)(MESSAGE)
        assert len(box.letters) == 1


def test_mail_when_the_server_is_this_host_then_it_needs_neither(trusted: str) -> None:
    with mail(Path(trusted).parent, "no") as (box, port):
        target({"mail_to": "root", "mail_server": f"127.0.0.1:{port}"})(MESSAGE._replace(title="two\nlines"))
    assert box.letters[0]["Subject"] == "two lines"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of what Apprise imports
def test_apprise_when_sent_then_its_services_get_it(server: Web, tmp_path: Path) -> None:
    urls = f"# comment\n{server.url.replace('http', 'json')}/a\n\n{server.url.replace('http', 'json')}/b"
    target({"apprise_file": secret(tmp_path, urls)})(MESSAGE)
    assert sorted((request.path, request.said["message"]) for request in server.requests) == [
        ("/a", MESSAGE.text),
        ("/b", MESSAGE.text),
    ]
    server.answers = [Answer(500)]
    with pytest.raises(UndeliveredError, match="could not deliver"):
        target({"apprise_file": secret(tmp_path, urls)})(MESSAGE)
    with pytest.raises(ConfigError, match="secret:2: Apprise does not understand"):
        target({"apprise_file": secret(tmp_path, "#\nnonsense")})


def test_secret_when_others_may_read_it_then_it_is_refused(tmp_path: Path) -> None:
    file = Path(secret(tmp_path, "s3cret"))
    options = {"webhook": "http://127.0.0.1:1/", "webhook_secret_file": str(file)}
    file.chmod(0o640)
    with pytest.raises(ConfigError, match="chmod 600"):
        target(options)
    file.chmod(0o600)
    target(options)
    file.write_text(" \n")
    with pytest.raises(ConfigError, match="empty"):
        target(options)
    file.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        target(options)


def test_secret_when_systemd_brings_it_then_its_name_is_enough(server: Web, tmp_path: Path) -> None:
    Path(secret(tmp_path, "s3cret")).chmod(0o440)
    send = target({"webhook": server.url, "webhook_secret_file": "secret"}, {"CREDENTIALS_DIRECTORY": str(tmp_path)})
    send(MESSAGE)
    assert "X-F2B-Signature" in server.requests[0].headers
