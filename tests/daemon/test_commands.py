"""What `fail2ban-client set` changes, changes the running jail: lines are read, failures counted, bans end by it."""

from __future__ import annotations

import shlex
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.control import client
from f2b.control.client import AnswerError
from tests.daemon.running import Server, fail, running, wait_for

EVIL, WORSE = "203.0.113.5", "203.0.113.6"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with running(tmp_path) as made:
        yield made


@pytest.fixture
def log(server: Server) -> Path:
    """The log of the only jail, `app`, which is running."""
    log = server.jail(ignoreself="false", usedns="no")
    log.touch()
    server.start()
    return log


def say(server: Server, *words: str) -> object:
    """Return what the server answers to a command."""
    return client.words(server.socket, words)


def ban(server: Server, log: Path, who: str = EVIL) -> None:
    """Let somebody fail until banned."""
    fail(log, who)
    wait_for(lambda: who in server.banned())


def test_log_that_is_added_is_read_and_one_that_is_taken_away_is_not(server: Server, log: Path) -> None:
    other = server.folder / "other.log"
    other.write_text("")
    assert say(server, "set", "app", "addlogpath", str(other)) == [str(log), str(other)]
    ban(server, other)
    assert say(server, "set", "app", "dellogpath", str(other)) == [str(log)]
    fail(other, WORSE)
    ban(server, log, "203.0.113.7")
    assert WORSE not in server.banned()


def test_log_added_at_its_tail_is_read_from_there(server: Server, log: Path) -> None:
    other = server.folder / "other.log"
    fail(other, EVIL)
    say(server, "set", "app", "addlogpath", str(other), "tail")
    ban(server, other, WORSE)
    assert server.banned() == [WORSE]


def test_file_of_a_glob_that_is_taken_away_leaves_the_others(server: Server) -> None:
    one, two = server.folder / "a-1.log", server.folder / "a-2.log"
    one.touch()
    two.touch()
    server.jail(logpath=server.folder / "a-*.log")
    server.start()
    assert say(server, "set", "app", "dellogpath", str(one)) == [str(two)]
    fail(one, EVIL)
    ban(server, two, WORSE)
    assert server.banned() == [WORSE]


def test_regexes_decide_from_the_next_line_on(server: Server, log: Path) -> None:
    say(server, "set", "app", "addfailregex", "^ app: knock of <HOST>$")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S")
    with log.open("a") as out:
        out.write(f"{stamp} app: knock of {EVIL}\n" * 3)
    wait_for(lambda: server.banned() == [EVIL])
    say(server, "set", "app", "addignoreregex", "root")
    fail(log, WORSE)
    with log.open("a") as out:
        out.write(f"{stamp} app: knock of 203.0.113.7\n" * 3)
    wait_for(lambda: "203.0.113.7" in server.banned())
    assert WORSE not in server.banned()


def test_prefix_hides_lines_that_it_does_not_match(server: Server, log: Path) -> None:
    say(server, "set", "app", "prefregex", "^<F-CONTENT>.*203\\.0\\.113\\.6.*</F-CONTENT>$")
    fail(log, EVIL)
    ban(server, log, WORSE)
    assert server.banned() == [WORSE]


def test_limits_hold_for_what_is_counted_already(server: Server, log: Path) -> None:
    fail(log, EVIL, times=2)
    wait_for(lambda: server.status()["jails"][0]["failed"] == 1)
    assert say(server, "set", "app", "maxretry", "2") == 2
    fail(log, EVIL, times=1)
    wait_for(lambda: server.banned() == [EVIL])


def test_address_is_spared_while_it_is_on_the_list(server: Server, log: Path) -> None:
    say(server, "set", "app", "addignoreip", "203.0.113.0/29")
    fail(log, EVIL)
    wait_for(lambda: f"Ignore {EVIL} by ip" in server.said())
    assert say(server, "set", "app", "attempt", EVIL) == 0
    say(server, "set", "app", "delignoreip", "203.0.113.0/29")
    ban(server, log)


def test_attempts_count_as_lines_do(server: Server, log: Path) -> None:
    assert say(server, "set", "app", "attempt", EVIL, "one", "two") == 1
    assert server.banned() == []
    assert say(server, "set", "app", "attempt", EVIL) == 1
    assert server.banned() == [EVIL]
    assert server.status()["jails"][0]["failed_total"] == 2


def test_date_pattern_reads_dates_from_the_next_line_on(server: Server, log: Path) -> None:
    say(server, "set", "app", "datepattern", "^%%d/%%m/%%Y %%H_%%M_%%S".replace("%%", "%"))
    stamp = time.strftime("%d/%m/%Y %H_%M_%S")
    with log.open("a") as out:
        out.write(f"{stamp} app: failure of root from {EVIL}\n" * 3)
    wait_for(lambda: server.banned() == [EVIL])


def test_jail_that_rests_reads_nothing_and_later_all_of_it(server: Server, log: Path) -> None:
    assert say(server, "set", "app", "idle", "on") is True
    fail(log, EVIL)
    assert server.status()["jails"][0]["state"] == "idle"
    assert server.banned() == []
    assert say(server, "set", "app", "idle", "off") is False
    wait_for(lambda: server.banned() == [EVIL])


