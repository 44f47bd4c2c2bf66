"""f2b.pyz: all of f2b in one file. Called by the name of one of Fail2Ban's programs (a link), it is that program."""

import sys
from importlib import import_module
from pathlib import Path

PROGRAMS = {
    "f2b": "f2b.cli.main",
    "fail2ban-client": "f2b.cli.compat_ping",
    "fail2ban-server": "f2b.cli.compat_server",
    "fail2ban-regex": "f2b.cli.compat_regex",
    "f2b-web-worker": "f2b.web.worker",
}
AS = "--as="
"""How f2b says which program it is when it starts itself (f2b/bundle.py)."""

sys.path[0] = str(Path(sys.path[0]).resolve())  # a server's working directory is not where it was started
called = Path(sys.argv[0]).name
if sys.argv[1:] and sys.argv[1].startswith(AS):
    called = sys.argv.pop(1).removeprefix(AS)
import_module(PROGRAMS.get(called, "f2b.cli.main")).main()
