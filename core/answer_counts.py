"""Counts what the answer cache did for a tenant: hits by kind, misses, and what was saved."""

import asyncio
from typing import Any

from typing_extensions import TypedDict

from twintrack.core.keys import encode, key
from twintrack.core.redis_client import RedisSource

COUNTED = ("hits_exact", "hits_similar", "misses", "stored", "saved_ms", "saved_tokens")
TASKS_COUNTED = ("task_hits", "task_misses", "task_saved_ms", "task_saved_tokens")
TASK_KIND = "agent-result"
"""Kind of the keys that hold what agents found."""


class CacheStats(TypedDict):
    """What the cache holds of a tenant and what it did."""

    entries: int
    personal: int
    """Entries that one user alone can get."""
    hits: int
    hits_exact: int
    hits_similar: int
    misses: int
    stored: int
    hit_rate: float
    saved_ms: int
    saved_tokens: int
    task_entries: int
    """Results of agents that are kept."""
    task_hits: int
    task_misses: int
    task_saved_ms: int
    task_saved_tokens: int


async def count(source: RedisSource, tenant_id: str, **by: int) -> None:
    """Add to a tenant's counts."""
    client, name = source.client(), _counts_key(tenant_id)
    await asyncio.gather(*(client.hincrby(name, field, number) for field, number in by.items() if number))


async def read_stats(source: RedisSource, tenant_id: str) -> CacheStats:
    """Return a tenant's counts and how many answers are kept now."""
    client: Any = source.client()
    counted = await client.hgetall(_counts_key(tenant_id))
    numbers = {name: int(counted.get(name.encode(), 0)) for name in (*COUNTED, *TASKS_COUNTED)}
    names, results = await _kept(source, tenant_id)
    shared = f":{encode(tenant_id)}:%:all:".encode()
    hits = numbers["hits_exact"] + numbers["hits_similar"]
    return CacheStats(
        entries=len(names),
        personal=sum(shared not in name for name in names),
        hits=hits,
        hit_rate=round(hits / (hits + numbers["misses"]), 4) if hits else 0.0,
        hits_exact=numbers["hits_exact"],
        hits_similar=numbers["hits_similar"],
        misses=numbers["misses"],
        stored=numbers["stored"],
        saved_ms=numbers["saved_ms"],
        saved_tokens=numbers["saved_tokens"],
        task_entries=len(results),
        task_hits=numbers["task_hits"],
        task_misses=numbers["task_misses"],
        task_saved_ms=numbers["task_saved_ms"],
        task_saved_tokens=numbers["task_saved_tokens"],
    )


async def clear_answers(source: RedisSource, tenant_id: str) -> int:
    """Drop every answer and agent's result of a tenant, and begin counting anew; return how many there were."""
    client, (answers, results) = source.client(), await _kept(source, tenant_id)
    names = [*answers, *results]
    for start in range(0, len(names), 500):
        await client.unlink(*names[start : start + 500])
    await client.unlink(_counts_key(tenant_id))
    return len(names)


async def _kept(source: RedisSource, tenant_id: str) -> tuple[list[bytes], list[bytes]]:
    """Return the keys of a tenant's answers, whatever embedder found them, and of its agents' results."""

    async def found(kind: str) -> list[bytes]:
        pattern = f"{kind}:{encode(tenant_id)}:*"
        return [name async for name in source.client().scan_iter(match=pattern, count=1000)]

    answers, results = await asyncio.gather(found(f"{key('answer')}.*"), found(key(TASK_KIND)))
    return answers, results


def _counts_key(tenant_id: str) -> str:
    return key("answer-counts", tenant_id)
