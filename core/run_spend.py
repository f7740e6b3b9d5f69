"""Keeps on Redis what a run has spent that waits for a person or was broken off, so that going on, anywhere, goes on counting."""

import json
from collections.abc import Mapping
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.keys import owned
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import translated

_DAY_MS = 86_400_000


class RunSpend:
    """One account a thread, written whole by the one process that has the thread; a turn that ends leaves none."""

    def __init__(self, source: RedisSource, *, days: float) -> None:
        self._source = source
        self._ttl_ms = int(days * _DAY_MS)

    async def keep(self, identity: Identity, thread_id: str, spent: Mapping[str, Any]) -> None:
        """Write what has been spent so far."""
        async with translated():
            await self._source.client().set(_key(identity, thread_id), json.dumps(spent), px=self._ttl_ms)

    async def read(self, identity: Identity, thread_id: str) -> dict[str, Any]:
        """Return what had been spent; nothing where nothing is kept."""
        async with translated():
            found = await self._source.client().get(_key(identity, thread_id))
        spent: dict[str, Any] = json.loads(found) if found else {}
        return spent

    async def drop(self, identity: Identity, thread_id: str) -> None:
        """Forget an account: its turn has ended."""
        async with translated():
            await self._source.client().delete(_key(identity, thread_id))


def _key(identity: Identity, thread_id: str) -> str:
    return owned("account", identity, thread_id)
