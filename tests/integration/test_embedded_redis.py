"""The embedded server starts once, keeps its data through restarts and kills, and leaves with its user."""

import asyncio
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.embedded import is_running, pid_of, source_of
from tests.waiting import until
from twintrack.core.embedded_address import read_address
from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.redis_binaries import RAW_NUMBERS, find_server
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings

pytestmark = pytest.mark.usefixtures("redis_url")  # skips, or fails in CI, where no server can be started


def test_making_the_object_and_importing_touch_nothing(tmp_path: Path) -> None:
    EmbeddedRedis(tmp_path / "absent")
    RedisSource(RedisSettings(data_dir=tmp_path / "absent"))
    assert list(tmp_path.iterdir()) == []
    code = (
        "import sys\n"
        "def watch(event, arguments):\n"
        "    bad = event in ('socket.connect', 'subprocess.Popen', 'os.mkdir') or (\n"
        "        event == 'open' and arguments[1] and set(str(arguments[1])) & set('wax+'))\n"
        "    if bad: raise SystemExit(f'{event} {arguments}')\n"
        "sys.dont_write_bytecode = True\n"
        "sys.addaudithook(watch)\n"
        "import twintrack.core.redis_client, twintrack.core.redis_check\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_it_starts_once_says_what_runs_and_stops_with_its_user(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    assert server.ensure_running() == server.ensure_running()
    first = pid_of(data_dir)
    said = server.describe()
    for part in ("Redis 8", "search", "ReJSON", str(server.ensure_running().socket), str(data_dir)):
        assert part in said
    assert "\n" not in said
    assert server.ensure_running().password not in said
    assert pid_of(data_dir) == first
    server.leave()
    assert not is_running(data_dir)
    server.leave()


def test_only_this_user_can_read_the_password_and_no_port_is_open(data_dir: Path) -> None:
    server = EmbeddedRedis(data_dir)
    address = server.ensure_running()
    folder = data_dir / "redis"
    for name in ("password", "redis.conf"):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(address.socket.stat().st_mode) == 0o700
    assert len(address.password) >= 32
    assert "\nport 0\n" in f"\n{(folder / 'redis.conf').read_text()}"
    shown = " ".join(psutil.Process(pid_of(data_dir)).cmdline())
    assert "redis-server" in shown
    assert address.password not in shown
    server.leave()


@pytest.mark.parametrize("given", [None, "thp:never"])
async def test_its_allocator_asks_for_large_pages_unless_the_user_says_otherwise(
    data_dir: Path, given: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    if given:
        monkeypatch.setenv("JE_MALLOC_CONF", given)
    source = source_of(data_dir)
    client: Any = source.client()
    said = await client.execute_command("MEMORY", "MALLOC-STATS")
    [chosen] = re.findall(r'\bopt\.thp: "(\w+)"', said.decode())
    assert chosen == ("never" if given else "always")
    assert await client.config_get("disable-thp") == {"disable-thp": "no"}
    await source.aclose()


async def test_it_keeps_and_syncs_every_write(data_dir: Path) -> None:
    source = source_of(data_dir)
    settings = await source.client().config_get("append*", "save", "maxmemory-policy", "aof-load-truncated")
    assert settings["appendonly"] == "yes"
    assert settings["appendfsync"] == "always"
    assert settings["save"] == ""
    assert settings["maxmemory-policy"] == "noeviction"
    assert settings["aof-load-truncated"] == "yes"
    await source.aclose()


async def test_a_restart_keeps_data_password_and_indexes(data_dir: Path) -> None:
    schema = {"index": {"name": "ix", "prefix": "ix"}, "fields": [{"name": "user", "type": "tag"}]}
    source = source_of(data_dir)
    index = await source.index(schema)
    await source.client().hset("ix:1", mapping={"user": "Ann"})
    before = read_address(data_dir / "redis")
    await source.aclose()
    assert not is_running(data_dir)
    source = source_of(data_dir)
    assert (await (await source.index(schema)).search("@user:{Ann}")).total == 1
    assert read_address(data_dir / "redis") == before
    await source.aclose()
    del index


def _more_than(count: int, acknowledged: list[int]) -> Callable[[], bool]:
    return lambda: len(acknowledged) > count


def _another_than(pid: int, data_dir: Path) -> Callable[[], bool]:
    """Tell of the next server; the file that names it goes with the server before, and is empty at first."""
    file = data_dir / "redis" / "redis.pid"
    return lambda: file.exists() and file.read_text().strip() not in ("", str(pid))


async def test_no_acknowledged_write_is_lost_when_the_server_is_killed_in_mid_traffic(data_dir: Path) -> None:
    source = source_of(data_dir)
    client = source.client()
    await client.ping()
    acknowledged: list[int] = []
    over = asyncio.Event()

    async def write(writer: int) -> None:
        number = writer
        while not over.is_set():
            await client.set(f"key:{number}", number)
            acknowledged.append(number)
            number += 16

    writers = [asyncio.create_task(write(writer)) for writer in range(16)]
    pids = set()
    for _ in range(3):
        await until(_more_than(len(acknowledged) + 100, acknowledged))
        pids.add(pid := pid_of(data_dir))
        os.kill(pid, signal.SIGKILL)
        await until(_another_than(pid, data_dir))
    over.set()
    await asyncio.gather(*writers)
    assert len(pids | {pid_of(data_dir)}) == 4
    found = await client.mget(*(f"key:{number}" for number in acknowledged))
    assert [int(value) for value in found if value is not None] == acknowledged
    assert len(acknowledged) > 100
    await source.aclose()


async def test_a_checkpoint_saver_outlives_its_server(data_dir: Path) -> None:
    from langchain_core.runnables import RunnableConfig
    from langgraph.checkpoint.base import empty_checkpoint

    from twintrack.memory.checkpoints import VersionedRedisSaver

    source = source_of(data_dir)
    saver = VersionedRedisSaver(redis_client=source.client())
    await saver.asetup()
    config: RunnableConfig = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}
    checkpoint = empty_checkpoint()
    await saver.aput(config, checkpoint, {}, {})
    os.kill(pid_of(data_dir), signal.SIGKILL)
    found = await saver.aget_tuple(config)
    assert found is not None
    assert found.checkpoint["id"] == checkpoint["id"]
    await source.aclose()


async def test_each_running_loop_has_its_own_client(data_dir: Path) -> None:
    source = source_of(data_dir)
    here = source.client()
    assert source.client() is here

    async def elsewhere() -> bool:
        client = source.client()
        assert await client.set("from", "another loop")
        await source.aclose()
        return client is not here

    assert await asyncio.to_thread(asyncio.run, elsewhere())
    assert await here.get("from") == b"another loop"
    assert is_running(data_dir)
    await source.aclose()
    assert not is_running(data_dir)


async def test_it_finds_a_record_among_those_of_a_tag_at_once(data_dir: Path, tmp_path: Path) -> None:
    if find_server(tmp_path).origin != "wheels":
        pytest.skip("a server of the machine's own has its own configuration")
    source = source_of(data_dir)
    client: Any = source.client()
    said = dict(await client.execute_command("FT.CONFIG", "GET", RAW_NUMBERS))
    await source.aclose()
    assert said[RAW_NUMBERS.encode()] == b"true"
