"""Keeps the vectors of a tenant's passages for a while, so that the same text read in again is not embedded again."""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypedDict

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.keys import key
from twintrack.core.redis_wire import together

_DAY_S = 24 * 3600


class VectorCounts(TypedDict):
    """What keeping vectors did for a tenant."""

    vectors_reused: int
    vectors_made: int


class KeptVectors:
    """Embeds texts; one whose vector is kept costs a look.

    A vector is kept under its embedder's name and size, its tenant and the hash of its text, and holds nothing else.
    """

    def __init__(self, client: Any, embedder: Embedder, identity: Identity, *, days: float) -> None:
        self._client = client
        self._embedder = embedder
        self._tenant = identity.tenant_id
        self._seconds = max(1, round(days * _DAY_S))

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return one row per text."""
        names = [self._name(text) for text in texts]
        kept: list[bytes | None] = await together(self._client, [("GET", name) for name in names])
        new = [place for place, vector in enumerate(kept) if vector is None]
        if new:
            made = await self._embedder.embed([texts[place] for place in new])
            for place, vector in zip(new, made, strict=True):
                kept[place] = vector.tobytes()
        await self._keep([(names[place], kept[place]) for place in new])
        await self._count(reused=len(texts) - len(new), made=len(new))
        return np.frombuffer(b"".join(one or b"" for one in kept), np.float32).reshape(len(texts), -1)

    async def _keep(self, made: Sequence[tuple[str, bytes | None]]) -> None:
        await together(self._client, [("SET", name, vector, "EX", self._seconds) for name, vector in made])

    async def _count(self, *, reused: int, made: int) -> None:
        name = _counts_key(self._tenant)
        by = {"vectors_reused": reused, "vectors_made": made}
        await together(self._client, [("HINCRBY", name, field, number) for field, number in by.items() if number])

    def _name(self, text: str) -> str:
        mark = blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
        return key("vector", self._embedder.name, str(self._embedder.dims), self._tenant, mark)


async def vector_counts(client: Any, tenant_id: str) -> VectorCounts:
    """Return what keeping vectors did for a tenant."""
    found = await client.hgetall(_counts_key(tenant_id))
    return VectorCounts(
        vectors_reused=int(found.get(b"vectors_reused", 0)), vectors_made=int(found.get(b"vectors_made", 0))
    )


def _counts_key(tenant_id: str) -> str:
    return key("vector-counts", tenant_id)
