"""The one place that gives out Redis clients and search indexes."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakKeyDictionary, WeakSet, ref

from redis.asyncio import Redis
from redis.exceptions import ConnectionError as LostConnection

from twintrack.core.embedded_redis import EmbeddedRedis
from twintrack.core.redis_connection import open_client
from twintrack.core.redis_errors import translated
from twintrack.core.redis_index import ContractIndex
from twintrack.core.settings import RedisSettings


class RedisSource:
    """Gives each running event loop its own client and indexes; opening one does no I/O.

    Without a URL in the settings it is the embedded server, started at the first command. `options` are redis-py's.
    """

    def __init__(self, settings: RedisSettings, options: dict[str, Any] | None = None) -> None:
        self.settings = settings
        self.options = options or {}
        self.server = EmbeddedRedis(settings.data_dir)
        self._clients: WeakKeyDictionary[asyncio.AbstractEventLoop, Redis] = WeakKeyDictionary()
        self._indexes: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, ContractIndex]] = WeakKeyDictionary()
        self._closed: WeakSet[asyncio.AbstractEventLoop] = WeakSet()
        self._last: tuple[Callable[[], Any], Redis] | None = None

    def client(self) -> Redis:
        """Return the running loop's client (bytes in, bytes out).

        Raises:
            LostConnection: the loop has closed it. What a run that was given up still asks then, as LangGraph lets
                it, must neither open a connection that nobody closes nor start the embedded server anew.
        """
        loop, last = asyncio.get_running_loop(), self._last
        if last and last[0]() is loop:  # nearly always: a process has one loop that asks
            return last[1]
        if loop in self._closed:
            raise LostConnection("Connection closed.")
        if (client := self._clients.get(loop)) is None:
            client = self._clients[loop] = open_client(self.settings, self.server, self.options)
        self._last = ref(loop), client
        return client

    async def index(self, schema: dict[str, Any]) -> ContractIndex:
        """Return the running loop's index of this schema, made in Redis where it is missing.

        It never has stop words and its tags always mind case, whatever the schema says.

        Raises:
            SettingsError: an index of this name was made with other fields or dimensions.
            RedisUnavailable: Redis cannot be used.
        """
        indexes = self._indexes.setdefault(asyncio.get_running_loop(), {})
        name = schema["index"]["name"]
        if name not in indexes or indexes[name].given != schema:
            index = ContractIndex(schema, self.client())
            async with translated():
                await index.open()
            indexes[name] = index
        return indexes[name]

    async def describe(self) -> str:
        """Return the one line that says which server this is; no password in it."""
        if self.settings.url is None:
            return await asyncio.to_thread(self.server.describe)
        url = urlsplit(self.settings.url.get_secret_value())
        where = url.netloc.rpartition("@")[2] + url.path
        async with translated():
            version = (await self.client().info("server")).get("redis_version", "unknown")
        return f"Redis {version} at {url.scheme}://{where}"

    async def aclose(self) -> None:
        """Close the running loop's client; the last one gives up this process's place at the embedded server."""
        loop = asyncio.get_running_loop()
        self._closed.add(loop)
        self._last = None
        self._indexes.pop(loop, None)
        if client := self._clients.pop(loop, None):
            await client.aclose()
        if not self._clients:
            await asyncio.to_thread(self.server.leave)
