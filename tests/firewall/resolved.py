"""What the real Fail2Ban makes of stock actions and their parameters: the oracle of who recognises them."""

from __future__ import annotations

import ast
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path


def resolved_by_fail2ban(actions: Mapping[str, str], folder: Path) -> dict[str, dict[str, str]]:
    """Return the options that Fail2Ban hands to each action, by its jail; `folder` is empty."""
    config = folder / "fail2ban"
    shutil.copytree("/etc/fail2ban", config)
    shutil.rmtree(config / "jail.d")
    (folder / "log").touch()
    jails = [f"[{jail}]\nenabled = true\naction = {action}\n" for jail, action in actions.items()]
    head = f"[DEFAULT]\nbackend = polling\nfilter = sshd\nlogpath = {folder}/log\n"
    (config / "jail.local").write_text(head + "".join(jails))
    command = ["/usr/bin/fail2ban-client", "-c", str(config), "-d"]
    done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=60)
    told = [ast.literal_eval(line) for line in done.stdout.splitlines() if line.startswith("[")]
    return {words[1]: dict(words[4]) for words in told if words[0] == "multi-set" and words[2] == "action"}
