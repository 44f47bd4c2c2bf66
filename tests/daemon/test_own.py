"""This host's own addresses, read from files as the kernel and hosts(5) write them."""

from __future__ import annotations

import os
from pathlib import Path

from f2b.daemon import own


def test_addresses_of_interfaces_and_of_the_own_name_are_spared(tmp_path: Path) -> None:
    (tmp_path / "fib_trie").write_text("           |-- 192.0.2.1\n              /32 host LOCAL\n")
    (tmp_path / "if_inet6").write_text("20010db8000000000000000000000001 02 40 00 80     eth0\n")
    hosts = tmp_path / "hosts"
    name = os.uname().nodename
    hosts.write_text(f"198.51.100.1 x.example.com {name} # me\n203.0.113.1 other # {name}\nnonsense localhost\n")
    everywhere = {"127.0.0.1", "::1"}
    assert own.addresses(tmp_path, hosts) == {"192.0.2.1", "2001:db8::1", "198.51.100.1", *everywhere}
    assert own.addresses(tmp_path / "none", tmp_path / "none") == everywhere
