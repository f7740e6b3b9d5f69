"""Records that one user owns, found by meaning and by words: what facts and episodes are both kept as."""

import json
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray
from redis.asyncio import Redis

from twintrack.core import keys
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.hybrid import HybridSearch, Row, hybrid, run, tags
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex
from twintrack.core.redis_wire import together
from twintrack.core.search_replies import parse
from twintrack.memory.shelf import Shelf

PAGE = 500
EVERY = 10_000
"""Most records one listing returns."""
_WRITE = """redis.call('HSET', KEYS[1], unpack(ARGV, 2))
if ARGV[1] ~= '' then redis.call('EXPIRE', KEYS[1], ARGV[1]) end"""
"""Writes a record and sets how long it lives, as one."""


@dataclass(frozen=True, slots=True)
class Record:
    """One record on its way into Redis."""

    id: str
    words: Sequence[str]
    vector: NDArray[np.float32]
    created_at: float
    data: Mapping[str, Any]
    """What comes back when it is read; JSON only."""
    tags: Mapping[str, str] = field(default_factory=dict)


class Records:
    """One index of one kind of record for one embedder; every query is held to one user of one tenant."""

    def __init__(self, source: RedisSource, embedder: Embedder, kind: str, extra_tags: Sequence[str] = ()) -> None:
        self.source = source
        self.embedder = embedder
        self.base = kind
        self.extra_tags = tuple(extra_tags)

    async def kind(self) -> str:
        """Return what the keys are of: vectors of two embedders must never meet, so both its name and size are in it."""
        if not self.embedder.dims:
            await self.embedder.embed_one("size")
        return f"{self.base}.{_plain(self.embedder.name)}.{self.embedder.dims}"

    async def index(self) -> ContractIndex:
        """Return the index, created where it is missing."""
        return await self.source.index(_schema(await self.kind(), self.embedder.dims, self.extra_tags))

    async def write(self, identity: Identity, records: Iterable[Record], *, ttl_s: int | None = None) -> None:
        """Write records, all at once."""
        await self.index()
        kind = await self.kind()
        client: Any = self.source.client()
        ttl = "" if ttl_s is None else ttl_s
        writing = [
            ("EVAL", _WRITE, 1, keys.owned(kind, identity, one.id), ttl, *_hash(identity, one)) for one in records
        ]
        await together(client, writing)

    async def search(
        self,
        words: Sequence[str],
        vector: NDArray[np.float32],
        *,
        identity: Identity,
        vector_weight: float,
        candidates: int,
        **wanted: str,
    ) -> list[tuple[dict[str, Any], Row]]:
        """Return the user's records nearest to the question, best first, with how each was found."""
        index = await self.index()
        search = HybridSearch(
            index=index.name,
            words=words,
            vector=vector,
            filters=owner(identity, **wanted),
            fields=["data"],
            vector_weight=vector_weight,
            candidates=candidates,
        )
        rows = await hybrid(index, search, limit=candidates)
        held = [row for row in rows if b"data" in row.fields]
        listed = orjson.loads(b"[%b]" % b",".join([row.fields[b"data"] for row in held]))
        return list(zip(listed, held, strict=True))

    async def find(
        self, identity: Identity, *, after: float | None = None, limit: int = EVERY, offset: int = 0, **wanted: str
    ) -> list[dict[str, Any]]:
        """Return the user's records that have these tags, oldest first."""
        index = await self.index()
        since = "" if after is None else f" @created_at:[({after!r} +inf]"
        query = tags(owner(identity, **wanted)) + since
        command = (
            *("FT.SEARCH", index.name, query, "SORTBY", "created_at", "ASC"),
            *("RETURN", 1, "data", "LIMIT", offset, limit, "DIALECT", 2),
        )
        [reply] = await run(index, [command])
        return [json.loads(fields["data"]) for _, _, fields in parse(reply) if "data" in fields]

    async def get(self, identity: Identity, record_id: str) -> dict[str, Any] | None:
        """Return one of the user's records, or None."""
        name = keys.owned(await self.kind(), identity, record_id)
        raw = await self.source.client().hget(name, "data")
        return dict(json.loads(raw)) if raw else None

    async def change(self, identity: Identity, record_id: str, data: Mapping[str, Any], **changed: str) -> None:
        """Rewrite a record's data and some of its tags; one that is gone stays gone."""
        name, client = keys.owned(await self.kind(), identity, record_id), self.source.client()
        if await client.exists(name):
            mapping: dict[Any, Any] = {tag: keys.encode(value) for tag, value in changed.items()}
            await client.hset(name, mapping=mapping | {"data": _json(data)})

    async def shelve(self, identity: Identity, shelf: Shelf, found: Iterable[Mapping[str, Any]]) -> int:
        """Put records aside, out of every search; return how many there were."""
        client, kind, count = self.source.client(), await self.kind(), 0
        for data in found:
            name = keys.owned(kind, identity, data["id"])
            raw: Any = await client.hgetall(name)
            if raw:
                await shelf.put(identity, data["thread_id"], data["id"], raw, int(await client.pttl(name)))
                count += int(await client.delete(name))
        return count

    async def restore(self, identity: Identity, raw: Mapping[bytes, bytes], ttl_ms: int) -> None:
        """Put a record that was set aside back where it was."""
        name, client = keys.owned(await self.kind(), identity, json.loads(raw[b"data"])["id"]), self.source.client()
        mapping: dict[Any, Any] = {**raw}
        await client.hset(name, mapping=mapping)
        if ttl_ms > 0:
            await client.pexpire(name, ttl_ms)

    async def delete(self, identity: Identity, record_ids: Sequence[str]) -> int:
        """Delete some of the user's records; return how many there were."""
        if not record_ids:
            return 0
        kind = await self.kind()
        return int(await self.source.client().delete(*(keys.owned(kind, identity, each) for each in record_ids)))


