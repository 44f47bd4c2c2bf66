"""Filters made up for this test, in the style of stock ones, beside the real Fail2Ban: who fails, when, why."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import pytest

from tests.cli.beside import ours, real

FORM = "<time>|<fid>|<ip>|<F-USER>|<F-MLFID>|<msg>"

COMMON = r"""[DEFAULT]
_daemon = \S*
logtype = file
__daemon = %(_daemon)s(?:\[\d+\])?:?
__prefix_line = <lt_<logtype>/__prefix_line>
datepattern = <lt_<logtype>/datepattern>
[lt_file]
__prefix_line = \s*(?:\S+ )?%(__daemon)s\s+%(__extra)s
__extra = (?:\[ID \d+\] )?
datepattern = {^LN-BEG}
[lt_journal]
__prefix_line = \s*\S+ %(__daemon)s\s+
datepattern =
[lt_short]
__prefix_line = \s*(?:%(__daemon)s )?
datepattern = {^LN-BEG}
[lt_rfc5424]
__prefix_line = \s*\S+ (?:%(_daemon)s) \d+ \S+ (?:\[[^\]]*\] |- )
datepattern = ^<\d+>1 {DATE}
"""
GATE = r"""[INCLUDES]
before = base.conf
[DEFAULT]
_daemon = gate(?:d|keeper)
[Definition]
prefregex = ^<F-MLFID>%(__prefix_line)s</F-MLFID><F-CONTENT>.+</F-CONTENT>$
cmn = ^<F-NOFAIL>Hello</F-NOFAIL> from <HOST>
mdre-normal = ^Wrong key for <F-USER>\S+</F-USER>$
  ^<F-NOFAIL>Odd</F-NOFAIL> user <F-ALT_USER>\S+</F-ALT_USER>
mdre-extra = %(mdre-normal)s
  ^Probe <F-USER>\S*</F-USER>?from <HOST>$
mdre-all = %(mdre-extra)s
 ^<F-MLFFORGET><F-MLFGAINED>Welcome</F-MLFGAINED></F-MLFFORGET> <F-USER>\S+</F-USER>
 ^<F-NOFAIL><F-MLFFORGET>Bye</F-MLFFORGET></F-NOFAIL>
failregex = <cmn>
  <mdre-<mode>>
ignoreregex = for nobody$
mode = normal
"""
SAID = [
    *("gated[1]: Hello from 192.0.2.1", "gated[2]: Hello from 2001:db8::1", "gated[1]: Wrong key for bob"),
    *("gated[2]: Odd user eve", "gated[2]: Wrong key for alice", "gated[3]: Probe x from 192.0.2.3"),
    *("gated[1]: Welcome bob", "gated[2]: Bye", "gatekeeper[2]: Wrong key for q", "other[2]: Wrong key for q"),
    *("gated[5]: Probe from 192.0.2.9", "gated[3]: Wrong key for nobody", "gated[3]: [ID 7] Wrong key for dan"),
]
WORDED = r"""[INCLUDES]
before = y.conf
after = z.conf
[Definition]
failregex = ^ <_w>%(word)s<tail> <HOST>%(__end)s
word = <kind>
[Init]
kind = bad
_w =
"""
WORDS = {
    "x.conf": WORDED,
    "x.local": "[Definition]\nfailregex = %(known/failregex)s\n ^ local <HOST>\n",
    "y.conf": "[DEFAULT]\n__end = $\nword = no\n[Definition]\ntail = <tl-<kind>>\ntl-bad = ly\ntl-sad = der\n",
    "z.conf": "[Init]\n_w = v\n",
}
LISTS = r"""maxlines = 5
failregex = ^ start <F-MLFID>\d+</F-MLFID> from <HOST>$<SKIPLINES>^ fail (?P=mlfid)$
 ^ one <HOST>$
