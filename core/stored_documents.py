"""The documents of a corpus that are there already for the same readers, and what writing and dropping one takes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from redis.asyncio import Redis

from twintrack.core.access import may_replace, restricted_tags
from twintrack.core.context import Identity
from twintrack.core.documents import Document
from twintrack.core.passages_index import PassagesIndex, Stored, access_in, decoded, documents_field


@dataclass(frozen=True, slots=True)
class _Copy:
    access: str
    stored: Stored


class StoredDocuments:
    """What one index holds of a tenant under one access; copies under another are known, to be dropped."""

    def __init__(self, client: Redis, index: PassagesIndex, *, identity: Identity, access: str) -> None:
        self._client = client
        self._index = index
        self._identity = identity
        self._access = access
        self._known: dict[str, Stored] = {}
        self._elsewhere: dict[str, list[_Copy]] = {}

    async def load(self) -> list[Stored]:
        """Read and return what is there."""
        rows = await self._client.hgetall(self._index.documents_key(self._identity))
        self._known, self._elsewhere = {}, {}
        for name, value in rows.items():
            stored, field = Stored(**json.loads(value)), decoded(name)
            if field == documents_field(self._access, stored.id):
                self._known[stored.id] = stored
            else:
                self._elsewhere.setdefault(stored.id, []).append(_Copy(access_in(field), stored))
        return list(self._known.values())

    def get(self, document_id: str) -> Stored | None:
        """Return the document as it was when it was loaded; None where it was not there."""
        return self._known.get(document_id)

    def remember(self, pipe: Redis, stored: Stored) -> None:
        """Note a document as written."""
        name = documents_field(self._access, stored.id)
        pipe.hset(self._index.documents_key(self._identity), name, json.dumps(stored.to_json()))

    def forget(self, pipe: Redis, stored: Stored | None, access: str | None = None) -> None:
        """Drop a document and its passages."""
        if stored:
            pipe.unlink(*(self._index.passage_key(name, self._identity) for name in stored.passage_ids()))
            pipe.hdel(self._index.documents_key(self._identity), documents_field(access or self._access, stored.id))

    def forget_copies(self, pipe: Redis, document: Document) -> int:
        """Drop the same file's copies under other readers: who read it in last decides who finds it."""
        found = [one for one in self._elsewhere.get(document.id, []) if one.stored.source == document.source]
        copies = [one for one in found if may_replace(one.access, self._identity)]
        for copy in copies:
            self.forget(pipe, copy.stored, copy.access)
            self.changed(pipe, copy.access)
        return len(copies)

    def changed(self, pipe: Redis, access: str | None = None) -> None:
        """Tell what was found before, and is kept, that it may be so no more."""
        pipe.incr(self._index.version_key(self._identity))
        for tag in restricted_tags(access or self._access):
            pipe.incr(self._index.reader_version_key(tag, self._identity))

    async def drop_copies(self, document: Document) -> int:
        """Drop the copies of a document that stays as it is."""
        async with self._client.pipeline(transaction=True) as pipe:
            if dropped := self.forget_copies(pipe, document):
                await pipe.execute()
        return dropped

    async def drop(self, gone: Sequence[Stored]) -> None:
        """Drop documents, all in one transaction."""
        if not gone:
            return
        async with self._client.pipeline(transaction=True) as pipe:
            for stored in gone:
                self.forget(pipe, stored)
            self.changed(pipe)
            await pipe.execute()
