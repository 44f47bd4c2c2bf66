"""`fail2ban-server`: starts our server with Fail2Ban's arguments; any other command goes to the running one."""

from __future__ import annotations

import os
import select
import sys
import time

from f2b.cli import serve
from f2b.cli.compat_client import leave
from f2b.cli.compat_options import FAILED, Options
from f2b.control import client
from f2b.errors import F2bError

PROGRAM = "fail2ban-server"
_PAUSE = 0.05
_STANDARD = ("STDOUT", "STDERR", "SYSOUT", "SYSLOG", "SYSTEMD-JOURNAL")


def main() -> None:
    """Run the command line and exit: 0 done, 255 anything else."""
    leave(PROGRAM, _start)


def _start(options: Options, socket: str) -> int:
    sys.stdout.flush()
    return _serve(options, False) if "f" in options.flags else _serve_in_background(options, socket)


def _serve(options: Options, background: bool) -> int:
    """Serve until somebody says stop. The working directory will be /, so paths are made absolute."""
    target, syslog = options.value("logtarget"), options.value("syslogsocket")
    try:
        status = serve.run(
            serve.Options(
                directory=options.value("conf"),
                socket=_absolute(options.value("socket")),
                pidfile=_absolute(options.value("pidfile")),
                background=background,
                greeting="" if background else "Server ready",
                loglevel=options.value("loglevel"),
                logtarget=target if target and target.upper() in _STANDARD else _absolute(target),
                syslogsocket=syslog if syslog == "auto" else _absolute(syslog),
                name=options.value("pname") or PROGRAM,
                bare="async" in options.flags,
                strict=True,
            )
        )
    except F2bError as error:
        status = serve.complain(error)
    return FAILED if status else 0


def _absolute(path: str | None) -> str | None:
    return os.path.abspath(path) if path else None  # noqa: PTH100 - Path.absolute keeps ".."


def _serve_in_background(options: Options, socket: str) -> int:
    """Start the server and wait until it answers, or until it is gone: then nobody holds the pipe any more."""
    alive, held = os.pipe()
    child = os.fork()
    if not child:
        os.close(alive)
        os._exit(_serve(options, True))
    os.close(held)
    _, status = os.waitpid(child, 0)
    if status:
        return FAILED
    deadline = time.monotonic() + options.timeout
    while not client.answers(socket):
        gone, _, _ = select.select([alive], [], [], _PAUSE)
        if gone or time.monotonic() > deadline:
            print("Could not start server; its log says why", file=sys.stderr)
            return FAILED
    if "async" not in options.flags:
        print("Server ready")
    return 0


if __name__ == "__main__":
    main()
