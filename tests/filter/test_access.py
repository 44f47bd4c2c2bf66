"""Access logs of all formats become the same requests; nobody but the client is ever taken for the client."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from f2b.config.model import FilterSpec
from f2b.events import Failure
from f2b.filter.request import asked, decoded
from tests.filter.typed import NOW, read, spec, wrong

COMBINED = r'192.0.2.1 - ann [21/Nov/2026:10:00:00 +0000] "GET /a%20b?q=1+2 HTTP/1.1" 404 153 "http://r/" "curl/8"'
NGINX = (
    '{"time_iso8601":"2026-11-21T10:00:00+00:00","remote_addr":"192.0.2.1","remote_user":"ann",'
    '"request":"GET /a%20b?q=1+2 HTTP/1.1","status":404,"body_bytes_sent":"153","http_referer":"http://r/",'
    '"http_user_agent":"curl/8"}'
)
NGINX_PARTS = (
    '{"msec":"1795255200.000","remote_addr":"192.0.2.1","remote_user":"ann","request_method":"GET",'
    '"request_uri":"/a%20b?q=1+2","server_protocol":"HTTP/1.1","status":"404","body_bytes_sent":153,'
    '"http_referer":"http://r/","http_user_agent":"curl/8"}'
)
CADDY = (
    '{"level":"info","ts":1795255200.0,"logger":"http.log.access","msg":"handled request","request":{"remote_ip":'
    '"192.0.2.1","remote_port":"4","proto":"HTTP/1.1","method":"GET","uri":"/a%20b?q=1+2","headers":{"User-Agent":'
    '["curl/8"],"Referer":["http://r/"]}},"user_id":"ann","size":153,"status":404}'
)
TRAEFIK = (
    '{"ClientHost":"192.0.2.1","ClientUsername":"ann","DownstreamContentSize":153,"DownstreamStatus":404,'
    '"OriginStatus":404,"RequestMethod":"GET","RequestPath":"/a%20b?q=1+2","RequestProtocol":"HTTP/1.1",'
    '"request_Referer":"http://r/","request_User-Agent":"curl/8","time":"2026-11-21T10:00:00Z"}'
)
LOG_FORMAT = '$remote_addr [$time_local] "$request" u=$remote_user s=$status $body_bytes_sent '
LOG_FORMAT += '"$http_referer" "$http_user_agent"'
APACHE = '%h %u %{%Y-%m-%d %H:%M:%S %z}t "%r" %>s %b "%{Referer}i" "%{User-Agent}i"'
EVERYTHING = {
    "ip4": "192.0.2.1",
    "user": "ann",
    "method": "GET",
    "target": "/a%20b?q=1+2",
    "path": "/a b",
    "query": "q=1 2",
    "protocol": "HTTP/1.1",
    "status": "404",
    "size": "153",
    "referer": "http://r/",
    "agent": "curl/8",
}


def only(found: FilterSpec, text: str) -> Failure:
    """Return the failure of a line."""
    ((failure,),) = read(found, text)
    return failure


@pytest.mark.parametrize(
    ("text", "options"),
    [
        (COMBINED, {}),
        (NGINX, {}),
        (NGINX_PARTS, {}),
        (CADDY, {}),
        (TRAEFIK, {}),
        (
            '192.0.2.1 [21/Nov/2026:10:00:00 +0000] "GET /a%20b?q=1+2 HTTP/1.1" u=ann s=404 153 "http://r/" "curl/8"',
            {"logformat": LOG_FORMAT},
        ),
        (
            '192.0.2.1 ann 2026-11-21 10:00:00 +0000 "GET /a%20b?q=1+2 HTTP/1.1" 404 153 "http://r/" "curl/8"',
            {"logformat": APACHE},
        ),
    ],
    ids=["combined", "nginx", "nginx parts", "caddy", "traefik", "log_format", "LogFormat"],
)
def test_line_when_of_any_format_then_the_request_is_the_same(text: str, options: dict[str, str]) -> None:
    failure = only(spec("http", **options), text)
    assert failure.captures == EVERYTHING
    assert (failure.id, failure.time) == ("192.0.2.1", NOW)


@pytest.mark.parametrize(
    ("text", "vhost", "host"),
    [
        (
            'example.org:443 192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
            "example.org",
            "192.0.2.1",
        ),
        (
            'example.org:80 2001:DB8::1 - a b [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
            "example.org",
            "2001:db8::1",
        ),
        (
            '198.51.100.1:80 192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
            "198.51.100.1",
            "192.0.2.1",
        ),
        ('192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 -', "", "192.0.2.1"),
        ('INFO:     192.0.2.1:54321 - "GET /x HTTP/1.1" 404 Not Found', "", "192.0.2.1"),
        ('2026-11-21 10:00:00 INFO 192.0.2.1:54321 - "GET /x HTTP/1.1" 404', "", "192.0.2.1"),
        ('INFO:     2001:db8::1:54321 - "GET /?a="b" 200 HTTP/1.1" 404 Not Found', "", "2001:db8::1"),
    ],
)
def test_line_when_recognised_by_itself_then_virtual_host_and_client_are_found(
    text: str, vhost: str, host: str
) -> None:
    failure = only(spec("http"), text)
    assert (failure.captures.get("vhost", ""), failure.id) == (vhost, host)


@pytest.mark.parametrize(
    ("line", "method", "target"),
    [
        ("GET / HTTP/1.1", "GET", "/"),
        ("GET /a b HTTP/1.0", "GET", "/a b"),
        ("GET /old", "GET", "/old"),
        ("PRI * HTTP/2.0", "PRI", "*"),
        ("SSH-2.0-Go", "-", "SSH-2.0-Go"),
        ("OPTIONS / RTSP/1.0", "-", "OPTIONS / RTSP/1.0"),
        ("\x16\x03\x01", "-", "\x16\x03\x01"),
        ("", "-", ""),
    ],
)
def test_request_line_when_it_is_no_http_then_all_of_it_is_target(line: str, method: str, target: str) -> None:
    assert asked(line)[:2] == (method, target)


@pytest.mark.parametrize(
    ("written", "sent"),
    [(r"\x16\x03\x01\xfc", "\x16\x03\x01\xfc"), (r"/\xd0\xb0", "/\u0430"), (r"/\"x\"\\", '/"x"\\'), (r"/\x22", '/"')],
)
def test_request_line_when_escaped_in_the_log_then_the_target_is_what_was_sent(written: str, sent: str) -> None:
    text = f'192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET {written} HTTP/1.1" 200 1 "-" "-"'
    assert only(spec("http"), text).captures["target"] == sent


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        "{" * 2000,
        '{"status":404}',
        "[1]",
        "Nov 21 10:00:00 host sshd[1]: Failed password for root from 192.0.2.1 port 1 ssh2",
        "192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] GET / 200 1",
        '- - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
        'unix: - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1',
    ],
)
def test_line_when_it_is_no_request_of_anybody_then_it_is_passed_over(text: str) -> None:
    assert read(spec("http"), text) == [()]


def test_user_when_it_looks_like_a_request_then_client_time_and_status_stay_the_servers() -> None:
    planted = r"198.51.100.9 - - [01/Jan/2001:00:00:00 +0000] \"GET /x HTTP/1.1\" 200 1"
    text = f'192.0.2.1 - {planted} [21/Nov/2026:10:00:00 +0000] "GET /real HTTP/1.1" 404 1 "-" "-"'
    failure = only(spec("http"), text)
    assert (failure.id, failure.time, failure.captures["path"]) == ("192.0.2.1", NOW, "/real")
    assert failure.captures["status"] == "404"


def test_json_when_a_value_looks_like_a_key_then_the_time_stays_the_servers() -> None:
    text = NGINX.replace("curl/8", r"\"time_iso8601\":\"2001-01-01T00:00:00+00:00\"")
    assert only(spec("http"), text).time == NOW


@pytest.mark.parametrize(
    ("forwarded", "client"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7", "203.0.113.7"),
        ("198.51.100.9, 203.0.113.7, 10.0.0.2", "203.0.113.7"),
        ("203.0.113.7:4711", "203.0.113.7"),
        ("[2001:db8::7]:80", "2001:db8::7"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("203.0.113.7, unknown", "10.0.0.1"),
        ("-", "10.0.0.1"),
    ],
)
def test_client_when_trusted_proxies_name_it_then_it_is_the_rightmost_that_is_none(
    forwarded: str, client: str
) -> None:
    found = spec("http", hostfield="http_x_forwarded_for", trustedproxies="10.0.0.0/8 192.0.2.99")
    text = f'10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" "{forwarded}"'
    assert only(found, text).id == client
    caddy = CADDY.replace("192.0.2.1", "10.0.0.1").replace(
        '"User-Agent"', f'"X-Forwarded-For":["{forwarded}"],"User-Agent"'
    )
    assert only(found, caddy).id == client


def test_client_when_the_header_has_its_own_name_then_it_is_found_as_well() -> None:
    found = spec("http", hostfield="X-Forwarded-For", trustedproxies="10.0.0.0/8")
    text = '10.0.0.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" "203.0.113.7"'
    assert only(found, text).id == "203.0.113.7"


def test_client_when_the_peer_is_no_trusted_proxy_then_it_is_the_peer() -> None:
    found = spec("http", hostfield="http_x_forwarded_for", trustedproxies="10.0.0.0/8")
    text = '192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET / HTTP/1.1" 200 1 "-" "-" "203.0.113.7"'
    assert only(found, text).id == "192.0.2.1"


def test_json_when_keys_are_mapped_then_they_are_read_from_there() -> None:
    found = spec("http", field__host="client.addr", field__agent="ua", field__status="res.code")
    text = '{"client":{"addr":"192.0.2.1"},"request_method":"GET","request_uri":"/","ua":"x","res":{"code":418}}'
    failure = only(found, text)
    assert (failure.id, failure.captures["agent"], failure.captures["status"]) == ("192.0.2.1", "x", "418")


NGINX_CONF = """'$remote_addr - $remote_user [$time_local] "$request" '
'$status $body_bytes_sent "$http_user_agent" rt=$request_time host=$host';"""
VHOST = r"%v:%p %h %l %u %t \"%r\" %>s %O"


@pytest.mark.parametrize(
    ("logformat", "text", "captures"),
    [
        (
            NGINX_CONF,
            '192.0.2.1 - ann b [21/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5 "x" rt=0.100 host=example.org',
            {"user": "ann b", "agent": "x", "duration": "0.1", "vhost": "example.org"},
        ),
        (
            "$msec $remote_addr $request_method $request_uri $status",
            "1795255200.123 192.0.2.1 GET /a?b 200",
            {"query": "b"},
        ),
        (VHOST, 'a.test:443 192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "GET /a HTTP/1.1" 200 5', {"vhost": "a.test"}),
        (
            "%{sec}t %a %m %U%q %s %D",
            "1795255200 192.0.2.1 GET /a?x=1 200 1500",
            {"query": "x=1", "duration": "0.0015"},
        ),
        (
            "$time_iso8601|$remote_addr|$request|$status|$http_user_agent",
            "2026-11-21T10:00:00+00:00|192.0.2.1|GET /a HTTP/1.1|200|x|y",
            {"agent": "x|y"},
        ),
        (
            "[$time_local] $remote_addr $uri?$args $status",
            "[21/Nov/2026:10:00:00 +0000] 192.0.2.1 /a?b 200",
            {"query": "b"},
        ),
    ],
)
def test_logformat_when_of_any_shape_then_fields_and_date_are_found(
    logformat: str, text: str, captures: dict[str, str]
) -> None:
    failure = only(spec("http", logformat=logformat), text)
    assert failure.id == "192.0.2.1"
    assert int(failure.time or 0) == NOW
    assert failure.captures["path"] == "/a"
    assert failure.captures["status"] == "200"
    assert captures.items() <= dict(failure.captures).items()


@pytest.mark.parametrize("logformat", ["nothing", "$status", "%t", "$remote_addr $time_local"])
def test_logformat_when_it_says_too_little_then_that_is_an_error(logformat: str) -> None:
    (problem,) = wrong("http", logformat=logformat)
    assert problem.what.startswith("logformat:")
    assert problem.place


@given(st.text(max_size=60))
def test_path_when_encoded_once_then_it_is_decoded_to_the_same(text: str) -> None:
    quoted = "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "replace"))
    assert decoded(quoted) == text.encode("utf-8", "replace").decode()


@given(st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=200))
def test_any_line_when_read_then_nothing_breaks(text: str) -> None:
    read(spec("http"), text, "{" + text, f'192.0.2.1 - - [21/Nov/2026:10:00:00 +0000] "{text}" 200 1 "-" "-"')
