"""LangGraph's long-term store on Redis: exact namespaces, one key per item, search by meaning."""

import asyncio
import json
import time
from collections.abc import Iterable, Iterator, Sequence
from hashlib import blake2b
from typing import Any

import numpy as np
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    tokenize_path,
    validate_op_namespace,
)
from redis.exceptions import ResponseError

from twintrack.core.embeddings import Embedder
from twintrack.core.keys import key
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_errors import is_missing_index, translated
from twintrack.core.redis_wire import together
from twintrack.memory.store_items import (
    FIELDS,
    KIND,
    Namespace,
    fits,
    groups,
    hits,
    item_key,
    item_of,
    joined,
    matches,
    parted,
    place_of,
    prefix_tag,
    prefix_tags,
)

PAGE = 200
"""Items looked at in one go while a filter leaves some out."""

CENTURY_MS = 100 * 365 * 24 * 3600 * 1000
"""Longest life of an item that Redis is asked for."""


class RedisVectorStore(BaseStore):
    """Keeps JSON values under exact, case-sensitive namespaces; safe to share between event loops.

    Args:
        embedder: finds items by meaning when a search has a query; without one a query is ignored.
        fields: paths of the values that are embedded, as one text; `$` is the whole value.
        ttl: LangGraph's `default_ttl` in minutes and `refresh_on_read`.
    """

    supports_ttl = True

    def __init__(
        self,
        source: RedisSource,
        embedder: Embedder | None = None,
        *,
        fields: Sequence[str] = ("$",),
        ttl: TTLConfig | None = None,
    ) -> None:
        self.source = source
        self.embedder = embedder
        self.fields = list(fields)
        self.ttl_config = ttl

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Do the same as `abatch` from a thread without an event loop."""

        async def run() -> list[Result]:
            try:
                return await self.abatch(ops)
            finally:
                await self.source.aclose()

        return asyncio.run(run())

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Run operations: reads see what was there before, then of several puts to one key the last counts."""
        listed = list(ops)
        for op in listed:
            validate_op_namespace(op)
        puts = {(op.namespace, op.key): op for op in listed if isinstance(op, PutOp)}
        async with translated():
            results = [await self._read(op) for op in listed]
            await self._put([*puts.values()])
        return results

    async def _read(self, op: Op) -> Result:
        if isinstance(op, GetOp):
            return (await self._items([item_key(op.namespace, op.key)], refresh=op.refresh_ttl))[0]
        if isinstance(op, SearchOp):
            return await self._search(op)
        if isinstance(op, ListNamespacesOp):
            return await self._namespaces(op)
        return None

    async def _put(self, ops: Sequence[PutOp]) -> None:
        if ops:
            await self._index()
        texts = [self._text(op) for op in ops]
        wanted = [text for text in texts if text]
        vectors: Iterator[Any] = iter(await self.embedder.embed(wanted) if wanted and self.embedder else [])
        for op, text in zip(ops, texts, strict=True):
            await self._put_one(op, next(vectors) if text else None)

    async def _put_one(self, op: PutOp, vector: Any) -> None:
        name, client = item_key(op.namespace, op.key), self.source.client()
        if op.value is None:
            await client.unlink(name)
            return
        now = time.time_ns() // 1000
        ttl = None if op.ttl is None else max(1, min(int(op.ttl * 60_000), CENTURY_MS))
        fields: dict[Any, Any] = {"value": json.dumps(op.value), "updated": now, "ns": joined(op.namespace)}
        fields |= {"prefixes": prefix_tags(op.namespace), "ttl": "" if ttl is None else ttl}
        stale = [] if vector is not None or not self.embedder else [await self._vector_field()]
        if vector is not None:
            fields[await self._vector_field()] = np.asarray(vector, np.float32).tobytes()
        async with client.pipeline(transaction=True) as pipe:
            pipe.hset(name, mapping=fields)
            pipe.hsetnx(name, "created", str(now))
            if stale:
                pipe.hdel(name, *stale)
            if ttl is None:
                pipe.persist(name)
            else:
                pipe.pexpire(name, ttl)
            await pipe.execute()

    def _text(self, op: PutOp) -> str:
        if op.value is None or op.index is False or self.embedder is None:
            return ""
        paths = self.fields if op.index is None else op.index
        found = [get_text_at_path(op.value, path if path == "$" else tokenize_path(path)) for path in paths]
        return "\n".join(text for texts in found for text in texts)

    async def _items(self, names: Sequence[str], *, refresh: bool) -> list[Item | None]:
        if not names:
            return []
        client = self.source.client()
        async with client.pipeline(transaction=False) as pipe:
            for name in names:
                pipe.hmget(name, *FIELDS)
            rows = await pipe.execute()
            for name, row in zip(names, rows, strict=True):
                if refresh and row[3]:
                    pipe.pexpire(name, int(row[3]))
            await pipe.execute()
        return [item_of(*place_of(name), row) for name, row in zip(names, rows, strict=True)]

    async def _search(self, op: SearchOp) -> list[SearchItem]:
        if op.query and self.embedder:
            return await self._nearest(op, op.query)
        found: list[Item] = []
        start = 0
        while len(found) < op.offset + op.limit:
            names = await self._newest(op.namespace_prefix, start)
            items = await self._items(names, refresh=False)
            found += [item for item in items if item and fits(item.value, op.filter)]
            start += PAGE
            if len(names) < PAGE:
                break
        return await self._refreshed(op, [_search_item(item, None) for item in found[op.offset :][: op.limit]])

    async def _newest(self, prefix: Namespace, start: int) -> list[str]:
        words = (_under(prefix), "NOCONTENT", "SORTBY", "updated", "DESC", "LIMIT", start, PAGE)
        return [name for name, _ in await self._find(*words)]

    async def _nearest(self, op: SearchOp, query: str) -> list[SearchItem]:
        assert self.embedder is not None  # noqa: S101 - the caller has checked
        vector = np.asarray(await self.embedder.embed_one(query), np.float32).tobytes()
        wanted, count = op.offset + op.limit, max(op.offset + op.limit, 1)
        while True:
            near = f"({_under(op.namespace_prefix)})=>[KNN {count} @{await self._vector_field()} $vector AS distance]"
            words = ("RETURN", 1, "distance", "SORTBY", "distance", "LIMIT", 0, count)
            near_ones = await self._find(near, *words, "PARAMS", 2, "vector", vector)
            items = await self._items([name for name, _ in near_ones], refresh=False)
            pairs = zip(items, near_ones, strict=True)
            scored = [_search_item(item, 1 - far) for item, (_, far) in pairs if item and fits(item.value, op.filter)]
            if len(scored) >= wanted or len(near_ones) < count:
                break
            count *= 4
        kept = scored[op.offset : wanted]
        if len(kept) < op.limit:
            kept += await self._without_vector(
                op, {(item.namespace, item.key) for item in scored}, op.limit - len(kept)
            )
        return await self._refreshed(op, kept)

    async def _without_vector(self, op: SearchOp, seen: set[tuple[Namespace, str]], count: int) -> list[SearchItem]:
        plain = op._replace(query=None, limit=count + len(seen), offset=0, refresh_ttl=False)
        return [item for item in await self._search(plain) if (item.namespace, item.key) not in seen][:count]

    async def _refreshed(self, op: SearchOp, items: list[SearchItem]) -> list[SearchItem]:
        if op.refresh_ttl:
            await self._items([item_key(item.namespace, item.key) for item in items], refresh=True)
        return items

    async def _namespaces(self, op: ListNamespacesOp) -> list[Namespace]:
        words = ("*", "LOAD", 1, "@ns", "GROUPBY", 1, "@ns", "LIMIT", 0, 1_000_000)
        reply = await self._query("FT.AGGREGATE", *words)
        found = [parted(name) for name in groups(reply)]
        kept = {ns[: op.max_depth] for ns in found if all(matches(ns, each) for each in op.match_conditions or ())}
        return sorted(kept)[op.offset : op.offset + op.limit]

    async def _find(self, *words: Any) -> list[tuple[str, float]]:
        return hits(await self._query("FT.SEARCH", *words, "DIALECT", 2))

    async def _query(self, command: str, *words: Any) -> Any:
        index = await self._index()
        client, asked = self.source.client(), [(command, index.name, *words)]
        try:
            return (await together(client, asked))[0]
        except ResponseError as error:
            if not is_missing_index(error):
                raise
        await index.open()
        return (await together(client, asked))[0]

    async def _index(self) -> Any:
        await self._vector_field()
        return await self.source.index(self._schema())

    async def _vector_field(self) -> str:
        """Return the embedder's own field: stores with other embedders may share the items."""
        if self.embedder is None:
            return ""
        if not self.embedder.dims:
            await self.embedder.embed_one("length")
        return "vector_" + blake2b(self._made_by().encode(), digest_size=6).hexdigest()

    def _made_by(self) -> str:
        """Return whose vectors these are: one name may stand for models of different sizes."""
        return f"{self.embedder.name} {self.embedder.dims}" if self.embedder else "plain"

    def _schema(self) -> dict[str, Any]:
        fields: list[dict[str, Any]] = [
            {"name": "prefixes", "type": "tag", "attrs": {"separator": ",", "case_sensitive": True}},
            {"name": "updated", "type": "numeric", "attrs": {"sortable": True}},
        ]
        name = self._made_by()
        if self.embedder:
            mark = "vector_" + blake2b(name.encode(), digest_size=6).hexdigest()
            attrs = {
                "algorithm": "flat",
                "dims": self.embedder.dims,
                "distance_metric": "cosine",
                "datatype": "float32",
            }
            fields.append({"name": mark, "type": "vector", "attrs": attrs})
        index = {"name": key("items", name), "prefix": key(KIND) + ":", "storage_type": "hash"}
        return {"index": index, "fields": fields}


def _under(prefix: Namespace) -> str:
    return f"@prefixes:{{{prefix_tag(prefix)}}}"


def _search_item(item: Item, score: float | None) -> SearchItem:
    return SearchItem(item.namespace, item.key, item.value, item.created_at, item.updated_at, score)
