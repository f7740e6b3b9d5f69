"""Paces what agents begin, counted on Redis for all processes at once."""

import asyncio
import time
from weakref import WeakKeyDictionary

from limits import RateLimitItemPerMinute
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from redis.asyncio import Redis

from twintrack.core.keys import PREFIX, encode
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated
from twintrack.core.resilience import waits


class SharedRates:
    """Lets so many begin in any minute; who comes too early waits.

    On a Redis cluster, which the library opens by addresses of its own alone, each process counts for itself.
    """

    def __init__(self, source: RedisSource) -> None:
        self._source = source
        self._limiters: WeakKeyDictionary[asyncio.AbstractEventLoop, MovingWindowRateLimiter] = WeakKeyDictionary()

    async def admitted(self, name: str, per_minute: int) -> None:
        """Wait until the caller may begin; the caller's own time limit bounds the wait."""
        item, limiter = RateLimitItemPerMinute(per_minute), self._limiter()
        while waits():
            async with translated():
                if await limiter.hit(item, encode(name)):
                    return
                window = await limiter.get_window_stats(item, encode(name))
            await asyncio.sleep(max(0.01, window.reset_time - time.time()))

    def _limiter(self) -> MovingWindowRateLimiter:
        loop = asyncio.get_running_loop()
        if loop not in self._limiters:
            self._limiters[loop] = MovingWindowRateLimiter(_storage(self._source.client()))
        return self._limiters[loop]


def _storage(client: Redis) -> RedisStorage | MemoryStorage:
    """Return where the library counts: over our own pool, whatever form its URL has."""
    pool = getattr(client, "connection_pool", None)
    if pool is None:
        return MemoryStorage()
    # Opened from a pool it asks for no address; the URL names the kind of server alone.
    return RedisStorage("async+redis://", implementation="redispy", key_prefix=f"{PREFIX}:rate", connection_pool=pool)
