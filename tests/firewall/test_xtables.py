from __future__ import annotations

import pytest

from f2b.errors import ConfigError, Place
from f2b.firewall import xtables as words
from f2b.firewall.xtables import Xtables, xtables

HERE = Place("jail.conf", 3)


def made(kind: str = "iptables", **options: str) -> Xtables:
    return xtables({"name": "sshd", **options}, kind, HERE, lambda _: None)


def test_ports_when_they_are_more_than_one_match_takes_then_there_are_several() -> None:
    plan = made(port=",".join(map(str, [*range(1000, 1040, 2), "2000:2100"])))
    assert [match.count(",") + match.count(":") + 1 for match in plan.matches] == [15, 7]
    assert plan.matches[0].startswith("-p tcp -m multiport --dports 1000,1002,")
    assert plan.matches[1].endswith("1038,2000:2100")


@pytest.mark.parametrize(
    ("options", "matches"),
    [
        ({}, ("-p tcp -m multiport --dports 22",)),
        (
            {"port": "http,https", "protocol": "tcp,udp"},
            tuple(f"-p {it} -m multiport --dports 80,443" for it in ("tcp", "udp")),
        ),
        ({"port": "0:65535"}, ("-p tcp",)),
        ({"type": "allports"}, ("-p tcp",)),
        ({"type": "allports", "protocol": "all"}, ("-p all",)),
        ({"type": "allports", "protocol": "icmp"}, ("-p icmp",)),
        ({"protocol": "all"}, tuple(f"-p {it} -m multiport --dports 22" for it in ("tcp", "udp"))),
    ],
)
def test_traffic_when_it_is_named_then_rules_begin_with_it(options: dict[str, str], matches: tuple[str, ...]) -> None:
    assert made(**options).matches == matches


@pytest.mark.parametrize(
    ("blocktype", "four", "six"),
    [
        ("DROP", "-j DROP", "-j DROP"),
        ("REJECT", "-j REJECT", "-j REJECT"),
        (
            "REJECT --reject-with icmp-host-prohibited",
            "-j REJECT --reject-with icmp-host-prohibited",
            "-j REJECT --reject-with icmp6-adm-prohibited",
        ),
    ],
)
def test_blocktype_when_it_has_options_then_either_family_gets_its_own_words(
    blocktype: str, four: str, six: str
) -> None:
    halves = made(blocktype=blocktype).halves
    assert (halves[4].verdict, halves[6].verdict) == (four, six)


def test_names_when_nobody_chose_others_then_they_are_fail2bans() -> None:
    assert {family: half.chain for family, half in made().halves.items()} == {4: "f2b-sshd", 6: "f2b-sshd"}
    assert {family: half.set for family, half in made("ipset").halves.items()} == {4: "f2b-sshd", 6: "f2b-sshd6"}
    assert made(chain="<known/chain>").parent == "INPUT"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"port": "nowhere"}, "port = nowhere: 'nowhere' is no port, service or range"),
        ({"protocol": "tpc"}, "protocol = tpc is not known; use tcp, udp, tcp,udp or all"),
        ({"protocol": "icmp"}, "protocol = icmp has no ports; use type = allports"),
        ({"type": "some"}, "type = some is not known; use multiport or allports"),
        ({"chain": "A B"}, "chain = A B is no name; use letters, digits, - and _"),
        ({"chain": "x\nCOMMIT"}, "chain = x\nCOMMIT is no name; use letters, digits, - and _"),
        ({"blocktype": ""}, "blocktype =  is neither REJECT nor DROP nor another target of iptables"),
        (
            {"blocktype": "DROP\nCOMMIT"},
            "blocktype = DROP\nCOMMIT is neither REJECT nor DROP nor another target of iptables",
        ),
        (
            {"blocktype": "REJECT --reject-with tcp-reset", "protocol": "udp"},
            "blocktype = REJECT --reject-with tcp-reset is for protocol = tcp only",
        ),
        ({"name": "a" * 40}, f"jailchain = f2b-{'a' * 40} is longer than the 28 characters that the kernel allows"),
        ({"iptables": "ip tables; id"}, ""),
        ({"iptables": "$(id)"}, "iptables = $(id) is no program"),
    ],
)
def test_option_when_it_cannot_be_then_it_is_told_with_its_place(options: dict[str, str], complaint: str) -> None:
    if not complaint:
        assert made(**options).halves[4].program == "ip"  # only the program itself is of interest
        return
    with pytest.raises(ConfigError) as caught:
        made(**options)
    assert (caught.value.what, caught.value.place) == (complaint, HERE)


LISTING = """\
*filter
:INPUT ACCEPT [0:0]
:f2b-sshd - [0:0]
-A INPUT -p tcp -m multiport --dports 22 -j f2b-sshd
-A INPUT -p tcp -j f2b-sshd-other
-A INPUT -p tcp -m set --match-set f2b-sshd src -j DROP
-A f2b-sshd -s 198.51.100.1/32 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -s 203.0.113.0/24 -j REJECT --reject-with icmp-port-unreachable
-A f2b-sshd -j RETURN
COMMIT
""".splitlines()


def test_listing_when_read_then_only_what_is_ours_counts() -> None:
    plan = made()
    half = plan.halves[4]
    assert words.held(half, LISTING) == ["198.51.100.1", "203.0.113.0/24"]
    assert words.jumps(half, LISTING) == ["INPUT -p tcp -m multiport --dports 22 -j f2b-sshd"]
    assert words.jumps(made("ipset").halves[4], LISTING) == ["INPUT -p tcp -m set --match-set f2b-sshd src -j DROP"]
    assert words.stands(plan, half, (), ["198.51.100.1"], LISTING)
    assert not words.stands(plan, half, (), ["198.51.100.2"], LISTING)
    for missing in (2, 3, 8):
        assert not words.stands(plan, half, (), [], [*LISTING[:missing], *LISTING[missing + 1 :]]) or missing == 2


def test_setup_when_something_stands_then_it_is_replaced_in_the_same_lines() -> None:
    plan = made(port="80")
    assert words.setup(plan, plan.halves[4], (), ["198.51.100.2"], LISTING) == [
        ":f2b-sshd - [0:0]",
        "-D INPUT -p tcp -m multiport --dports 22 -j f2b-sshd",
        "-A f2b-sshd -s 198.51.100.2 -j REJECT",
        "-A f2b-sshd -j RETURN",
        "-I INPUT -p tcp -m multiport --dports 80 -j f2b-sshd",
    ]
    assert words.removal(plan.halves[4], LISTING) == [
        "-D INPUT -p tcp -m multiport --dports 22 -j f2b-sshd",
        "-F f2b-sshd",
        "-X f2b-sshd",
    ]
    assert words.removal(plan.halves[4], []) == []
