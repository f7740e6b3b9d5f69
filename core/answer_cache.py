"""Keeps answers and finds them again for the same question: by meaning, inside exact walls, checked word by word."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from redis.asyncio import Redis
from redis.exceptions import RedisError
from redisvl.exceptions import RedisVLError
from typing_extensions import TypedDict

from twintrack.core import keys
from twintrack.core.access import EVERYONE, user
from twintrack.core.answer_counts import count
from twintrack.core.context import Identity
from twintrack.core.embeddings import Embedder
from twintrack.core.errors import Unavailable
from twintrack.core.hybrid import run, tags
from twintrack.core.redis_client import RedisSource
from twintrack.core.redis_index import ContractIndex
from twintrack.core.same_question import same_question, wording
from twintrack.core.search_replies import parse
from twintrack.core.settings import CacheSettings
from twintrack.core.tokens import is_chinese

CACHE_BROKEN = (RedisError, RedisVLError, Unavailable, OSError, TimeoutError)
"""What makes a turn do without the cache."""
MAX_CHARS = 400
"""Longest question whose answer is kept: hardly anyone asks a longer one twice."""
_KIND = "answer"
_PAGE = 500
_NEAREST = 4
_FIELDS = ("question", "exact", "data", "distance")
_TAGS = ("tenant", "reader", "route", "prompt", "corpus", "model", "embedder", "language", "exact")

How = Literal["exact", "similar"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Walls:
    """What an answer holds good for; each part is matched exactly, case included."""

    identity: Identity
    shared: bool = False
    """Whether everyone in the tenant may read it, and not its user alone."""
    route: str
    prompt: str
    """Version of the prompts and of what else makes an answer."""
    corpus: str
    """Name and version of the caller's corpus."""
    model: str
    language: str


class Kept(TypedDict):
    """One answer in the cache; JSON only."""

    question: str
    draft: dict[str, Any]
    decision: dict[str, Any] | None
    memory: str
    """Digest of what was remembered of the user and went into the answer; empty where nothing did."""
    took_ms: int
    tokens: int
    created_at: float


@dataclass(frozen=True, slots=True)
class Found:
    """An answer that fits a question."""

    key: str
    kept: Kept
    how: How
    similarity: float


