from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from f2b.config.model import ActionSpec, FilterSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.firewall.build import Builder
from f2b.firewall.dry import Dry
from f2b.firewall.nftables import Nftables
from f2b.firewall.queued import QueuedAction
from f2b.log import Log
from f2b.loop import Loop

HERE = Place("jail.conf", 4)
JAIL = JailSpec("sshd", HERE, FilterSpec("sshd", HERE))


def builder(folder: Path, dry: bool = False, allowipv6: str = "auto", loop: Loop | None = None) -> Builder:
    return Builder(loop or Loop(), Log(str(folder / "log")), dry, allowipv6)


def test_action_when_it_is_native_then_its_options_make_the_plan(tmp_path: Path) -> None:
    spec = ActionSpec("nftables", "nftables", HERE, "nftables", {"port": "http", "protocol": "udp"})
    made = builder(tmp_path).make(spec, JAIL)
    assert isinstance(made, Nftables)
    assert made.plan.sets == {4: "addr-set-sshd", 6: "addr6-set-sshd"}
    assert (made.plan.protocols, made.plan.ports) == ((17,), ((80, 80),))


def test_action_when_its_type_is_not_known_then_the_cure_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"jail.conf:4: actiontype = smoke is not known; use nftables, iptables, "):
        builder(tmp_path).make(ActionSpec("smoke", "smoke", HERE, "smoke"), JAIL)


@pytest.mark.parametrize("kind", ["nftables", "command", "python", "dry"])
def test_action_when_it_is_a_dry_run_then_it_only_tells(kind: str, tmp_path: Path) -> None:
    assert isinstance(builder(tmp_path, dry=True).make(ActionSpec("any", "any", HERE, kind), JAIL), Dry)


@pytest.mark.parametrize(("allowed", "ready"), [("yes", ["start inet4", "start inet6"]), ("no", ["start inet4"])])
def test_command_action_when_ipv6_is_not_allowed_then_it_is_not_made_ready_for_it(
    tmp_path: Path, allowed: str, ready: list[str]
) -> None:
    record, loop = tmp_path / "record", Loop()
    options = {"actionstart": f"echo start '<family>' >>{record}", "x?family=inet6": "6"}
    spec = ActionSpec("eager", "eager", HERE, options={**options, "actionstart_on_demand": "false"})
    made = builder(tmp_path, allowipv6=allowed, loop=loop).make(spec, JAIL)
    assert isinstance(made, QueuedAction)
    made.start(())
    while not made.idle:
        loop.turn(1)
    assert record.read_text().splitlines() == ready
    loop.close()


def test_action_when_made_anew_then_it_starts_when_the_former_one_has_stopped(tmp_path: Path) -> None:
    """The stop of the one would else take down what the other has just set up."""
    record, loop = tmp_path / "record", Loop()
    slow = {"actionstop": f"sleep 0.2; echo stop >>{record}", "actionstart": f"echo start >>{record}"}
    made = builder(tmp_path, loop=loop)
    actions = [made.make(ActionSpec("slow", "slow", HERE, options=slow), JAIL) for _ in range(3)]
    for former, latter in pairwise(actions):
        former.start(())
        former.stop(keep=False)
        latter.start(())
    last = actions[-1]
    assert isinstance(last, QueuedAction)
    while not last.idle:
        loop.turn(1)
    assert record.read_text().split() == ["start", "stop", "start", "stop", "start"]
    loop.close()
