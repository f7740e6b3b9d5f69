"""A Redis that cannot be used is one line to whoever asks for versions, at the command line and over HTTP."""

import asyncio
from pathlib import Path

import pytest
from redis import Redis

from tests.commands import assert_one_line, run
from tests.integration.test_redis_check import old_server

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


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
async def test_a_redis_that_is_too_old_is_named(tmp_path: Path, command: tuple[str, ...]) -> None:
    async with old_server("6.2.14", speaks_resp3=True) as url:
        done = await asyncio.to_thread(run, tmp_path, url, "versions", *command)
    assert_one_line(done, "6.2.14", "Fix: use Redis 8")
