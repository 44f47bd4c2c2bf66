from __future__ import annotations

from f2b.paths import defaults


def test_defaults_when_root_then_they_are_the_systems() -> None:
    paths = defaults(0, {"HOME": "/root", "XDG_RUNTIME_DIR": "/run/user/0"})
    assert (paths.socket, paths.pidfile) == ("/run/f2b/f2b.sock", "/run/f2b/f2b.pid")
    assert (paths.log, paths.state) == ("/var/log/f2b.log", "/var/lib/f2b")
    assert paths.database == "/var/lib/f2b/f2b.sqlite3"


def test_defaults_when_a_user_then_they_follow_the_xdg_folders() -> None:
    env = {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "/run/user/1000", "XDG_STATE_HOME": "/home/ann/state/"}
    paths = defaults(1000, env)
    assert paths.socket == "/run/user/1000/f2b/f2b.sock"
    assert (paths.log, paths.state) == ("/home/ann/state/f2b/f2b.log", "/home/ann/state/f2b")


def test_defaults_when_a_user_has_no_such_folders_then_all_lies_in_the_state_folder() -> None:
    paths = defaults(1000, {"HOME": "/home/ann", "XDG_RUNTIME_DIR": "relative"})
    assert paths.state == "/home/ann/.local/state/f2b"
    assert {path.rsplit("/", 1)[0] for path in (paths.socket, paths.pidfile, paths.log)} == {paths.state}
