"""The embedded server is one for all processes of a folder, whoever of them comes, leaves or dies."""

import multiprocessing
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.embedded import USER, ended, is_running, killed, pid_of, soon, user
from tests.waiting import PATIENCE_S
from twintrack.core.embedded_redis import EmbeddedRedis

pytestmark = [
    pytest.mark.slow,
    pytest.mark.usefixtures("redis_url"),
]  # skips, or fails in CI, where no server can be started


def test_two_processes_share_one_server_that_leaves_with_the_last(data_dir: Path) -> None:
    first, second = user(data_dir), user(data_dir)
    pid = pid_of(data_dir)
    assert ended(first) == 0
    assert is_running(data_dir)
    assert pid_of(data_dir) == pid
    assert ended(second) == 0
    assert not is_running(data_dir)


def test_a_killed_user_frees_its_place(data_dir: Path) -> None:
    first, second = user(data_dir), user(data_dir)
    killed(first)
    assert is_running(data_dir)
    assert ended(second) == 0
    assert not is_running(data_dir)


def test_a_server_left_by_killed_users_is_taken_over_and_then_stopped(data_dir: Path) -> None:
    killed(user(data_dir))
    pid = pid_of(data_dir)
    assert is_running(data_dir)
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    assert pid_of(data_dir) == pid
    server.leave()
    assert not is_running(data_dir)


def test_four_processes_that_start_at_once_get_one_server(data_dir: Path) -> None:
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", USER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    log = (data_dir / "redis" / "server.log").read_text()
    assert log.count("Ready to accept connections") == 1
    assert [ended(process) for process in processes] == [0] * 4
    assert not is_running(data_dir)


def test_leaving_and_coming_at_the_same_time_never_breaks(data_dir: Path) -> None:
    processes = [user(data_dir)]
    for _ in range(4):
        assert processes[-1].stdin is not None
        processes[-1].stdin.write("go\n")
        processes[-1].stdin.flush()
        processes.append(user(data_dir))
    assert [ended(process) for process in processes[-1:]] == [0]
    for process in processes[:-1]:
        process.communicate(timeout=PATIENCE_S)
        assert process.returncode == 0
    assert soon(lambda: not is_running(data_dir))


def test_an_interrupt_from_the_keyboard_does_not_reach_the_server(data_dir: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", USER, str(data_dir)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "ready\n"
    second = user(data_dir)
    pid = pid_of(data_dir)
    os.killpg(first.pid, signal.SIGINT)
    first.communicate(timeout=PATIENCE_S)
    assert first.returncode != 0
    assert is_running(data_dir)
    assert pid_of(data_dir) == pid
    assert ended(second) == 0


def test_whichever_process_notices_restarts_the_server_for_all(data_dir: Path) -> None:
    first, second = EmbeddedRedis(data_dir), EmbeddedRedis(data_dir)
    address = first.ensure_running()
    assert second.ensure_running() == address
    os.kill(pid_of(data_dir), signal.SIGKILL)
    assert second.ensure_running() == address
    pid = pid_of(data_dir)
    assert first.ensure_running() == address
    assert pid_of(data_dir) == pid
    first.leave()
    assert is_running(data_dir)
    second.leave()
    assert not is_running(data_dir)


def test_a_forked_child_takes_a_place_of_its_own(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    server.ensure_running()
    child = multiprocessing.get_context("fork").Process(target=server.ensure_running)
    child.start()
    child.join(PATIENCE_S)
    assert child.exitcode == 0
    assert is_running(data_dir)
    server.leave()
    assert not is_running(data_dir)
