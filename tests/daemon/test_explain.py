"""`f2b explain IP`: every case of "why does it not ban" is named, by a real server that all of them share."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from f2b.cli import main
from f2b.control import client
from tests.daemon.running import Server, running, wait_for

APP = r"failregex = ^ app: failure of <F-USER>\S+</F-USER> from <HOST>$"
FILTERS = {
    "german": f"{APP}\ndatepattern = ^%%d\\.%%m\\.%%Y %%H:%%M:%%S\n",
    "session": r"prefregex = ^ app\[<F-MLFID>\d+</F-MLFID>\]: <F-CONTENT>.+</F-CONTENT>$"
    "\nfailregex = ^<F-NOFAIL>connect</F-NOFAIL> from <HOST>$\n    ^bad password$\n",
}
JAILS: Mapping[str, Mapping[str, object]] = {
    "date": {"filter": "german"},
    "zone": {},
    "ignored": {"ignoreip": "203.0.113.3"},
    "file": {},
    "retry": {"maxretry": 5, "findtime": "1h", "bantime": "8h"},
    "findtime": {"maxretry": 2, "findtime": 10},
    "match": {},
    "session": {"filter": "session"},
    "dns": {},
    "banned": {"maxretry": 2, "bantime": "10m", "bantime.increment": "true"},
    "missing": {},
    "protected": {"protect": "203.0.113.12", "maxretry": 1},
}


def line(text: str, behind_s: float = 0) -> str:
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - behind_s))
    return f"{stamp} app: {text}\n"


def fails(address: str, behind_s: float = 0) -> str:
    return line(f"failure of root from {address}", behind_s)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("explain")
    with running(folder) as made:
        for name, text in FILTERS.items():
            made.write(f"filter.d/{name}.conf", f"[Definition]\n{text}")
        logs = {name: folder / "log" / name / "app.log" for name in JAILS}
        for name, options in JAILS.items():
            logs[name].parent.mkdir(parents=True)
            made.jail(name, **{"filter": "app", "logpath": logs[name], **options})
            if name != "missing":
                logs[name].write_text(line("begin"))
        logs["zone"].write_text(fails("203.0.113.2", behind_s=2 * 3600) * 5)
        made.start()
        wait_for(lambda: made.said().count("started") >= len(JAILS))
        for number in range(3):  # once read to its end, what is written into a log counts as written just now
            with logs["findtime"].open("a") as out:
                out.write(fails(f"198.51.100.{number}"))
            wait_for(partial(_steps, made, "findtime", f"198.51.100.{number}"))
        (folder / "log" / "file" / "other.log").write_text(fails("203.0.113.4") * 5)
        written = {
            "date": fails("203.0.113.1") * 5,
            "ignored": fails("203.0.113.3") * 5,
            "retry": fails("203.0.113.5") * 3,
            "findtime": fails("203.0.113.6", behind_s=30) + fails("203.0.113.6"),
            "match": line("refusal of root from 203.0.113.7") * 5,
            "session": line("x").replace("app:", "app[7]:").replace(" x\n", " connect from 203.0.113.8\n"),
            "dns": fails("no.such.host.invalid"),
            "banned": fails("203.0.113.10") * 2,
            "protected": fails("203.0.113.12"),
        }
        for name, text in written.items():
            with logs[name].open("a") as out:
                out.write(text)
        end = line("x").replace("app: x", "end")
        wait_for(lambda: "203.0.113.10" in made.banned())
        wait_for(lambda: "no.such.host.invalid" in made.said())
        for log in logs.values():  # what stands behind is read once the counts stand
            if log.exists() and log != logs["zone"]:
                with log.open("a") as out:
                    out.write(end)
        wait_for(lambda: _jail(made, "retry", "203.0.113.5")["count"])
        wait_for(lambda: len(_jail(made, "findtime", "203.0.113.6")["steps"]) == 2)
        wait_for(lambda: _jail(made, "protected", "203.0.113.12")["steps"])
        wait_for(lambda: _jail(made, "ignored", "203.0.113.3")["steps"])
        yield made


def asked(server: Server, who: str) -> dict[str, Any]:
    return dict(client.request(server.socket, "explain", id=who))


def _jail(server: Server, name: str, who: str) -> dict[str, Any]:
    return next(jail for jail in asked(server, who)["jails"] if jail["jail"] == name)


def _steps(server: Server, name: str, who: str) -> Any:
    return _jail(server, name, who)["steps"]


def explain(server: Server, capsys: pytest.CaptureFixture[str], who: str) -> dict[str, Any]:
    status = main.run(["explain", "-s", server.socket, "--json", who])
    answer: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert status == (0 if answer["verdict"]["cause"] in ("banned", "not in force") else 1)
    return answer


@pytest.mark.parametrize(
    ("who", "jail", "cause", "words", "cure"),
    [
        ("203.0.113.1", "date", "date", "datepattern does not fit", "datepattern"),
        ("203.0.113.2", "zone", "time zone", "2 h behind", "set logtimezone = UTC"),
        ("203.0.113.3", "ignored", "ignored", "ignoreip (ip) spares it", "ignoreip"),
        ("203.0.113.4", "file", "wrong file", "other.log names it", "logpath"),
        ("203.0.113.5", "retry", "maxretry", "3 of 5 failures; 2 more failures before", ""),
        (
            "203.0.113.6",
            "findtime",
            "findtime",
            "2 failures came within 3",
            "set findtime above 3",
        ),
        ("203.0.113.7", "match", "no match", "no failregex matches", "right filter"),
        ("203.0.113.8", "session", "session", "if a failure of its session '7' follows", "other lines"),
        ("no.such.host.invalid", "dns", "dns", "has no address", "log addresses"),
        ("203.0.113.10", "banned", "not in force", "for 10m, the jail's bantime; but not in force", ""),
        ("203.0.113.12", "protected", "protected", "it stands in protect", ""),
    ],
)
def test_explain_when_somebody_is_not_banned_then_it_names_the_cause(
    server: Server,
    capsys: pytest.CaptureFixture[str],
    who: str,
    jail: str,
    cause: str,
    words: str,
    cure: str,
) -> None:
    verdict = explain(server, capsys, who)["verdict"]
    assert (verdict["jail"], verdict["cause"]) == (jail, cause)
    assert words in verdict["text"]
    assert cure in verdict["cure"]


def test_explain_when_failures_were_counted_then_each_is_shown_with_its_regex(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    jails = {jail["jail"]: jail for jail in explain(server, capsys, "203.0.113.5")["jails"]}
    steps = jails["retry"]["steps"]
    assert [(step["what"], step["count"]) for step in steps] == [("counted", 1), ("counted", 2), ("counted", 3)]
    assert steps[0]["lines"][0].endswith("failure of root from 203.0.113.5")
    assert "app.conf" in steps[0]["regex"]
    assert jails["retry"]["next"]["duration"] == 8 * 3600
    assert jails["missing"]["verdict"]["cause"] == "waiting"
    assert jails["banned"]["verdict"]["cause"] == "not seen"


def test_explain_when_asked_by_a_person_then_it_says_what_comes_next(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["explain", "-s", server.socket, "203.0.113.5"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("203.0.113.5: not banned\n[retry] 3 of 5 failures; 2 more failures before ")
    assert "ban it for 8h" in said
    assert "counted 3/5" in said
    assert "never seen by " in said
    assert "\x1b" not in said


def test_explain_when_somebody_was_banned_before_then_the_ban_says_why_it_is_longer(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["explain", "-s", server.socket, "203.0.113.10"]) == 0
    said = capsys.readouterr().out
    assert "kernel: dry: not in force" in said
    assert "ban of 203.0.113.10, for 10m, the jail's bantime, after 2 failures" in said


def test_explain_when_nobody_has_ever_seen_somebody_then_it_says_so(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = explain(server, capsys, "198.51.100.77")
    assert {jail["verdict"]["cause"] for jail in answer["jails"]} == {"not seen", "waiting"}


def test_explain_when_no_server_runs_then_it_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main.run(["explain", "-s", str(tmp_path / "none"), "192.0.2.1"]) == 3
    assert "serve" in capsys.readouterr().err
