"""The one place that makes Redis clients and search indexes."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redisvl.index import AsyncSearchIndex
from redisvl.schema import IndexSchema

from twintrack.core.errors import RedisUnavailable
from twintrack.core.settings import RedisSettings


class RedisSource:
    """Gives each running event loop its own client and indexes; opening one does no I/O."""

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._indexes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncSearchIndex]] = WeakKeyDictionary()

    def client(self) -> Redis:
        """Return the running loop's client (bytes in, bytes out)."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = self._connect()
        return self._clients[loop]

    async def index(self, schema: dict[str, Any]) -> AsyncSearchIndex:
        """Return the running loop's index of this schema, created in Redis where it is missing."""
        loop = asyncio.get_running_loop()
        indexes = self._indexes.setdefault(loop, {})
        name = schema["index"]["name"]
        if name not in indexes:
            index = AsyncSearchIndex(IndexSchema.from_dict(schema), redis_client=self.client())
            await index.create(overwrite=False)
            indexes[name] = index
        return indexes[name]

    async def aclose(self) -> None:
        """Close the running loop's client."""
        loop = asyncio.get_running_loop()
        self._indexes.pop(loop, None)
        if client := self._clients.pop(loop, None):
            await client.aclose()

    def _connect(self) -> Redis:
        if self.settings.url is None:
            raise RedisUnavailable("No Redis URL is set.", fix="set TWINTRACK_REDIS__URL")
        pool = BlockingConnectionPool.from_url(
            self.settings.url.get_secret_value(),
            max_connections=self.settings.max_connections,
            timeout=self.settings.timeout_s,
        )
        return Redis.from_pool(pool)