class AnswerCache:
    """The answers of every tenant, each seen only from inside its own walls."""

    def __init__(self, source: RedisSource, embedder: Embedder, settings: CacheSettings) -> None:
        self.source = source
        self.settings = settings
        self._embedder = embedder
        self._schemas: dict[int, dict[str, Any]] = {}
        self._stores = 0

    async def look(self, question: str, vector: NDArray[np.float32], walls: Walls) -> tuple[Found, ...]:
        """Return the kept answers to the same question inside the walls, best first."""
        index = await self._index(vector)
        readable = wording(question).readable
        filters = self._filters(walls, (EVERYONE, user(walls.identity.user_id)))
        if readable:
            nearest = f"({tags(filters)})=>[KNN {_NEAREST} @vector $vector AS distance]"
            given: tuple[Any, ...] = ("PARAMS", 2, "vector", np.asarray(vector, np.float32).tobytes())
        else:
            nearest, given = tags(filters | {"exact": _exact(question)}), ()
        command = (
            "FT.SEARCH",
            index.name,
            nearest,
            *given,
            "RETURN",
            len(_FIELDS),
            *_FIELDS,
            "LIMIT",
            0,
            _NEAREST,
            "DIALECT",
            2,
        )
        [reply] = await run(index, [command])
        return self._fitting(question, _hits(reply))

    def fits(self, question: str, kept: str, similarity: float) -> bool:
        """Tell whether the answer to `kept` answers `question`; nearness alone never does."""
        return similarity >= self.settings.threshold and same_question(question, kept)

    async def keep(
        self, kept: Kept, vector: NDArray[np.float32], walls: Walls, *, author: Identity, thread_id: str
    ) -> str:
        """Keep one answer for as long as the settings say; return its key."""
        index, client, ttl = await self._index(vector), self.source.client(), self._ttl_s
        name = self._key(index, kept, walls)
        reader = EVERYONE if walls.shared else user(walls.identity.user_id)
        fields: dict[Any, Any] = {
            **self._filters(walls, reader),
            "exact": _exact(kept["question"]),
            "question": kept["question"].encode(errors="surrogatepass"),
            "data": json.dumps(kept),
            "created_at": kept["created_at"],
            "vector": np.asarray(vector, np.float32).tobytes(),
        }
        await asyncio.gather(
            client.hset(name, mapping=fields),
            client.expire(name, ttl),
            note_written(client, author, name, thread_id, kept["created_at"], ttl),
        )
        await self._trim(index, walls.identity)
        return name

    async def drop(self, key: str) -> None:
        """Drop one answer."""
        await self.source.client().unlink(key)

    async def count(self, identity: Identity, **by: int) -> None:
        """Add to the counts of the caller's tenant."""
        await count(self.source, identity.tenant_id, **by)

    def language(self, question: str) -> str:
        """Return the language a question is answered in where the caller chose none."""
        return "zh" if is_chinese(question) else "other"

    def flight(self, question: str, walls: Walls, *, memory: str = "") -> str:
        """Return the name under which equal questions inside the same walls wait for each other."""
        reader = user(walls.identity.user_id) if memory else EVERYONE
        parts = (*self._filters(walls, reader).values(), memory, wording(question).exact)
        return keys.key("answer-flight", walls.identity.tenant_id, _digest(*map(str, parts)))

    @property
    def _ttl_s(self) -> int:
        return max(1, round(self.settings.ttl_minutes * 60))

    def _fitting(self, question: str, hits: list[tuple[str, dict[str, str]]]) -> tuple[Found, ...]:
        exact = _exact(question)
        found = []
        for key, fields in hits:
            similarity = 1.0 - float(fields.get("distance", 0.0))
            how: How = "exact" if fields["exact"] == exact else "similar"
            if how == "exact" or self.fits(question, fields["question"], similarity):
                found.append(Found(key, json.loads(fields["data"]), how, similarity))
        return tuple(sorted(found, key=lambda one: (one.how, -one.similarity)))

    def _filters(self, walls: Walls, reader: str | tuple[str, ...]) -> dict[str, str | tuple[str, ...]]:
        """Return the tags, encoded so that no value can hold query syntax or be another's."""
        parts = {name: getattr(walls, name) for name in ("route", "prompt", "corpus", "model", "language")}
        parts |= {"tenant": walls.identity.tenant_id, "embedder": self._embedder.name}
        return {"reader": reader, **{name: keys.encode(value) for name, value in parts.items()}}

    def _key(self, index: ContractIndex, kept: Kept, walls: Walls) -> str:
        reader = EVERYONE if walls.shared else user(walls.identity.user_id)
        parts = (*self._filters(walls, reader).values(), kept["memory"], wording(kept["question"]).exact)
        kind, digest = index.name.split(":", 1)[1], _digest(*map(str, parts))
        # One more part than a user's own keys have, so that no user's name can stand for everyone.
        shared = keys.key(kind, walls.identity.tenant_id, "", EVERYONE, digest)
        return shared if walls.shared else keys.owned(kind, walls.identity, digest)

    async def _index(self, vector: NDArray[np.float32]) -> ContractIndex:
        dims = len(vector)
        if dims not in self._schemas:
            name = re.sub(r"[^a-z0-9-]", "-", self._embedder.name.lower())
            self._schemas[dims] = _schema(f"{_KIND}.{name}.{dims}", dims)
        return await self.source.index(self._schemas[dims])

    async def _trim(self, index: ContractIndex, identity: Identity) -> None:
        """Drop a tenant's oldest answers above the limit; looked at once in a while, as counting is not free."""
        limit = self.settings.max_entries
        self._stores += 1
        if self._stores % max(1, limit // 16):
            return
        of_tenant = tags({"tenant": keys.encode(identity.tenant_id)})
        oldest = ("SORTBY", "created_at", "ASC", "RETURN", 1, "created_at", "LIMIT", 0, 1000, "DIALECT", 2)
        [reply] = await run(index, [("FT.SEARCH", index.name, of_tenant, *oldest)])
        total = int(reply[b"total_results"] if isinstance(reply, Mapping) else reply[0])
        if total > limit:
            await _unlink(self.source.client(), [key for key, _, _ in parse(reply)][: total - limit])


async def note_written(client: Any, author: Identity, name: str, thread_id: str, at: float, ttl_s: int) -> None:
    """Note what a user's turn left under a key, for as long as that is kept, so that it can be taken back."""
    written = _written_key(author)
    await client.zadd(written, {f"{name}\t{keys.encode(thread_id)}": at})
    # As long as the longest of what it names.
    await asyncio.gather(client.expire(written, ttl_s, nx=True), client.expire(written, ttl_s, gt=True))


async def forget_answers(client: Any, author: Identity, *, thread_id: str = "", after: float = 0.0) -> int:
    """Drop the answers that a user's turns left, of one thread where it is named; return how many there were."""
    written, of_thread = _written_key(author), f"\t{keys.encode(thread_id)}".encode()
    found: list[bytes] = await client.execute_command("ZRANGE", written, f"({after!r}", "+inf", "BYSCORE")
    names = [name for name in found if not thread_id or name.endswith(of_thread)]
    count = await _unlink(client, [name.partition(b"\t")[0].decode() for name in names])
    for start in range(0, len(names), _PAGE):
        await client.zrem(written, *names[start : start + _PAGE])
    return count


async def answers_of(client: Any, author: Identity) -> AsyncIterator[dict[str, Any]]:
    """Yield the answers that a user's turns left."""
    names: list[bytes] = await client.execute_command("ZRANGE", _written_key(author), 0, -1)
    for name in names:
        if raw := await client.hget(name.partition(b"\t")[0].decode(), "data"):
            yield json.loads(raw)


async def _unlink(client: Redis, names: list[str]) -> int:
    counts = [await client.unlink(*names[start : start + _PAGE]) for start in range(0, len(names), _PAGE)]
    return sum(map(int, counts))


def _written_key(author: Identity) -> str:
    return keys.owned("answers-of", author)


def _digest(*parts: str) -> str:
    return blake2b("\x00".join(parts).encode(errors="surrogatepass"), digest_size=16).hexdigest()


def _exact(question: str) -> str:
    return _digest(wording(question).exact)


def _hits(reply: Any) -> list[tuple[str, dict[str, str]]]:
    """Return key and fields of each hit; one that ran out in this very moment is without them."""
    return [(key, fields) for key, _, fields in parse(reply) if {"question", "exact", "data"} <= fields.keys()]


def _schema(kind: str, dims: int) -> dict[str, Any]:
    tag_fields = [{"name": name, "type": "tag", "attrs": {"case_sensitive": True}} for name in _TAGS]
    vector = {"algorithm": "flat", "dims": dims, "distance_metric": "cosine", "datatype": "float32"}
    return {
        "index": {"name": keys.key(kind), "prefix": keys.key(kind) + ":", "storage_type": "hash", "stopwords": []},
        "fields": [
            *tag_fields,
            {"name": "created_at", "type": "numeric", "attrs": {"sortable": True}},
            {"name": "vector", "type": "vector", "attrs": vector},
        ],
    }
