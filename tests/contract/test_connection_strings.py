"""A saver is opened with one line, whatever it is to do and whatever kind of Redis there is."""

import enum
from typing import Any

import pytest
from redis.asyncio import RedisCluster
from redis.asyncio.sentinel import SentinelConnectionPool

from tests.contract.checkpoint_makers import put, state
from twintrack.core.errors import Conflict, SettingsError
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver


class Tone(enum.StrEnum):
    LIGHT = "light"


async def test_a_connection_string_comes_with_whatever_the_saver_takes(redis_url: str, source: RedisSource) -> None:
    options: Any = {
        "ttl_minutes": 5,
        "encryption_key": b"0123456789abcdef",
        "single_writer": True,
        "allowed_types": [Tone],
    }
    async with VersionedRedisSaver.from_conn_string(redis_url, **options) as saver:
        first = await put(saver, "t", {"tone": Tone.LIGHT})
        assert await state(saver, first) == {"tone": Tone.LIGHT}
        with pytest.raises(Conflict):
            await put(saver, "t", {"tone": Tone.LIGHT})
    keys = [key async for key in source.client().scan_iter()]
    assert all([await source.client().ttl(key) > 0 for key in keys])
    with pytest.raises(SettingsError, match="no key is set"):
        await VersionedRedisSaver(source=source).aget_tuple(first)
    misspelt: Any = {"encryption_ky": b"0123456789abcdef"}
    with pytest.raises(TypeError, match="encryption_ky"):
        async with VersionedRedisSaver.from_conn_string(redis_url, **misspelt):
            pass


async def test_a_connection_string_may_name_a_cluster_or_a_sentinel() -> None:
    async with VersionedRedisSaver.from_conn_string("redis+cluster://one:7001,two:7002") as saver:
        assert isinstance(saver.storage.client(), RedisCluster)
    async with VersionedRedisSaver.from_conn_string("redis+sentinel://one:26379/watched/0") as saver:
        assert isinstance(saver.storage.client().connection_pool, SentinelConnectionPool)