def owner(identity: Identity, **wanted: str) -> dict[str, str]:
    """Return the tags that hold a query to one user, and those wanted besides."""
    values = {"tenant": identity.tenant_id, "user": identity.user_id, **wanted}
    return {name: keys.encode(value) for name, value in values.items()}


def digest(*parts: str) -> str:
    """Return a short name that the same parts always get."""
    return blake2b("\x00".join(parts).encode(errors="surrogatepass"), digest_size=12).hexdigest()


async def owned_keys(client: Redis, identity: Identity, kinds: str) -> AsyncIterator[bytes]:
    """Yield every key the user owns whose kind fits the glob, whatever embedder wrote it."""
    pattern = f"{keys.PREFIX}:{kinds}:{keys.encode(identity.tenant_id)}:{keys.encode(identity.user_id)}:*"
    async for name in client.scan_iter(match=pattern, count=1000):
        if name.count(b":") == pattern.count(":"):
            yield name


@lru_cache
def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9-]", "-", name.lower())


@lru_cache
def _schema(kind: str, dims: int, extra_tags: tuple[str, ...]) -> dict[str, Any]:
    tag_fields = [
        {"name": name, "type": "tag", "attrs": {"case_sensitive": True}} for name in ("tenant", "user", *extra_tags)
    ]
    vector = {"algorithm": "flat", "dims": dims, "distance_metric": "cosine", "datatype": "float32"}
    return {
        # Without stop words: the query engine of Redis Stack 7 dies of a union that begins with two of them.
        "index": {"name": keys.key(kind), "prefix": keys.key(kind), "storage_type": "hash", "stopwords": []},
        "fields": [
            *tag_fields,
            {"name": "words", "type": "text"},
            {"name": "created_at", "type": "numeric", "attrs": {"sortable": True}},
            {"name": "vector", "type": "vector", "attrs": vector},
        ],
    }


def _hash(identity: Identity, record: Record) -> list[Any]:
    """Return names and values in turn."""
    fields: dict[str, Any] = {
        **owner(identity, **record.tags),
        "words": " ".join(record.words),
        "vector": np.asarray(record.vector, np.float32).tobytes(),
        "created_at": record.created_at,
        "data": _json(record.data),
    }
    return [part for pair in fields.items() for part in pair]


def _json(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode(errors="replace")
