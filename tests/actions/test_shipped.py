"""Every shipped action that calls a program: which one, how, and that nothing of a log becomes a command."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Iterator
from email import message_from_string
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.daemon.running import Server, fail, running, wait_for
from tests.live.mailbox import Mailbox

V4, V6 = "203.0.113.5", "2001:db8::9"
HOPPING, WIDE = ("2001:db8:6::8", "2001:db8:6::9"), "2001:db8:6::/64"
"""Addresses of one attacker, and what is banned for them."""
EVIL = "x';touch${IFS}pwned;'$(touch${IFS}pwned)`touch${IFS}pwned`\"&|\\"
"""A user name that would do something if a shell read it."""
STUB = """#!/bin/sh
{{ printf '%s\\037' "${{0##*/}}" "$@"; printf '\\036'; cat; }} >"{calls}/new.$$"
mv "{calls}/new.$$" "{calls}/call.$$"
test ! -f "{answers}/${{0##*/}}" || exec cat "{answers}/${{0##*/}}"
"""
PROGRAMS = (
    *("ufw", "firewall-cmd", "ipset", "shorewall", "shorewall6", "ip", "pfctl", "npfctl", "ipfw", "mail", "sendmail"),
    *("whois", "curl", "dig", "nginx", "socat", "nsupdate", "apprise", "told"),
)
RULE_ID = "0123456789abcdef0123456789abcdef"
ANSWERS = {
    "dig": '"abuse@example.net"\n',
    "whois": "NetName: EXAMPLE\n",
    "curl": f'{{"result": [{{"id": "{RULE_ID}", "paused": false}}], "success": true}}',
}
OF_PROGRAMS = (
    *("ufw", "firewalld", "firewallcmd-allports", "firewallcmd-ipset", "shorewall", "route", "npf"),
    *('pf[port="ssh,http"]', 'ipfw[port="ssh,http"]'),
    *(f'{name}[dest=admin, logpath="{{log}}"]' for name in ("mail", "mail-whois", "mail-whois-lines")),
    *(
        f'sendmail{name}[dest=admin, logpath="{{log}}", mailcmd="sendmail -f <sender> <dest>"]'
        for name in ("", "-whois-lines", "-whois-matches", "-whois-ipmatches", "-whois-ipjailmatches")
    ),
    'abuseipdb[abuseipdb_apikey="ours"]',
    'blocklist_de[email="us@example.org", apikey="ours"]',
    'cloudflare-token[cfzone="zone", cftoken="ours"]',
    'netscaler[ns_host="ns.example.org", ns_auth="ours"]',
    'dshield[userid=7, lines=2, tmpfile="{folder}/dshield", mailcmd=sendmail]',
    'nginx-block-map[file="{folder}/nginx.map"]',
    'haproxy-block-map[file="{folder}/haproxy.lst"]',
    'apache-block-map[file="{folder}/apache.map"]',
    'hostsdeny[file="{folder}/hosts.deny", lock="{folder}/hosts.lock"]',
    'nsupdate[keyfile="{folder}/key"]',
    'xarf-login-attack[mailcmd="sendmail -t"]',
    "complain[mailcmd=sendmail]",
    "apprise",
    'script[program="told --once"]',
    'smtp.py[host="127.0.0.1:{port}", dest="admin@example.org", matches=matches]',
)
OF_NETWORKS = (
    'hostsdeny[file="{folder}/wide.deny", lock="{folder}/wide.lock"]',
    'cloudflare-token[cfzone="wide", cftoken="ours"]',
    'abuseipdb[abuseipdb_apikey="ours"]',
)
FILES = {
    "nginx.map": (f"{V4} 1;\n", f"{V6} 1;\n"),
    "haproxy.lst": (f"{V4}\n", f"{V6}\n"),
    "apache.map": (f"{V4} deny\n", f"{V6} deny\n"),
    "hosts.deny": (f"ALL: {V4}\n", f"ALL: [{V6}]\n"),
}
WIDE_DENY = f"# ours\nALL: [{WIDE.removesuffix('/64')}]/64\n"


class Call(NamedTuple):
    """One run of a program."""

    program: str
    words: tuple[str, ...]
    told: str


class Stage:
    """A server whose one jail has every action, and what these called."""

    def __init__(self, server: Server, mailbox: Mailbox) -> None:
        self.server, self.folder, self.mailbox = server, server.folder, mailbox
        self.calls: list[Call] = []
        self.files: dict[str, str] = {}
        """What the files held while both were banned."""

    def lay(self) -> None:
        """Make programs that write down how they are called, and a jail that calls all of them."""
        for name in ("bin", "calls", "answers"):
            (self.folder / name).mkdir()
        for name, answer in ANSWERS.items():
            (self.folder / "answers" / name).write_text(answer)
        stub = STUB.format(calls=self.folder / "calls", answers=self.folder / "answers")
        for name in PROGRAMS:
            path = self.folder / "bin" / name
            path.write_text(stub)
            path.chmod(0o755)
        for name in FILES:
            (self.folder / name).write_text("# ours\n")
        actions = "\n  ".join(OF_PROGRAMS)
        actions = actions.format(folder=self.folder, log=self.folder / "app.log", port=self.mailbox.port)
        self.log = self.server.jail(action=actions, maxretry=2)
        self.log.touch()
        (self.folder / "wide.deny").write_text("# ours\n")
        wide = "\n  ".join(OF_NETWORKS).format(folder=self.folder)
        self.wide = self.server.jail("wide", action=wide, maxretry=2, prefix6=64)
        self.wide.touch()

    def offend(self, address: str) -> None:
        """Write what an address does into the log."""
        stamp = time.strftime("%Y-%m-%d %H:%M:%S")
        offence = f"{stamp} app: failure of {EVIL} from {address}\n"
        with self.log.open("a") as out:
            out.write(f"{stamp} app: good day to {address}\n{offence}{offence}")

    def read(self) -> None:
        """Take in what was called by now."""
        for path in sorted((self.folder / "calls").glob("call.*"), key=lambda it: it.stat().st_mtime_ns):
            words, _, told = path.read_text().partition("\036")
            program, *rest = words.split("\037")[:-1]
            self.calls.append(Call(program, tuple(rest), told))

    def lines(self, program: str) -> set[str]:
        """Return the words that a program was called with, joined."""
        return {" ".join(call.words) for call in self.calls if call.program == program}

    def told(self, program: str) -> list[str]:
        """Return what a program read each time it was called."""
        return [call.told for call in self.calls if call.program == program]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """One server, through a ban of each family, the unbans, and its end."""
    folder = tmp_path_factory.mktemp("actions")
    mailbox = Mailbox(socket.create_server(("127.0.0.1", 0)))
    prefix = ("env", "-C", str(folder), f"PATH={folder}/bin:{os.environ['PATH']}")
    with running(folder, prefix, dry=False) as server:
        made = Stage(server, mailbox)
        made.lay()
        server.start()
        made.offend(V4)
        made.offend(V6)
        for address in HOPPING:
            fail(made.wide, address, 1)
        wait_for(lambda: {*server.banned()} == {V4, V6, WIDE})
        wait_for(lambda: (folder / "wide.deny").read_text() == WIDE_DENY)
        wait_for(lambda: all((folder / name).read_text().count("\n") == 3 for name in FILES))
        made.files = {name: (folder / name).read_text() for name in FILES}
        assert server.ask("unban", V4, V6, WIDE).returncode == 0
        assert server.ask("stop").returncode == 0
        assert server.process is not None
        server.process.wait(60)  # each action does all that it has in its queue
        made.read()
        yield made
    mailbox.close()


def test_log_when_all_actions_are_called_then_none_has_failed(stage: Stage) -> None:
    assert [line for line in stage.server.said().splitlines() if "ERROR" in line or "CRITICAL" in line] == []


def test_nothing_of_a_log_when_actions_are_called_is_run(stage: Stage) -> None:
    assert not (stage.folder / "pwned").exists()
    assert any(EVIL in call.told for call in stage.calls)
    for call in stage.calls:
        assert "pwned" not in "".join(call.words) or any(EVIL in word for word in call.words)


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        (
            "ufw",
            {
                f"prepend reject from {V4} to any comment f2b: app",
                f"prepend reject from {V6} to any comment f2b: app",
                f"delete reject from {V4} to any",
                f"delete reject from {V6} to any",
            },
        ),
        (
            "firewall-cmd",
            {
                f"--quiet --{way}-{what}"
                for way in ("add", "remove")
                for family, ip, name in (("ipv4", V4, "f2b-app"), ("ipv6", V6, "f2b-app6"))
                for what in (
                    f"rich-rule=rule priority='-100' family='{family}' source address='{ip}' reject",
                    f"rich-rule=rule priority='-100' family='{family}' source address='{ip}'"
                    " port port='1-65535' protocol='tcp' reject",
                )
            }
            | {
                f"--quiet --direct --{way}-rule {family} filter INPUT_direct 0 -p tcp -m multiport --dports 1:65535"
                f" -m set --match-set {name} src -j REJECT"
                for way in ("add", "remove")
                for family, name in (("ipv4", "f2b-app"), ("ipv6", "f2b-app6"))
            },
        ),
        (
            "ipset",
            {
                *("-exist create f2b-app hash:net timeout 0 family inet", f"-exist add f2b-app {V4}"),
                *("-exist create f2b-app6 hash:net timeout 0 family inet6", f"-exist add f2b-app6 {V6}"),
                *(f"-exist del f2b-app {V4}", f"-exist del f2b-app6 {V6}"),
                *("flush f2b-app", "flush f2b-app6", "destroy f2b-app", "destroy f2b-app6"),
            },
        ),
        ("shorewall", {f"reject {V4}", f"allow {V4}"}),
        ("shorewall6", {f"reject {V6}", f"allow {V6}"}),
        ("ip", {f"-{n} route {way} unreachable {ip}" for n, ip in ((4, V4), (6, V6)) for way in ("add", "del")}),
        ("npfctl", {"table f2b list", *(f"table f2b {way} {ip}" for way in ("add", "rem") for ip in (V4, V6))}),
        (
            "pfctl",
            {
                *("-a f2b/app -f -", "-a f2b/app -t f2b-app -T flush", "-a f2b/app -F all"),
                *(f"-a f2b/app -t f2b-app -T {way} {ip}" for way in ("add", "delete") for ip in (V4, V6)),
                *(f"-k {V4}", f"-k {V6}"),
            },
        ),
        (
            "ipfw",
            {
                "-q table f2b-app create type addr",
                "-q add 110 set 1 deny tcp from table(f2b-app) to me dst-port ssh,http",
                *(f"-q table f2b-app {way} {ip}" for way in ("add", "delete") for ip in (V4, V6)),
                *("-q table f2b-app flush", "-q delete 110", "-q table f2b-app destroy"),
            },
        ),
        ("nginx", {"-t -q", "-s reload"}),
        ("whois", {V4, V6}),
        ("mail", {f"-s [f2b] app: banned {ip} on {os.uname().nodename} admin" for ip in (V4, V6)}),
        ("sendmail", {"-f root admin", "-t abuse@example.net", "abuse@example.net", "reports@dshield.org"}),
        ("told", {"--once"}),
    ],
)
def test_program_when_somebody_is_banned_and_let_in_then_is_called_so(
    stage: Stage, program: str, expected: set[str]
) -> None:
    assert stage.lines(program) == expected


def test_pf_when_a_jail_starts_then_its_anchor_has_table_and_rule(stage: Stage) -> None:
    rules = "table <f2b-app> persist counters\nblock drop quick proto tcp from <f2b-app> to any port { ssh,http }\n"
    assert rules in stage.told("pfctl")


def test_mail_when_somebody_is_banned_then_says_what_its_name_says(stage: Stage) -> None:
    mails = stage.told("mail") + stage.told("sendmail")
    about = [mail for mail in mails if f"{V4} is banned by f2b" in mail]
    assert len(about) == 3 + 5
    assert sum("NetName: EXAMPLE" in mail for mail in about) == 2 + 4
    assert sum(f"good day to {V4}" in mail for mail in about) == 2
    assert sum(f"failure of {EVIL} from {V4}" in mail for mail in about) == 2 + 3
    assert all("2 failures in the jail app" in mail for mail in about)


def test_smtp_when_somebody_is_banned_then_mail_comes_without_any_program(stage: Stage) -> None:
    (text,) = stage.mailbox.about(f"banned {V4} on")
    mail = message_from_string(text)
    assert mail["To"] == "admin@example.org"
    payload = mail.get_payload(decode=True)
    assert isinstance(payload, bytes)
    assert f"failure of {EVIL} from {V4}" in payload.decode()


def test_reports_when_somebody_is_banned_then_say_who_and_hide_the_key(stage: Stage) -> None:
    calls = [call for call in stage.calls if call.program == "curl"]
    assert not any("ours" in word for call in calls for word in call.words)
    assert all("ours" in call.told for call in calls)
    sent = {(call.words[-1], word) for call in calls for word in call.words}
    for ip in (V4, V6):
        assert ("https://api.abuseipdb.com/api/v2/report", f"ip={ip}") in sent
        assert ("https://www.blocklist.de/en/httpreports.html", f"ip={ip}") in sent
    (dshield,) = [told for told in stage.told("sendmail") if "FORMAT DSHIELD" in told]
    assert [line.split("\t")[1:4] for line in dshield.splitlines()[-2:]] == [["7", "2", V4], ["7", "2", V6]]


def test_xarf_when_somebody_is_banned_then_is_json_beside_the_lines(stage: Stage) -> None:
    report = next(told for told in stage.told("sendmail") if "X-XARF" in told and f'"{V4}"' in told)
    text = report.partition('name="xarf.json"\n\n')[2].partition("\n\n--xarf--")[0]
    xarf = json.loads(text)
    assert (xarf["source_identifier"], xarf["type"], xarf["destination_port"]) == (V4, "login_attack", 22)
    assert f"failure of {EVIL} from {V4}" in report


def test_cloudflare_when_a_ban_ends_then_its_rules_go(stage: Stage) -> None:
    url = "https://api.cloudflare.com/client/v4/zones/zone/firewall/access_rules/rules"
    calls = [call.words for call in stage.calls if call.program == "curl" and call.words[-1].startswith(url)]
    banned = [
        json.loads(words[words.index("--data") + 1]) for words in calls if words[-1] == url and "-G" not in words
    ]
    wanted = [{"target": "ip", "value": V4}, {"target": "ip6", "value": V6}]
    assert [it["configuration"] for it in banned] == wanted
    assert [words[-3:] for words in calls if "DELETE" in words] == [("-X", "DELETE", f"{url}/{RULE_ID}")] * 2


def test_network_when_it_counts_as_one_then_actions_word_it_as_they_must(stage: Stage) -> None:
    calls = [call.words for call in stage.calls if call.program == "curl"]
    assert any(f"ip={HOPPING[0]}" in words for words in calls), "a report is about an address"
    (told,) = (
        words
        for words in calls
        if words[-1].endswith("/zones/wide/firewall/access_rules/rules") and words[-2][0] == "{"
    )
    assert json.loads(told[-2])["configuration"] == {"target": "ip_range", "value": WIDE}
    assert (stage.folder / "wide.deny").read_text() == "# ours\n"


def test_name_server_when_somebody_is_banned_then_is_told(stage: Stage) -> None:
    assert "update add 5.113.0.203.bl.example.org 60 A 127.0.0.2\nsend\n" in stage.told("nsupdate")
    assert "update delete 5.113.0.203.bl.example.org\nsend\n" in stage.told("nsupdate")


def test_haproxy_when_somebody_is_banned_then_hears_it_at_once(stage: Stage) -> None:
    file = stage.folder / "haproxy.lst"
    told = [f"{way} acl {file} {ip}\n" for way in ("add", "del") for ip in (V4, V6)]
    assert sorted(stage.told("socat")) == sorted(told)


@pytest.mark.parametrize("name", FILES)
def test_file_when_somebody_is_banned_then_has_a_line_for_each_behind_the_owners(stage: Stage, name: str) -> None:
    assert stage.files[name] == "# ours\n" + "".join(FILES[name])


def test_script_when_somebody_is_banned_then_hears_all_as_json(stage: Stage) -> None:
    events = [json.loads(told) for told in stage.told("told")]
    assert [(it["event"], it["ip"]) for it in events] == [
        *(("ban", V4), ("ban", V6)),
        *(("unban", V4), ("unban", V6)),
    ]
    assert events[0]["captures"]["user"] == EVIL


def test_apprise_when_somebody_is_banned_then_is_told_once(stage: Stage) -> None:
    assert stage.lines("apprise") == {
        f"--config=/etc/f2b/apprise.conf --title=f2b: app --body={ip} is banned: 2 failures in app" for ip in (V4, V6)
    }


def test_every_shipped_action_when_asked_for_is_tried_here_or_native() -> None:
    tried = {action.partition("[")[0].removesuffix(".py") for action in OF_PROGRAMS}
    native = ("dry", "ipset", "iptables", "iptc", "nftables")
    for path in sorted((Path(__file__).parents[2] / "actions").glob("*.conf")):
        text = path.read_text()
        includes = "before = " in text and "action" not in text.partition("before = ")[2]
        if path.stem not in tried and not path.stem.startswith(native) and not path.stem.endswith("-common"):
            assert includes, f"{path.stem} does something that no test looks at"