def test_jail_that_is_made_by_hand_bans_and_goes(server: Server, log: Path) -> None:
    other = server.folder / "other.log"
    other.touch()
    assert say(server, "add", "mine", "polling") == "mine"
    say(server, "set", "mine", "addlogpath", str(other))
    say(server, "set", "mine", "addfailregex", "^ app: failure of \\S+ from <ADDR>$")
    fail(other, EVIL)
    assert say(server, "start", "mine") is None
    wait_for(lambda: server.banned() == [EVIL])
    assert say(server, "stop", "mine") is None
    assert server.banned() == []
    with pytest.raises(AnswerError, match="'mine' does not exist"):
        say(server, "status", "mine")


def test_jail_that_was_stopped_comes_back_with_its_bans_by_a_reload(server: Server, log: Path) -> None:
    ban(server, log)
    say(server, "stop", "app")
    assert server.banned() == []
    assert server.ask("reload").returncode == 0
    assert server.banned() == [EVIL]


def test_reload_takes_back_what_was_set_by_hand(server: Server, log: Path) -> None:
    say(server, "set", "app", "maxretry", "9")
    say(server, "set", "loglevel", "ERROR")
    assert server.ask("reload").returncode == 0
    assert say(server, "get", "app", "maxretry") == 3
    assert say(server, "get", "loglevel") == "INFO"


def test_log_is_written_where_it_is_told_to(server: Server, log: Path) -> None:
    elsewhere = server.folder / "elsewhere.log"
    say(server, "set", "logtarget", str(elsewhere))
    ban(server, log)
    assert f"[app] Ban {EVIL}" in elsewhere.read_text()
    assert EVIL not in server.said()


COMMANDS = [
    "set app action dry actionban 'touch /tmp/x'",
    "set app action dry name x",
    "set app ignorecommand 'touch /tmp/x'",
    "set app addaction py /tmp/x.py {}",
    'set app action dry executeCmd \'{"realCmd": "true"}\'',
]


def test_command_to_run_is_refused_unless_the_configuration_allows_it(server: Server, log: Path) -> None:
    for command in COMMANDS:
        with pytest.raises(AnswerError, match="allowactions = yes"):
            say(server, *shlex.split(command))


def test_command_of_an_action_runs_where_the_configuration_allows_it(tmp_path: Path) -> None:
    with running(tmp_path, dry=False) as server:
        server.write("f2b.conf", "[Definition]\nallowactions = yes\n")
        flag = tmp_path / "flag"
        server.write("action.d/mine.conf", "[Definition]\nactionban = true\n")
        log = server.jail(action="mine")
        log.touch()
        server.start()
        say(server, "set", "app", "action", "mine", "actionban", f"echo <ip> > {flag}")
        ban(server, log)
        wait_for(lambda: flag.exists() and flag.read_text() == f"{EVIL}\n")


class TestWaiting:
    def test_sleep_holds_nobody_up(self, server: Server, log: Path) -> None:
        with socket.socket(socket.AF_UNIX) as sleeper:
            sleeper.connect(server.socket)
            sleeper.sendall(b'{"words": ["sleep", "3600"]}\n')
            assert say(server, "ping") == "pong"
        assert say(server, "sleep", "0") is None

    def test_names_are_looked_up_beside_the_work(self, server: Server, log: Path) -> None:
        say(server, "set", "app", "banip", "127.0.0.1", EVIL)
        assert say(server, "set", "app", "unbanip", "localhost") == 1
        assert server.banned() == [EVIL]
        assert say(server, "unban", "no-such-name.invalid") == 0


class TestPrinted:
    """Commands of Fail2Ban 1.1, which Debian's oracle does not know yet; their layout is measured from it."""

    def printed(self, server: Server, *words: str) -> str:
        command = [sys.executable, "-c", "from f2b.cli.compat_client import main; main()", "-s", server.socket]
        return subprocess.run([*command, *words], capture_output=True, text=True, timeout=60, check=True).stdout

    def test_statistics_are_a_table_and_the_status_of_all_is_a_tree(self, server: Server, log: Path) -> None:
        say(server, "set", "app", "banip", EVIL)
        lines = self.printed(server, "statistics").splitlines()
        assert lines[0] == "          ║          ║ Filter    ║ Actions  "
        assert lines[-2] == " app      ║ inotify  ║   0 │   0 ║   1 │   1"
        assert self.printed(server, "stats").splitlines() == lines

        assert self.printed(server, "status", "--all", "short") == (
            "Status\n|- Number of jail:\t1\n|- Jail list:\tapp\n`- Status for the jails:\n   `- Jail: app\n"
            "      |- Filter\n      |  |- Currently failed:\t0\n      |  |- Total failed:\t0\n"
            f"      |  `- File list:\t{log}\n      `- Actions\n         |- Currently banned:\t1\n"
            "         `- Total banned:\t1\n"
        )
