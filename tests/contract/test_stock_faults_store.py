"""What goes wrong in LangGraph's Redis store once it can be constructed at all, and does not in ours."""

import asyncio
from typing import Any

import langgraph.store.redis.base as stock
import pytest
from langgraph.store.redis.aio import AsyncRedisStore
from redisvl.index import AsyncSearchIndex

from tests.contract.both_savers import OURS, STOCK, both
from twintrack.core.redis_client import RedisSource
from twintrack.memory.store import RedisVectorStore


async def _opened(kind: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch) -> Any:
    if kind == OURS:
        return RedisVectorStore(source)
    # RedisVL refuses the asynchronous client that the store gives to an index it never uses.
    monkeypatch.setattr(stock, "SearchIndex", AsyncSearchIndex)
    store: Any = AsyncRedisStore(redis_client=source.client())
    await store.setup()
    return store


async def _settled() -> None:
    await asyncio.sleep(0.1)  # what was written is found by searches a moment later


@both()
async def test_namespaces_that_differ_in_case_are_two(
    kind: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await _opened(kind, source, monkeypatch)
    await store.aput(("acme",), "k", {"of": "acme"})
    await _settled()
    assert await store.aget(("ACME",), "k") is None
    await store.aput(("ACME",), "k", {"of": "ACME"})
    await _settled()
    await store.adelete(("ACME",), "k")
    await _settled()

    assert (await store.aget(("acme",), "k")).value == {"of": "acme"}


# A newer query engine than 2.10 may have mended it.
OLD_ENGINE = pytest.mark.xfail(strict=False, raises=AssertionError, reason="a fault of AsyncRedisStore on 2.10")


@pytest.mark.parametrize("namespace", [("a", "b"), ("x-y",), ("two words",), ("the",)], ids="/".join)
@pytest.mark.parametrize("kind", [pytest.param(STOCK, marks=OLD_ENGINE), OURS])
async def test_what_was_put_is_found_under_any_namespace(
    kind: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch, namespace: tuple[str, ...]
) -> None:
    store = await _opened(kind, source, monkeypatch)
    await store.aput(namespace, "k", {"n": 1})
    await _settled()

    found = await store.aget(namespace, "k")
    assert found is not None
    assert found.value == {"n": 1}


@both()
async def test_two_that_put_one_key_at_once_leave_one_item(
    kind: str, source: RedisSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    stores = [await _opened(kind, source, monkeypatch) for _ in range(2)]
    await asyncio.gather(*(store.aput(("acme",), "k", {"n": n}) for n, store in enumerate(stores)))
    await _settled()

    assert len(await stores[0].asearch(("acme",))) == 1
