"""Running a shell command beside the server: real shells, and what they may do to us."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from f2b.firewall.process import CANNOT_RUN, KEPT_OUTPUT, Process
from f2b.firewall.shell import Command, Result
from f2b.loop import Loop


@pytest.fixture
def loop() -> Iterator[Loop]:
    loop = Loop()
    yield loop
    loop.close()


def outcome(loop: Loop, text: str, *args: str, timeout: float = 10) -> Result:
    """Run a command and turn the loop until it is done."""
    results: list[Result] = []
    Process(loop, Command(text, args), timeout, results.append)
    assert not results, "it must not answer before the loop turns"
    until = time.monotonic() + 60
    while not results and time.monotonic() < until:
        loop.turn(1)
    return results[0]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def written(path: Path) -> str:
    """Return what a child writes into a file, once it has."""
    until = time.monotonic() + 60
    while not (path.exists() and path.read_text().endswith("\n")) and time.monotonic() < until:
        time.sleep(0.01)
    return path.read_text()


def test_command_when_it_ends_then_its_status_and_output_are_known(loop: Loop) -> None:
    assert outcome(loop, "echo out; echo err >&2; exit 3") == Result(3, "out\nerr")


def test_command_when_it_has_arguments_then_the_shell_has_them_as_variables(loop: Loop) -> None:
    assert outcome(loop, 'x=$0 \necho "$x" "$1"', "a b;c", "ü") == Result(0, "a b;c ü")


def test_command_when_a_signal_ends_it_then_the_status_says_which(loop: Loop) -> None:
    result = outcome(loop, "kill -9 $$")
    assert result.status == -signal.SIGKILL
    assert not result.ok
    assert result.reason(60) == "killed with SIGKILL (return code: -9)"


def test_command_when_it_reads_its_input_then_there_is_none(loop: Loop) -> None:
    assert outcome(loop, "cat; echo done") == Result(0, "done")


def test_command_when_it_runs_then_it_inherits_nothing_but_the_environment(
    loop: Loop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("F2B_TEST", "seen")
    with tempfile.NamedTemporaryFile() as ours:
        result = outcome(loop, "echo $F2B_TEST; echo $(readlink /proc/$$/fd/*); ps -o pgid= -o sid= -p $$; echo $$")
    seen, descriptors, groups, pid = result.output.splitlines()
    assert seen == "seen"
    assert "/dev/null" in descriptors
    assert ours.name not in descriptors
    assert "anon_inode" not in descriptors
    assert groups.split() == [pid, pid]


def test_command_when_a_pipe_breaks_then_its_programs_die_of_it_as_usual(loop: Loop) -> None:
    assert outcome(loop, "yes | head -n 1") == Result(0, "y")


def test_command_when_it_hangs_then_it_and_its_children_are_killed_at_its_timeout(loop: Loop, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    begin = time.monotonic()
    # The child ignores SIGTERM: only SIGKILL to the whole group ends it.
    result = outcome(
        loop, f"(trap '' TERM; sleep 100 & echo $! >{pids}; wait; wait; sleep 100); echo never", timeout=0.5
    )
    assert 0.5 <= time.monotonic() - begin < 20
    assert result.timed_out
    assert not result.ok
    assert result.reason(0.5) == "timed out after 0.5 seconds."
    until = time.monotonic() + 60
    while alive(int(written(pids))) and time.monotonic() < until:
        time.sleep(0.01)
    assert not alive(int(written(pids)))


def test_command_when_it_floods_then_little_is_kept_and_little_time_spent(loop: Loop) -> None:
    begin, cpu = time.monotonic(), time.process_time()
    result = outcome(loop, "yes", timeout=1)
    assert time.monotonic() - begin < 20
    assert time.process_time() - cpu < 0.5
    assert result.timed_out
    assert 0 < len(result.output) <= KEPT_OUTPUT


def test_command_when_it_says_much_and_ends_then_it_succeeds(loop: Loop) -> None:
    result = outcome(loop, "head -c 1000000 /dev/zero | tr '\\0' x")
    assert result.ok
    assert result.output == "x" * KEPT_OUTPUT


def test_command_when_it_leaves_a_child_then_we_do_not_wait_and_the_child_lives_on(
    loop: Loop, tmp_path: Path
) -> None:
    begin = time.monotonic()
    result = outcome(loop, f"sleep 100 & echo $! >{tmp_path}/pid; echo said")
    assert result == Result(0, "said")
    assert time.monotonic() - begin < 20
    child = int(written(tmp_path / "pid"))
    assert alive(child)
    os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("text", "hint"), [("no-such-program", "not found"), ("exit 130", "SIGINT"), ("exit 1", "1")]
)
def test_command_when_it_fails_then_the_reason_says_why(loop: Loop, text: str, hint: str) -> None:
    assert hint in outcome(loop, text).reason(60)


@pytest.mark.parametrize("argument", ["x" * 200_000, "a\0b"])
def test_command_when_the_kernel_refuses_it_then_that_is_its_result(loop: Loop, argument: str) -> None:
    result = outcome(loop, "true", argument)
    assert result.status == CANNOT_RUN
    assert result.output.startswith("/bin/sh: ")


def test_command_when_it_is_killed_then_it_answers_at_once(loop: Loop) -> None:
    results: list[Result] = []
    process = Process(loop, Command("sleep 100; true"), 60, results.append)
    begin = time.monotonic()
    process.kill()
    while not results and time.monotonic() < begin + 10:
        loop.turn(1)
    assert time.monotonic() - begin < 20
    assert results[0].status == -signal.SIGKILL
    process.kill()  # harmless by now
    loop.turn(0)
    assert len(results) == 1


@pytest.mark.parametrize("text", ["true", "exec sleep 0.1", ":; exit"])
def test_command_when_its_status_is_lost_then_it_counts_as_failed_and_says_why(loop: Loop, text: str) -> None:
    before = signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        result = outcome(loop, text)
    finally:
        signal.signal(signal.SIGCHLD, before)
    assert not result.ok
    assert "SIGCHLD" in result.output


def test_commands_when_many_have_run_then_no_descriptor_and_no_zombie_is_left(loop: Loop) -> None:
    before = len(os.listdir("/proc/self/fd"))
    pids = [outcome(loop, "echo $$").output for _ in range(20)]
    assert len(os.listdir("/proc/self/fd")) == before
    assert not [pid for pid in pids if Path(f"/proc/{pid}").exists()]
