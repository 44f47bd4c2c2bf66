"""Runs what a page of the book shows, as its reader would: as root, in a shell, from top to bottom.

The shell has its own network, processes and mounts, and what it writes to /etc, /var, /opt, /root and /usr/local is
thrown away with it. Debian's configuration of Fail2Ban waits in /opt/debian-fail2ban.

There is another host, the attacker 203.0.113.66: what stands behind `attacker$` in a `console` block is run there.
It reaches this host as 192.0.2.1.

Of a page are run: `sh` blocks, of `console` blocks what stands behind a prompt, and what hidden comments say:
`<!-- run: COMMAND -->` for what the reader has done before or does elsewhere, and `<!-- file: PATH -->` before one
that is to be written to a file. Lines shown below a prompt must be in the output, in this order; numbers and times
may be others, `…` stands for anything.
"""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent.parent
PATIENCE_S = 120
_PARTS = re.compile(
    r"^<!-- run: (?P<run>.*?) -->$"
    r"|^<!-- file: (?P<file>\S+) -->\n```\w*\n(?P<text>.*?)^```"
    r"|^```(?P<kind>\w*)\n(?P<block>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
_MARK = "\x01"
_LAID = ("etc", "var", "opt", "root", "usr/local")
"""What the page may write to: a layer over the real one, gone with the mounts."""
_SET = """
set -e
mount --make-rprivate /
mount -t tmpfs none {top}
for part in {parts}; do
    mkdir -p {top}/$part/new {top}/$part/work
    mount -t overlay overlay -o lowerdir=/$part,upperdir={top}/$part/new,workdir={top}/$part/work /$part
done
mount -t tmpfs none /run
ip link set lo up
ip netns add attacker
ip link add wire type veth peer name wire netns attacker
ip addr add 192.0.2.1/24 dev wire && ip link set wire up && ip route add 203.0.113.0/24 dev wire
ip -n attacker addr add 203.0.113.66/24 dev wire && ip -n attacker link set wire up
ip -n attacker route add default dev wire
cp -r /etc/fail2ban /opt/debian-fail2ban
rm -rf /etc/fail2ban /etc/f2b /var/log/auth.log /var/lib/f2b
printf '#!/bin/sh\\nPYTHONPATH={root} exec {python} -m f2b "$@"\\n' > /usr/local/bin/f2b
for name in client regex server; do
    code="from f2b.cli.compat_$name import main; main()"
    printf '#!/bin/sh\\nPYTHONPATH={root} exec {python} -c "%s" "$@"\\n' "$code" > /usr/local/bin/fail2ban-$name
done
chmod 755 /usr/local/bin/*
export PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LC_ALL=C.UTF-8 COLUMNS=200
cd /root
set +e
"""

_SERVED = """
[ -z $served ] || {{ kill $served; wait $served; }}
{command} >/run/served 2>&1 & served=$!
for try in $(seq {times}); do {ask} && break; kill -0 $served || break; sleep 0.1; done >/run/pinged 2>&1
{ask} >/run/pinged 2>&1 || {{ cat /run/served; false; }}
"""
_LASTING = re.compile(r"f2b (events .*--follow|metrics .*--(listen|textfile)\b|web\b)")
"""What goes on until somebody ends it."""
ELSEWHERE = {
    "python3 -m venv": "tests/test_packaging.py",
    "/opt/f2b/bin/pip": "tests/test_packaging.py",
    "/opt/f2b/bin/f2b": "tests/test_packaging.py",
    "ln -s /opt/f2b": "tests/test_packaging.py",
    "f2b networks": "tests/cli/test_networks.py",
    "f2b top": "tests/cli/test_top.py",
    "f2b notify --test": "tests/notify",
    "script/": ".ci/run",
    "apt ": "packaging/debian",
    "systemctl ": "packaging/debian",
}
"""Commands that this machine cannot run in a page, by their beginning: what runs them, or is all there is of them."""


class Step(NamedTuple):
    """A command of the page, and what it must print."""

    command: str
    shown: Sequence[str] = ()


class Outcome(NamedTuple):
    """What became of a step."""

    step: Step
    status: int
    output: str


def steps(page: str) -> Iterator[Step]:
    """Yield all that a page has its reader do."""
    for part in _PARTS.finditer(page):
        if part["run"]:
            yield Step(part["run"])
        elif part["file"]:
            path = shlex.quote(part["file"])
            yield Step(f"mkdir -p $(dirname {path}) && printf %s {shlex.quote(part['text'])} > {path}")
        elif part["kind"] == "console":
            yield from _prompted(part["block"])
        elif part["kind"] == "sh":
            yield from map(Step, _joined(part["block"]))


def _prompted(block: str) -> Iterator[Step]:
    _, *pieces = re.split(r"^(attacker)?\$ ", block, flags=re.MULTILINE)
    for host, piece in zip(pieces[::2], pieces[1::2], strict=True):
        command, *shown = piece.rstrip().split("\n")
        if host:
            command = f"ip netns exec {host} {command}"
        while command.endswith("\\"):
            command += "\n" + shown.pop(0)
        yield Step(command, [line for line in shown if line.strip()])


def _joined(block: str) -> list[str]:
    """Return the commands of a block: a line each, unless it goes on."""
    whole = re.sub(r"\\\n", " ", block)
    return [line for line in whole.splitlines() if line.strip() and not line.startswith("#")]


def play(page: str, top: Path) -> list[Outcome]:
    """Run the steps of a page, one after the other in one shell."""
    told = [step for step in steps(page) if not step.command.startswith(tuple(ELSEWHERE))]
    script = _SET.format(top=top, parts=" ".join(_LAID), root=ROOT, python=sys.executable)
    for number, step in enumerate(told):
        script += f"printf '{_MARK}{number}\\n'\n{_shell(step.command)}\nprintf '{_MARK}=%d\\n' $?\n"
    (top / "script").write_text(script)
    command = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
    with (top / "output").open("w+") as output:
        subprocess.run(
            ["timeout", "-s", "KILL", str(PATIENCE_S), *command, "bash", top / "script"],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            check=False,
        )
        output.seek(0)
        said = output.read()
    found = re.findall(rf"{_MARK}(\d+)\n(.*?){_MARK}=(\d+)\n", said, re.DOTALL)
    assert len(found) == len(told), f"the shell ended early:\n{said}"
    return [Outcome(told[int(number)], int(status), output) for number, output, status in found]


def _shell(command: str) -> str:
    """Return what to have the shell do: a server goes on in a terminal of its own, until the page starts another."""
    if _LASTING.match(command):
        return f"timeout -s INT 3 sh -c {shlex.quote(command)} || [ $? = 124 ]"
    if not command.startswith("f2b serve"):
        return command
    socket = re.search(r" -s (\S+)", command)
    ask = f"f2b ping -s {socket[1]}" if socket else "f2b ping"
    return _SERVED.format(command=command.partition("#")[0], ask=ask, times=PATIENCE_S)


def missing(outcome: Outcome) -> list[str]:
    """Return the lines that a page shows and the command did not print."""
    printed = [_plain(line) for line in outcome.output.splitlines()]
    absent = []
    for line in outcome.step.shown:
        pattern = re.compile(".*".join(map(re.escape, _plain(line).split("…"))))
        at = next((at for at, found in enumerate(printed) if pattern.fullmatch(found)), None)
        if at is None:
            absent.append(line)
        else:
            del printed[: at + 1]
    return absent


def _plain(line: str) -> str:
    """Return a line with numbers, durations and blanks made equal."""
    return re.sub(r"\s+", " ", re.sub(r"\d+", "0", line)).strip()
