"""f2b.pyz: all of f2b in one file. Called by the name of one of Fail2Ban's programs (a link), it is that program."""

import sys
from importlib import import_module
from pathlib import Path

PROGRAMS = {
    "f2b": "f2b.cli.main",
    "fail2ban-client": "f2b.cli.compat_client",
    "fail2ban-server": "f2b.cli.compat_server",
    "fail2ban-regex": "f2b.cli.compat_regex",
}

sys.path[0] = str(Path(sys.path[0]).resolve())  # a server's working directory is not where it was started
called = sys.argv[1] if sys.argv[1:2] and sys.argv[1] in PROGRAMS else Path(sys.argv[0]).name
if called in sys.argv[1:2]:  # f2b starts itself in this way
    del sys.argv[1]
import_module(PROGRAMS.get(called, "f2b.cli.main")).main()
