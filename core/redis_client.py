"""The one place that makes Redis clients and search indexes."""

import asyncio
from typing import Any
from weakref import WeakKeyDictionary

from redis.asyncio import Redis
from redisvl.index import AsyncSearchIndex
from redisvl.schema import IndexSchema

from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.redis_connection import open_client
from twintrack.core.settings import RedisSettings


class RedisSource:
    """Gives each running event loop its own client and indexes; opening one does no I/O."""

    def __init__(self, settings: RedisSettings) -> None:
        self.settings = settings
        self.server = EmbeddedRedis(settings.data_dir)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._indexes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, AsyncSearchIndex]] = WeakKeyDictionary()

    def client(self) -> Redis:
        """Return the running loop's client (bytes in, bytes out)."""
        loop = asyncio.get_running_loop()
        if loop not in self._clients:
            self._clients[loop] = open_client(self.settings, self.server)
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
        """Close the running loop's client; the last one gives up this process's place at the embedded server."""
        loop = asyncio.get_running_loop()
        self._indexes.pop(loop, None)
        if client := self._clients.pop(loop, None):
            await client.aclose()
        if not self._clients:
            await asyncio.to_thread(self.server.leave)
