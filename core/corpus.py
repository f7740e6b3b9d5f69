"""The documents a tenant may ask about: bring them in, find passages, read one back."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from redis.asyncio.lock import Lock
from redis.exceptions import LockError, RedisError

from twintrack.core.access import access_of, may_read, own_tags
from twintrack.core.context import Identity
from twintrack.core.corpus_check import Mismatch, mismatch
from twintrack.core.crowds import Crowds
from twintrack.core.embeddings import Embedder, Embeds
from twintrack.core.errors import Conflict, SettingsError
from twintrack.core.hybrid import Vector
from twintrack.core.ingest_report import IngestReport, Progress
from twintrack.core.ingestion import Ingestion
from twintrack.core.kept_vectors import KeptVectors
from twintrack.core.keys import key
from twintrack.core.passage_search import PassageSearch
from twintrack.core.passages import Passage
from twintrack.core.passages_index import (
    FIELDS,
    PassagesIndex,
    Stored,
    access_in,
    decoded,
    documents_key,
    read_passage,
)
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex
from twintrack.core.reranker import BestPart, Reranker
from twintrack.core.settings import RetrievalSettings

_LOCK_SECONDS = 60
DESK = Identity()
"""Who reads documents in where no one is named; every search names its caller."""


class Corpus:
    """One corpus, seen through one caller's identity at a time."""

    def __init__(
        self,
        source: RedisSource,
        embedder: Embedder,
        settings: RetrievalSettings,
        *,
        reranker: Reranker | None = None,
    ) -> None:
        self.settings = settings
        self._reranker = reranker or (BestPart.of(settings) if settings.reranker == "parts" else None)
        self._source = source
        self._embedder = embedder
        self._crowds = Crowds()

    async def where(self) -> str:
        """Return the one line that says which Redis holds it."""
        return await self._source.describe()

    async def ingest(
        self,
        paths: Sequence[str | Path],
        *,
        identity: Identity = DESK,
        progress: Progress | None = None,
        private: bool = False,
        readers: Sequence[str] = (),
        within: Path | None = None,
    ) -> IngestReport:
        """Bring files and folders in.

        Args:
            paths: Files and folders.
            identity: Whose corpus.
            progress: Told of each document.
            private: Whether the documents are the caller's alone.
            readers: Who may read them, each as `user:NAME` or `group:NAME`; everyone in the tenant without any.
            within: The folder that all files must be in.

        Raises:
            NotAllowed: a file is not in the folder `within`, links followed.
            Conflict: another ingest into the same corpus is running.
        """
        index = await self.layout()
        await self._open(index)
        client = self._source.client()
        lock = client.lock(key("corpus-lock", index.name, identity.tenant_id), _LOCK_SECONDS, blocking_timeout=2)
        access = access_of(_readers(identity, private=private, readers=readers))
        run = Ingestion(
            client,
            index,
            self._embeds(identity, access),
            self.settings,
            identity=identity,
            access=access,
            progress=progress,
            keep=lock.reacquire,
            within=within,
        )
        try:
            async with _held(lock):
                return await run.run([Path(path) for path in paths])
        except LockError as error:
            raise Conflict(
                f"Another ingest into corpus {self.settings.corpus} is running.", fix="wait a minute and run it again"
            ) from error

    async def search(
        self,
        question: str,
        vector: Vector | Callable[[], Awaitable[Vector]],
        *,
        identity: Identity,
        limit: int | None = None,
    ) -> list[Passage]:
        """Return the passages nearest to the question by words and by meaning, best first.

        Args:
            question: Its words are looked up.
            vector: The question's, or what makes it: then it is made while the words are looked up.
            identity: Who asks.
            limit: Passages returned; the setting's without it.

        Raises:
            SettingsError: the caller's documents were read in with another embedder or kind of index.
        """
        made = vector if isinstance(vector, np.ndarray) else asyncio.ensure_future(vector())
        try:
            return await self._search(question, made, identity, limit or self.settings.limit)
        finally:
            if isinstance(made, asyncio.Future):
                _let_go(made)

    async def _search(
        self, question: str, vector: Vector | asyncio.Future[Vector], identity: Identity, limit: int
    ) -> list[Passage]:
        layout = await self.layout()
        index = await self._open(layout)
        led = await self._crowds.led(index, identity)
        search = PassageSearch(index, layout, self.settings, self._reranker, led)
        passages = await search(question, vector, identity=identity, limit=limit)
        if not passages:
            await self._check_not_elsewhere(layout, identity)
        return passages

    async def passage(self, passage_id: str, *, identity: Identity) -> Passage | None:
        """Return a passage as it is stored now, or None where it is gone or not the caller's to read."""
        index = await self.layout()
        names = ("access", *FIELDS)
        values = await self._source.client().hmget(index.passage_key(passage_id, identity), names)
        if not may_read(decoded(values[0]), identity):
            return None
        fields = {name: decoded(value) for name, value in zip(names, values, strict=True)}
        return read_passage(passage_id, fields)

    async def passages(self, *, identity: Identity) -> AsyncIterator[Passage]:
        """Yield every passage that the caller can read, document by document."""
        index = await self.layout()
        for name, value in (await self._source.client().hgetall(index.documents_key(identity))).items():
            if may_read(access_in(decoded(name)), identity):
                for passage_id in Stored(**json.loads(value)).passage_ids():
                    if passage := await self.passage(passage_id, identity=identity):
                        yield passage

    async def version(self, *, identity: Identity) -> str:
        """Return a name that changes whenever the caller's corpus does; callers who can read the same share it."""
        index, client = await self.layout(), self._source.client()
        tags = own_tags(identity)
        count, *kept = await asyncio.gather(
            client.get(index.version_key(identity)),
            *(client.get(index.reader_version_key(tag, identity)) for tag in tags),
        )
        own = [f"+{tag}@{int(changes)}" for tag, changes in zip(tags, kept, strict=True) if changes]
        return f"{index.name}@{int(count or 0)}{''.join(own)}"

    async def count(self, *, identity: Identity) -> int:
        """Return how many documents the caller can reach."""
        index = await self.layout()
        names = await self._source.client().hkeys(index.documents_key(identity))
        return sum(may_read(access_in(decoded(name)), identity) for name in names)

    async def clear(self, *, identity: Identity, private: bool = False, readers: Sequence[str] = ()) -> int:
        """Drop the tenant's documents for everyone, or those for just these readers; return how many."""
        index = await self.layout()
        access = access_of(_readers(identity, private=private, readers=readers))
        client = self._source.client()
        run = Ingestion(client, index, self._embedder, self.settings, identity=identity, access=access)
        return await run.drop_all()

    def _embeds(self, identity: Identity, access: str) -> Embeds:
        """Return what embeds documents; of those of one user nothing is kept beside them, so that they go with him."""
        days = self.settings.vectors_kept_days
        if not days or access == access_of([f"user:{identity.user_id}"]):
            return self._embedder
        return KeptVectors(self._source.client(), self._embedder, identity, days=days)

    async def mismatch(self) -> Mismatch | None:
        """Return what of the corpus cannot be found because it was read in for another embedder or kind of index."""
        return await mismatch(self._source.client(), await self.layout())

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
            windows=self.settings.reranker == "parts",
            m=self.settings.hnsw_m,
            ef_construction=self.settings.hnsw_ef_construction,
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


def _readers(identity: Identity, *, private: bool, readers: Sequence[str]) -> list[str]:
    return [*readers, f"user:{identity.user_id}"] if private else list(readers)


@asynccontextmanager
async def _held(lock: Lock) -> AsyncIterator[None]:
    """Hold the lock for however long the block takes; one that is lost all the same is noticed by the next write."""

    async def renew() -> None:
        while True:
            await asyncio.sleep(_LOCK_SECONDS / 3)
            with suppress(RedisError):
                await lock.reacquire()

    async with lock:
        renewal = asyncio.create_task(renew())
        try:
            yield
        finally:
            renewal.cancel()
            with suppress(asyncio.CancelledError):
                await renewal


def _let_go(made: asyncio.Future[Vector]) -> None:
    """Stop what nobody waits for any more, where the search failed before it; its own fault is then of no interest."""
    if not made.cancel() and not made.cancelled():
        made.exception()
