"""Where a thread's undone turns leave what they had taught, so that going forward again brings it back."""

import json
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

from twintrack.core.context import Identity
from twintrack.core.keys import owned
from twintrack.core.redis_client import RedisSource

KIND = "undone"


class Way:
    """The versions that led to where a thread stands."""

    def __init__(self, versions: Sequence[str], after: float) -> None:
        self._versions = frozenset(versions)
        self._oldest = versions[-1] if versions else "~"
        self._after = after

    def leads_over(self, data: dict[str, Any]) -> bool:
        """Tell whether the turn that left this lies on the way."""
        return bool(data["checkpoint_id"]) and data["checkpoint_id"] in self._versions

    def has_left(self, data: dict[str, Any]) -> bool:
        """Tell whether the turn that left this is undone: it came later, or lies on another way."""
        if self.leads_over(data):
            return False
        return bool(data["created_at"] > self._after or data["checkpoint_id"] >= self._oldest)


class Shelf:
    """What records of one tier wait on."""

    def __init__(self, source: RedisSource, tier: str) -> None:
        self._source = source
        self._tier = tier

    async def put(
        self, identity: Identity, thread_id: str, record_id: str, raw: dict[bytes, bytes], ttl_ms: int
    ) -> None:
        """Keep one record, with the time it had to live."""
        packed = {name.decode(): b64encode(value).decode() for name, value in raw.items()}
        value = json.dumps({"raw": packed, "ttl_ms": ttl_ms})
        await self._source.client().hset(_key(identity, thread_id), f"{self._tier} {record_id}", value)

    async def take(self, identity: Identity, thread_id: str, way: Way) -> list[tuple[dict[bytes, bytes], int]]:
        """Return the records of turns that lie on the way again, and their time to live; they are on the shelf no more."""
        client, key = self._source.client(), _key(identity, thread_id)
        taken = []
        stored: Any = await client.hgetall(key)
        for name, value in stored.items():
            entry = json.loads(value)
            raw = {field.encode(): b64decode(packed) for field, packed in entry["raw"].items()}
            if name.startswith(f"{self._tier} ".encode()) and way.leads_over(json.loads(raw[b"data"])):
                await client.hdel(key, name.decode())
                taken.append((raw, int(entry["ttl_ms"])))
        return taken

    async def clear(self, identity: Identity, thread_id: str) -> None:
        """Drop what waits of a thread, of every tier."""
        await self._source.client().delete(_key(identity, thread_id))


def told(value: bytes) -> dict[str, Any]:
    """Return what one record on the shelf says."""
    return dict(json.loads(b64decode(json.loads(value)["raw"]["data"])))


def _key(identity: Identity, thread_id: str) -> str:
    return owned(KIND, identity, thread_id)
