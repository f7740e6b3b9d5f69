"""A Redis that cannot be used is one line to whoever asks for versions, at the command line and over HTTP."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from redis import Redis

from tests.commands import assert_one_line, run, run_process
from tests.integration.test_redis_check import old_server
from tests.ports import free_port

NOBODY = "redis://127.0.0.1:1/0"
COMMANDS = [
    ("list", "t"),
    ("show", "t"),
    ("diff", "t", "a", "b"),
    ("save", "t", "good"),
    ("rollback", "t", "good", "--reason", "r"),
    ("fork", "t", "copy"),
    ("prune", "t", "--keep", "1"),
    ("delete", "t", "--yes"),
]


def _held(url: str) -> dict[bytes, bytes | None]:
    with Redis.from_url(url) as client:
        return {key: client.dump(key) for key in client.scan_iter(match="twintrack:checkpoint:*")}


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_server_that_is_down_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    done = run(tmp_path, NOBODY, "versions", *command, TWINTRACK_REDIS__TIMEOUT_S="0.3")
    assert_one_line(done, "127.0.0.1:1", "Fix:")


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_wrong_password_is_named_and_nothing_changes(filled: str, tmp_path: Path, command: tuple[str, ...]) -> None:
    run(tmp_path, filled, "ask", "What is the fee?", "--thread", "t")
    before = _held(filled)
    assert before

    done = run(tmp_path, filled.replace("//:", "//:wrong", 1), "versions", *command)
    assert_one_line(done, "password", "Fix:")
    assert _held(filled) == before


UNKNOWN = "1f000000-0000-6000-8000-000000000000"
WRONG = [
    (("list", "nowhere"), "no thread 'nowhere'"),
    (("prune", "nowhere", "--keep", "1"), "no thread 'nowhere'"),
    (("show", "t", UNKNOWN), "no version"),
    (("diff", "t", "good", UNKNOWN), "no version"),
    (("rollback", "t", UNKNOWN, "--reason", "r"), "no version"),
    (("fork", "t", "copy", "--version", UNKNOWN), "no version"),
    (("save", "t", "good"), "saved as 'good'"),
    (("fork", "t", "t"), "cannot be the new thread's id"),
    (("rollback", "t", "good", "--reason", "r", "--user", "eve"), "no thread 't'"),
    (("prune", "t", "--keep", "1", "--user", "eve"), "no thread 't'"),
    (("delete", "t", "--yes", "--user", "eve"), "no thread 't'"),
]


def test_what_is_unknown_taken_or_someone_elses_is_named_and_nothing_changes(filled: str, tmp_path: Path) -> None:
    run(tmp_path, filled, "ask", "What is the fee?", "--thread", "t")
    first = json.loads(run(tmp_path, filled, "versions", "list", "t", "--json").stdout)["versions"][-1]["id"]
    assert run(tmp_path, filled, "versions", "save", "t", "good", "--version", first).returncode == 0
    before = _held(filled)

    for command, words in WRONG:
        assert_one_line(run(tmp_path, filled, "versions", *command), words, "Fix:")
        assert _held(filled) == before, command


async def test_the_server_does_not_start_on_a_redis_that_is_too_old(tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parents[2] / "langgraph.json", tmp_path)
    async with old_server("6.2.14", speaks_resp3=True) as url:
        done = await asyncio.to_thread(run_process, tmp_path, url, "dev", "--port", str(free_port()))
    assert done.returncode != 0
    assert "6.2.14" in done.stdout + done.stderr
    assert "use Redis 8" in done.stdout + done.stderr


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_a_redis_that_is_too_old_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    async with old_server("6.2.14", speaks_resp3=True) as url:
        done = await asyncio.to_thread(run, tmp_path, url, "versions", *command)
    assert_one_line(done, "6.2.14", "Fix: use Redis 8")
