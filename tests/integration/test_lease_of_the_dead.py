"""The thread of a process that is killed is free again within seconds, and nothing of its run counts twice."""

import asyncio
import subprocess
import sys

import pytest

from tests.waiting import PATIENCE_S
from twintrack.core.errors import Conflict
from twintrack.core.redis_client import RedisSource
from twintrack.memory.checkpoints import VersionedRedisSaver
from twintrack.memory.run_lease import LEASE_S

pytestmark = pytest.mark.slow

HOLD = """
import asyncio, sys
from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import RedisSettings
from twintrack.memory.checkpoints import VersionedRedisSaver

async def hold():
    saver = VersionedRedisSaver(source=RedisSource(RedisSettings.model_validate({"url": sys.argv[1]})))
    async with saver.lease("t"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(hold())
"""


async def test_a_killed_process_leaves_its_thread_within_seconds(source: RedisSource, redis_url: str) -> None:
    saver = VersionedRedisSaver(source=source)
    holder = await asyncio.create_subprocess_exec(sys.executable, "-c", HOLD, redis_url, stdout=subprocess.PIPE)
    assert holder.stdout
    assert await holder.stdout.readline() == b"held\n"
    with pytest.raises(Conflict):
        async with saver.lease("t"):
            pytest.fail("two runs at once")

    holder.kill()
    await holder.wait()
    assert 0 < await source.client().pttl("twintrack:checkpoint:{t}:lease") <= 1000 * LEASE_S < 8000
    async with saver.lease("t", policy="queue", wait_s=PATIENCE_S):
        pass
