from __future__ import annotations

from pathlib import Path

import pytest

from f2b.config.model import ActionSpec, FilterSpec, JailSpec
from f2b.errors import ConfigError, Place
from f2b.firewall.build import Builder
from f2b.firewall.dry import Dry
from f2b.firewall.nftables import Nftables
from f2b.log import Log
from f2b.loop import Loop

HERE = Place("jail.conf", 4)
JAIL = JailSpec("sshd", HERE, FilterSpec("sshd", HERE))


def builder(folder: Path, dry: bool = False) -> Builder:
    return Builder(Loop(), Log(str(folder / "log")), dry)


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
