"""The documents a tenant may ask about: bring them in, find passages, read one back."""

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from redis.exceptions import LockError

from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.errors import Conflict, SettingsError
from twintrack.core.hybrid import HybridSearch, Row, hybrid
from twintrack.core.ingestion import Ingestion, IngestReport, Progress
from twintrack.core.keys import encode, key
from twintrack.core.passages import Passage
from twintrack.core.passages_index import (
    EVERYONE,
    FIELDS,
    PassagesIndex,
    access_of,
    decoded,
    documents_key,
    reach,
    read_passage,
)
from twintrack.core.query_words import asked_stems
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex
from twintrack.core.settings import RetrievalSettings

_LOCK_SECONDS = 60
DESK = Identity()
"""Who reads documents in where no one is named; every search names its caller."""


class Corpus:
    """One corpus, seen through one caller's identity at a time."""

    def __init__(self, source: RedisSource, embedder: Embedder, settings: RetrievalSettings) -> None:
        self.settings = settings
        self._source = source
        self._embedder = embedder

    async def ingest(
        self,
        paths: Sequence[str | Path],
        *,
        identity: Identity = DESK,
        progress: Progress | None = None,
        private: bool = False,
        within: Path | None = None,
    ) -> IngestReport:
        """Bring files and folders in; `private` documents are found by their owner alone.

        Raises:
            NotAllowed: a file is not in the folder `within`, links followed.
            Conflict: another ingest into the same corpus is running.
        """
        index = await self.layout()
        await self._open(index)
        client = self._source.client()
        lock = client.lock(key("corpus-lock", index.name, identity.tenant_id), _LOCK_SECONDS, blocking_timeout=2)
        run = Ingestion(
            client,
            index,
            self._embedder,
            self.settings,
            identity=identity,
            access=access_of(identity, private=private),
            progress=progress,
            keep=lock.reacquire,
            within=within,
        )
        try:
            async with lock:
                return await run.run([Path(path) for path in paths])
        except LockError as error:
            raise Conflict(
                f"Another ingest into corpus {self.settings.corpus} is running.", fix="wait a minute and run it again"
            ) from error

    async def search(
        self, question: str, vector: NDArray[np.float32], *, identity: Identity, limit: int | None = None
    ) -> list[Passage]:
        """Return the passages nearest to the question by words and by meaning, best first.

        Raises:
            SettingsError: the caller's documents were read in with another embedder or kind of index.
        """
        index = await self.layout()
        search = HybridSearch(
            index=index.name,
            words=asked_stems(question),
            vector=vector,
            filters=reach(identity),
            fields=FIELDS,
            vector_weight=self.settings.vector_weight,
            vector_type=self.settings.vector_type,
            candidates=self.settings.candidates,
        )
        rows = await hybrid(await self._open(index), search, limit=limit or self.settings.limit)
        if not rows:
            await self._check_not_elsewhere(index, identity)
        return [_passage(row) for row in rows]

    async def passage(self, passage_id: str, *, identity: Identity) -> Passage | None:
        """Return a passage as it is stored now, or None where it is gone or not the caller's to read."""
        index = await self.layout()
        names = ("access", *FIELDS)
        values = await self._source.client().hmget(index.passage_key(passage_id, identity), names)
        if decoded(values[0]) not in reach(identity)["access"]:
            return None
        fields = {name: decoded(value) for name, value in zip(names, values, strict=True)}
        return read_passage(passage_id, fields)

    async def version(self, *, identity: Identity) -> str:
        """Return a name that changes whenever the caller's corpus does; one who has documents of his own shares it with nobody."""
        index, client = await self.layout(), self._source.client()
        count, private = await asyncio.gather(
            client.get(index.version_key(identity)), client.get(index.private_version_key(identity))
        )
        name = f"{index.name}@{int(count or 0)}"
        return f"{name}+{int(private)}~{encode(identity.user_id)}" if private else name

    async def count(self, *, identity: Identity) -> int:
        """Return how many documents the caller can reach."""
        index = await self.layout()
        names = await self._source.client().hkeys(index.documents_key(identity))
        reachable = (EVERYONE, access_of(identity, private=True))
        return sum(decoded(name).partition("\t")[0] in reachable for name in names)

    async def clear(self, *, identity: Identity, private: bool = False) -> int:
        """Drop the tenant's shared documents, or the caller's private ones; return how many."""
        index = await self.layout()
        access = access_of(identity, private=private)
        client = self._source.client()
        run = Ingestion(client, index, self._embedder, self.settings, identity=identity, access=access)
        return await run.drop_all()

    async def layout(self) -> PassagesIndex:
        """Return the names of the corpus in Redis."""
        if self._embedder.dims == 0:
            await self._embedder.embed_one("dimension")
        return PassagesIndex(
            self.settings.corpus,
            self._embedder.name,
            self._embedder.dims,
            self.settings.vector_index,
            self.settings.vector_type,
        )

    async def _check_not_elsewhere(self, index: PassagesIndex, identity: Identity) -> None:
        """An empty corpus beside a full one of the same name is a changed setting, not an unknown topic."""
        client: Any = self._source.client()
        if await client.exists(index.documents_key(identity)):
            return
        names = [decoded(name) for name in await client.execute_command("FT._LIST")]
        for name in names:
            if name.startswith(index.family) and await client.exists(documents_key(name, identity)):
                raise SettingsError(
                    f"Corpus {index.corpus} was read in for another embedder or index: {name}, not {index.name}.",
                    fix="set TWINTRACK_MODELS__EMBEDDER and TWINTRACK_RETRIEVAL__VECTOR_INDEX back, or ingest again",
                )

    async def _open(self, index: PassagesIndex) -> ContractIndex:
        return await self._source.index(index.schema())


def _passage(row: Row) -> Passage:
    """Return the passage in a row; the logistic curve puts its standard score between 0 and 1, order kept."""
    return read_passage(row.key.rsplit(":", 1)[-1], row.fields, score=1 / (1 + math.exp(-row.score)))
