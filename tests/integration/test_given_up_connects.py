"""Who gives a command up while its connection is being opened is heeded, at whatever moment that is."""

import asyncio

import pytest

from twintrack.core.redis_client import RedisSource
from twintrack.core.settings import load_settings


@pytest.mark.parametrize("moment", range(16))
async def test_a_command_that_is_given_up_ends(moment: int) -> None:
    """Python 3.11 loses a cancellation that comes just as redis-py has written what opens its connection."""

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        url = f"redis://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        source = RedisSource(load_settings(redis={"url": url, "timeout_s": 1}).redis)
        asked = asyncio.ensure_future(source.client().ping())
        for _ in range(moment + 1):
            await asyncio.sleep(0)
        asked.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked
        await source.aclose()