ignoreregex = start 7 """
ADDRESSES = r"""failregex = ^ a <SUBNET>$
 ^ b <ADDR>/<CIDR>$
 ^ c <F-SUBNET/>$
 ^ d <F-ADDR/>(?:/<F-CIDR/>)?$
 ^ e <IP4>\.?$
 ^ f <F-IP6/>;?$
 ^ i <DNS>!?$"""
FORMS = [
    *("192.0.2.1", "192.0.2.1/24", "[192.0.2.1/24]", "[192.0.2.77]", "2001:db8::1", "2001:db8::1/64", "192.0.2.1/33"),
    *("[2001:db8::1]", "[2001:db8::1/32]", "::ffff:192.0.2.1", "2001:db8::/129", "host.example", "192.0.2.1/0"),
    *("192.0.2.1.", "2001:db8::7;", "www.example!"),
]
ALTERNATIVES = r"""failregex = ^ (?:user=<F-ALT_USER>\w*</F-ALT_USER> )?(?:l=<F-ALT_USER_1>\w*</F-ALT_USER_1> )?"""
ALTERNATIVES += r"(?:name=<F-USER>\w*</F-USER> )?(?:c=<F-ALT_CITY_2>\w*</F-ALT_CITY_2> )?from <ADDR>$"
TUPLES = r"""failregex = ^ <F-TUPLE_ID>\w+</F-TUPLE_ID>-<F-TUPLE_ID_1>\w+</F-TUPLE_ID_1> from <F-ID><ADDR></F-ID>$
 ^ T <F-TUPLE_USER>\w+</F-TUPLE_USER>:<F-TUPLE_USER_2>\w+</F-TUPLE_USER_2> <F-USER>\w+</F-USER> <ADDR>$
 ^ I <F-TUPLE_ID>\w+</F-TUPLE_ID> <F-ID>\w+</F-ID>$"""
FLAGS = r"""failregex = (?i)^ FAIL from <ADDR>$
 ^ (?i:Bad) from <ADDR>$
 ^ x(?:(?i)y|z) from <ADDR>$
 (?x) ^ \ v e r b \ <ADDR> $ # comment
 ^ (?P<quote>['"]?)<F-USER>[^'"]*</F-USER>(?P=quote) (?P<verb>in|out)?(?(verb)ward|sideways) <ADDR>$"""


class Case(NamedTuple):
    """A filter and a log."""

    filter: str
    files: dict[str, str]
    lines: list[str]


def dated(*texts: str) -> list[str]:
    return [f"2024-03-01 10:00:{number % 60:02d} {text}" for number, text in enumerate(texts)]


def simple(body: str, *texts: str) -> Case:
    return Case("x", {"x.conf": f"[Definition]\n{body}\n"}, dated(*texts))


def gate(options: str, lines: list[str]) -> Case:
    return Case(f"gate[{options}]", {"base.conf": COMMON, "gate.conf": GATE}, lines)


RFC = [
    f"<13>1 2024-03-01T10:00:{number:02d}{zone} h gated {number % 3} - {more}{text.partition(': ')[2]}"
    for zone, more in ((".12+01:00", "- "), ("Z", '[x y="z"] '))
    for number, text in enumerate(SAID)
]
HOST = dated(*(f"h {text}" for text in SAID))
CASES = {
    "session, usual": gate("mode=normal", HOST),
    "session, all": gate("mode=all", HOST),
    "session, journal": gate("logtype=journal, mode=extra", HOST),
    "session, short": gate("mode='all'][logtype=short", dated(*SAID)),
    "session, rfc5424": gate("mode=all,logtype=rfc5424", RFC),
    "words": Case("x[kind=sad]", WORDS, dated("vsadder 192.0.2.1", "vbadly 192.0.2.1", "local 192.0.2.3")),
    "words, empty": Case("x[kind='bad', _w=\"\"]", WORDS, dated("badly 192.0.2.1", "vbadly 192.0.2.1")),
    "addresses": simple(ADDRESSES, *(f"{kind} {form}" for kind in "abcdefi" for form in FORMS)),
    "alternatives": simple(
        ALTERNATIVES,
        *("user=a from 192.0.2.1", "l=b from 192.0.2.2", "user=a l=b from 192.0.2.3", "user= l=b from 192.0.2.4"),
        *("user=a l=b name= from 192.0.2.5", "name=c from 192.0.2.6", "c=x from 192.0.2.6"),
    ),
    "tuples": simple(TUPLES, "a-b from 192.0.2.1", "a-b from 2001:db8::1", "T a:b c 192.0.2.1", "I x y"),
    "flags": simple(
        FLAGS,
        *("fail from 192.0.2.1", "FAIL FROM 192.0.2.1", "bad from 192.0.2.2", "BAD from 192.0.2.2"),
        *("Bad FROM 192.0.2.2", "xY from 192.0.2.3", "xZ from 192.0.2.3", "verb 192.0.2.4"),
        *("'a b' inward 192.0.2.1", '"a" outward [2001:db8::1]', "a sideways 192.0.2.2", "'a\" inward 192.0.2.1"),
    ),
    "several lines": simple(
        LISTS,
        *("start 1 from 192.0.2.1", "noise", "start 2 from 192.0.2.2", "fail 1", "fail 2", "start 7 from 192.0.2.7"),
        *("fail 7", "one 192.0.2.8", "start 3 from 192.0.2.3", "a", "b", "c", "d", "e", "fail 3"),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_filter_when_beside_the_real_one_then_finds_the_same(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    for folder in ("filter.d", "action.d"):
        (tmp_path / folder).mkdir()
    for file, text in (("jail.conf", "[DEFAULT]\n"), ("fail2ban.conf", "[Definition]\n")):
        (tmp_path / file).write_text(text)
    for file, text in case.files.items():
        (tmp_path / "filter.d" / file).write_text(text)
    log = tmp_path / "log"
    log.write_text("".join(f"{line}\n" for line in case.lines))
    words: list[str | Path] = ["-c", tmp_path, "-o", FORM, "--usedns", "raw", log, case.filter]
    found = _rounded(ours(words))
    assert found
    assert found == _rounded(real(words).stdout)


def _rounded(text: str) -> list[str]:
    """Return the lines, times without the `.0` that Fail2Ban leaves out where a zone was given."""
    return [line.replace(".0|", "|", 1) for line in text.splitlines()]
